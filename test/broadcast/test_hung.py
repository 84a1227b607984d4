"""Servers that are slow, frozen or not there (faults 24 and 26): who publishes
is never held up, and the queue does as it was told."""
import socket
import time

from gate import Gate
from harness import BroadcastTest, main
from processes import free_port
from publishing import Publisher
from recorder import Recorder
from resp import Subscription
from servers import Redis

# Far above what a call takes, far below what a server that hangs would add.
LONGEST_US = 250000

TIMEOUT = -14


def redis_at(port, adapter='redis'):
    return {'ANYCABLE_BROADCAST_ADAPTER': adapter,
            'ANYCABLE_REDIS_URL': 'redis://127.0.0.1:%d' % port}


class Hung(BroadcastTest):
    def setUp(self):
        super().setUp()
        self.redis = Redis(self).start()
        self.recorder = Recorder()
        self.recorder.follow(Subscription(self.redis.port))
        self.publisher = Publisher(self, redis_at(self.redis.port), count=0,
                                   rate=500)
        self.publisher.wait_published(100)

    def finish(self):
        """It goes on; and all adds up."""
        self.publisher.wait_published(100)
        self.end = self.publisher.finish()
        self.redis.kill()
        self.recorder.wait_end()
        fates = self.publisher.fates()
        self.check_received(fates, self.recorder.received())
        self.assertLess(self.end['longest_us'], LONGEST_US)
        self.assertEqual(self.end['failed'] + self.end['dropped'], 0)
        self.report('%s, the longest call took %.1f ms',
                    {k: self.end[k] for k in ('taken', 'published', 'unknown')},
                    self.end['longest_us'] / 1000)

    def wait_unknown(self, began):
        self.publisher.wait(lambda p: p.now('unknown') > 0, 'unknown fates')
        took = time.monotonic() - began
        self.report('unknown after %.2f s', took)
        # The time limit is a second, but nothing says when it began: with the
        # last message that was sent before, or the first one after.
        self.assertGreater(took, 0.8)
        self.assertLess(took, 3)

    def test_frozen(self):
        began = time.monotonic()
        self.redis.freeze()
        self.wait_unknown(began)
        taken = self.publisher.now('taken')
        self.publisher.wait(lambda p: p.now('taken') > taken + 200,
                            'more messages in the queue')
        self.redis.thaw()
        self.finish()

    def test_slow(self):
        began = time.monotonic()
        with self.redis.client() as client:
            client.send('DEBUG', 'SLEEP', '2.5')
            self.wait_unknown(began)
            self.finish()

    def test_freed_while_it_is_frozen(self):
        self.redis.freeze()
        taken = self.publisher.now('taken')
        self.publisher.wait(lambda p: p.now('taken') > taken + 200,
                            'messages in the queue')
        # By a publisher that gives up before the library does.
        other = Publisher(self, redis_at(self.redis.port), count=50, flush=0,
                          limit=['flush_time=500', 'broadcast_time=5000',
                                 'broadcast_connect_time=5000'])
        end = other.finish()
        self.assertEqual(end['unknown'] + end['dropped'], 50)
        self.assertLess(end['free_us'], 1900000)
        self.report('freed after %.2f s', end['free_us'] / 1e6)
        self.redis.thaw()
        self.finish()


class Absent(BroadcastTest):
    """Nobody listens at first; then the gate opens, behind which a subscriber
    waits already."""

    def setUp(self):
        super().setUp()
        redis = Redis(self).start()
        self.recorder = Recorder()
        self.recorder.follow(Subscription(redis.port))
        self.gate = Gate(redis.port)
        self.addCleanup(self.gate.close)
        self.redis = redis

    def publish(self, **flags):
        self.publisher = Publisher(self, redis_at(self.gate.port), **flags)
        return self.publisher

    def finish(self):
        end = self.publisher.finish()
        self.redis.kill()
        self.recorder.wait_end()
        self.fates = self.publisher.fates()
        self.check_received(self.fates, self.recorder.received())
        return end

    def numbers(self, fate):
        return sorted(n for n, f in self.fates.items() if f.name == fate)

    def test_down_at_the_start(self):
        self.publish(count=300)
        state = self.publisher.wait_event('published')
        self.assertEqual((state['taken'], state['queued']), (300, 300))
        self.publisher.wait(lambda p: p.now('breaks') >= 2, 'two attempts')
        self.gate.open()
        end = self.finish()
        self.assertEqual(end['published'], 300)
        self.assertLess(end['longest_us'], LONGEST_US)
        # Redis tells how many subscribers got each: the recorder.
        self.assertEqual({f.receivers for f in self.fates.values()}, {1})
        self.assertEqual(self.publisher.states['flushed']['receivers'], 300)

    def test_full_refuses(self):
        self.publish(count=250, full='refuse', limit=['broadcast_count=100'])
        state = self.publisher.wait_event('published')
        self.assertEqual((state['taken'], state['queued'], state['refused']),
                         (100, 100, 150))
        self.gate.open()
        end = self.finish()
        self.assertEqual((end['published'], end['refused']), (100, 150))
        self.assertEqual(self.numbers('published'), list(range(100)))
        self.assertEqual(self.numbers('refused'), list(range(100, 250)))
        self.assertLess(end['longest_us'], LONGEST_US)

    def test_full_drops(self):
        self.publish(count=250, full='drop', limit=['broadcast_count=100'])
        state = self.publisher.wait_event('published')
        self.assertEqual(
            (state['taken'], state['queued'], state['dropped'],
             state['refused']), (250, 100, 150, 0))
        self.gate.open()
        end = self.finish()
        self.assertEqual((end['published'], end['dropped']), (100, 150))
        self.assertEqual(self.numbers('published'), list(range(100)))
        self.assertEqual(self.numbers('dropped'), list(range(100, 250)))
        for number in self.numbers('dropped'):
            self.assertTrue(self.fates[number].reason)
        self.assertLess(end['longest_us'], LONGEST_US)

    def test_full_waits(self):
        """For a while, and then refuses."""
        self.publish(count=103, full='wait', wait=300,
                     limit=['broadcast_count=100'])
        state = self.publisher.wait_event('published')
        self.assertEqual((state['taken'], state['queued'], state['refused']),
                         (100, 100, 3))
        self.assertGreaterEqual(state['longest_us'], 300000)
        self.gate.open()
        end = self.finish()
        self.assertEqual((end['published'], end['refused']), (100, 3))
        self.report('waited for 300 ms, for %.1f ms at most',
                    end['longest_us'] / 1000)

    def test_full_waits_until_there_is_room(self):
        self.publish(count=250, full='wait', wait=60000, threads=3,
                     limit=['broadcast_count=100'])
        self.publisher.wait(lambda p: p.now('queued') == 100, 'a full queue')
        self.gate.open()
        end = self.finish()
        self.assertEqual((end['published'], end['refused']), (250, 0))

    def test_full_of_bytes(self):
        self.publish(count=250, size=1000, limit=['broadcast_bytes=50000'])
        state = self.publisher.wait_event('published')
        self.assertLessEqual(state['queued_bytes'], 50000)
        self.assertEqual(state['taken'] + state['refused'], 250)
        # A message is its text, its envelope, and what keeping it costs.
        self.assertGreaterEqual(state['taken'], 40)
        self.assertLess(state['taken'], 50)
        self.gate.open()
        self.assertEqual(self.finish()['published'], state['taken'])

    def test_freed_while_it_is_down(self):
        """The rest is dropped, in time, by every adapter."""
        nobody = free_port()
        for adapter in ('redis', 'redisx', 'nats', 'http'):
            with self.subTest(adapter=adapter):
                publisher = Publisher(self, {
                    **redis_at(nobody, adapter),
                    'ANYCABLE_NATS_SERVERS': 'nats://127.0.0.1:%d' % nobody,
                    'ANYCABLE_HTTP_BROADCAST_URL':
                        'http://127.0.0.1:%d/_broadcast' % nobody},
                    count=50, flush=0, limit=['flush_time=500'])
                end = publisher.finish()
                self.assertEqual(end['flush'], TIMEOUT)
                self.assertEqual(end['dropped'], 50)
                self.assertLess(end['free_us'], 1900000)
                self.report('%s: freed after %.2f s', adapter,
                            end['free_us'] / 1e6)

    def test_freed_while_it_hangs(self):
        """A port that answers nothing at all: neither yes nor no, or yes and
        then nothing."""
        for backlog in (0, 64):
            listener = socket.socket()
            listener.bind(('127.0.0.1', 0))
            listener.listen(backlog)
            self.addCleanup(listener.close)
            port = listener.getsockname()[1]
            for _ in range(0 if backlog else 4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(('127.0.0.1', port))
                self.addCleanup(filler.close)
            for adapter in ('redis', 'redisx', 'nats', 'http'):
                with self.subTest(adapter=adapter, backlog=backlog):
                    self.check_hangs(port, adapter)

    def check_hangs(self, port, adapter):
        publisher = Publisher(self, {
            **redis_at(port, adapter),
            'ANYCABLE_NATS_SERVERS': 'nats://127.0.0.1:%d' % port,
            'ANYCABLE_HTTP_BROADCAST_URL': 'http://127.0.0.1:%d/' % port},
            count=50, flush=0,
            limit=['flush_time=300', 'broadcast_time=10000',
                   'broadcast_connect_time=10000'])
        end = publisher.finish()
        self.assertEqual(end['dropped'] + end['unknown'], 50)
        self.assertLess(end['free_us'], 1700000)
        self.assertLess(end['longest_us'], LONGEST_US)
        self.report('%s: freed after %.2f s', adapter, end['free_us'] / 1e6)


if __name__ == '__main__':
    main()
