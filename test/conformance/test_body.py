"""Request bodies: rows 14 to 25 of the requirement table, the bombs of fault
row 14, and the sizes of fault row 16."""
import gzip
import random
import time

import h2raw
from grpcraw import (BODY, COMMAND, CONNECT, DISCONNECT, ERROR, INTERNAL,
                     RESOURCE_EXHAUSTED, SUCCESS, UNIMPLEMENTED,
                     command_message, connection_request, disconnect_request,
                     env, fields, message, pairs, text, varint)
from h2raw import (DATA, END_HEADERS, END_STREAM, PADDED, data_frames, frame,
                   headers)
from harness import SANITIZED, ServerTest, grpc, main, ok, reply, table

MIB = 1 << 20
GOOD = command_message()

REFUSED = grpc(INTERNAL)
TRUNCATED = grpc(INTERNAL)
CARDINALITY = grpc(UNIMPLEMENTED)
COMPRESSED = {'grpc_encoding': 'identity'}
UNKNOWN_ENCODING = {'grpc_encoding': 'snappy'}


def said(number, value):
    """A CommandMessage with one more field, of a wire type of one's own."""
    return message(GOOD + varint(number) + value)


def group(number, inner=b''):
    return varint(number << 3 | 3) + inner + varint(number << 3 | 4)


# Number of the row, case, further headers, body, answer, handlers that run.
ROWS = [
    (14, 'flag_1', {}, message(GOOD, 1), REFUSED, 0),
    (14, 'flag_1_identity', COMPRESSED, message(GOOD, 1), REFUSED, 0),
    (14, 'flag_1_empty', {}, message(b'', 1), REFUSED, 0),
    (14, 'identity', COMPRESSED, BODY, ok, 1),

    (15, 'unknown', UNKNOWN_ENCODING, message(GOOD, 1), CARDINALITY, 0),
    (15, 'unknown_but_plain', UNKNOWN_ENCODING, BODY, ok, 1),
    (15, 'accept', {'grpc_accept_encoding': 'gzip,deflate'}, BODY, ok, 1),

    (17, 'flag_2', {}, message(GOOD, 2), REFUSED, 0),
    (17, 'flag_3', {}, message(GOOD, 3), REFUSED, 0),
    (17, 'flag_128', {}, message(GOOD, 128), REFUSED, 0),
    (17, 'flag_255', {}, message(GOOD, 255), REFUSED, 0),
    (17, 'text', {}, b'{"command":"message"}', REFUSED, 0),

    (19, 'prefix_1', {}, BODY[:1], TRUNCATED, 0),
    (19, 'prefix_2', {}, BODY[:2], TRUNCATED, 0),
    (19, 'prefix_4', {}, BODY[:4], TRUNCATED, 0),
    (19, 'no_message', {}, BODY[:5], TRUNCATED, 0),
    (19, 'half', {}, BODY[:40], TRUNCATED, 0),
    (19, 'all_but_one', {}, BODY[:-1], TRUNCATED, 0),
    (19, 'declared_more', {}, message(GOOD, length=len(GOOD) + 1),
     TRUNCATED, 0),
    (19, 'declared_limit', {}, message(GOOD, length=4 * MIB), TRUNCATED, 0),

    (20, 'none', {}, None, CARDINALITY, 0),
    (20, 'empty_data', {}, b'', CARDINALITY, 0),
    (20, 'two', {}, BODY + BODY, CARDINALITY, 0),
    (20, 'two_empty', {}, message(b'') * 2, CARDINALITY, 0),
    (20, 'three', {}, BODY * 3, CARDINALITY, 0),

    (21, 'one_byte', {}, BODY + b'\0', REFUSED, 0),
    (21, 'four_bytes', {}, BODY + b'\0' * 4, REFUSED, 0),
    (21, 'a_cut_second', {}, BODY + BODY[:-1], REFUSED | CARDINALITY, 0),
    (21, 'declared_less', {}, message(GOOD, length=len(GOOD) - 1), REFUSED, 0),

    (22, 'garbage', {}, message(b'\xff' * 20), REFUSED, 0),
    (22, 'text', {}, message(b'hello, world'), REFUSED, 0),
    (22, 'cut_varint', {}, said(0x50, b'\xff'), REFUSED, 0),
    (22, 'long_varint', {}, said(0x50, b'\xff' * 10 + b'\1'), REFUSED, 0),
    (22, 'cut_key', {}, message(GOOD + b'\xaa'), REFUSED, 0),
    (22, 'cut_length', {}, said(0x0a, b''), REFUSED, 0),
    (22, 'length_over', {}, said(0x0a, b'\x7f'), REFUSED, 0),
    (22, 'length_huge', {}, said(0x0a, b'\xff\xff\xff\xff\x7f'), REFUSED, 0),
    (22, 'length_negative', {}, said(0x0a, b'\xff' * 9 + b'\1'), REFUSED, 0),
    (22, 'field_0', {}, said(0x02, b'\0'), REFUSED, 0),
    (22, 'wire_type_6', {}, said(0x56, b'\0'), REFUSED, 0),
    (22, 'wire_type_7', {}, said(0x57, b'\0'), REFUSED, 0),
    (22, 'group_not_ended', {}, said(0x53, b''), REFUSED, 0),
    (22, 'group_not_begun', {}, said(0x54, b''), REFUSED, 0),
    (22, 'group_ends_other', {}, said(0x53, b'\x5c'), REFUSED, 0),
    (22, 'cut_fixed64', {}, said(0x51, b'\0' * 7), REFUSED, 0),
    (22, 'cut_fixed32', {}, said(0x55, b'\0' * 3), REFUSED, 0),
    (22, 'env_garbage', {}, message(text(5, b'\xff')), REFUSED, 0),
    (22, 'env_cut', {}, message(text(5, env()[:-1])), REFUSED, 0),
    (22, 'map_entry_garbage', {}, message(text(5, text(2, b'\x0a\x7f'))),
     REFUSED, 0),

    (23, 'empty_message', {}, message(b''), ok, 1),
    (23, 'no_env', {}, message(text(1, 'message') + text(4, 'echo:hi')),
     reply(SUCCESS, b'hi'), 1),
    (23, 'unknown_command', {}, message(command_message(command='history')),
     reply(SUCCESS, b'command:history'), 1),
    (23, 'unknown_fields', {}, message(
        GOOD + varint(100 << 3) + b'\1' + text(101, 'x') +
        varint(102 << 3 | 1) + b'\0' * 8 + varint(103 << 3 | 5) + b'\0' * 4 +
        group(104, varint(8) + b'\1' + group(2))), reply(SUCCESS, b'hi'), 1),
    (23, 'known_field_other_type', {}, message(GOOD + varint(1 << 3) + b'\1'),
     reply(SUCCESS, b'hi'), 1),
    (23, 'fields_in_any_order', {}, message(
        text(5, env()) + text(4, 'echo:hi') + text(1, 'message')),
     reply(SUCCESS, b'hi'), 1),
    (23, 'last_field_wins', {}, message(
        text(4, 'echo:no') + text(1, 'message') + text(4, 'echo:yes')),
     reply(SUCCESS, b'yes'), 1),
    (23, 'last_key_wins', {}, message(command_message(
        'cstate:k', cstate=[('k', '1'), ('o', '2'), ('k', '3')])),
     reply(SUCCESS, b'hex:33'), 1),
    (23, 'env_merges', {}, message(
        command_message('cstate:k', cstate=[('k', '1')]) +
        text(5, pairs(3, [('l', '2')]))), reply(SUCCESS, b'hex:31'), 1),
    (23, 'map_entry_without_value', {}, message(command_message('cstate:k') +
     text(5, text(3, text(1, 'k')))), reply(SUCCESS, b'hex:'), 1),
    (23, 'bad_utf8', {}, message(command_message(b'echo:\xff')), REFUSED, 0),
    (23, 'utf8_overlong', {}, message(command_message(b'echo:\xc0\x80')),
     REFUSED, 0),
    (23, 'utf8_surrogate', {}, message(command_message(b'echo:\xed\xa0\x80')),
     REFUSED, 0),
    (23, 'utf8_cut', {}, message(command_message(b'echo:\xe2\x82')),
     REFUSED, 0),
    (23, 'utf8_too_high', {}, message(command_message(
        b'echo:\xf4\x90\x80\x80')), REFUSED, 0),
    (23, 'bad_utf8_in_key', {}, message(command_message(
        cstate=[(b'\xff', 'v')])), REFUSED, 0),
    (23, 'bad_utf8_in_value', {}, message(command_message(
        headers=[('cookie', b'\xff')])), REFUSED, 0),
    (23, 'nul', {}, message(command_message(b'echo:a\0b')), REFUSED, 0),
    (23, 'nul_in_identifier', {}, message(command_message(
        identifier=b'{"channel":"A"}\0')), REFUSED, 0),
    (23, 'nul_in_key', {}, message(command_message(
        cstate=[(b'k\0', 'v')])), REFUSED, 0),
    (23, 'utf8', {}, message(command_message('echo:h\u00e9\U0001f600')),
     reply(SUCCESS, 'h\u00e9\U0001f600'.encode()), 1),
]


@table(ROWS)
class Bodies(ServerTest):
    flags = ['--workers', 2]

    def check_row(self, more, body, answer, runs):
        conn = self.connect()
        before = self.server.stats()['calls']
        got = conn.response(conn.request(fields(**more), body))
        answer.check(self, got)
        self.check_form(got)
        self.assertEqual(self.server.stats()['calls'] - before, runs,
                         'handlers that ran')
        self.still_serves(conn)

    def call(self, body, path=COMMAND, **more):
        conn = self.connect()
        return conn.response(conn.request(fields(path, **more), body))

    def test_row14_names_the_flag(self):
        self.assertIn('flag', self.call(message(GOOD, 1)).grpc_message)

    def test_row15_says_what_it_can(self):
        got = self.call(message(GOOD, 1), **UNKNOWN_ENCODING)
        accepted = got.field('grpc-accept-encoding')
        self.assertIsNotNone(accepted, 'no grpc-accept-encoding')
        self.assertIn(b'identity', accepted)
        self.assertNotIn(b'snappy', accepted)

    def gzip_supported(self):
        got = self.call(message(GOOD, 1), **UNKNOWN_ENCODING)
        return b'gzip' in (got.field('grpc-accept-encoding') or b'')

    def test_row15_gzip(self):
        """gzip is served or refused, as announced."""
        got = self.call(message(gzip.compress(GOOD), 1), grpc_encoding='gzip')
        if self.gzip_supported():
            self.check_reply(got, transmissions=[b'hi'])
        else:
            self.check_status(got, UNIMPLEMENTED)

    def test_row16_corrupt_and_bomb(self):
        if not self.gzip_supported():
            self.skipTest('no compression is supported')
        for body in (b'garbage', gzip.compress(GOOD)[:-9]):
            got = self.call(message(body, 1), grpc_encoding='gzip')
            self.check_status(got, INTERNAL)
        got = self.call(message(gzip.compress(bytes(64 * MIB)), 1),
                        grpc_encoding='gzip')
        self.assertIn(got.grpc_status, (RESOURCE_EXHAUSTED, INTERNAL))

    def test_row22_names_the_message(self):
        for path, name in ((CONNECT, 'ConnectionRequest'),
                           (COMMAND, 'CommandMessage'),
                           (DISCONNECT, 'DisconnectRequest')):
            got = self.call(message(b'\xffsecret'), path)
            self.check_status(got, INTERNAL, name)
            self.assertNotIn('secret', got.grpc_message)

    def test_row22_all_cuts(self):
        """Wherever a message is cut, it is refused or read, and nothing
        else happens."""
        conn = self.connect()
        for body in (GOOD, connection_request(), disconnect_request()):
            path = {GOOD: COMMAND, connection_request(): CONNECT}.get(
                body, DISCONNECT)
            streams = [conn.request(fields(path), message(body[:n]))
                       for n in range(len(body))]
            for stream in streams:
                got = conn.response(stream)
                self.assertIn(got.grpc_status, (0, INTERNAL), str(got))
        self.still_serves(conn)

    def test_row22_random(self):
        """Messages with random bytes changed are refused or read."""
        random_ = random.Random(22)
        conn = self.connect()
        streams = []
        for _ in range(500):
            body = bytearray(GOOD)
            for _ in range(random_.randrange(1, 4)):
                body[random_.randrange(len(body))] = random_.randrange(256)
            streams.append(conn.request(fields(), message(bytes(body))))
        for stream in streams:
            got = conn.response(stream)
            self.assertIn(got.grpc_status, (0, INTERNAL), str(got))
        self.still_serves(conn)

    def test_row23_connect_without_env(self):
        got = self.call(message(b''), CONNECT)
        self.check_reply(got, SUCCESS, path=CONNECT)


class Framing(ServerTest):
    """How a body is cut into frames carries no meaning."""
    flags = ['--workers', 2]

    def exchange(self, frames_of, first=None):
        conn = self.connect()
        stream = conn.new_stream()
        conn.send((first(stream) if first else headers(stream, fields())) +
                  frames_of(stream))
        self.check_reply(conn.response(stream), transmissions=[b'hi'])
        self.still_serves(conn)

    def test_row24_one_byte_a_frame(self):
        self.exchange(lambda s: data_frames(s, BODY, size=1))

    def test_row24_prefix_apart(self):
        self.exchange(lambda s: data_frames(s, BODY[:5], False) +
                      data_frames(s, BODY[5:]))

    def test_row24_cut_everywhere(self):
        conn = self.connect()
        streams = []
        for n in range(1, len(BODY)):
            stream = conn.new_stream()
            conn.send(headers(stream, fields()) +
                      data_frames(stream, BODY[:n], False) +
                      data_frames(stream, BODY[n:]))
            streams.append(stream)
        for stream in streams:
            self.check_reply(conn.response(stream), transmissions=[b'hi'])

    def test_row24_padded(self):
        for pad in (0, 1, 255):
            self.exchange(lambda s, n=pad: frame(
                DATA, PADDED | END_STREAM, s, bytes([n]) + BODY + bytes(n)))

    def test_row24_padded_one_byte_a_frame(self):
        self.exchange(lambda s: b''.join(
            frame(DATA, PADDED, s, b'\7' + BODY[i:i + 1] + bytes(7))
            for i in range(len(BODY))) + frame(DATA, END_STREAM, s))

    def test_row24_empty_frames(self):
        self.exchange(lambda s: frame(DATA, 0, s) * 5 +
                      data_frames(s, BODY[:7], False) + frame(DATA, 0, s) * 5 +
                      data_frames(s, BODY[7:], False) +
                      frame(DATA, END_STREAM, s))

    def test_row24_ended_by_trailers(self):
        self.exchange(lambda s: data_frames(s, BODY, False) + headers(
            s, [('x-note', 'v')], END_HEADERS | END_STREAM))

    def test_row24_headers_padded_and_split(self):
        data = h2raw.block(fields())
        self.exchange(
            lambda s: data_frames(s, BODY),
            lambda s: frame(h2raw.HEADERS, PADDED | h2raw.PRIORITY_FLAG, s,
                            b'\3' + b'\0\0\0\0\xff' + data[:50] + bytes(3)) +
            frame(h2raw.CONTINUATION, END_HEADERS, s, data[50:]))

    def test_row24_one_byte_a_segment(self):
        """Nor does how frames are cut into segments."""
        conn = self.connect(values=None)
        conn.streams[1] = h2raw.Response()
        data = (h2raw.PREFACE + h2raw.settings() + headers(1, fields()) +
                data_frames(1, BODY))
        for i in range(len(data)):
            conn.send(data[i:i + 1])
        self.check_reply(conn.response(1), transmissions=[b'hi'])

    def test_row25_not_before_the_end(self):
        conn = self.connect()
        before = self.server.stats()['calls']
        stream = conn.request(fields(), BODY, end=False)
        # Calls that came later have run; this one has not.
        self.still_serves(conn)
        self.still_serves(conn)
        self.assertEqual(self.server.stats()['calls'] - before, 2)
        self.assertFalse(conn.streams[stream].blocks)
        conn.send(frame(DATA, END_STREAM, stream))
        self.check_reply(conn.response(stream), transmissions=[b'hi'])
        self.assertEqual(self.server.stats()['calls'] - before, 3)

    def test_row25_never_after_a_reset(self):
        conn = self.connect()
        before = self.server.stats()['calls']
        stream = conn.request(fields(), BODY, end=False)
        conn.send(h2raw.rst(stream))
        self.still_serves(conn)
        self.assertEqual(self.server.stats()['calls'] - before, 1)


def sized(total):
    """A CommandMessage of |total| bytes."""
    return command_message('length:' + 'x' * (
        total - len(command_message('length:' + 'x' * (MIB * 3))) + MIB * 3))


class Sizes(ServerTest):
    flags = ['--workers', 2]

    def upload(self, conn, body, path=COMMAND):
        stream = conn.request(fields(path), b'', end=False)
        conn.upload(stream, message(body))
        return conn.response(stream)

    def test_row18_exactly_the_limit(self):
        body = sized(4 * MIB)
        self.assertEqual(len(body), 4 * MIB)
        (length,) = self.check_reply(
            self.upload(self.connect(), body)).transmissions
        self.assertGreater(int(length), 4 * MIB - 1000)

    def test_row18_one_over(self):
        conn = self.connect()
        got = self.upload(conn, sized(4 * MIB + 1))
        self.check_status(got, RESOURCE_EXHAUSTED)
        self.still_serves(conn)

    def test_row18_by_the_prefix_alone(self):
        """Five bytes are enough to say no; then the stream is closed."""
        before = self.server.stats()['calls']
        for length in (4 * MIB + 1, 5 * MIB, 1 << 31, 0xffffffff):
            conn = self.connect()
            stream = conn.request(fields(), message(b'', length=length),
                                  end=False)
            got = conn.response(stream)
            self.check_status(got, RESOURCE_EXHAUSTED)
            self.assertTrue(got.trailers_only)
            conn.wait(lambda: got.rst is not None)
            self.assertEqual(got.rst, h2raw.NO_ERROR)
        self.assertEqual(self.server.stats()['calls'], before)

    def test_row18_drains(self):
        """What is still sent to refused calls is given back to the window."""
        conn = self.connect()
        self.still_serves(conn)
        for _ in range(40):
            stream = conn.request(fields(), message(b'', length=5 * MIB),
                                  end=False)
            # Sent in any case, as a client does that has not read the answer.
            conn.wait(lambda: conn.window >= 60000)
            conn.window -= 60000
            conn.send(data_frames(stream, bytes(60000), False))
            self.check_status(conn.response(stream), RESOURCE_EXHAUSTED)
        self.check_reply(self.upload(conn, sized(MIB)))

    def test_row18_memory(self):
        """Declared is not taken."""
        if SANITIZED:
            self.skipTest('memory is the sanitizer\'s')
        conn = self.connect()
        self.still_serves(conn)
        before = self.server.rss()
        for _ in range(200):
            conn.request(fields(), message(b'', length=4 * MIB), end=False)
        self.assertTrue(conn.sync())
        self.assertLess(self.server.rss() - before, 16 * 1024)

    def test_fault16_requests_in_parallel(self):
        """28 of the largest, all there at the same time."""
        body = message(sized(4 * MIB))
        calls = []
        for conn in [self.connect() for _ in range(7)]:
            for _ in range(4):
                stream = conn.request(fields(), b'', end=False)
                conn.upload(stream, body, end=False)
                calls.append((conn, stream))
        for conn, stream in calls:
            conn.send(frame(DATA, END_STREAM, stream))
        for conn, stream in calls:
            self.check_reply(conn.response(stream))

    def test_fault16_replies_in_parallel(self):
        size = 4 * MIB - 1000
        calls = []
        for conn in [self.connect({h2raw.INITIAL_WINDOW_SIZE: 0})
                     for _ in range(7)]:
            for _ in range(4):
                calls.append((conn, self.start(conn, 'big:%d' % size)))
        for conn, stream in calls:
            conn.wait(lambda: conn.streams[stream].blocks)
        for conn, stream in calls:
            conn.send(h2raw.window_update(stream, 5 * MIB))
        for conn, stream in calls:
            got = conn.response(stream)
            (frame_,) = self.check_reply(got).transmissions
            self.assertEqual(len(frame_), size)

    def test_fault16_reply_at_the_limit(self):
        conn = self.connect()
        for size, status in ((4 * MIB - 100, SUCCESS), (4 * MIB + 1, ERROR)):
            before = self.server.stats()['calls']
            stream = conn.request(fields(), message(
                command_message('big:%d' % size)))
            got = conn.response(stream)
            answer = self.check_reply(got, status)
            self.assertEqual(self.server.stats()['calls'] - before, 1)
            if status == SUCCESS:
                self.assertEqual(len(answer.transmissions[0]), size)

    def test_fault16_reply_of_exactly_the_limit(self):
        """The message as a whole counts, as it does for the client."""
        conn = self.connect()
        stream = conn.request(fields(), message(command_message(
            'big:%d' % (4 * MIB - 1000))))
        got = conn.response(stream)
        around = len(got.data) - 5 - (4 * MIB - 1000)
        for size, status in ((4 * MIB - around, SUCCESS),
                             (4 * MIB - around + 1, ERROR)):
            got = conn.response(conn.request(fields(), message(
                command_message('big:%d' % size))))
            self.check_reply(got, status)
            self.assertLessEqual(len(got.data), 4 * MIB + 5)


class SmallSizes(ServerTest):
    flags = ['--limit', 'message=1000', '--limit', 'reply=2000',
             '--limit', 'elements=50', '--limit', 'unknown_fields=10',
             '--limit', 'singular_repeats=4']

    def call(self, body, path=COMMAND):
        conn = self.connect()
        got = conn.response(conn.request(fields(path), body))
        self.still_serves(conn)
        return got

    def test_row18_configured(self):
        body = command_message('echo:' + 'x' * 700)
        body += text(4, 'echo:' + 'x' * (1000 - len(body) - 8))
        self.assertEqual(len(body), 1000)
        self.check_reply(self.call(message(body)))
        self.check_status(self.call(message(body + b'\0')),
                          RESOURCE_EXHAUSTED)

    def test_fault16_configured(self):
        self.check_reply(self.call(message(command_message('big:1900'))))
        got = self.call(message(command_message('big:2000')))
        self.check_reply(got, ERROR)

    def test_fault14_configured(self):
        """Elements, unknown fields and repeats are counted."""
        entry = text(5, text(3, b''))
        many = text(5, text(3, b'') * 45)
        self.check_status(self.call(message(many)), 0)
        self.check_status(self.call(message(text(5, text(3, b'') * 51))),
                          INTERNAL)
        unknown = varint(100 << 3) + b'\0'
        self.check_status(self.call(message(unknown * 10)), 0)
        self.check_status(self.call(message(unknown * 11)), INTERNAL)
        self.check_status(self.call(message(entry * 4)), 0)
        self.check_status(self.call(message(entry * 6)), INTERNAL)


def repeated(part, total=4 * MIB - 64):
    return part * (total // len(part))


# Four megabytes each, and the method: all are refused with INTERNAL.
BOMBS = [
    ('env_merge', CONNECT, repeated(text(3, text(2, b'')))),
    ('env_merge_of_command', COMMAND, repeated(text(5, text(2, b'')))),
    ('env_merge_of_disconnect', DISCONNECT, repeated(text(5, text(2, b'')))),
    ('empty_env', CONNECT, repeated(text(3, b''))),
    ('empty_headers', CONNECT, text(3, repeated(text(2, b'')))),
    ('empty_cstate', COMMAND, text(5, repeated(text(3, b'')))),
    ('empty_istate', COMMAND, text(5, repeated(text(4, b'')))),
    ('headers_of_one_key', CONNECT, text(3, repeated(pairs(2, {'a': 'b'})))),
    ('different_keys', CONNECT, text(3, b''.join(
        pairs(2, [('%x' % i, '')]) for i in range(350000)))),
    ('unknown_varints', COMMAND, repeated(varint(8 << 3) + b'\0')),
    ('unknown_strings', COMMAND, repeated(text(8, b''))),
    ('unknown_in_env', COMMAND, text(5, repeated(varint(8 << 3) + b'\0'))),
    ('unknown_in_entry', COMMAND,
     text(5, text(2, repeated(varint(8 << 3) + b'\0')))),
    ('unknown_groups', COMMAND, repeated(group(8))),
    ('deep_groups', COMMAND, repeated(varint(8 << 3 | 3), 2 * MIB) +
     repeated(varint(8 << 3 | 4), 2 * MIB)),
    ('singular_repeats', COMMAND, repeated(text(1, b''))),
    ('singular_in_env', COMMAND, text(5, repeated(text(1, b'')))),
    ('empty_subscriptions', DISCONNECT, repeated(text(2, b''))),
    ('entry_keys', COMMAND, text(5, text(2, repeated(text(1, b''))))),
]


class Bombs(ServerTest):
    """Messages that are small, and expensive to decode."""
    flags = ['--workers', 1]

    def test_fault14_bombs(self):
        for name, path, body in BOMBS:
            with self.subTest(name):
                conn = self.connect()
                self.still_serves(conn)
                self.server.reset_peak()
                peak, cpu = self.server.peak(), self.server.cpu()
                runs = self.server.stats()['calls']
                stream = conn.request(fields(path), b'', end=False)
                conn.upload(stream, message(body))
                got = conn.response(stream)
                self.check_status(got, INTERNAL)
                self.assertEqual(self.server.stats()['calls'], runs)
                # 326 s it was; receiving 4 MiB costs some too.
                self.assertLess(self.server.cpu() - cpu,
                                2 if SANITIZED else 0.2)
                if not SANITIZED:
                    self.assertLess(self.server.peak() - peak,
                                    3 * 4096 + 64 + 1024)
                conn.close()

    def test_fault14_others_are_served(self):
        """A bomb holds nobody up."""
        with self.open() as conn, self.open() as other:
            name, path, body = BOMBS[0]
            stream = conn.request(fields(path), b'', end=False)
            conn.upload(stream, message(body))
            begin = time.monotonic()
            self.still_serves(other)
            self.assertLess(time.monotonic() - begin, 5)
            self.check_status(conn.response(stream), INTERNAL)


if __name__ == '__main__':
    main()
