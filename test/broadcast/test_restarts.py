"""Servers that are killed under load, again and again: no message is lost
without a word, none comes twice, none overtakes another."""
import os
import random
import time

from gate import Gate, NatsAcks, RedisAcks
from harness import BroadcastTest, main
from publishing import Publisher
from recorder import Recorder, publications
from servers import Nats, Redis
import natswire
import resp

TIMES = int(os.environ.get('BROADCAST_RESTARTS', 20))


class Restarts(BroadcastTest):
    times = TIMES

    def kill_again_and_again(self, publisher, server, kill, start):
        """Each time it has published before it ends, at a random moment. Every
        other time it was frozen, so that many messages come at once."""
        self.down = []
        for i in range(self.times):
            publisher.wait_published(50)
            time.sleep(random.uniform(0, 0.1))
            if i % 2:
                server.freeze()
                taken = publisher.now('taken')
                publisher.wait(lambda p: p.now('taken') > taken + 100,
                               'messages that wait')
                server.thaw()
                time.sleep(random.uniform(0, 0.002))
            kill()
            began = time.monotonic()
            time.sleep(random.uniform(0.05, 0.15))
            start()
            publisher.wait_published(1)
            self.down.append(time.monotonic() - began)
        publisher.wait_published(50)

    def check_subscribed(self, server, gate, recorder, subscribe, settings,
                         **flags):
        """|server| behind |gate|, which opens when who counts is there."""
        def start():
            server.start()
            recorder.follow(subscribe(server.port))
            gate.open()

        def kill():
            server.kill()
            gate.close()
            recorder.wait_end()

        self.addCleanup(gate.close)
        start()
        publisher = Publisher(self, settings, **{
            'count': 0, 'rate': 2000, 'threads': 3, **flags})
        self.kill_again_and_again(publisher, server, kill, start)
        end = publisher.finish()
        kill()
        received = recorder.received()
        self.check_received(publisher.fates(), received)
        self.assertEqual(gate.repeated, [])
        self.assertGreater(gate.accepted, self.times)
        self.tell(publisher, end, len(received), gate.withheld)

    def tell(self, publisher, end, received, withheld=0):
        flushed = publisher.states['flushed']
        self.report(
            'killed %d times, back after %.2f s at most; %d published + %d '
            'unknown + %d failed + %d dropped = %d taken at each of %d '
            'samples, %d refused; %d received (%d acknowledgements lost); '
            '%d breaks; the longest call took %.1f ms', self.times, max(self.down),
            end['published'], end['unknown'], end['failed'], end['dropped'],
            end['taken'], publisher.samples, end['refused'], received,
            withheld, flushed['breaks'], end['longest_us'] / 1000)
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        # It is tried again after 100 ms, 200 ms and so on.
        self.assertLess(max(self.down), 5)
        # More than half is the least that "unknown" being rare can mean.
        self.assertGreater(end['published'], end['taken'] / 2)

    def check_redis(self, **flags):
        server, recorder = Redis(self), Recorder()
        gate = Gate(server.port, RedisAcks, recorder)
        self.check_subscribed(
            server, gate, recorder, resp.Subscription,
            {'ANYCABLE_BROADCAST_ADAPTER': 'redis',
             'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % gate.port},
            **flags)

    def test_redis(self):
        self.check_redis()

    def test_redis_with_batches(self):
        """All of a batch has one fate."""
        self.times = max(TIMES // 2, 1)
        self.check_redis(batch=5, size=500)

    def test_redis_with_large_messages(self):
        """Some are cut off in their middle."""
        self.times = max(TIMES // 2, 1)
        self.check_redis(size=100000, rate=200,
                         limit=['broadcast_bytes=100000000'])

    def test_nats(self):
        server, recorder = Nats(self), Recorder()
        gate = Gate(server.port, NatsAcks, recorder)
        self.check_subscribed(
            server, gate, recorder, natswire.Subscription,
            {'ANYCABLE_BROADCAST_ADAPTER': 'nats',
             'ANYCABLE_NATS_SERVERS': 'nats://127.0.0.1:%d' % gate.port})

    def test_redisx(self):
        """Redis writes every entry to its disk before it acknowledges it, so
        the stream itself tells at the end."""
        server = Redis(self, options={'appendonly': 'yes',
                                      'appendfsync': 'always'}).start()
        publisher = Publisher(
            self, {'ANYCABLE_BROADCAST_ADAPTER': 'redisx',
                   'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % server.port},
            count=0, rate=2000, threads=3)
        kills = []

        def kill():
            server.kill()
            kills.append(time.time() * 1000)

        self.kill_again_and_again(publisher, server, kill, server.start)
        end = publisher.finish()
        entries = server.call('XRANGE', '__anycable__', '-', '+')
        first, received = {}, []
        for number, came, one in self.each_of(entries):
            if number in first:
                # It is sent again only when its answer was lost.
                self.assertTrue(
                    any(first[number] <= kill <= came for kill in kills),
                    '%d came twice without a reason' % number)
            else:
                first[number] = came
                received.append(one)
        self.check_received(publisher.fates(), received)
        # What may have arrived was sent again.
        self.assertEqual(end['published'], end['taken'])
        self.assertGreaterEqual(publisher.states['flushed']['breaks'],
                                self.times)
        self.report('%d of %d entries are repeated', len(entries) - len(first),
                    len(entries))
        self.tell(publisher, end, len(received))

    @staticmethod
    def each_of(entries):
        """Each message's number, when it came in milliseconds, and itself."""
        for identifier, (name, payload) in entries:
            assert name == b'payload', name
            came = int(identifier.split(b'-')[0])
            for one in publications(payload):
                yield one[1], came, one


class LostAnswers(BroadcastTest):
    """Connections that break when a message has arrived, and before anybody
    could know."""

    def lose_again_and_again(self, publisher, gate):
        for i in range(TIMES):
            publisher.wait_published(20)
            gate.lose()
            publisher.wait(lambda p: gate.lost > i, 'a lost answer')
        publisher.wait_published(20)
        end = publisher.finish()
        self.assertEqual(gate.repeated, [])
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        self.report('%d answers lost: %d published + %d unknown', gate.lost,
                    end['published'], end['unknown'])
        return end

    def check(self, server, subscription, acks, settings):
        """Each is unknown, and not sent again."""
        recorder = Recorder()
        recorder.follow(subscription(server.port))
        gate = Gate(server.port, acks, recorder)
        self.addCleanup(gate.close)
        gate.open()
        publisher = Publisher(self, settings(gate.port), count=0, rate=2000)
        self.lose_again_and_again(publisher, gate)
        server.kill()
        recorder.wait_end()
        fates, received = publisher.fates(), recorder.received()
        self.check_received(fates, received)
        arrived = [n for _, n in received if fates[n].name == 'unknown']
        self.assertGreaterEqual(len(arrived), TIMES)

    def test_redis(self):
        self.check(Redis(self).start(), resp.Subscription, RedisAcks,
                   lambda port: {
                       'ANYCABLE_BROADCAST_ADAPTER': 'redis',
                       'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % port})

    def test_nats(self):
        self.check(Nats(self).start(), natswire.Subscription, NatsAcks,
                   lambda port: {
                       'ANYCABLE_BROADCAST_ADAPTER': 'nats',
                       'ANYCABLE_NATS_SERVERS': 'nats://127.0.0.1:%d' % port})

    def test_redisx(self):
        """They are sent again, so nothing is unknown."""
        server = Redis(self).start()
        gate = Gate(server.port, RedisAcks)
        self.addCleanup(gate.close)
        gate.open()
        publisher = Publisher(
            self, {'ANYCABLE_BROADCAST_ADAPTER': 'redisx',
                   'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % gate.port},
            count=0, rate=2000)
        end = self.lose_again_and_again(publisher, gate)
        self.assertEqual(end['published'], end['taken'])
        entries = server.call('XRANGE', '__anycable__', '-', '+')
        once = list(dict.fromkeys(
            one for _, (_, payload) in entries
            for one in publications(payload)))
        self.check_received(publisher.fates(), once)
        self.assertGreaterEqual(len(entries) - len(once), TIMES)


if __name__ == '__main__':
    main()
