"""Responses: rows 26 to 35 of the requirement table, and faults 4 to 6 and 10
as far as they show on the wire. What must hold of every response (rows 26 to
29 and 34) is checked by grpcraw.flaws in every test of this folder.

Not here, as the wire does not show it: row 28's encoding of texts that only
the library's inner functions can be given, and row 34's list of causes."""
import random
import time

import grpcraw
import h2raw
from grpcraw import (COMMAND, CONNECT, DEADLINE_EXCEEDED, DISCONNECT, ERROR,
                     FAILURE, RESOURCE_EXHAUSTED, SUCCESS, UNAVAILABLE,
                     UNIMPLEMENTED, command_message, connection_request,
                     disconnect_request, message)
from h2raw import DATA, HEADERS, data_frames, window_update
from harness import ServerTest, main

MIB = 1 << 20


class Responses(ServerTest):
    flags = ['--workers', 2]

    def call(self, data, path=COMMAND, **more):
        conn = self.connect()
        return conn.response(self.start(conn, data, path, **more))

    # --- 26, 27

    def test_row26_of_a_reply(self):
        got = self.call('echo:hi')
        self.assertEqual(got.blocks[0][0], (b':status', b'200'))
        self.assertIn((b'content-type', b'application/grpc'), got.blocks[0])
        self.assertEqual(len(got.blocks), 2)
        self.check_reply(got, transmissions=[b'hi'])

    def test_row26_trailers_only(self):
        got = self.call('', '/anycable.RPC/Nothing')
        self.assertTrue(got.trailers_only)
        self.check_status(got, UNIMPLEMENTED)
        self.assertEqual(got.field(':status'), b'200')
        self.assertEqual(got.field('content-type'), b'application/grpc')

    def test_row27_order_of_frames(self):
        got = self.call('big:100000')
        kinds = [kind for kind, flags in got.order]
        self.assertEqual(kinds[0], HEADERS)
        self.assertEqual(kinds[-1], HEADERS)
        self.assertEqual(set(kinds[1:-1]), {DATA})
        self.assertEqual(got.field('grpc-status'), b'0')

    def test_row27_all_methods(self):
        for path, body in ((CONNECT, connection_request()),
                           (COMMAND, command_message()),
                           (DISCONNECT, disconnect_request())):
            got = self.call('', path, body=message(body))
            self.check_reply(got, SUCCESS, path=path)

    # --- 28, 29: see also test_headers, row 5

    def test_row28_of_a_path(self):
        """Whatever of the request the message repeats, it is encoded."""
        for path in ('/anycable.RPC/100%', '/a%0d%0ab/c', b'/a/\xc3\xa9\xff',
                     b'/a/' + bytes(range(0x80, 0x100)), '/a b/c',
                     '/a/"<>{}|~'):
            got = self.call('', path)
            self.check_form(got)
            if got.rst is None:
                self.assertEqual(got.grpc_status, UNIMPLEMENTED)

    def test_row28_capped(self):
        for path in ('/' + 'x' * 12000, '/a/' + '%' * 12000,
                     b'/a/' + b'\xc3\xa9' * 6000):
            got = self.call('', path)
            self.check_form(got)
            self.assertLessEqual(len(got.grpc_message), 1024 + 3)

    def test_row28_error_messages_travel_in_the_reply(self):
        error = 'boom \u00e9\n%'
        got = self.call('error:' + error)
        self.assertEqual(self.check_reply(got, ERROR).error, error)

    # --- 30

    def test_row30_before_the_end(self):
        for path, more in (('/anycable.RPC/Nothing', {}),
                           (COMMAND, {'grpc_timeout': 'x'}),
                           (COMMAND, {'x_bin': '!'}),
                           (COMMAND, {'content_type': 'text/html'})):
            conn = self.connect()
            stream = self.start(conn, path=path, body=b'\0', end=False, **more)
            got = conn.response(stream)
            self.assertTrue(got.trailers_only, str(got))
            conn.wait(lambda: got.rst is not None)
            self.assertEqual(got.rst, h2raw.NO_ERROR)
            # What was on its way then does no harm.
            conn.send(data_frames(stream, bytes(1000)))
            self.still_serves(conn)

    # --- 31

    def test_row31_deadline(self):
        before = self.server.stats()
        conn = self.connect()
        stream = self.start(conn, 'hold', grpc_timeout='50m')
        self.check_status(conn.response(stream), DEADLINE_EXCEEDED)
        self.assertTrue(conn.streams[stream].trailers_only)
        self.server.wait_stats(cancelled=before['cancelled'] + 1, holding=0)
        self.still_serves(conn)

    def test_row31_never_late(self):
        """A handler that does not look at its deadline has no reply."""
        conn = self.connect()
        stream = self.start(conn, 'block', grpc_timeout='50m')
        got = conn.response(stream)
        self.check_status(got, DEADLINE_EXCEEDED)
        self.server.wait_stats(running=1)
        self.server.release()
        self.server.wait_stats(running=0)
        self.still_serves(conn)
        self.assertEqual(len(got.blocks), 1)
        self.assertFalse(got.data)

    def test_row31_while_uploading(self):
        conn = self.connect()
        stream = self.start(conn, end=False, grpc_timeout='50m')
        got = conn.response(stream)
        if got.rst is None:
            self.check_status(got, DEADLINE_EXCEEDED)
            conn.wait(lambda: got.rst is not None)
        self.assertIn(got.rst, (h2raw.NO_ERROR, h2raw.CANCEL))
        self.still_serves(conn)

    # --- 33

    def test_row33_errors_and_rejections(self):
        self.check_reply(self.call('error:no such room'), ERROR,
                         error='no such room')
        self.check_reply(self.call('reject'), FAILURE)

    # --- fault 10

    def test_fault10_reset_in_the_handler(self):
        before = self.server.stats()
        conn = self.connect()
        streams = [self.start(conn, 'hold') for _ in range(20)]
        self.server.wait_stats(holding=20)
        conn.send(b''.join(map(h2raw.rst, streams)))
        self.server.wait_stats(holding=0,
                               cancelled=before['cancelled'] + 20)
        self.still_serves(conn)
        self.assertFalse(any(conn.streams[s].blocks for s in streams))

    def test_fault10_reset_in_the_upload(self):
        conn = self.connect()
        for n in range(100):
            stream = self.start(conn, body=message(command_message())[:n],
                                end=False)
            conn.send(h2raw.rst(stream))
        self.still_serves(conn)

    def test_fault10_reset_in_the_reply(self):
        conn = self.connect(refill=False)
        for _ in range(30):
            stream = self.start(conn, 'big:%d' % MIB)
            got = conn.streams[stream]
            conn.wait(lambda: got.blocks)
            conn.send(h2raw.rst(stream))
            conn.send(window_update(0, MIB))
        self.still_serves(conn)

    def test_fault10_random_cancels(self):
        """Cancelled anywhere, a call leaves nothing behind."""
        random_ = random.Random(10)
        conn = self.connect()
        for _ in range(2000):
            stream = self.start(conn, random_.choice(
                ['echo:x', 'hold', 'big:20000', 'slow:1']),
                end=random_.random() < 0.8)
            if random_.random() < 0.3:
                conn.read_once(0.001)
            conn.send(h2raw.rst(stream))
        self.still_serves(conn)
        stats = self.server.wait_stats(running=0, holding=0)
        # The session objects of all calls were given back.
        self.server.wait_stats(destroyed=stats['created'])


class Queue(ServerTest):
    """One worker, and room for four calls before it."""
    flags = ['--workers', 1, '--queue', 4]

    def occupy(self, conn):
        """The worker, for as long as nobody releases it."""
        stream = self.start(conn, 'block')
        self.server.wait_stats(running=1)
        return stream

    def test_row32_33_full(self):
        """What is refused did not run, and says so in a way that is
        retried."""
        conn = self.connect()
        busy = self.occupy(conn)
        before = self.server.stats()['calls']
        streams = [self.start(conn) for _ in range(30)]
        refused = 0
        conn.wait(lambda: sum(conn.streams[s].done for s in streams) >= 26)
        self.server.release()
        for stream in streams:
            got = conn.response(stream)
            if got.rst is not None and not got.blocks:
                self.assertEqual(got.rst, h2raw.REFUSED_STREAM)
                refused += 1
            elif got.grpc_status == RESOURCE_EXHAUSTED:
                self.check_form(got)
                refused += 1
            else:
                self.check_reply(got)
        self.check_reply(conn.response(busy))
        self.assertEqual(refused, 26)
        self.assertEqual(self.server.stats()['calls'] - before, 4)

    def test_fault04_deadline_in_the_queue(self):
        """A call whose deadline passes while it waits never runs."""
        conn = self.connect()
        busy = self.occupy(conn)
        before = self.server.stats()['calls']
        streams = [self.start(conn, grpc_timeout='30m') for _ in range(4)]
        for stream in streams:
            self.check_status(conn.response(stream), DEADLINE_EXCEEDED)
        # Their places are free again.
        late = [self.start(conn) for _ in range(4)]
        self.assertTrue(conn.sync())
        self.assertFalse(any(conn.streams[s].done for s in late))
        self.server.release()
        for stream in [busy] + late:
            self.check_reply(conn.response(stream))
        self.assertEqual(self.server.stats()['calls'] - before, 4)

    def test_fault10_reset_in_the_queue(self):
        conn = self.connect()
        busy = self.occupy(conn)
        before = self.server.stats()['calls']
        for _ in range(50):
            streams = [self.start(conn) for _ in range(4)]
            conn.send(b''.join(map(h2raw.rst, streams)))
        # The answer to a second ping comes when all before the first is done.
        self.assertTrue(conn.sync() and conn.sync())
        self.server.release()
        self.check_reply(conn.response(busy))
        self.still_serves(conn)
        self.assertEqual(self.server.stats()['calls'] - before, 1)

    def test_fault39_health_with_the_pool_full(self):
        conn = self.connect()
        busy = self.occupy(conn)
        streams = [self.start(conn) for _ in range(4)]
        stream = self.start(conn, path=grpcraw.HEALTH_CHECK, body=message(b''))
        got = conn.response(stream)
        self.check_status(got, 0)
        self.assertEqual(grpcraw.messages(got.data), [b'\x08\x01'])
        self.server.release()
        for stream in [busy] + streams:
            conn.response(stream)


class CallTime(ServerTest):
    flags = ['--limit', 'call_time=100', '--limit', 'deferred=5']

    def test_fault06_without_deadline(self):
        """A deferred call that is never answered ends all the same."""
        conn = self.connect()
        got = conn.response(self.start(conn, 'hold', grpc_timeout=None))
        self.check_form(got)
        self.assertIn(got.grpc_status, (DEADLINE_EXCEEDED, UNAVAILABLE))
        self.server.wait_stats(holding=0)

    def test_fault06_too_many_deferred(self):
        conn = self.connect()
        streams = [self.start(conn, 'hold') for _ in range(5)]
        self.server.wait_stats(holding=5)
        got = conn.response(self.start(conn, 'hold'))
        self.check_reply(got, ERROR)
        self.server.release()
        for stream in streams:
            self.check_reply(conn.response(stream),
                             transmissions=[b'released'])


class Windows(ServerTest):
    """Row 35: replies that wait for the client."""
    flags = ['--workers', 2]

    def test_row35_zero_window(self):
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
        stream = self.start(conn, 'big:1000')
        got = conn.streams[stream]
        conn.wait(lambda: got.blocks)
        self.assertTrue(conn.sync())
        self.assertFalse(got.data or got.done)
        for size in range(1, 101):
            conn.send(window_update(stream, 1))
            conn.wait(lambda: len(got.data) == size)
        conn.send(window_update(stream, 2000))
        conn.response(stream)
        self.check_reply(got, transmissions=[b'x' * 1000])

    def test_row35_settings_open_windows(self):
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
        streams = [self.start(conn, 'big:3000') for _ in range(10)]
        conn.wait(lambda: all(conn.streams[s].blocks for s in streams))
        conn.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 6000}))
        for stream in streams:
            self.check_reply(conn.response(stream))

    def test_row35_negative_window(self):
        conn = self.connect(refill=False)
        conn.send(window_update(0, MIB))
        stream = self.start(conn, 'big:100000')
        got = conn.streams[stream]
        conn.wait(lambda: len(got.data) == 65535)
        conn.send(h2raw.settings({h2raw.INITIAL_WINDOW_SIZE: 1000}))
        # The window is 1000 - 65535 now: as much brings it to zero.
        conn.send(window_update(stream, 64535))
        self.assertTrue(conn.sync())
        self.assertEqual(len(got.data), 65535)
        conn.send(window_update(stream, 5))
        conn.wait(lambda: len(got.data) == 65540)
        conn.send(window_update(stream, MIB))
        self.check_reply(conn.response(stream))

    def test_row35_connection_window(self):
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: MIB}, refill=False)
        streams = [self.start(conn, 'big:60000') for _ in range(3)]

        def total():
            return sum(len(conn.streams[s].data) for s in streams)
        conn.wait(lambda: total() == 65535)
        # Another call has its headers, and a ping its answer, meanwhile.
        other = self.start(conn, path='/anycable.RPC/Nothing')
        self.check_status(conn.response(other), UNIMPLEMENTED)
        self.assertTrue(conn.sync())
        conn.send(window_update(0, MIB))
        for stream in streams:
            self.check_reply(conn.response(stream))

    def test_row35_frame_size(self):
        for size in (None, 16384, 20000, 16777215):
            conn = self.connect({} if size is None else
                                {h2raw.MAX_FRAME_SIZE: size})
            self.check_reply(conn.response(self.start(conn, 'big:300000')))
            largest = max(length for kind, flags, stream, length in conn.frames)
            self.assertLessEqual(largest, size or 16384)

    def test_row35_no_header_table(self):
        """A client without a table gets headers that need none."""
        conn = self.connect({h2raw.HEADER_TABLE_SIZE: 0})
        for _ in range(3):
            self.still_serves(conn)
        self.assertEqual(conn.decoder.header_table_size, 0)

    def test_row35_small_header_table(self):
        conn = self.connect({h2raw.HEADER_TABLE_SIZE: 64})
        for _ in range(3):
            self.still_serves(conn)
        conn.send(h2raw.settings({h2raw.HEADER_TABLE_SIZE: 65536}))
        for _ in range(3):
            self.still_serves(conn)

    def test_row35_small_windows_everywhere(self):
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 100})
        streams = [self.start(conn, 'big:5000') for _ in range(20)]
        for stream in streams:
            self.check_reply(conn.response(stream))


class SendTime(ServerTest):
    flags = ['--workers', 2, '--limit', 'send_time=300']

    def test_row35_send_time(self):
        """A client that takes nothing is not waited for."""
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
        stream = self.start(conn, 'big:1000')
        got = conn.streams[stream]
        conn.wait(lambda: got.blocks)
        conn.wait(lambda: got.rst is not None or conn.closed)
        self.still_serves()

    def test_row35_send_time_of_the_connection(self):
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 1 << 30},
                            refill=False)
        conn.send(window_update(0, 1 << 30))
        for _ in range(28):
            self.start(conn, 'big:4000000')
        # Nothing is read: the system's buffers fill, then the library's.
        until = time.monotonic() + h2raw.PATIENCE
        while conn.try_send(h2raw.ping()) >= 0:
            self.assertLess(time.monotonic(), until, 'it is waited for')
            time.sleep(0.05)
        self.still_serves()

    def test_row35_slow_is_not_dead(self):
        """A client that takes a little, and again, is served to the end."""
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
        stream = self.start(conn, 'big:1000')
        got = conn.streams[stream]
        begin = time.monotonic()
        while time.monotonic() - begin < 1:
            size = len(got.data) + 10
            conn.send(window_update(stream, 10))
            conn.wait(lambda: len(got.data) == size)
            conn.read_once(0.05)
        conn.send(window_update(stream, 2000))
        self.check_reply(conn.response(stream))


if __name__ == '__main__':
    main()
