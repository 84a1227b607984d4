"""NATS: who may publish, several servers, messages that are too large, and a
server that is frozen or comes late (fault 29)."""
import time

import certificates
from gate import Gate
from harness import BroadcastTest, main
from natswire import Subscription
from publishing import Publisher
from recorder import Recorder
from servers import Nats

LONGEST_US = 250000


class NatsTest(BroadcastTest):
    def serve(self, name='nats', lines=(), options='{}'):
        server = Nats(self, name, lines).start()
        server.recorder = Recorder()
        server.recorder.follow(Subscription(server.port, options=options))
        return server

    def publish(self, servers, settings=(), **flags):
        return Publisher(self, {
            'ANYCABLE_BROADCAST_ADAPTER': 'nats',
            'ANYCABLE_NATS_SERVERS': servers, **dict(settings)}, **flags)

    def received(self, server):
        """All that came, once the server is gone."""
        server.kill()
        server.recorder.wait_end()
        return server.recorder.received()


class Access(NatsTest):
    def check_out(self, servers, reason, settings=()):
        publisher = self.publish(servers, settings, count=0, rate=100,
                                 flush=0, limit=['flush_time=0'])
        publisher.wait(lambda p: p.now('breaks') + p.now('failed') > 0,
                       'an answer')
        self.assertEqual(publisher.finish()['published'], 0)
        self.assertIn(reason, publisher.program.said().lower())

    def check_in(self, servers, settings=()):
        end = self.publish(servers, settings, count=10).finish()
        self.assertEqual((end['published'], end['taken']), (10, 10))

    def test_user_and_password(self):
        server = self.serve(
            lines=['authorization {user: bob, password: "se:cr@t"}'],
            options='{"user":"bob","pass":"se:cr@t"}')
        at = '127.0.0.1:%d' % server.port
        self.check_in('nats://bob:se%%3Acr%%40t@%s' % at)
        self.check_out('nats://bob:wrong@' + at, 'auth')
        self.check_out('nats://' + at, 'auth')
        self.assertEqual(len(self.received(server)), 10)

    def test_a_user_who_is_locked_out(self):
        """And let in again: the messages have waited."""
        def users(password):
            return ['authorization {users: [{user: bob, password: %s}, '
                    '{user: ann, password: secret}]}' % password]

        server = self.serve(lines=users('secret'),
                            options='{"user":"ann","pass":"secret"}')
        publisher = self.publish(
            'nats://bob:secret@127.0.0.1:%d' % server.port, count=0, rate=200)
        publisher.wait_published(20)
        server.reload(users('another'))
        publisher.wait(lambda p: p.now('breaks') >= 2, 'two refusals')
        self.assertGreater(publisher.now('queued'), 0)
        server.reload(users('secret'))
        publisher.wait_published(50)
        end = publisher.finish()
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        self.check_received(publisher.fates(), self.received(server))

    def test_a_subject_that_is_forbidden(self):
        server = self.serve(
            lines=['authorization {users: [{user: bob, password: secret, '
                   'permissions: {publish: {allow: "else"}}}]}'],
            options='{"user":"bob","pass":"secret"}')
        url = 'nats://bob:secret@127.0.0.1:%d' % server.port
        end = self.publish(url, {'ANYCABLE_NATS_CHANNEL': 'else'},
                           count=10).finish()
        self.assertEqual(end['published'], 10)
        # NATS says so asynchronously, to nobody in particular.
        publisher = self.publish(url, count=10, flush=2000,
                                 limit=['flush_time=200'])
        self.assertEqual(publisher.finish()['published'], 0)
        self.assertEqual(self.received(server), [])

    def test_tls(self):
        file = certificates.make(self.folder)
        server = Nats(self, 'tls', [
            'tls {cert_file: "%s", key_file: "%s"}' % (
                file('server.pem'), file('server.key'))]).start()
        trusting = {'SSL_CERT_FILE': file('ca.pem')}
        self.check_in('tls://127.0.0.1:%d' % server.port, trusting)
        self.check_out('tls://127.0.0.1:%d' % server.port, '',
                       {'SSL_CERT_FILE': file('other.pem')})
        self.check_out('tls://127.0.0.2:%d' % server.port, '', trusting)
        # In clear, or to a server without it.
        plain = self.serve('plain')
        self.check_out('tls://127.0.0.1:%d' % plain.port, '', trusting)
        self.assertEqual(self.received(plain), [])

    def test_a_process_ends_while_it_connects(self):
        """OpenSSL cleans up when a process ends: no thread may still be in it,
        whenever that is."""
        file = certificates.make(self.folder)
        server = Nats(self, 'tls', [
            'tls {cert_file: "%s", key_file: "%s"}' % (
                file('server.pem'), file('server.key'))]).start()
        for i in range(60):
            self.publish('tls://127.0.0.1:%d' % server.port,
                         {'SSL_CERT_FILE': file('other.pem')}, count=1,
                         flush=i % 12, limit=['flush_time=0']).finish()


class Trouble(NatsTest):
    def test_two_servers_one_is_killed(self):
        one, two = self.serve('one'), self.serve('two')
        publisher = self.publish(
            'nats://127.0.0.1:%d,nats://127.0.0.1:%d' % (one.port, two.port),
            {'ANYCABLE_NATS_DONT_RANDOMIZE_SERVERS': 'true'},
            count=0, rate=500)
        publisher.wait_published(100)
        self.assertTrue(one.recorder.payloads)
        self.assertFalse(two.recorder.payloads)
        began = time.monotonic()
        one.kill()
        publisher.wait_published(1)
        moved = time.monotonic() - began
        publisher.wait_published(100)
        end = publisher.finish()
        first, second = self.received(one), self.received(two)
        fates = publisher.fates()
        self.check_order(first)
        self.check_order(second)
        seen = [{n for _, n in got} for got in (first, second)]
        self.assertEqual(seen[0] & seen[1], set(), 'came twice')
        for number in seen[0] | seen[1]:
            self.assertIn(fates[number].name, ('published', 'unknown'))
        self.assertTrue(second)
        self.assertEqual(end['failed'] + end['dropped'] + end['refused'], 0)
        self.report('moved over within %.2f s; %d + %d received, %d published '
                    '+ %d unknown', moved, len(first), len(second),
                    end['published'], end['unknown'])

    def test_what_is_too_large_fails_alone(self):
        server = self.serve(lines=['max_payload: 1000'])
        url = 'nats://127.0.0.1:%d' % server.port
        large = self.publish(url, count=5, size=2000)
        end = large.finish()
        self.assertEqual((end['failed'], end['taken']), (5, 5))
        for fate in large.fates().values():
            self.assertTrue(fate.reason)
        small = self.publish(url, count=5, size=500)
        self.assertEqual(small.finish()['published'], 5)
        self.assertEqual(len(self.received(server)), 5)

    def test_frozen(self):
        server = self.serve()
        publisher = self.publish('nats://127.0.0.1:%d' % server.port, count=0,
                                 rate=500)
        publisher.wait_published(100)
        server.freeze()
        began = time.monotonic()
        publisher.wait(lambda p: p.now('unknown') > 0, 'unknown fates')
        took = time.monotonic() - began
        self.assertLess(took, 3)
        taken = publisher.now('taken')
        publisher.wait(lambda p: p.now('taken') > taken + 200, 'more')
        server.thaw()
        publisher.wait_published(100)
        end = publisher.finish()
        self.check_received(publisher.fates(), self.received(server))
        self.assertLess(end['longest_us'], LONGEST_US)
        self.report('unknown after %.2f s; %d published + %d unknown; the '
                    'longest call took %.1f ms', took, end['published'],
                    end['unknown'], end['longest_us'] / 1000)

    def test_down_at_the_start(self):
        server = self.serve()
        gate = Gate(server.port)
        self.addCleanup(gate.close)
        publisher = self.publish('nats://127.0.0.1:%d' % gate.port, count=300)
        state = publisher.wait_event('published')
        self.assertEqual((state['taken'], state['queued']), (300, 300))
        publisher.wait(lambda p: p.now('breaks') >= 1, 'an attempt')
        gate.open()
        end = publisher.finish()
        self.assertEqual(end['published'], 300)
        self.check_received(publisher.fates(), self.received(server))


if __name__ == '__main__':
    main()
