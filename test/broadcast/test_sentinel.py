"""Redis with sentinels: its master is killed or frozen under load, and
publishing goes on with the next one (fault 28)."""
import ssl
import threading
import time

import certificates
from harness import BroadcastTest, main
from processes import free_port, wait_until
from publishing import Publisher
from recorder import Recorder, publications
from resp import Subscription
from scripted import Scripted, greet
from servers import Redis, Sentinel, TlsRedis

# From the promotion to the first message that is published.
SOON = 2.0

# A server that is killed has acknowledged what its subscribers, or its
# replicas, were still to be sent: this long before its end messages may be
# lost that are published. It is much for a loaded machine, and little
# otherwise.
AT_THE_EDGE = 0.5

PASSWORD, SENTINEL_PASSWORD = 'secret:@/', 'guard'


def replica_of(test, master, name='two'):
    return Redis(test, name, master.password, {
        'replicaof': '127.0.0.1 %d' % master.port,
        'repl-diskless-sync-delay': '0'}).start()


class Failover(BroadcastTest):
    def setUp(self):
        super().setUp()
        options = {'repl-diskless-sync-delay': '0'}
        self.one = Redis(self, 'one', PASSWORD, options).start()
        self.two = replica_of(self, self.one)
        wait_until(lambda: self.two.call('ROLE')[3] == b'connected',
                   'a replica that is up to date')
        self.sentinels = [
            Sentinel(self, 'sentinel%d' % i, self.one,
                     SENTINEL_PASSWORD).start() for i in range(3)]
        for sentinel in self.sentinels:
            wait_until(lambda: sentinel.knows(3, 1), 'sentinels to meet')
        self.recorders = {}
        for redis in (self.one, self.two):
            recorder = self.recorders[redis] = Recorder()
            # A server that is promoted ends the subscriptions that it has.
            recorder.follow_always(lambda redis=redis: Subscription(
                redis.port, password=PASSWORD))
            self.addCleanup(recorder.stop)

    def publish(self, adapter):
        publisher = Publisher(self, {
            'ANYCABLE_BROADCAST_ADAPTER': adapter,
            'ANYCABLE_REDIS_URL': 'redis://:secret%3A%40%2F@main',
            'ANYCABLE_REDIS_SENTINELS': ','.join(
                ':%s@127.0.0.1:%d' % (SENTINEL_PASSWORD, sentinel.port)
                for sentinel in self.sentinels)}, count=0, rate=500)
        publisher.wait_published(100)
        return publisher

    def promoted(self):
        try:
            return self.two.role() == 'master'
        except OSError:
            return False  # a server that is promoted ends all connections

    def fail_over(self, publisher, fail):
        """Returns when it failed, and when the other one was promoted."""
        promoted = []

        def watch():
            wait_until(self.promoted, 'a promotion', 60)
            promoted.append(time.monotonic())

        watcher = threading.Thread(target=watch)
        failed = time.monotonic()
        fail()
        watcher.start()
        watcher.join()
        self.assertTrue(promoted)
        publisher.wait_published(100)
        return failed, promoted[0]

    def check_gap(self, fates, failed, promoted, end):
        known = sorted(fate.seconds for fate in fates.values()
                       if fate.name == 'published')
        # The last before, by which what was on its way has arrived, and the
        # first after.
        again = next(t for t in known if t > promoted - 0.05)
        self.report(
            'promoted after %.2f s, publishing again %.2f s later; '
            '%d published + %d unknown + %d dropped + %d failed = %d taken; '
            'the longest call took %.1f ms', promoted - failed,
            again - promoted, end['published'], end['unknown'],
            end['dropped'], end['failed'], end['taken'],
            end['longest_us'] / 1000)
        self.assertLess(again - promoted, SOON)
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        self.assertLess(end['longest_us'], 250000)

    def check_messages(self, fates, failed):
        """Nothing came twice to any of them, and what was published came to
        one, but for the edge."""
        for redis in (self.one, self.two):
            self.recorders[redis].stop()
        received = [recorder.received() for recorder in self.recorders.values()]
        seen = set()
        for got in received:
            self.check_order(got)
            seen.update(number for _, number in got)
        lost = 0
        subscribed = self.recorders[self.two].since
        for number, fate in fates.items():
            if fate.name == 'published' and number not in seen:
                self.assertGreater(fate.seconds, failed - AT_THE_EDGE)
                self.assertLess(fate.seconds, subscribed)
                lost += 1
            if number in seen:
                self.assertIn(fate.name, ('published', 'unknown'))
        self.report('%d acknowledged at the edge and lost', lost)

    def test_killed(self):
        publisher = self.publish('redis')
        failed, promoted = self.fail_over(publisher, self.one.kill)
        end = publisher.finish()
        fates = publisher.fates()
        self.check_gap(fates, failed, promoted, end)
        self.check_messages(fates, failed)

    def test_frozen_and_thawed(self):
        """The old master wakes up, and takes itself for one until a sentinel
        tells it otherwise: nothing is published there."""
        publisher = self.publish('redis')
        failed, promoted = self.fail_over(publisher, self.one.freeze)
        self.one.thaw()
        thawed = time.monotonic()
        # It has to connect anew while there are two.
        for _ in range(3):
            self.two.call('CLIENT', 'KILL', 'TYPE', 'normal')
            publisher.wait_published(50)
        two_masters = self.one.role() == 'master'
        end = publisher.finish()
        fates = publisher.fates()
        self.check_gap(fates, failed, promoted, end)
        self.recorders[self.two].stop()
        at_two = {n for _, n in self.recorders[self.two].received()}
        astray = [n for n, fate in fates.items() if fate.name == 'published' and
                  fate.seconds > thawed and n not in at_two]
        self.assertEqual(len(astray), 0, astray[:10])
        self.report('the old master was %s one while connections to the new '
                    'one were made', 'still' if two_masters else 'no longer')
        self.check_messages(fates, failed)

    def test_killed_with_streams(self):
        publisher = self.publish('redisx')
        failed, promoted = self.fail_over(publisher, self.one.kill)
        end = publisher.finish()
        fates = publisher.fates()
        self.check_gap(fates, failed, promoted, end)
        self.assertEqual(end['published'], end['taken'])
        entries = self.two.call('XRANGE', '__anycable__', '-', '+')
        first, received, repeated = {}, [], 0
        for _, (_, payload) in entries:
            for stream, number in publications(payload):
                if number in first:
                    repeated += 1
                else:
                    first[number] = True
                    received.append((stream, number))
        self.check_order(received)
        lost = [n for n, fate in fates.items()
                if fate.name == 'published' and n not in first]
        for number in lost:
            self.assertGreater(fates[number].seconds, failed - AT_THE_EDGE)
            self.assertLess(fates[number].seconds, failed + AT_THE_EDGE)
        self.report('%d acknowledged and not replicated, %d repeated',
                    len(lost), repeated)
        self.assertLess(repeated, 100)


class Names(BroadcastTest):
    """What a sentinel says is not taken on trust."""

    def setUp(self):
        super().setUp()
        self.master = Redis(self, 'one').start()
        self.replica = replica_of(self, self.master)
        self.asked = 0

    def settings(self, *ports):
        return {'ANYCABLE_BROADCAST_ADAPTER': 'redis',
                'ANYCABLE_REDIS_URL': 'redis://main',
                'ANYCABLE_REDIS_SENTINELS': ','.join(
                    '127.0.0.1:%d' % port for port in ports)}

    def sentinel(self, answer, tls=None):
        """One that names what |answer| returns, as raw bytes."""
        def respond(words):
            if words[0].upper() == b'SENTINEL':
                self.assertEqual(words[1].lower(), b'get-master-addr-by-name')
                self.assertEqual(words[2], b'main')
                self.asked += 1
                return answer()
            return greet(words) or b'-ERR\r\n'
        return Scripted(self, respond, tls)

    @staticmethod
    def naming(redis):
        port = b'%d' % redis.port
        return b'*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n' % (len(port), port)

    def test_a_replica_is_not_published_to(self):
        named = [self.replica]
        sentinel = self.sentinel(lambda: self.naming(named[0]))
        publisher = Publisher(self, self.settings(sentinel.port), count=10)
        publisher.wait(lambda p: self.asked >= 3, 'three attempts')
        self.assertEqual(publisher.now('queued'), 10)
        self.assertEqual(self.replica.calls_of('publish'), 0)
        named[0] = self.master
        end = publisher.finish()
        self.assertEqual(end['published'], 10)
        self.assertEqual(self.master.calls_of('publish'), 10)

    def test_tls_to_both(self):
        file = certificates.make(self.folder)
        master = TlsRedis(self, file).start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file('server.pem'), file('server.key'))
        sentinel = self.sentinel(lambda: self.naming(master), context)
        settings = {
            'ANYCABLE_BROADCAST_ADAPTER': 'redis',
            'ANYCABLE_REDIS_URL': 'rediss://main',
            'ANYCABLE_REDIS_SENTINELS':
                'rediss://127.0.0.1:%d' % sentinel.port}
        for ca, published in (('ca.pem', 10), ('other.pem', 0)):
            self.asked = 0
            publisher = Publisher(
                self, {**settings, 'ANYCABLE_REDIS_TLS_CA_CERT_PATH': file(ca)},
                count=10, flush=20000 if published else 500,
                limit=['flush_time=0'])
            self.assertEqual(publisher.finish()['published'], published)
            # Nobody is asked who is not trusted.
            self.assertEqual(bool(self.asked), bool(published))
        self.assertEqual(master.published(), 10)

    def test_the_first_sentinel_is_down(self):
        sentinel = self.sentinel(lambda: self.naming(self.master))
        for ports in ((free_port(), sentinel.port),
                      (sentinel.port, free_port())):
            publisher = Publisher(self, self.settings(*ports), count=10)
            self.assertEqual(publisher.finish()['published'], 10)

    def test_sentinels_that_know_nothing(self):
        """They are asked again, or another one is."""
        good = self.sentinel(lambda: self.naming(self.master))
        for bad in (b'*-1\r\n', b'$-1\r\n', b'-ERR no such master\r\n',
                    b'!\r\n',
                    b'*2\r\n$9\r\n127.0.0.1\r\n$5\r\n99999\r\n',
                    b'*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n',
                    b'*2\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n',
                    b'*1\r\n$9\r\n127.0.0.1\r\n', b'*2\r\n:1\r\n:2\r\n',
                    b'*2\r\n$0\r\n\r\n$4\r\n6379\r\n',
                    b'$1073741824\r\n' + b'x' * (2 << 20)):
            with self.subTest(bad=bad[:40]):
                times = iter(range(100))

                def answer(bad=bad):
                    return bad if next(times) < 2 else self.naming(self.master)

                alone = self.sentinel(answer)
                publisher = Publisher(self, self.settings(alone.port), count=5)
                self.assertEqual(publisher.finish()['published'], 5)
                lost = self.sentinel(lambda bad=bad: bad)
                publisher = Publisher(
                    self, self.settings(lost.port, good.port), count=5)
                self.assertEqual(publisher.finish()['published'], 5)


if __name__ == '__main__':
    main()
