"""Connections: rows 36 to 38 and 43 to 47 of the requirement table, and faults
37 and 40; test_lifetime has the rows between. Times are short by configuration;
none is asserted but by generous bounds.

Not here: row 48 (the HTTP mapping table) binds clients only; row 44's budget
over all connections is in test_floods."""
import os
import random
import shutil
import ssl
import subprocess
import tempfile
import time

import grpcraw
import h2raw
from grpcraw import (HEALTH_CHECK, HEALTH_WATCH, NOT_FOUND, UNIMPLEMENTED,
                     command_message, fields, message, text)
from h2raw import (ACK, DATA, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR,
                   GOAWAY, NO_ERROR, PING, PREFACE,
                   PROTOCOL_ERROR, SETTINGS, data_frames, frame, headers, ping,
                   settings, window_update)
from harness import ServerTest, main

MIB = 1 << 20


class Start(ServerTest):
    flags = ['--workers', 2, '--limit', 'handshake_time=300']

    # --- 36

    def test_row36_settings_first_and_at_once(self):
        """Before the client has said a word."""
        conn = self.connect(values=None)
        conn.wait(lambda: conn.frames)
        kind, flags, stream, length = conn.frames[0]
        self.assertEqual((kind, flags, stream), (SETTINGS, 0, 0))

    # --- 37

    def closes(self, data, patience=h2raw.PATIENCE):
        """|data| instead of a preface ends in the connection being closed,
        and in no other answer than GOAWAY or a short HTTP/1.1 one."""
        sock = h2raw.dial(self.server.address, patience)
        self.addCleanup(sock.close)
        got = b''
        try:
            sock.sendall(data)
            while True:
                part = sock.recv(65536)
                if not part:
                    break
                got += part
        except ConnectionError:
            pass
        self.assertLess(len(got), 1000)
        return got

    def test_row37_http1(self):
        for line in (b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
                     b'POST /anycable.RPC/Command HTTP/1.1\r\nHost: a\r\n'
                     b'Content-Length: 3\r\n\r\nabc',
                     b'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n'
                     b'HTTP2-Settings: AAMAAABkAAQAAP__\r\n'
                     b'Connection: Upgrade, HTTP2-Settings\r\n\r\n',
                     b'PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n',
                     b'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
                     PREFACE.lower() + settings(), b'\r\n', b'\0'):
            self.closes(line)
        self.still_serves()

    def test_row37_tls_on_a_plain_port(self):
        hello = bytes.fromhex('16030100c8010000c40303') + os.urandom(190)
        self.closes(hello)

    def test_fault37_random_bytes(self):
        random_ = random.Random(37)
        for _ in range(50):
            self.closes(random_.randbytes(random_.randrange(1, 3000)))
        self.still_serves()

    def test_fault37_random_frames(self):
        """Behind a preface, whatever comes: close or serve, never hang."""
        random_ = random.Random(38)
        for _ in range(200):
            conn = self.connect()
            for _ in range(random_.randrange(1, 20)):
                conn.send(frame(random_.randrange(12), random_.randrange(256),
                                random_.choice([0, 0, 1, 1, 2, 3, 99]),
                                random_.randbytes(random_.choice(
                                    [0, 1, 4, 5, 6, 8, 9, 12, 100]))))
            if not conn.fatal and conn.sync(1):
                # Our own ACK of SETTINGS, when it comes late, is one too many
                # behind one that was among the frames.
                self.assertTrue(all(g.code for g in conn.goaways))
            else:
                # An open header block is waited for; all else has ended.
                conn.wait_closed(0)
            conn.close()
        self.still_serves()

    def test_row37_silence(self):
        """The time for a preface is limited, however little has come."""
        for part in (b'', PREFACE[:1], PREFACE[:-1], PREFACE,
                     PREFACE + settings()[:-1]):
            self.closes(part)

    def test_row37_one_byte_again_and_again(self):
        """A byte now and then does not lengthen that time."""
        conn = self.connect(values=None)
        begin = time.monotonic()
        for byte in PREFACE:
            if not conn.send(bytes([byte])) or conn.closed:
                break
            conn.read_once(0.05)
        self.assertTrue(conn.wait_closed())
        self.assertLess(time.monotonic() - begin, h2raw.PATIENCE)

    def test_row37_settings_missing(self):
        for first in (ping(), headers(1, fields()), window_update(0, 1),
                      frame(SETTINGS, ACK)):
            conn = self.connect(values=None)
            conn.send(PREFACE + first)
            self.assertTrue(conn.wait_ended())
            self.assertIn([g.code for g in conn.goaways],
                          ([PROTOCOL_ERROR], []))

    # --- 38

    def test_row38_settings_acked(self):
        conn = self.connect()
        for n in range(1, 6):
            conn.wait(lambda: conn.settings_acks == n)
            conn.send(settings({h2raw.MAX_FRAME_SIZE: 20000}))

    def test_row38_ping_acked(self):
        conn = self.connect()
        for data in (b'\0' * 8, b'\xff' * 8, b'12345678'):
            conn.send(ping(data))
            conn.wait(lambda: conn.pongs)
            self.assertEqual(conn.pongs.pop(), data)

    def test_row38_ack_of_no_ping(self):
        conn = self.connect()
        conn.send(ping(b'unasked!', ACK))
        self.still_serves(conn)
        self.assertFalse(conn.pongs)

    def test_row38_ping_first(self):
        """An ack goes out before data that waits."""
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 4 * MIB},
                            refill=False)
        streams = [self.start(conn, 'big:%d' % MIB) for _ in range(3)]
        conn.wait(lambda: sum(
            len(conn.streams[s].data) for s in streams) == 65535)
        mark = len(conn.frames)
        conn.send(window_update(0, 8 * MIB) + ping(b'in front'))
        for stream in streams:
            self.check_reply(conn.response(stream))
        kinds = [kind for kind, flags, stream, length in conn.frames[mark:]]
        self.assertIn(PING, kinds)
        # It is written with the batch at hand: some data may be before it.
        before = sum(length for kind, flags, stream, length
                     in conn.frames[mark:mark + kinds.index(PING)])
        self.assertLess(before, MIB // 2)

    # --- 40: identifiers of streams

    def goes_away(self, data, *codes):
        """Closed, if possible with one of |codes|."""
        conn = self.connect()
        self.still_serves(conn)
        conn.send(data)
        self.assertTrue(conn.wait_ended(), 'the connection stays')
        for goaway in conn.goaways:
            self.assertIn(goaway.code, codes)
        return conn

    def test_row40_stream_0(self):
        self.goes_away(headers(0, fields()), PROTOCOL_ERROR)

    def test_row40_even_stream(self):
        self.goes_away(headers(4, fields()), PROTOCOL_ERROR)

    def test_row40_stream_used_before(self):
        """Refused or ignored: what it must not do is run, or confuse the
        header tables."""
        conn = self.connect()
        self.still_serves(conn)
        before = self.server.stats()['calls']
        conn.send(headers(1, h2raw.literal('x-one', '1', 0x40) +
                          h2raw.block(fields())) + data_frames(1, b''))
        if conn.sync():
            stream = conn.new_stream()
            conn.send(headers(stream, h2raw.block(fields()) + b'\xbe') +
                      data_frames(stream, message(
                          command_message('metadata:x-one'))))
            self.check_reply(conn.response(stream),
                             transmissions=[b'hex:31'])
            before += 1
        self.assertEqual(self.server.stats()['calls'], before)

    def test_row40_data_on_idle_stream(self):
        self.goes_away(data_frames(99, b'x'), PROTOCOL_ERROR,
                       h2raw.STREAM_CLOSED)

    # --- other frames that end a connection

    def test_row37_bad_frames(self):
        for name, data, *codes in [
                ('ping_short', frame(PING, 0, 0, b'1234567'),
                 FRAME_SIZE_ERROR),
                ('ping_on_a_stream', frame(PING, 0, 1, b'12345678'),
                 PROTOCOL_ERROR),
                ('settings_on_a_stream', frame(SETTINGS, 0, 1),
                 PROTOCOL_ERROR),
                ('settings_size', frame(SETTINGS, 0, 0, b'12345'),
                 FRAME_SIZE_ERROR),
                ('settings_ack_with_payload', frame(SETTINGS, ACK, 0,
                 b'\0\3\0\0\0\1'), FRAME_SIZE_ERROR),
                ('settings_push_2', settings({h2raw.ENABLE_PUSH: 2}),
                 PROTOCOL_ERROR),
                ('settings_window', settings(
                    {h2raw.INITIAL_WINDOW_SIZE: 1 << 31}), FLOW_CONTROL_ERROR),
                ('settings_frame_size', settings(
                    {h2raw.MAX_FRAME_SIZE: 16383}), PROTOCOL_ERROR),
                ('settings_frame_size_over', settings(
                    {h2raw.MAX_FRAME_SIZE: 1 << 24}), PROTOCOL_ERROR),
                ('push_promise', frame(h2raw.PUSH_PROMISE, 4, 1,
                 b'\0\0\0\2'), PROTOCOL_ERROR),
                ('frame_too_large', frame(DATA, 0, 1, bytes(16385)),
                 FRAME_SIZE_ERROR),
                ('frame_too_large_announced', frame(DATA, 0, 1, b'',
                 0xffffff), FRAME_SIZE_ERROR),
                ('continuation_alone', frame(h2raw.CONTINUATION, 4, 1, b''),
                 PROTOCOL_ERROR),
                ('other_frame_in_headers', frame(h2raw.HEADERS, 0, 3) +
                 ping(), PROTOCOL_ERROR),
                ('padding_over', headers(3, fields()) +
                 frame(DATA, h2raw.PADDED, 3, b'\5abc'), PROTOCOL_ERROR),
                ('rst_of_idle', h2raw.rst(99), PROTOCOL_ERROR),
                ('rst_size', frame(h2raw.RST_STREAM, 0, 1, b'123'),
                 FRAME_SIZE_ERROR),
                ('goaway_on_a_stream', frame(GOAWAY, 0, 1, bytes(8)),
                 PROTOCOL_ERROR),
                ('goaway_size', frame(GOAWAY, 0, 0, bytes(7)),
                 FRAME_SIZE_ERROR),
                ('window_update_0', window_update(0, 0), PROTOCOL_ERROR),
                ('window_update_size', frame(h2raw.WINDOW_UPDATE, 0, 0,
                 b'123'), FRAME_SIZE_ERROR),
                ('window_overflow', window_update(0, 0x7fffffff),
                 FLOW_CONTROL_ERROR),
                ('hpack_index_0', headers(3, b'\x80'),
                 h2raw.COMPRESSION_ERROR),
                ('hpack_index_over', headers(3, b'\xff\xff\xff\x7f'),
                 h2raw.COMPRESSION_ERROR),
                ('hpack_cut', headers(3, b'\0\5ab'),
                 h2raw.COMPRESSION_ERROR),
                ('hpack_table_over', headers(3, b'\x3f\xff\xff\x7f'),
                 h2raw.COMPRESSION_ERROR)]:
            with self.subTest(name):
                self.goes_away(data, *codes)

    def test_row43_unknown_frames_and_settings(self):
        """What is not known is passed over."""
        conn = self.connect({0x99: 7, 0xffff: 1})
        conn.send(frame(0x42, 0xff, 0, b'anything') + frame(0xfe, 0, 5, b''))
        self.still_serves(conn)


class HighStreams(ServerTest):
    flags = ['--workers', 2]

    def test_fault40_near_the_end(self):
        """From 2^30 on the client is told to take another connection."""
        for first, calls in (((1 << 30) - 3, 3), ((1 << 31) - 1, 1)):
            conn = self.connect()
            conn.next_stream = first
            for _ in range(calls):
                stream = self.start(conn)
                self.check_reply(conn.response(stream))
            conn.wait(lambda: conn.goaways)
            self.assertEqual(conn.goaways[0].code, NO_ERROR)
            self.assertTrue(conn.wait_closed())


class Streams(ServerTest):
    flags = ['--workers', 2]

    def test_row43_announced(self):
        conn = self.connect()
        conn.sync()
        self.assertEqual(conn.settings[h2raw.MAX_CONCURRENT_STREAMS], 1000)

    def test_row44_windows(self):
        conn = self.connect()
        conn.sync()
        self.assertIn(conn.settings.get(h2raw.INITIAL_WINDOW_SIZE, 65535),
                      (65535, 65536))
        self.assertEqual(conn.window, MIB)

    def test_row44_windows_are_given_back(self):
        """Twenty megabytes through one connection, one window at a time."""
        conn = self.connect()
        body = message(command_message('length:' + 'x' * MIB))
        for _ in range(20):
            stream = conn.request(fields(), b'', end=False)
            conn.upload(stream, body)
            self.check_reply(conn.response(stream))

    def test_row45_connection_lost(self):
        before = self.server.stats()
        conn = self.connect()
        for _ in range(20):
            self.start(conn, 'hold')
        self.start(conn, 'block')
        self.server.wait_stats(holding=20, running=1)
        conn.close()
        self.server.wait_stats(holding=0, running=1,
                               cancelled=before['cancelled'] + 20)
        self.server.release()
        self.server.wait_stats(running=0)
        self.still_serves()

    def test_row45_half_closed_connection(self):
        """A client that will send no more can still be answered."""
        conn = self.connect()
        stream = self.start(conn, 'slow:50')
        conn.sock.shutdown(1)
        conn.wait_closed()
        got = conn.streams[stream]
        if got.blocks:
            self.check_reply(got)
        self.still_serves()

    # --- 46, 47

    def health(self, service, path=HEALTH_CHECK):
        conn = self.connect()
        return conn.response(self.start(
            conn, path=path, body=message(text(1, service) if service else
                                          b'')))

    def test_row46_check(self):
        for service in ('', 'anycable.RPC'):
            got = self.health(service)
            self.check_status(got, 0)
            self.assertEqual(grpcraw.messages(got.data), [b'\x08\x01'])

    def test_row46_unknown(self):
        for service in ('nothing', 'anycable.rpc', 'anycable'):
            got = self.health(service)
            self.check_form(got, allowed=[NOT_FOUND])
            self.assertEqual(got.grpc_status, NOT_FOUND)

    def test_row46_without_metadata(self):
        """Probes know nothing of AnyCable's protocol version."""
        conn = self.connect()
        got = conn.response(self.start(
            conn, path=HEALTH_CHECK, body=message(b''), protov=None, sid=None))
        self.check_status(got, 0)

    def test_row46_watch(self):
        conn = self.connect()
        for service, state in (('', b'\x08\x01'), ('anycable.RPC', b'\x08\x01'),
                               ('nothing', b'\x08\x03')):
            stream = self.start(conn, path=HEALTH_WATCH, body=message(
                text(1, service)), grpc_timeout=None)
            got = conn.streams[stream]
            conn.wait(lambda: len(got.data) >= 7)
            self.assertEqual(grpcraw.messages(got.data), [state])
            self.assertFalse(got.done)
            conn.send(h2raw.rst(stream))
        self.still_serves(conn)

    def test_row47_reflection(self):
        for version in ('v1', 'v1alpha'):
            conn = self.connect()
            got = conn.response(self.start(
                conn, path='/grpc.reflection.%s.ServerReflection/'
                'ServerReflectionInfo' % version, body=message(b'\x3a\0')))
            self.check_status(got, UNIMPLEMENTED)


class FewStreams(ServerTest):
    flags = ['--workers', 2, '--limit', 'streams=3']

    def test_row43_over(self):
        """Streams over the limit are refused and do not run."""
        conn = self.connect()
        conn.sync()
        self.assertEqual(conn.settings[h2raw.MAX_CONCURRENT_STREAMS], 3)
        held = [self.start(conn, 'hold') for _ in range(3)]
        self.server.wait_stats(holding=3)
        before = self.server.stats()['calls']
        more = self.start(conn)
        got = conn.streams[more]
        conn.wait(lambda: got.done or conn.fatal)
        if got.rst is not None:
            self.assertEqual(got.rst, h2raw.REFUSED_STREAM)
            self.server.release()
            for stream in held:
                self.check_reply(conn.response(stream))
        else:
            self.assertEqual([g.code for g in conn.goaways], [PROTOCOL_ERROR])
        self.assertEqual(self.server.stats()['calls'], before)

    def test_row43_again_and_again(self):
        conn = self.connect()
        for _ in range(50):
            streams = [self.start(conn) for _ in range(3)]
            for stream in streams:
                self.check_reply(conn.response(stream))


class Tls(ServerTest):
    """TLS as the client needs it: ALPN must select h2, or there is no
    connection."""
    directory = tempfile.mkdtemp()
    flags = ['--tls', directory + '/cert.pem', directory + '/key.pem',
             '--limit', 'handshake_time=500']

    @classmethod
    def setUpClass(cls):
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-nodes', '-pkeyopt',
             'ec_paramgen_curve:P-256', '-subj', '/CN=localhost', '-days', '2',
             '-keyout', cls.directory + '/key.pem', '-out',
             cls.directory + '/cert.pem'],
            check=True, stderr=subprocess.DEVNULL)
        cls.connect_options = {'tls': cls.context()}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            shutil.rmtree(cls.directory)

    @staticmethod
    def context(protocols=('h2',)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def refused(self, context):
        """No handshake, or no HTTP/2 after it."""
        try:
            conn = self.connect(tls=context)
        except (ssl.SSLError, ConnectionError):
            return
        self.assertTrue(conn.wait_closed())
        self.assertFalse(conn.frames)

    def test_tls_calls(self):
        conn = self.connect()
        self.assertEqual(conn.sock.selected_alpn_protocol(), 'h2')
        self.still_serves(conn)
        self.check_reply(conn.response(self.start(conn, 'big:%d' % MIB)))
        stream = conn.request(fields(), b'', end=False)
        conn.upload(stream, message(command_message('length:' + 'x' * MIB)))
        self.check_reply(conn.response(stream))

    def test_tls_protocols(self):
        self.refused(self.context(()))
        self.refused(self.context(['http/1.1']))
        conn = self.connect(tls=self.context(['http/1.1', 'h2']))
        self.still_serves(conn)

    def test_tls_versions(self):
        for version, served in ((ssl.TLSVersion.TLSv1_1, False),
                                (ssl.TLSVersion.TLSv1_2, True),
                                (ssl.TLSVersion.TLSv1_3, True)):
            context = self.context()
            context.set_ciphers('ALL:@SECLEVEL=0')
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            if served:
                self.still_serves(self.connect(tls=context))
            else:
                self.refused(context)

    def test_tls_ciphers(self):
        """Of TLS 1.2 only what HTTP/2 allows."""
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers('ECDHE+AES:!AESGCM:!AESCCM:@SECLEVEL=0')
        self.refused(context)

    def test_tls_stalled_handshake(self):
        for data in (b'', bytes.fromhex('1603010200'),
                     h2raw.PREFACE + settings(), b'GET / HTTP/1.1\r\n\r\n'):
            sock = h2raw.dial(self.server.address)
            self.addCleanup(sock.close)
            sock.sendall(data)
            try:
                while sock.recv(1000):
                    pass
            except ConnectionError:
                pass
        self.still_serves()

    def test_tls_silence_behind_the_handshake(self):
        self.assertTrue(self.connect(values=None).wait_closed())


class Unix(ServerTest):
    """A socket in the file system; its name is unlinked at the end."""
    path = '/tmp/anycable-conformance-%d.sock' % os.getpid()
    flags = ['--listen', 'unix:' + path]

    def test_row36_unix(self):
        conn = self.connect()
        self.still_serves(conn)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if os.path.exists(cls.path):
            raise AssertionError('the socket\'s file is left')


if __name__ == '__main__':
    main()
