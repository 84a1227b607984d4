"""Row 47: reflection, of both versions, on raw frames; it is the one method
that clients stream to."""
import struct

import h2raw
from grpcraw import (INTERNAL, OK, UNIMPLEMENTED, decode, fields, message, text,
                     varint)
from h2raw import CANCEL, data_frames
from harness import ServerTest, main

V1 = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
ALPHA = V1.replace('v1', 'v1alpha')

SERVICES = text(7, '')


def only(message):
    """The fields of a message in which none comes twice."""
    return {number: value for number, (value,) in decode(message).items()}


def messages(data):
    """What is framed in |data|."""
    out = []
    while len(data) >= 5:
        flag, size = struct.unpack('>BI', data[:5])
        assert flag == 0
        if len(data) < 5 + size:
            break
        out.append(bytes(data[5:5 + size]))
        data = data[5 + size:]
    return out


class Reflection(ServerTest):
    flags = ['--rpc-reflection', '--limit', 'request_time=2000']

    def ask(self, *requests, path=V1):
        """The answers to |requests|, and the stream's end."""
        conn = self.connect()
        stream = conn.request(fields(path), b''.join(map(message, requests)))
        got = conn.response(stream)
        self.assertEqual(got.grpc_status, OK, got)
        return [only(m) for m in messages(got.data)]

    def test_services(self):
        for path in V1, ALPHA:
            (answer,) = self.ask(SERVICES, path=path)
            self.assertEqual(answer[2], SERVICES)
            names = [only(service)[1].decode()
                     for service in decode(answer[6])[1]]
            self.assertEqual(names, ['anycable.RPC', 'grpc.health.v1.Health'])

    def test_files(self):
        for question, name in (
                (text(3, 'rpc.proto'), b'rpc.proto'),
                (text(3, 'health.proto'), b'health.proto'),
                (text(4, 'anycable.RPC'), b'rpc.proto'),
                (text(4, 'anycable.RPC.Connect'), b'rpc.proto'),
                (text(4, 'anycable.Env.CstateEntry'), b'rpc.proto'),
                (text(4, 'anycable.Status'), b'rpc.proto'),
                (text(1, 'host') + text(4, 'grpc.health.v1.Health.Watch'),
                 b'health.proto')):
            (answer,) = self.ask(question)
            self.assertEqual(answer[2], question)
            file = only(answer[4])[1]
            self.assertEqual(decode(file)[1], [name])

    def test_not_there(self):
        for question in (
                text(3, 'nothing.proto'), text(3, ''), text(4, ''),
                text(4, 'anycable'), text(4, 'anycable.'),
                text(4, 'anycable.Nothing'), text(4, 'anycable.RPC.'),
                text(4, 'anycable.RPC.Nothing'), text(4, 'anycableXRPC'),
                text(4, 'grpc.health.v1.RPC'), text(4, 'x' * 1000),
                text(4, b'anycable.\xff\x00'), text(5, text(1, 'a')),
                text(6, 'anycable.Env'), text(1, 'host'), b'',
                text(99, 'x'), varint(8 << 3) + varint(5)):
            (answer,) = self.ask(question)
            self.assertEqual(only(answer[7])[1], 5, question)  # NOT_FOUND
            self.assertEqual(answer[2], question)

    def test_one_after_the_other(self):
        """As a client does, and as none does: all at once."""
        conn = self.connect()
        stream = conn.request(fields(V1), b'', end=False)
        for n in range(1, 6):
            conn.send(data_frames(stream, message(SERVICES), False))
            conn.wait(lambda: len(messages(conn.streams[stream].data)) == n)
        conn.send(data_frames(stream, b'', True))
        self.assertEqual(conn.response(stream).grpc_status, OK)
        answers = self.ask(*[text(4, 'anycable.RPC')] * 200)
        self.assertEqual(len(answers), 200)

    def test_in_pieces(self):
        conn = self.connect()
        stream = conn.request(fields(V1), b'', end=False)
        for byte in message(SERVICES) * 3:
            conn.send(data_frames(stream, bytes([byte]), False))
        conn.send(data_frames(stream, b'', True))
        got = conn.response(stream)
        self.assertEqual((len(messages(got.data)), got.grpc_status), (3, OK))

    def test_ends(self):
        for body, status, answers in (
                (b'', OK, 0),
                (message(SERVICES)[:-1], INTERNAL, 0),
                (message(SERVICES) + b'\0\0', INTERNAL, 1),
                (b'\1' + message(SERVICES)[1:], UNIMPLEMENTED, 0),
                (message(b'\xff'), INTERNAL, 0),
                (message(text(4, 'x')[:-1]), INTERNAL, 0)):
            conn = self.connect()
            got = conn.response(conn.request(fields(V1), body))
            self.assertEqual((got.grpc_status, len(messages(got.data))),
                             (status, answers), body)
            self.still_serves(conn)

    def test_too_much(self):
        """A stream may send so much in all, and is not let send more."""
        conn = self.connect()
        stream = conn.request(fields(V1), b'', end=False)
        conn.upload(stream, message(text(4, 'x' * 40000)), end=False)
        conn.wait(lambda: messages(conn.streams[stream].data))
        conn.upload(stream, b'\0\0\1\0\0' + b'x' * 25000, end=False)
        self.still_serves(conn)
        conn.send(h2raw.rst(stream))
        self.still_serves(conn)

    def test_reset_and_silence(self):
        conn = self.connect()
        stream = conn.request(fields(V1), message(SERVICES), end=False)
        conn.wait(lambda: messages(conn.streams[stream].data))
        conn.send(h2raw.rst(stream, CANCEL))
        self.still_serves(conn)
        silent = conn.request(fields(V1, grpc_timeout='300m'), b'', end=False)
        conn.wait(lambda: conn.streams[silent].done)
        self.still_serves(conn)

    def test_small_windows(self):
        """Answers wait for the client's window, one after the other."""
        conn = self.connect({h2raw.INITIAL_WINDOW_SIZE: 10}, refill=False)
        stream = conn.request(fields(V1), message(SERVICES) * 5, end=True)
        got = conn.streams[stream]
        while not got.done:
            conn.send(h2raw.window_update(stream, 100))
            conn.read_once(0.05)
        self.assertEqual((len(messages(got.data)), got.grpc_status), (5, OK))


class Off(ServerTest):
    def test_off(self):
        for path in V1, ALPHA:
            conn = self.connect()
            got = conn.response(conn.request(fields(path), message(SERVICES)))
            self.assertEqual(got.grpc_status, UNIMPLEMENTED)


if __name__ == '__main__':
    main()
