"""Floods: table 3a, and faults 13 and 32.

A flood is over when its connection got GOAWAY with an error or was closed. It
must not take memory with it, nor the time of a second connection. Beside each
flood stands honest traffic that looks like it, and is left alone."""
import time

import h2raw
from grpcraw import BODY, REQUEST, call, fields, streams
from h2raw import (DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
                   frame, headers, literal, ping, rst, settings, window_update)
from harness import SANITIZED, ServerTest, main

MIB = 1 << 20


class FloodTest(ServerTest):
    def flood(self, data, prepare=b'', codes=None, read=True, values=()):
        """Sends |data|, bytes or an iterator of them, until the connection
        ends. |read| is whether what comes is read meanwhile."""
        conn = self.connect(values, refill=False, ack_settings=False)
        conn.send(prepare)
        self.assertTrue(conn.sync())
        other = self.connect()
        self.still_serves(other)
        before = self.server.rss()
        for part in [data] if isinstance(data, bytes) else data:
            if not (conn.send(part) if read else conn.push(part)):
                break
            if conn.fatal:
                break
            self.still_serves(other)
        grown = self.server.rss() - before
        begin = time.monotonic()
        self.still_serves(other)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertTrue(conn.wait_ended(), 'the flood goes on: %d frames came '
                        'back' % len(conn.frames))
        if codes:
            for goaway in conn.goaways:
                self.assertIn(goaway.code, codes)
        if not SANITIZED:
            self.assertLess(grown, 4096, 'KiB were taken')
        self.assertTrue(conn.wait_closed())
        return conn

    def honest(self, data, values=()):
        """|data| does no harm."""
        conn = self.connect(values)
        self.assertTrue(conn.sync())
        conn.send(data)
        conn.next_stream = 100001
        self.assertTrue(conn.sync(), conn.goaways)
        self.assertEqual(conn.goaways, [])
        self.still_serves(conn)
        return conn


def parts(data, count, size=2000):
    """|data| |count| times, |size| at a time."""
    for _ in range(count // size):
        yield data * size


class Floods(FloodTest):
    """The twelve of table 3a, with the default limits."""
    flags = ['--workers', 2]

    @classmethod
    def setUpClass(cls):
        """A thousand honest calls at once take what memory calls take."""
        super().setUpClass()
        with cls.open() as conn:
            conn.sync()
            conn.send(b''.join(call(n) for n in streams(1000)))
            conn.wait(lambda: len(conn.streams) == 1000 and all(
                got.done for got in conn.streams.values()))

    # --- frames of the connection

    def test_3a_ping(self):
        conn = self.flood(parts(ping(), 20000), codes=[ENHANCE_YOUR_CALM])
        self.assertLess(len(conn.pongs), 2000)

    def test_3a_ping_unread(self):
        self.flood(parts(ping(), 200000), read=False)

    def test_3a_settings(self):
        self.flood(parts(settings(), 20000), codes=[ENHANCE_YOUR_CALM])

    def test_3a_settings_unread(self):
        self.flood(parts(settings(), 200000), read=False)

    def test_3a_settings_with_values(self):
        self.flood(parts(settings({h2raw.INITIAL_WINDOW_SIZE: 1000}) +
                         settings({h2raw.INITIAL_WINDOW_SIZE: 2000}), 20000))

    def test_3a_settings_entries(self):
        """One frame of 2,700 entries, as CVE-2020-11080."""
        self.flood(parts(frame(h2raw.SETTINGS, 0, 0,
                               b'\0\3\0\0\0\1' * 2700), 100, 10))

    def test_3a_settings_honest(self):
        self.honest(settings({h2raw.INITIAL_WINDOW_SIZE: 70000}) * 5)

    def test_3a_window_update(self):
        self.flood(parts(window_update(0, 1), 200000))

    def test_3a_window_update_of_a_stream(self):
        self.flood(parts(window_update(1, 1), 200000),
                   headers(1, fields(grpc_timeout=None)))

    def test_3a_window_update_of_closed_streams(self):
        self.flood(parts(window_update(1, 1), 200000), call(1))

    def test_3a_window_update_honest(self):
        """A client gives windows back for each frame it gets."""
        conn = self.connect()
        for _ in range(5):
            stream = self.start(conn, 'big:%d' % (3 * MIB))
            self.check_reply(conn.response(stream))
        self.assertEqual(conn.goaways, [])

    def test_3a_priority(self):
        self.flood(parts(frame(h2raw.PRIORITY, 0, 1, b'\0\0\0\0\1'), 200000))

    def test_3a_priority_of_many_streams(self):
        self.flood(b''.join(
            frame(h2raw.PRIORITY, 0, n, b'\0\0\0\0\1')
            for n in range(i, i + 8000, 2)) for i in range(1, 200000, 8000))

    def test_3a_priority_honest(self):
        """Browsers and old clients send one a stream."""
        self.honest(b''.join(frame(h2raw.PRIORITY, 0, n, b'\0\0\0\0\1')
                             for n in (3, 5, 7, 9, 11)))

    def test_3a_unknown_frames(self):
        self.flood(parts(frame(0x42, 0, 0, b'x'), 200000))

    def test_3a_unknown_frames_empty(self):
        self.flood(parts(frame(0xbe, 0xff, 1), 200000))

    def test_3a_unknown_frames_large(self):
        self.flood(parts(frame(0x42, 0, 0, bytes(16384)), 2000, 20))

    def test_3a_unasked_acks(self):
        self.flood(parts(ping(b'unasked!', h2raw.ACK), 200000))

    def test_3a_settings_acks(self):
        self.flood(parts(frame(h2raw.SETTINGS, h2raw.ACK), 200000))

    def test_3a_goaway(self):
        self.flood(parts(frame(h2raw.GOAWAY, 0, 0, bytes(8)), 200000))

    # --- frames of streams

    def test_3a_empty_data(self):
        self.flood(parts(frame(DATA, 0, 1), 200000),
                   headers(1, fields(grpc_timeout=None)))

    def test_3a_empty_data_padded(self):
        self.flood(parts(frame(DATA, h2raw.PADDED, 1, b'\0'), 20000),
                   headers(1, fields(grpc_timeout=None)))

    def test_3a_empty_data_of_many_streams(self):
        """A few on each of many calls are as many."""
        def send():
            for first in range(1, 40000, 400):
                yield b''.join(headers(n, fields()) + frame(DATA, 0, n) * 10 +
                               rst(n) for n in streams(200, first))
        self.flood(send())

    def test_3a_empty_data_honest(self):
        """Many clients end their requests so."""
        self.honest(b''.join(
            headers(n, REQUEST) + frame(DATA, 0, n, BODY) +
            frame(DATA, END_STREAM, n) for n in streams(300)))
        self.honest(b''.join(headers(n, REQUEST) + frame(DATA, END_STREAM, n)
                             for n in streams(300)))

    def test_3a_continuation(self):
        self.continuation(literal('x-a', 'v' * 1000))

    def test_3a_continuation_empty(self):
        self.continuation(b'')

    def test_3a_continuation_one_byte(self):
        self.continuation(b'\x82')

    def continuation(self, payload):
        self.flood(frame(h2raw.HEADERS, END_STREAM, 1, REQUEST) +
                   frame(h2raw.CONTINUATION, 0, 1, payload) * 20000)

    def test_3a_rapid_reset(self):
        self.flood(b''.join(call(n) + rst(n) for n in streams(500, first))
                   for first in range(1, 100000, 1000))

    def test_3a_rapid_reset_of_headers(self):
        def send():
            for first in range(1, 200000, 4000):
                yield b''.join(headers(n, REQUEST) + rst(n)
                               for n in streams(2000, first))
        self.flood(send())

    def test_3a_made_you_reset_by_window(self):
        """CVE-2025-8671: frames that make the server reset the stream."""
        def send():
            for first in range(1, 40000, 1000):
                yield b''.join(call(n) + window_update(n, 0x7fffffff)
                               for n in streams(500, first))
        self.flood(send())

    def test_3a_made_you_reset_by_increment_0(self):
        def send():
            for first in range(1, 40000, 1000):
                yield b''.join(call(n) + window_update(n, 0)
                               for n in streams(500, first))
        self.flood(send())

    def test_3a_made_you_reset_by_headers(self):
        bad = h2raw.block(fields() + [('connection', 'close')])

        def send():
            for first in range(1, 40000, 1000):
                yield b''.join(headers(n, bad, END_HEADERS | END_STREAM)
                               for n in streams(500, first))
        self.flood(send())

    def test_3a_made_you_reset_by_priority(self):
        """A stream that depends on itself."""
        def send():
            for first in range(1, 40000, 1000):
                yield b''.join(call(n) + frame(
                    h2raw.PRIORITY, 0, n, n.to_bytes(4, 'big') + b'\1')
                    for n in streams(500, first))
        self.flood(send())

    def test_3a_made_you_reset_by_data(self):
        """Data behind the end."""
        def send():
            for first in range(1, 40000, 1000):
                yield b''.join(call(n) + frame(DATA, 0, n, b'x')
                               for n in streams(500, first))
        self.flood(send())

    # --- header blocks

    def test_3a_hpack_bomb(self):
        """A 4 KiB entry of the table, referred to by single bytes."""
        entry = literal('x-bomb', 'v' * 4000, 0x40)

        def send():
            for n in streams(500):
                yield headers(n, REQUEST + entry + b'\xbe' * 16000)
        cpu = self.server.cpu()
        self.flood(send())
        self.assertLess(self.server.cpu() - cpu, 10 if SANITIZED else 2)

    def test_3a_hpack_bomb_continued(self):
        entry = literal('x-bomb', 'v' * 4000, 0x40)
        conn = self.connect()
        self.assertTrue(conn.sync())
        before = self.server.rss()
        for n in streams(20):
            if not conn.send(headers(n, REQUEST + entry + b'\xbe' * 40000)):
                break
        if not SANITIZED:
            self.assertLess(self.server.rss() - before, 4096)
        conn.sync(2)
        self.still_serves()

    def test_3a_empty_names(self):
        """CVE-2019-9516."""
        def send():
            for n in streams(2000):
                yield headers(n, REQUEST + literal('', '') * 3000)
        self.flood(send())

    def test_3a_headers_of_a_closed_stream(self):
        """They are not refused, as they may have been on their way."""
        self.flood(parts(headers(1, b'\x82'), 200000), call(1))


class QuickResets(FloodTest):
    """The limits are the configuration's."""
    flags = ['--workers', 2, '--limit', 'resets=100',
             '--limit', 'resets_rate=10', '--limit', 'glitches=50',
             '--limit', 'glitches_rate=5', '--limit', 'empty_frames=3',
             '--limit', 'settings_rate=3', '--limit', 'pings_rate=20']

    def test_13_configured(self):
        resets = b''.join(call(n) + rst(n) for n in streams(1000))
        self.honest(b''.join(call(n) + rst(n) for n in streams(80)))
        self.flood(resets)
        unknown = frame(0x42, 0, 0, b'x')
        self.honest(unknown * 40)
        self.flood(unknown * 1000)
        empty = headers(1, fields()) + frame(DATA, 0, 1)
        self.honest(empty + frame(DATA, 0, 1) * 2 + rst(1))
        self.flood(empty + frame(DATA, 0, 1) * 50)
        self.honest(settings() * 2)
        self.flood(settings() * 50)
        self.flood(ping() * 100, codes=[ENHANCE_YOUR_CALM])


class Cancels(FloodTest):
    """Fault 32: a front end that restarts cancels thousands of calls."""
    flags = ['--workers', 4]

    def test_fault32_ten_thousand_cancels(self):
        conn = self.connect()
        self.still_serves(conn)
        first = conn.next_stream
        for n in range(first, first + 20000, 1000):
            self.assertTrue(conn.send(b''.join(
                call(s) + rst(s) for s in streams(500, n))))
        conn.next_stream = first + 20000
        self.assertTrue(conn.sync(), conn.goaways)
        self.assertEqual(conn.goaways, [])
        self.still_serves(conn)
        self.server.wait_stats(running=0)

    def test_fault32_of_running_calls(self):
        conn = self.connect()
        self.still_serves(conn)
        for _ in range(10):
            held = [self.start(conn, 'hold') for _ in range(900)]
            self.server.wait_stats(holding=900)
            conn.send(b''.join(rst(s) for s in held))
            self.server.wait_stats(holding=0)
        self.assertEqual(conn.goaways, [])
        self.still_serves(conn)


if __name__ == '__main__':
    main()
