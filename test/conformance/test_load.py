"""Slow clients, and many: faults 12 and 15, and row 44's budget of memory."""
import resource
import time

import h2raw
from grpcraw import (REQUEST, RESOURCE_EXHAUSTED, call, command_message,
                     fields, message, streams)
from h2raw import DATA, END_STREAM, frame, headers, ping, window_update
from harness import SANITIZED, ServerTest, main

MIB = 1 << 20


class Slow(ServerTest):
    """Fault 12: clients that hold on without doing anything."""
    flags = ['--workers', 4, '--limit', 'handshake_time=500',
             '--limit', 'request_time=500', '--limit', 'send_time=500',
             '--limit', 'keepalive_time=60000']

    def all_closed(self, conns, patience=10):
        until = time.monotonic() + patience
        other = self.connect()
        while not all(conn.closed for conn in conns):
            self.assertLess(time.monotonic(), until, '%d of %d are left' % (
                sum(not conn.closed for conn in conns), len(conns)))
            begin = time.monotonic()
            self.still_serves(other)
            self.assertLess(time.monotonic() - begin, 5)
            for conn in conns:
                conn.read_once(0)

    def test_12_slow_preface(self):
        conns = [self.connect(values=None) for _ in range(100)]
        for conn in conns:
            conn.send(h2raw.PREFACE[:10])
        self.all_closed(conns)

    def test_12_slow_requests(self):
        """Slowloris: headers, and then a byte now and then. The stream is
        reset, or answered; the place is free again."""
        conns = [self.connect() for _ in range(100)]
        for conn in conns:
            self.start(conn, body=message(b'', length=1000), end=False)
        until = time.monotonic() + 10
        while not all(conn.streams[1].done or conn.closed for conn in conns):
            self.assertLess(time.monotonic(), until)
            for conn in conns:
                conn.read_once(0)
                if not conn.streams[1].done and not conn.closed:
                    conn.send(frame(DATA, 0, 1, b'x'))
            time.sleep(0.02)
        self.still_serves()

    def test_12_headers_without_end(self):
        """A header block that stays open holds the whole connection."""
        conns = [self.connect() for _ in range(20)]
        for conn in conns:
            conn.send(frame(h2raw.HEADERS, 0, 1, REQUEST[:10]))
        self.all_closed(conns)

    def test_12_frame_without_end(self):
        conns = [self.connect() for _ in range(20)]
        for conn in conns:
            conn.send(headers(1, fields()) +
                      frame(DATA, 0, 1, b'x', length=1000))
            conn.streams[1] = h2raw.Response()
        until = time.monotonic() + 10
        while not all(c.closed or c.streams[1].done for c in conns):
            self.assertLess(time.monotonic(), until)
            for conn in conns:
                conn.read_once(0.001)
        self.still_serves()

    def test_12_zero_window(self):
        """Replies that are asked for and never taken."""
        conns = []
        for _ in range(100):
            conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
            for _ in range(10):
                self.start(conn, 'big:20000')
            conns.append(conn)
        until = time.monotonic() + 10
        while not all(conn.closed or all(
                got.rst is not None for got in conn.streams.values())
                for conn in conns):
            self.assertLess(time.monotonic(), until)
            for conn in conns:
                conn.read_once(0.001)
        self.still_serves()

    def test_12_slow_reader(self):
        """Windows are open, but the socket is not read."""
        conns = []
        for _ in range(5):
            conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 1 << 30},
                                refill=False)
            conn.send(window_update(0, 1 << 30))
            for _ in range(4):
                self.start(conn, 'big:4000000')
            conns.append(conn)
        until = time.monotonic() + 15
        other = self.connect()
        while conns:
            self.assertLess(time.monotonic(), until)
            conns = [c for c in conns if c.try_send(ping()) >= 0]
            self.still_serves(other)
            time.sleep(0.1)

    def test_12_unread_answers(self):
        """Requests without a look at the answers, without end: what waits for
        such a client is bounded."""
        conn = self.connect()
        self.assertTrue(conn.sync())
        before = self.server.rss()
        for first in range(1, 2000000, 2000):
            if not conn.push(b''.join(
                    call(n, h2raw.block(fields('/a/b')))
                    for n in streams(1000, first))):
                break
        else:
            self.fail('two million calls unread')
        if not SANITIZED:
            self.assertLess(self.server.rss() - before, 16 * 1024)
        self.still_serves()


class Memory(ServerTest):
    """The budget over all connections: windows, then refusals, then the
    largest is closed."""
    flags = ['--workers', 2, '--limit', 'memory=%d' % (16 * MIB)]

    def flood_uploads(self, conns):
        """Sends as windows allow, until nothing moves for a while: how many
        bytes, and the calls that were refused."""
        sent, last = 0, time.monotonic()
        while time.monotonic() - last < 0.3:
            for conn in conns:
                for stream, got in conn.streams.items():
                    room = min(conn.room(stream), 65536)
                    if room <= 0 or got.done or conn.closed:
                        continue
                    conn.window -= room
                    conn.stream_windows[stream] -= room
                    conn.send(h2raw.data_frames(stream, bytes(room), False))
                    sent, last = sent + room, time.monotonic()
                conn.read_once(0)
        refused = [got for conn in conns for got in conn.streams.values()
                   if got.done]
        return sent, refused

    def test_row44_budget(self):
        """Three hundred megabytes are declared, sixteen may be held. Calls
        over it are refused with 8, or are not given windows."""
        before = self.server.rss()
        conns = [self.connect() for _ in range(20)]
        for conn in conns:
            conn.sync()
            for _ in range(4):
                self.start(conn, body=message(b'', length=4 * MIB - 100),
                           end=False)
        sent, refused = self.flood_uploads(conns)
        if not SANITIZED:
            self.assertLess(self.server.rss() - before, 40 * 1024)
        for got in refused:
            self.check_status(got, RESOURCE_EXHAUSTED)
        self.assertGreater(sent, 8 * MIB)
        # Small calls of others pass again as soon as some have gone.
        for conn in conns:
            conn.close()
        self.check_descriptors()
        self.still_serves()

    def test_row44_budget_of_replies(self):
        """Two hundred megabytes of replies are asked for and not taken. What
        is charged is the packed reply; a call also holds what it put out."""
        conns = [self.connect({h2raw.INITIAL_WINDOW_SIZE: 0}, refill=False)
                 for _ in range(4)]
        before = self.server.rss()
        most = 0
        for _ in range(50):
            for conn in conns:
                self.start(conn, 'big:%d' % MIB)
                conn.sync()
            most = max(most, self.server.rss() - before)
        if not SANITIZED:
            self.assertLess(most, 64 * 1024, 'KiB were taken')
        for conn in conns:
            for got in conn.streams.values():
                if got.done and got.rst is None:
                    self.check_form(got)
                    self.assertNotEqual(got.grpc_status, 0)
            conn.close()
        self.check_descriptors()
        self.still_serves()


class Many(ServerTest):
    """Fault 15."""
    flags = ['--workers', 2, '--queue', 10000,
             '--limit', 'connections=2000']

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 4096 and (hard < 0 or hard >= 4096):
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        super().setUpClass()

    def test_15_thousand_connections(self):
        conns = [self.open() for _ in range(10)]
        for conn in conns:
            self.still_serves(conn)
        before = self.server.rss()
        more = [self.open() for _ in range(990)]
        for conn in more:
            self.still_serves(conn)
        if not SANITIZED:
            self.assertLess((self.server.rss() - before) / 990, 64)
        for conn in conns + more:
            self.still_serves(conn)
            conn.close()
        self.check_descriptors()

    def test_15_connections_in_a_row(self):
        """Five thousand come and go, most without a word."""
        for n in range(5000):
            if n % 50:
                h2raw.dial(self.server.address).close()
            else:
                self.still_serves()
        self.check_descriptors()

    def test_15_ten_thousand_streams(self):
        conns = [self.connect() for _ in range(10)]
        for conn in conns:
            conn.send(b''.join(
                headers(n, h2raw.block(fields())) +
                frame(DATA, END_STREAM, n, message(command_message('hold')))
                for n in streams(1000)))
        self.server.wait_stats(holding=10000, patience=20)
        self.server.release()
        for conn in conns:
            conn.wait(lambda: len(conn.streams) == 1000 and all(
                got.done for got in conn.streams.values()), 20)
            self.assertTrue(all(got.grpc_status == 0
                                for got in conn.streams.values()))


class FewConnections(ServerTest):
    flags = ['--workers', 2, '--limit', 'connections=10']

    def test_15_over_the_limit(self):
        self.check_descriptors()
        conns = [self.connect() for _ in range(10)]
        for conn in conns:
            self.still_serves(conn)
        # What is over waits or is closed; it is not served.
        more = [self.connect() for _ in range(10)]
        for conn in more:
            self.start(conn)
            conn.read_once(0.02)
        self.assertFalse(any(conn.streams[1].blocks for conn in more))
        for conn in conns:
            self.still_serves(conn)
            conn.close()
        for conn in more:
            conn.close()
        until = time.monotonic() + h2raw.PATIENCE
        while True:
            try:
                self.still_serves()
                break
            except (OSError, AssertionError):
                self.assertLess(time.monotonic(), until)


if __name__ == '__main__':
    main()
