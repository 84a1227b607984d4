"""A WebSocket client that speaks AnyCable's protocol."""
import base64
import hashlib
import json
import os
import queue
import socket
import struct
import threading

from processes import PATIENCE

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Closed:
    """The end of a connection: the code of its close frame, or None."""

    def __init__(self, code):
        self.code = code

    def __repr__(self):
        return 'Closed(%s)' % self.code


class Client:
    """Shows every frame but pings, and then the end."""

    def __init__(self, port, query='', protocol='actioncable-v1-json'):
        self.socket = socket.create_connection(('127.0.0.1', port), PATIENCE)
        self.file = self.socket.makefile('rb')
        self._shake_hands(query, protocol)
        self.socket.settimeout(None)
        self.lock = threading.Lock()
        self.frames = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.welcome = self.next()
        if self.welcome.get('type') != 'welcome':
            raise AssertionError('no welcome: %s' % self.welcome)
        self.sid = self.welcome['sid']

    def _shake_hands(self, query, protocol, headers=()):
        key = base64.b64encode(os.urandom(16))
        more = ''.join('%s: %s\r\n' % (name, value)
                       for name, value in dict(headers).items())
        self.socket.sendall(
            b'GET /cable%s HTTP/1.1\r\nHost: localhost\r\n'
            b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
            b'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n'
            b'Sec-WebSocket-Protocol: %s\r\n%s\r\n' % (
                query.encode(), key, protocol.encode(), more.encode()))
        status = self.file.readline()
        headers = {}
        while line := self.file.readline().strip():
            name, value = line.split(b':', 1)
            headers[name.lower()] = value.strip()
        answer = base64.b64encode(hashlib.sha1(
            key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest())
        if b' 101 ' not in status or headers.get(
                b'sec-websocket-accept') != answer:
            raise AssertionError('no WebSocket: %s %s' % (status, headers))

    # --- frames

    def _exactly(self, n):
        data = self.file.read(n)
        if len(data) < n:
            raise ConnectionError('closed')
        return data

    def _read_frame(self):
        first, second = self._exactly(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack('>H', self._exactly(2))
        elif size == 127:
            size, = struct.unpack('>Q', self._exactly(8))
        data = self._exactly(size)
        if not first & 0x80:  # long ones come in pieces
            data += self._read_frame()[1]
        return first & 15, data

    def _write_frame(self, kind, data):
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack('>BB', 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack('>BBH', 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack('>BBQ', 0x80 | kind, 0x80 | 127, size)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        with self.lock:
            self.socket.sendall(head + mask + masked)

    def _read(self):
        code = None
        try:
            while True:
                kind, data = self._read_frame()
                if kind == TEXT:
                    frame = json.loads(data)
                    if frame.get('type') != 'ping':
                        self.frames.put(frame)
                elif kind == PING:
                    self._write_frame(PONG, data)
                elif kind == CLOSE:
                    code = struct.unpack('>H', data[:2])[0] if data else None
                    break
        except (OSError, ValueError):
            pass
        self.frames.put(Closed(code))

    # --- the protocol

    def next(self):
        try:
            return self.frames.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError('waited in vain for a frame') from None

    def send(self, command, identifier, **more):
        self._write_frame(TEXT, json.dumps({
            'command': command, 'identifier': identifier, **more}).encode())

    def subscribe(self, stream):
        """To a public stream. Returns the subscription's identifier."""
        identifier = json.dumps({'channel': '$pubsub', 'stream_name': stream})
        self.send('subscribe', identifier)
        answer = self.next()
        if answer != {'type': 'confirm_subscription',
                      'identifier': identifier}:
            raise AssertionError('not subscribed: %s' % answer)
        return identifier

    def message(self):
        """The message of the next frame, which must have one."""
        frame = self.next()
        if not isinstance(frame, dict) or 'message' not in frame:
            raise AssertionError('no message: %s' % frame)
        return frame['message']

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
