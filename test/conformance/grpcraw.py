"""gRPC calls to anycable.RPC on raw frames: messages packed by hand, answers
checked for all that must hold of every answer."""
import re
import struct

import h2raw
from h2raw import DATA, END_STREAM, HEADERS

CONNECT = '/anycable.RPC/Connect'
COMMAND = '/anycable.RPC/Command'
DISCONNECT = '/anycable.RPC/Disconnect'
HEALTH_CHECK = '/grpc.health.v1.Health/Check'
HEALTH_WATCH = '/grpc.health.v1.Health/Watch'

(OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND,
 ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION,
 ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE,
 DATA_LOSS, UNAUTHENTICATED) = range(17)

# Status of AnyCable's messages.
ERROR, SUCCESS, FAILURE = range(3)

# What AnyCable's server sends, in its order, with a longer deadline: a busy
# machine is no deviation.
FIELDS = [
    (':method', 'POST'), (':scheme', 'http'), (':path', COMMAND),
    (':authority', 'localhost'), ('content-type', 'application/grpc'),
    ('user-agent', 'grpc-go/1.83.0'), ('te', 'trailers'),
    ('grpc-timeout', '59999876u'), ('protov', 'v1'), ('sid', 'jXJpXn9_tL')]


def fields(path=COMMAND, **changes):
    """FIELDS with changes: grpc_timeout='1S' sets, te=None takes away."""
    changes = {k.replace('_', '-'): v for k, v in changes.items()}
    out = [(n, path if n == ':path' else changes.pop(n, v)) for n, v in FIELDS]
    return [(n, v) for n, v in out + list(changes.items()) if v is not None]


# --- protobuf

def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def text(number, value):
    """A field of type string, or of a message."""
    value = h2raw.octets(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def pairs(number, items):
    """A map<string, string>."""
    items = items.items() if isinstance(items, dict) else items
    return b''.join(text(number, text(1, k) + text(2, v)) for k, v in items)


def env(url='http://localhost/cable?user=jack', headers=(('cookie', 'a=1'),),
        cstate=(), istate=()):
    return (text(1, url) + pairs(2, headers) + pairs(3, cstate) +
            pairs(4, istate))


def connection_request(**kw):
    return text(3, env(**kw))


def command_message(data='echo:hi', command='message',
                    identifier='{"channel":"ChatChannel"}', **kw):
    return (text(1, command) + text(2, identifier) +
            text(3, '{"user":"jack"}') + text(4, data) + text(5, env(**kw)))


def disconnect_request(**kw):
    return (text(1, '{"user":"jack"}') +
            text(2, '{"channel":"ChatChannel"}') + text(5, env(**kw)))


def decode(data):
    """The fields of a message: number -> list of values."""
    out, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = number()
        value = number()
        if key & 7 == 2:
            at += value
            value = bytes(data[at - value:at])
        elif key & 7:
            raise AssertionError('wire type %d in an answer' % (key & 7))
        out.setdefault(key >> 3, []).append(value)
    return out


# --- gRPC

def message(body, flag=0, length=None):
    """A length-prefixed message; |length| may lie."""
    return struct.pack('>BI', flag,
                       len(body) if length is None else length) + body


def messages(data):
    """The messages that were prefixed so, all of them whole."""
    out, at = [], 0
    while at < len(data):
        flag, length = struct.unpack_from('>BI', data, at)
        assert flag == 0, 'flag %d in an answer' % flag
        assert at + 5 + length <= len(data), 'a message is cut'
        out.append(bytes(data[at + 5:at + 5 + length]))
        at += 5 + length
    return out


# The frames of a whole call, for those that are sent by the thousand.

REQUEST = h2raw.block(fields())
BODY = message(command_message())


def call(stream, block=REQUEST):
    return h2raw.headers(stream, block) + h2raw.data_frames(stream, BODY)


def streams(count, first=1):
    """The identifiers of so many streams."""
    return range(first, first + 2 * count, 2)


class Reply:
    """A CommandResponse, or, in fields 1 to 4, a ConnectionResponse."""

    def __init__(self, response, path=COMMAND):
        (body,) = messages(response.data)
        self.fields = decode(body)
        self.status = self.fields.get(1, [0])[0]
        self.transmissions = self.fields.get(5 if path == COMMAND else 3, [])
        self.error = self.fields.get({COMMAND: 6, CONNECT: 4}.get(path, 2),
                                     [b''])[0].decode()


ENCODED = re.compile(r'([ -$&-~]|%[0-9A-F]{2})*')

# The codes that the library may generate (row 34).
LIBRARY_CODES = {OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED,
                 RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE}


def flaws(got, allowed=()):
    """What is wrong with a response whatever it answers (rows 26 to 29 and
    34), as a list of sentences; |allowed| are further status codes."""
    out = []
    if not got.blocks:
        return out if got.rst is not None else ['no headers']
    for fields_ in got.blocks:
        size = sum(len(n) + len(v) + 32 for n, v in fields_)
        if size > 8192:
            out.append('row 29: a header block of %d' % size)
        out += ['upper case in %r' % n for n, v in fields_ if n != n.lower()]
        names = [n for n, v in fields_]
        out += ['%r twice' % n for n in set(names) if names.count(n) > 1]
    first = dict(got.blocks[0])
    if b':status' not in first:
        out.append('row 26: no :status')
    if not first.get(b'content-type', b'').startswith(b'application/grpc'):
        if first.get(b':status') == b'200':
            out.append('row 26: content-type %r' % first.get(b'content-type'))
    if len(got.blocks) > 2:
        out.append('row 27: %d header blocks' % len(got.blocks))
    if any(kind == DATA and flags & END_STREAM for kind, flags in got.order):
        out.append('row 27: END_STREAM on DATA')
    if got.ended and not got.order[-1][0] in (HEADERS, h2raw.CONTINUATION,
                                              h2raw.RST_STREAM):
        out.append('row 27: frames end in %r' % (got.order[-1],))
    status = got.field('grpc-status')
    if got.ended and first.get(b':status') == b'200' and status is None:
        out.append('row 27: no grpc-status')
    if status is not None:
        if not re.fullmatch(rb'[0-9]|1[0-6]', status):
            out.append('row 27: grpc-status %r' % status)
        elif int(status) not in LIBRARY_CODES | set(allowed):
            out.append('row 34: grpc-status %r' % status)
    if not ENCODED.fullmatch(got.grpc_message):
        out.append('row 28: grpc-message %r' % got.grpc_message)
    if len(got.grpc_message) > 1024 * 3:
        out.append('row 28: grpc-message of %d' % len(got.grpc_message))
    return out
