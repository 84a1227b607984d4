"""Request headers: rows 1 to 13 of the requirement table. Each case is one bad
(or unusual) call; after it, the connection must serve as before."""

import h2raw
from grpcraw import (ERROR, FIELDS, INTERNAL, UNIMPLEMENTED,
                     command_message, fields, message)
from h2raw import (INTERNAL_ERROR, PROTOCOL_ERROR, END_HEADERS, END_STREAM,
                   literal)
from harness import ServerTest, grpc, http, main, ok, reply, rst, table


# --- changes of good headers

def put(name, value):
    """Replaces the value of |name|."""
    return [(n, value if n == name else v) for n, v in FIELDS]


def without(*names):
    return [(n, v) for n, v in FIELDS if n not in names]


def also(*more):
    """Further fields behind all others."""
    return FIELDS + [tuple(pair) for pair in more]


def path(value):
    return put(':path', value)


def content_type(value):
    return put('content-type', value)


def timeout(value):
    return put('grpc-timeout', value)


def size(pairs):
    return sum(len(n) + len(v) + 32 for n, v in pairs)


def filled(total):
    """Headers of |total| bytes as they count."""
    return also(('x-fill', 'v' * (total - size(FIELDS) - 32 - 6)))


def counted(total):
    """Headers of |total| fields."""
    return also(*[('x-%d' % i, 'v') for i in range(total - len(FIELDS))])


MALFORMED = rst(PROTOCOL_ERROR)
# HTTP 431, or the stream alone is reset.
TOO_LARGE = http(431) | rst(PROTOCOL_ERROR, INTERNAL_ERROR,
                            h2raw.REFUSED_STREAM, h2raw.ENHANCE_YOUR_CALM)
UNSUPPORTED = http(415)
BAD_TIMEOUT = grpc(INTERNAL, http=400)
# A header that HTTP itself forbids never gets as far as gRPC: the answer is
# gRPC's or HTTP/2's, and both are right.
UNKNOWN_PATH = grpc(UNIMPLEMENTED)
NO_PATH = grpc(UNIMPLEMENTED) | MALFORMED

# Number of the row, case, headers, answer, and how many handlers run.
ROWS = [
    (1, 'get', put(':method', 'GET'), grpc(INTERNAL, http=405), 0),
    (1, 'put', put(':method', 'PUT'), grpc(INTERNAL, http=405), 0),
    (1, 'delete', put(':method', 'DELETE'), grpc(INTERNAL, http=405), 0),
    (1, 'head', put(':method', 'HEAD'), http(405), 0),
    (1, 'lower_case', put(':method', 'post'), grpc(INTERNAL, http=405), 0),
    (1, 'invented', put(':method', 'POSTS'), grpc(INTERNAL, http=405), 0),
    (1, 'options', put(':method', 'OPTIONS'), grpc(INTERNAL, http=405), 0),
    (1, 'connect', put(':method', 'CONNECT'),
     grpc(INTERNAL, http=405) | MALFORMED, 0),

    (2, 'html', content_type('text/html'), UNSUPPORTED, 0),
    (2, 'missing', without('content-type'), UNSUPPORTED, 0),
    (2, 'empty', content_type(''), UNSUPPORTED, 0),
    (2, 'json', content_type('application/json'), UNSUPPORTED, 0),
    (2, 'prefix', content_type('application/grp'), UNSUPPORTED, 0),
    (2, 'longer', content_type('application/grpcx'), UNSUPPORTED, 0),
    (2, 'web', content_type('application/grpc-web'), UNSUPPORTED, 0),
    (2, 'later', content_type('text/html, application/grpc'), UNSUPPORTED, 0),

    (3, 'plain', content_type('application/grpc'), ok, 1),
    (3, 'proto', content_type('application/grpc+proto'), ok, 1),
    (3, 'params', content_type('application/grpc;charset=utf-8'), ok, 1),
    (3, 'spaced_params', content_type('application/grpc ; a=b'),
     ok | UNSUPPORTED, None),
    (3, 'proto_params', content_type('application/grpc+proto;a=b'), ok, 1),
    (3, 'json', content_type('application/grpc+json'),
     UNSUPPORTED | grpc(INTERNAL), 0),
    (3, 'unknown', content_type('application/grpc+thrift'),
     UNSUPPORTED | grpc(INTERNAL), 0),
    (3, 'longer', content_type('application/grpc+protox'),
     UNSUPPORTED | grpc(INTERNAL), 0),

    (4, 'missing', without('te'), ok, 1),
    (4, 'gzip', put('te', 'gzip'), MALFORMED, 0),
    (4, 'list', put('te', 'trailers, deflate'), MALFORMED, 0),
    (4, 'empty', put('te', ''), MALFORMED, 0),

    (5, 'unknown_service', path('/anycable.RPC2/Command'), UNKNOWN_PATH, 0),
    (5, 'unknown_method', path('/anycable.RPC/Commands'), UNKNOWN_PATH, 0),
    (5, 'service_case', path('/anycable.rpc/Command'), UNKNOWN_PATH, 0),
    (5, 'method_case', path('/anycable.RPC/command'), UNKNOWN_PATH, 0),
    (5, 'no_second_slash', path('/foo'), UNKNOWN_PATH, 0),
    (5, 'root', path('/'), UNKNOWN_PATH, 0),
    (5, 'no_method', path('/anycable.RPC'), UNKNOWN_PATH, 0),
    (5, 'empty_method', path('/anycable.RPC/'), UNKNOWN_PATH, 0),
    (5, 'no_service', path('//Command'), UNKNOWN_PATH, 0),
    (5, 'third_slash', path('/anycable.RPC/Command/'), UNKNOWN_PATH, 0),
    (5, 'prefixed', path('/x/anycable.RPC/Command'), UNKNOWN_PATH, 0),
    (5, 'query', path('/anycable.RPC/Command?a=b'), UNKNOWN_PATH, 0),
    (5, 'encoded', path('/anycable.RPC/%43ommand'), UNKNOWN_PATH, 0),
    (5, 'percent', path('/anycable.RPC/100%'), UNKNOWN_PATH, 0),
    (5, 'high_bytes', path(b'/anycable.RPC/\xc3\xa9\xff'), NO_PATH, 0),
    (5, 'long', path('/anycable.RPC/' + 'x' * 9000), UNKNOWN_PATH, 0),
    (5, 'no_first_slash', path('anycable.RPC/Command'), NO_PATH, 0),
    (5, 'empty', path(''), NO_PATH, 0),

    (6, 'missing', without(':authority'), ok, 1),
    (6, 'host', without(':authority') + [('host', 'localhost')], ok, 1),
    (6, 'both', also(('host', 'localhost')), ok, 1),
    (6, 'twice', put(':authority', 'a')[:4] + FIELDS[3:], MALFORMED, 0),
    (6, 'host_twice', also(('host', 'a'), ('host', 'b')), MALFORMED, 0),

    (7, 'connection', also(('connection', 'close')), MALFORMED, 0),
    (7, 'proxy_connection', also(('proxy-connection', 'close')), MALFORMED, 0),
    (7, 'keep_alive', also(('keep-alive', '1')), MALFORMED, 0),
    (7, 'transfer_encoding', also(('transfer-encoding', 'chunked')),
     MALFORMED, 0),
    (7, 'upgrade', also(('upgrade', 'h2c')), MALFORMED, 0),
    (7, 'upper_case', also(('X-Note', 'v')), MALFORMED, 0),
    (7, 'pseudo_last', FIELDS[1:] + FIELDS[:1], MALFORMED, 0),
    (7, 'pseudo_unknown', [(':foo', 'v')] + FIELDS, MALFORMED, 0),
    (7, 'pseudo_of_responses', [(':status', '200')] + FIELDS, MALFORMED, 0),
    (7, 'pseudo_empty', [(':', 'v')] + FIELDS, MALFORMED, 0),
    (7, 'method_twice', FIELDS[:1] + FIELDS, MALFORMED, 0),
    (7, 'path_twice', FIELDS[2:3] + FIELDS, MALFORMED, 0),
    (7, 'no_method', without(':method'), MALFORMED, 0),
    (7, 'no_scheme', without(':scheme'), MALFORMED, 0),
    (7, 'no_path', without(':path'), MALFORMED, 0),
    (7, 'name_with_space', also(('x note', 'v')), MALFORMED, 0),
    (7, 'name_with_colon', also(('x:note', 'v')), MALFORMED, 0),
    (7, 'name_high', also((b'x-\xff', 'v')), MALFORMED, 0),
    (7, 'value_cr', also(('x-note', 'a\rb')), MALFORMED, 0),
    (7, 'value_lf', also(('x-note', 'a\nb: c')), MALFORMED, 0),
    (7, 'value_nul', also(('x-note', 'a\0b')), MALFORMED, 0),
    (7, 'content_length_wrong', also(('content-length', '1')), MALFORMED, 0),
    (7, 'content_length_twice',
     also(('content-length', '1'), ('content-length', '1')), MALFORMED, 0),
    (7, 'content_length_text', also(('content-length', 'x')), MALFORMED, 0),
    (7, 'content_length_negative', also(('content-length', '-1')),
     MALFORMED, 0),

    (8, 'empty', timeout(''), BAD_TIMEOUT, 0),
    (8, 'no_unit', timeout('100'), BAD_TIMEOUT, 0),
    (8, 'no_digits', timeout('S'), BAD_TIMEOUT, 0),
    (8, 'nine_digits', timeout('123456789S'), BAD_TIMEOUT, 0),
    (8, 'nine_zeros', timeout('000000001S'), BAD_TIMEOUT, 0),
    (8, 'minus', timeout('-1S'), BAD_TIMEOUT, 0),
    (8, 'plus', timeout('+1S'), BAD_TIMEOUT, 0),
    (8, 'letters', timeout('abcS'), BAD_TIMEOUT, 0),
    (8, 'hexadecimal', timeout('0x1S'), BAD_TIMEOUT, 0),
    (8, 'fraction', timeout('1.5S'), BAD_TIMEOUT, 0),
    (8, 'unknown_unit', timeout('1x'), BAD_TIMEOUT, 0),
    (8, 'lower_case_unit', timeout('1s'), BAD_TIMEOUT, 0),
    (8, 'two_units', timeout('1SS'), BAD_TIMEOUT, 0),
    (8, 'inner_space', timeout('1 S'), BAD_TIMEOUT, 0),
    (8, 'hours', timeout('1H'), ok, 1),
    (8, 'hours_overflow', timeout('99999999H'), ok, 1),
    (8, 'minutes', timeout('99999999M'), ok, 1),
    (8, 'seconds', timeout('10S'), ok, 1),
    (8, 'milliseconds', timeout('5000m'), ok, 1),
    (8, 'microseconds', timeout('2999876u'), ok, 1),
    (8, 'leading_zeros', timeout('00000010S'), ok, 1),
    (8, 'none', without('grpc-timeout'), ok, 1),
    (8, 'zero_microseconds', timeout('0u'), grpc(4), 0),
    (8, 'zero_hours', timeout('0H'), grpc(4), 0),
    (8, 'zero_seconds', timeout('00000000S'), grpc(4), 0),
    (8, 'one_nanosecond', timeout('1n'), grpc(4), 0),

    (9, 'bad_alphabet', also(('x-bin', '!!!!')), grpc(INTERNAL), 0),
    (9, 'one_character', also(('x-bin', 'A')), grpc(INTERNAL), 0),
    (9, 'only_padding', also(('x-bin', '====')), grpc(INTERNAL), 0),
    (9, 'half_padding', also(('x-bin', 'AA=')), grpc(INTERNAL), 0),
    (9, 'inner_space', also(('x-bin', 'AA AA')), grpc(INTERNAL), 0),
    (9, 'second_of_list', also(('x-bin', 'AAEC,!')), grpc(INTERNAL), 0),
    (9, 'url_alphabet', also(('x-bin', 'AA-_')), grpc(INTERNAL), 0),

    (10, 'latin1', also((b'x-note', b'caf\xe9')), ok, 1),
    (10, 'utf8', also(('x-note', 'caf\u00e9')), ok, 1),
    (10, 'all_high', also((b'x-note', bytes(range(128, 256)))), ok, 1),
    (10, 'tab', also(('x-note', 'a\tb')), ok, 1),
    (10, 'empty', also(('x-note', '')), ok, 1),
    (10, 'long_name', also(('x-' + 'n' * 1000, 'v')), ok, 1),

    (11, 'size_at_limit', filled(16384), ok, 1),
    (11, 'size_over', filled(16385), TOO_LARGE, 0),
    (11, 'size_far_over', filled(40000), TOO_LARGE, 0),
    (11, 'count_at_limit', counted(100), ok, 1),
    (11, 'count_over', counted(101), TOO_LARGE, 0),
    (11, 'count_far_over', counted(350), TOO_LARGE, 0),

    (12, 'sid_twice', also(('sid', 'another')), ok, 1),
    (12, 'no_sid', without('sid'), ok, 1),
    (12, 'long_sid', put('sid', 's' * 4000), ok, 1),
    (12, 'protov_list', put('protov', 'v0,v1'), ok, 1),
    (12, 'no_protov', without('protov'), reply(ERROR), 0),
    (12, 'protov_2', put('protov', 'v2'), reply(ERROR), 0),
    (12, 'protov_empty', put('protov', ''), reply(ERROR), 0),

    (13, 'none', without('user-agent'), ok, 1),
    (13, 'long', put('user-agent', 'u' * 5000), ok, 1),
    (13, 'hostile', put('user-agent', '%n%s\x7f"{}'), ok | MALFORMED, None),
]


@table(ROWS)
class Headers(ServerTest):
    flags = ['--workers', 2]

    def check_row(self, headers, answer, runs):
        conn = self.connect()
        self.still_serves(conn)
        before = self.server.stats()['calls']
        got = conn.response(self.begin(conn, headers))
        answer.check(self, got)
        self.check_form(got)
        ran = self.server.stats()['calls'] - before
        if runs is not None:
            self.assertEqual(ran, runs, 'handlers that ran')
        self.still_serves(conn)

    def begin(self, conn, headers):
        return conn.request(headers, message(command_message('echo:hi')))

    def test_row02_no_dispatch_before_the_end(self):
        """The answer is 415 at once, without a look at the body."""
        conn = self.connect()
        stream = conn.request(content_type('text/html'), b'', end=False)
        got = conn.response(stream)
        self.assertEqual((got.http_status, got.ended), (415, True))
        self.still_serves(conn)

    def test_row03_same_content_type(self):
        for value in ('application/grpc', 'application/grpc+proto'):
            conn = self.connect()
            got = conn.response(self.begin(conn, content_type(value)))
            self.assertEqual(got.field('content-type', 0), value.encode())

    def metadata(self, name, headers):
        conn = self.connect()
        stream = conn.request(headers,
                              message(command_message('metadata:' + name)))
        (got,) = self.check_reply(conn.response(stream)).transmissions
        return bytes.fromhex(got.decode().partition(':')[2])

    def test_row09_binary_metadata(self):
        for value, decoded in (('AAEC', b'\0\1\2'), ('AAECAw==', b'\0\1\2\3'),
                               ('AAECAw', b'\0\1\2\3'), ('', b''),
                               ('AAECAwQ=', b'\0\1\2\3\4'),
                               ('AAECAwQ', b'\0\1\2\3\4'),
                               ('+/+/', b'\xfb\xff\xbf')):
            with self.subTest(value):
                self.assertEqual(self.metadata('x-bin', also(('x-bin', value))),
                                 decoded)

    def test_row09_comma_joined(self):
        """A list is several values; what counts is the first one."""
        for value in ('AAEC,AwQF', 'AAEC, AwQF', 'AAEC,Aw=='):
            with self.subTest(value):
                self.assertEqual(self.metadata('x-bin', also(('x-bin', value))),
                                 b'\0\1\2')

    def test_row09_first_of_two(self):
        self.assertEqual(self.metadata('x-a', also(('x-a', '1'), ('x-a', '2'))),
                         b'1')
        self.assertEqual(
            self.metadata('x-bin', also(('x-bin', 'AA'), ('x-bin', 'AQ'))),
            b'\0')

    def test_row11_tables_survive(self):
        """A header list that is refused still enters what it indexes."""
        conn = self.connect()
        self.still_serves(conn)
        stream = conn.new_stream()
        # The table is full of what "good" calls had; this adds two entries,
        # before and behind the limit.
        conn.send(h2raw.headers(stream, literal('x-one', '1', 0x40) +
                                h2raw.block(filled(30000)) +
                                literal('x-two', '2', 0x40)) +
                  h2raw.data_frames(stream, b''))
        got = conn.response(stream)
        TOO_LARGE.check(self, got)
        # Entry 62 is the newest.
        stream = conn.new_stream()
        conn.send(h2raw.headers(stream, h2raw.block(fields()) + b'\xbe\xbf') +
                  h2raw.data_frames(stream,
                                    message(command_message('metadata:x-two'))))
        self.check_reply(conn.response(stream), transmissions=[b'hex:32'])
        stream = conn.new_stream()
        conn.send(h2raw.headers(stream, h2raw.block(fields()) + b'\xbe\xbf') +
                  h2raw.data_frames(stream,
                                    message(command_message('metadata:x-one'))))
        self.check_reply(conn.response(stream), transmissions=[b'hex:31'])

    def test_row11_of_trailers(self):
        """What follows the body counts too."""
        conn = self.connect()
        stream = conn.request(fields(), message(command_message()), end=False)
        conn.send(h2raw.headers(stream, [('x-fill', 'v' * 30000)],
                                END_HEADERS | END_STREAM))
        got = conn.response(stream)
        (ok | TOO_LARGE).check(self, got)
        self.still_serves(conn)

    def test_row12_connect(self):
        """All methods look at protov; what they answer is of their own."""
        before = self.server.stats()['calls']
        for name in ('Connect', 'Command', 'Disconnect'):
            path_ = '/anycable.RPC/' + name
            conn = self.connect()
            got = conn.response(self.start(
                conn, path=path_, protov='v2', body=message(b'')))
            self.check_reply(got, ERROR, path=path_)
        self.assertEqual(self.server.stats()['calls'], before)


class VersionCheckOff(ServerTest):
    flags = ['--no-version-check']

    def test_row12_switched_off(self):
        conn = self.connect()
        for headers in (without('protov'), put('protov', 'v2')):
            got = conn.response(conn.request(
                headers, message(command_message())))
            self.check_reply(got)


class SmallHeaderLimits(ServerTest):
    """The limits are the configuration's."""
    flags = ['--limit', 'headers=1024', '--limit', 'header_count=12']

    def test_row11_configured(self):
        for headers, answer in ((filled(1024), ok), (filled(1025), TOO_LARGE),
                                (counted(12), ok), (counted(13), TOO_LARGE)):
            conn = self.connect()
            got = conn.response(conn.request(
                headers, message(command_message())))
            answer.check(self, got)
            self.still_serves(conn)

    def test_row11_announced(self):
        conn = self.connect()
        conn.sync()
        self.assertEqual(conn.settings.get(h2raw.MAX_HEADER_LIST_SIZE), 1024)


if __name__ == '__main__':
    main()
