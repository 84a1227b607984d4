"""A raw HTTP/2 client: every byte can be chosen, so wrong ones can be sent.

Frames are packed by hand. Requests' header blocks are literals without index,
unless a test writes its own; python3-hpack only reads what the server sends.
A Connection reads when it is asked to wait for something, and keeps what came:
one Response a stream, and what concerned the connection as a whole.
"""
import os
import select
import socket
import ssl
import struct
import time

import hpack

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY,
 WINDOW_UPDATE, CONTINUATION) = range(10)

END_STREAM, ACK = 1, 1
END_HEADERS = 4
PADDED = 8
PRIORITY_FLAG = 32

(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR,
 SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL,
 COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)

(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE,
 MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE) = range(1, 7)

# Generous, as tests assert what happens and not when.
PATIENCE = 20.0 if os.environ.get('SAN') else 10.0


def frame(kind, flags=0, stream=0, payload=b'', length=None):
    """One frame; |length|, if it is not the payload's, is a lie."""
    size = len(payload) if length is None else length
    return struct.pack('>I', size)[1:] + struct.pack(
        '>BBI', kind, flags, stream) + payload


def settings(values=()):
    return frame(SETTINGS, payload=b''.join(
        struct.pack('>HI', *pair) for pair in dict(values).items()))


def ping(data=b'\0' * 8, flags=0):
    return frame(PING, flags, 0, data)


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack('>I', increment))


def rst(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack('>I', code))


def integer(value, prefix, first=0):
    """An HPACK integer in a |prefix| of so many bits."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def octets(text):
    return text if isinstance(text, bytes) else text.encode()


def literal(name, value, first=0):
    """A field without Huffman code and table; |first| 0x40 enters the table."""
    name, value = octets(name), octets(value)
    return bytes([first]) + integer(len(name), 7) + name + integer(
        len(value), 7) + value


def block(fields):
    return b''.join(literal(name, value) for name, value in fields)


def headers(stream, fields, flags=END_HEADERS, split=16384):
    """HEADERS, and CONTINUATION where the block is longer than |split|."""
    data = fields if isinstance(fields, bytes) else block(fields)
    parts = [data[i:i + split] for i in range(0, len(data), split)] or [b'']
    out = frame(HEADERS, flags if len(parts) == 1 else flags & ~END_HEADERS,
                stream, parts[0])
    for i, part in enumerate(parts[1:], 2):
        out += frame(CONTINUATION, END_HEADERS if i == len(parts) else 0,
                     stream, part)
    return out


def data_frames(stream, body, end=True, size=16384):
    """DATA frames of |size| bytes at most."""
    parts = [body[i:i + size] for i in range(0, len(body), size)] or [b'']
    return b''.join(
        frame(DATA, END_STREAM if end and i == len(parts) else 0, stream, part)
        for i, part in enumerate(parts, 1))


class Response:
    """What came on one stream."""

    def __init__(self):
        self.blocks = []    # header blocks, each a list of pairs of bytes
        self.data = bytearray()
        self.rst = None     # the code of RST_STREAM
        self.ended = False  # END_STREAM was seen
        self.order = []     # kinds of frames as they came, and their flags

    @property
    def done(self):
        return self.ended or self.rst is not None

    @property
    def trailers_only(self):
        return self.ended and len(self.blocks) == 1 and not self.data

    def field(self, name, index=-1):
        """The value of |name| in a header block, by default the last."""
        if not self.blocks:
            return None
        return dict(self.blocks[index]).get(octets(name))

    @property
    def http_status(self):
        value = self.field(':status', 0)
        return None if value is None else int(value)

    @property
    def grpc_status(self):
        value = self.field('grpc-status')
        return None if value is None else int(value)

    @property
    def grpc_message(self):
        return (self.field('grpc-message') or b'').decode('latin-1')

    def __str__(self):
        parts = ['HTTP %s' % self.http_status,
                 'grpc-status %s' % self.grpc_status]
        if self.grpc_message:
            parts.append(repr(self.grpc_message))
        if self.data:
            parts.append('%d bytes' % len(self.data))
        if self.rst is not None:
            parts.append('RST_STREAM(%d)' % self.rst)
        return ', '.join(parts if self.blocks else parts[2:]) or 'nothing'


class Goaway:
    def __init__(self, payload):
        self.last_stream, self.code = struct.unpack('>II', payload[:8])
        self.debug = payload[8:]

    def __repr__(self):
        return 'GOAWAY(last %d, code %d, %r)' % (self.last_stream, self.code,
                                                 self.debug)


class Timeout(AssertionError):
    """What was waited for did not come."""


def dial(address, timeout=PATIENCE):
    """A connected socket; |address| as the server prints it."""
    if address.startswith('unix:'):
        sock = socket.socket(socket.AF_UNIX)
        target = address[5:]
    else:
        host, port = address.rsplit(':', 1)
        sock = socket.socket()
        target = (host, int(port))
    sock.settimeout(timeout)
    sock.connect(target)
    if not address.startswith('unix:'):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Connection:
    """One connection. |values| are the SETTINGS that follow the preface; None
    sends neither. |refill| gives windows back as data comes; |ack_pings| and
    |ack_settings| answer the server's."""

    def __init__(self, address, values=(), tls=None, refill=True,
                 ack_pings=True, ack_settings=True):
        self.sock = dial(address)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname='localhost')
        self.sock.setblocking(False)
        self.decoder = hpack.Decoder(max_header_list_size=1 << 24)
        self.refill, self.ack_pings = refill, ack_pings
        self.ack_settings = ack_settings
        self.streams = {}
        self.frames = []        # (kind, flags, stream, length), as they came
        self.settings = None    # the server's first SETTINGS, a dict
        self.settings_acks = 0
        self.pings = []         # payloads of the server's own pings
        self.pongs = []         # payloads of acknowledged pings
        self.goaways = []
        self.window = 65535     # what the server lets us send in all
        self.stream_windows = {}
        self.closed = False
        self.next_stream = 1
        self.buffer = bytearray()
        self.unsent = bytearray()
        self.header_part = None
        if values is not None:
            self.send(PREFACE + settings(values))

    def close(self):
        self.sock.close()
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    # --- sending

    def try_send(self, data):
        """Sends what fits at once: how many bytes, -1 where it is closed."""
        try:
            return self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError:
            return -1

    def send(self, data, patience=PATIENCE):
        """Sends all of |data|, and reads meanwhile, so that neither side
        waits for the other. False where the server has closed."""
        view = memoryview(bytes(self.unsent) + data)
        self.unsent.clear()
        last = time.monotonic()
        while view and not self.closed:
            n = self.try_send(view[:1 << 18])
            if n < 0:
                self.read_all()
                return False
            if n > 0:
                view, last = view[n:], time.monotonic()
                if not view:
                    break
                # What is to be answered must not land inside a frame of ours.
                self.read_once(0, answer=False)
                continue
            if time.monotonic() - last > patience:
                raise Timeout('the server takes no more bytes')
            select.select([self.sock], [self.sock], [], 0.1)
            self.read_once(0, answer=False)
        return not self.closed

    def push(self, data, patience=1.0):
        """Sends without a look at what comes. False when the server has
        closed, or has taken nothing more for a while."""
        view = memoryview(data)
        until = time.monotonic() + patience
        while view:
            n = self.try_send(view[:1 << 16])
            if n < 0 or time.monotonic() > until:
                return False
            view = view[n:]
            if n:
                until = time.monotonic() + patience
            else:
                time.sleep(0.005)
        return True

    def new_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        self.streams[stream] = Response()
        return stream

    def request(self, fields, body=b'', end=True):
        """HEADERS and DATA, without a look at windows: for bodies that fit."""
        stream = self.new_stream()
        if end and body is None:
            self.send(headers(stream, fields, END_HEADERS | END_STREAM))
        else:
            self.room(stream)
            self.window -= len(body)
            self.stream_windows[stream] -= len(body)
            self.send(headers(stream, fields) + (
                data_frames(stream, body, end) if body or end else b''))
        return stream

    def upload(self, stream, body, end=True):
        """Sends |body| as the server's windows allow."""
        left = memoryview(body)
        while left:
            room = self.room(stream)
            if room <= 0:
                if not self.wait(lambda: self.room(stream) > 0 or
                                 self.streams[stream].done, strict=False):
                    raise Timeout('no window for the rest of the body')
                if self.streams[stream].done or self.closed:
                    return
                continue
            part, left = left[:min(room, 1 << 16)], left[min(room, 1 << 16):]
            self.window -= len(part)
            self.stream_windows[stream] -= len(part)
            self.send(data_frames(stream, bytes(part), end and not left))

    def room(self, stream):
        initial = (self.settings or {}).get(INITIAL_WINDOW_SIZE, 65535)
        own = self.stream_windows.setdefault(stream, initial)
        return min(self.window, own)

    # --- receiving

    def read_once(self, timeout, answer=True):
        """Takes what is there, waits for it up to |timeout|. False at the end
        and when nothing came. Without |answer|, answers are left for later."""
        if self.closed:
            return False
        pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
        if not pending and not select.select([self.sock], [], [], timeout)[0]:
            return False
        try:
            data = self.sock.recv(1 << 18)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            data = b''
        if not data:
            self.closed = True
            return False
        self.buffer += data
        self.parse()
        if answer and self.unsent:
            # Never waits: where the server takes nothing, tests want to see.
            del self.unsent[:max(self.try_send(bytes(self.unsent)), 0)]
        return True

    def read_all(self):
        while self.read_once(0.05):
            pass

    def wait(self, condition, patience=PATIENCE, strict=True):
        """Reads until |condition| holds: True. At the end of the connection,
        or when patience does, False, or Timeout where that is |strict|."""
        until = time.monotonic() + patience
        while not condition():
            left = until - time.monotonic()
            if self.closed or left <= 0:
                if strict:
                    raise Timeout('connection closed, %s' % self.goaways if
                                  self.closed else 'timed out')
                return False
            self.read_once(min(left, 0.2))
        return True

    def wait_closed(self, patience=PATIENCE):
        """Waits for the server to close. True if it did."""
        self.wait(lambda: self.closed, patience, strict=False)
        return self.closed

    def wait_ended(self, patience=PATIENCE):
        """Waits for GOAWAY with an error, or the end. True if one came."""
        self.wait(lambda: self.fatal, patience, strict=False)
        return self.fatal

    @property
    def fatal(self):
        return self.closed or any(g.code for g in self.goaways)

    def response(self, stream, patience=PATIENCE):
        """The whole response on |stream|."""
        got = self.streams[stream]
        self.wait(lambda: got.done, patience)
        return got

    def sync(self, patience=PATIENCE):
        """A round trip: what was sent before has been looked at. False where
        the connection is over."""
        mark = struct.pack('>Q', 1 << 63 | len(self.frames))
        if not self.send(ping(mark)):
            return False
        return self.wait(lambda: mark in self.pongs, patience, strict=False)

    def parse(self):
        buffer, at = self.buffer, 0
        while len(buffer) - at >= 9:
            length = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2]
            if len(buffer) - at - 9 < length:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5:at + 9], 'big') & 0x7fffffff
            payload = bytes(buffer[at + 9:at + 9 + length])
            at += 9 + length
            self.frames.append((kind, flags, stream, length))
            self.unsent += self.take(kind, flags, stream, payload)
        del buffer[:at]

    def take(self, kind, flags, stream, payload):
        """Keeps what a frame says; returns what is to be answered."""
        if stream and kind in (DATA, HEADERS, CONTINUATION, RST_STREAM):
            got = self.streams.setdefault(stream, Response())
            got.order.append((kind, flags))
            return self.take_stream(got, kind, flags, stream, payload)
        if kind == SETTINGS and flags & ACK:
            self.settings_acks += 1
        elif kind == SETTINGS:
            values = dict(struct.unpack_from('>HI', payload, i)
                          for i in range(0, len(payload), 6))
            self.settings = {**(self.settings or {}), **values}
            if self.ack_settings:
                return frame(SETTINGS, ACK)
        elif kind == PING and flags & ACK:
            self.pongs.append(payload)
        elif kind == PING:
            self.pings.append(payload)
            if self.ack_pings:
                return ping(payload, ACK)
        elif kind == GOAWAY:
            self.goaways.append(Goaway(payload))
        elif kind == WINDOW_UPDATE:
            increment = int.from_bytes(payload, 'big')
            if stream:
                self.room(stream)
                self.stream_windows[stream] += increment
            else:
                self.window += increment
        return b''

    def take_stream(self, got, kind, flags, stream, payload):
        if kind == DATA:
            got.data += payload
            got.ended = bool(flags & END_STREAM)
            if self.refill and payload:
                return window_update(0, len(payload)) + (
                    b'' if got.ended else window_update(stream, len(payload)))
        elif kind == RST_STREAM:
            got.rst = int.from_bytes(payload, 'big')
        else:
            if kind == HEADERS:
                self.header_part = [flags, b'']
            self.header_part[1] += payload
            if flags & END_HEADERS:
                first, whole = self.header_part
                got.blocks.append([
                    (bytes(n), bytes(v))
                    for n, v in self.decoder.decode(whole, raw=True)])
                got.ended = bool(first & END_STREAM)
        return b''
