"""How long connections live: rows 39 to 42 of the requirement table, row 46
while draining, and faults 2, 33 and 34. Times are short by configuration; none
is asserted but by generous bounds."""
import time
import unittest

import grpcraw
import h2raw
from grpcraw import HEALTH_CHECK, HEALTH_WATCH, message
from h2raw import ACK, ENHANCE_YOUR_CALM, NO_ERROR, ping
from harness import Server, ServerTest, main


class Pings(ServerTest):
    """Row 39: what a client may ask for its keepalive."""
    flags = ['--limit', 'ping_interval=50', '--limit', 'ping_strikes=10']

    def test_row39_too_many(self):
        conn = self.connect()
        for _ in range(40):
            conn.send(ping())
        self.assertTrue(conn.wait_ended())
        (goaway,) = conn.goaways
        self.assertEqual((goaway.code, goaway.debug),
                         (ENHANCE_YOUR_CALM, b'too_many_pings'))
        self.assertTrue(conn.wait_closed())

    def test_row39_with_calls_between(self):
        """Strikes are forgotten whenever a reply is sent."""
        conn = self.connect()
        for _ in range(100):
            conn.send(ping())
            self.still_serves(conn)
        for _ in range(10):
            conn.send(ping() * 8)
            self.still_serves(conn)
        self.assertFalse(conn.goaways)


class IdleHour(ServerTest):
    """An hour in which nothing happens but pings; a second takes 1 ms."""
    flags = ['--limit', 'ping_interval=5', '--limit', 'ping_strikes=1',
             '--limit', 'pings_rate=100000']

    def pings(self, interval, count):
        conn = self.connect()
        for n in range(1, count + 1):
            conn.send(ping())
            conn.wait(lambda: len(conn.pongs) == n)
            at = time.monotonic() + interval
            while time.monotonic() < at:
                conn.read_once(max(0, at - time.monotonic()))
        self.assertFalse(conn.goaways)
        self.still_serves(conn)

    def test_fault34_every_10_s(self):
        self.pings(0.010, 360)

    def test_fault34_every_5_1_s(self):
        self.pings(0.0051, 706)

    def test_fault34_too_fast(self):
        """Or the tests above could not fail."""
        conn = self.connect()
        until = time.monotonic() + 5
        while not conn.goaways and time.monotonic() < until:
            conn.send(ping() * 2)
            conn.read_once(0.004)
        self.assertEqual(conn.goaways[0].debug, b'too_many_pings')


class PingDefaults(ServerTest):
    def test_fault34_defaults(self):
        """A client with jitter and a few pings on top is left alone."""
        conn = self.connect()
        for n in range(1, 51):
            conn.send(ping())
            conn.wait(lambda: len(conn.pongs) == n)
        self.assertFalse(conn.goaways)
        self.still_serves(conn)


class GracefulStop(unittest.TestCase):
    """Row 40, and health while draining. Each test stops its server."""

    def setUp(self):
        self.server = Server('--workers', 2)
        self.addCleanup(self.server.dispose)
        self.conn = h2raw.Connection(self.server.address, ack_pings=False)
        self.addCleanup(self.conn.close)
        self.held = self.start('hold')
        self.server.wait_stats(holding=1)

    def start(self, data='echo:hi'):
        return ServerTest.start(self.conn, data)

    def finish(self):
        self.assertEqual(self.server.wait_exit(), 0)
        self.assertEqual(self.server.stderr(), '')

    def test_row40_two_steps(self):
        conn = self.conn
        self.server.terminate()
        conn.wait(lambda: conn.goaways)
        self.assertEqual(conn.goaways[0].code, NO_ERROR)
        self.assertEqual(conn.goaways[0].last_stream, 0x7fffffff)
        conn.wait(lambda: conn.pings)
        # What was on its way before the client knew is served.
        late = self.start()
        got = conn.response(late)
        self.assertEqual(got.grpc_status, 0, str(got))
        self.assertEqual(len(conn.goaways), 1, 'before the ping was acked')
        conn.send(ping(conn.pings[0], ACK))
        conn.wait(lambda: len(conn.goaways) == 2)
        self.assertEqual(conn.goaways[1].code, NO_ERROR)
        self.assertEqual(conn.goaways[1].last_stream, late)
        # What comes now is not served, as the client was told.
        before = self.server.stats()['calls']
        ignored = self.start()
        conn.send(ping())
        self.server.release()
        got = conn.response(self.held)
        self.assertEqual(got.grpc_status, 0, str(got))
        self.assertTrue(conn.wait_closed())
        self.assertFalse(conn.streams[ignored].blocks)
        self.assertEqual(self.server.process.poll() is None and
                         self.server.stats()['calls'] or before, before)
        self.finish()

    def test_row40_ping_never_acked(self):
        """The second step comes all the same, after 5 s; also where no call
        is under way."""
        idle = h2raw.Connection(self.server.address, ack_pings=False)
        self.addCleanup(idle.close)
        ServerTest.good_call(idle)
        self.server.terminate()
        self.conn.wait(lambda: len(self.conn.goaways) == 2)
        idle.wait(lambda: len(idle.goaways) == 2)
        self.assertTrue(idle.wait_closed())
        self.assertEqual(self.conn.goaways[1].last_stream, self.held)
        self.server.release()
        self.assertEqual(self.conn.response(self.held).grpc_status, 0)
        self.assertTrue(self.conn.wait_closed())
        self.finish()

    def test_row40_client_closes(self):
        self.server.terminate()
        self.conn.wait(lambda: self.conn.goaways)
        self.conn.close()
        self.finish()

    def test_row33_hard(self):
        """A second request gives up what is under way: never with OK."""
        self.server.terminate()
        self.conn.wait(lambda: self.conn.goaways)
        self.server.terminate()
        self.conn.wait_closed()
        got = self.conn.streams[self.held]
        if got.blocks:
            self.assertEqual(got.grpc_status, grpcraw.UNAVAILABLE)
        self.finish()

    def test_row46_while_draining(self):
        conn = self.conn
        watch = ServerTest.start(conn, path=HEALTH_WATCH, body=message(b''),
                                 grpc_timeout=None)
        conn.sync()
        self.server.terminate()
        conn.wait(lambda: conn.goaways)
        check = ServerTest.start(conn, path=HEALTH_CHECK, body=message(b''))
        got = conn.response(check)
        self.assertEqual(grpcraw.messages(got.data), [b'\x08\x02'])
        seen = conn.streams[watch]
        conn.wait(lambda: grpcraw.messages(seen.data)[1:])
        self.assertEqual(grpcraw.messages(seen.data)[-1], b'\x08\x02')
        conn.close()
        self.finish()

    def test_fault02_no_new_connections(self):
        self.server.terminate()
        self.conn.wait(lambda: self.conn.goaways)
        with self.assertRaises((OSError, AssertionError)):
            with h2raw.Connection(self.server.address) as other:
                ServerTest.good_call(other, patience=1)
        self.conn.send(ping(self.conn.pings[0], ACK)
                       if self.conn.pings else b'')
        self.server.release()
        self.assertEqual(self.conn.response(self.held).grpc_status, 0)
        self.finish()


class Age(ServerTest):
    flags = ['--workers', 2, '--age', 1, '--limit', 'age_grace=300']

    def test_row41_max_age(self):
        conn = self.connect()
        held = self.start(conn, 'hold')
        conn.wait(lambda: len(conn.goaways) == 2)
        self.assertEqual((conn.goaways[1].code, conn.goaways[1].debug),
                         (NO_ERROR, b'max_age'))
        # Not finished when the grace is over, the call is given up.
        self.assertTrue(conn.wait_closed())
        got = conn.streams[held]
        self.assertNotEqual(got.grpc_status, 0)
        self.server.wait_stats(holding=0)

    def test_row41_calls_finish(self):
        conn = self.connect()
        held = self.start(conn, 'hold')
        conn.wait(lambda: conn.goaways)
        self.server.release()
        self.check_reply(conn.response(held))
        self.assertTrue(conn.wait_closed())

    def test_row41_without_calls(self):
        conn = self.connect()
        self.assertTrue(conn.wait_closed())
        self.assertEqual(conn.goaways[-1].debug, b'max_age')

    def test_fault33_nothing_lost(self):
        """With calls all the time, and a client that does as HTTP/2 says:
        streams above the last one are sent again elsewhere."""
        conns, lost, done = 0, 0, 0
        begin = time.monotonic()
        while time.monotonic() - begin < 5:
            conn = self.connect()
            conns += 1
            while not conn.goaways and not conn.closed:
                streams = [self.start(conn) for _ in range(10)]
                conn.wait(lambda: all(
                    conn.streams[s].done for s in streams) or conn.closed,
                    strict=False)
                last = min([g.last_stream for g in conn.goaways] or [1 << 31])
                for s in streams:
                    if conn.streams[s].grpc_status == 0:
                        done += 1
                    elif s <= last:
                        lost += 1
            conn.close()
        self.assertEqual(lost, 0)
        self.assertGreater(done, 100)
        self.assertGreater(conns, 3)


class Idle(ServerTest):
    flags = ['--workers', 2, '--limit', 'idle_time=300']

    def test_row41_max_idle(self):
        conn = self.connect()
        self.still_serves(conn)
        conn.wait(lambda: len(conn.goaways) == 2)
        self.assertEqual((conn.goaways[1].code, conn.goaways[1].debug),
                         (NO_ERROR, b'max_idle'))
        self.assertTrue(conn.wait_closed())

    def test_row41_not_with_a_call(self):
        conn = self.connect()
        held = self.start(conn, 'hold')
        conn.wait(lambda: conn.goaways, 1, strict=False)
        self.assertFalse(conn.goaways)
        self.server.release()
        self.check_reply(conn.response(held))

    def test_row41_not_with_pings(self):
        conn = self.connect()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            conn.send(ping())
            conn.wait(lambda: conn.goaways, 0.1, strict=False)
        self.assertFalse(conn.goaways)


class Keepalive(ServerTest):
    flags = ['--workers', 2, '--limit', 'keepalive_time=200',
             '--limit', 'keepalive_timeout=200']

    def test_row42_answered(self):
        conn = self.connect()
        conn.wait(lambda: len(conn.pings) == 4)
        self.assertFalse(conn.closed or conn.goaways)
        self.still_serves(conn)

    def test_row42_not_answered(self):
        conn = self.connect(ack_pings=False)
        held = self.start(conn, 'hold')
        self.assertTrue(conn.wait_closed())
        self.assertEqual(len(conn.pings), 1)
        self.assertFalse(conn.streams[held].blocks)
        # Row 45, fault 11: the place is free again.
        self.server.wait_stats(holding=0)

    def test_row42_other_frames_are_life(self):
        """A client that sends is alive, whatever became of the ping."""
        conn = self.connect(ack_pings=False)
        until = time.monotonic() + 1
        while time.monotonic() < until and not conn.closed:
            self.still_serves(conn)
            conn.read_once(0.02)
        self.assertFalse(conn.closed)


if __name__ == '__main__':
    main()
