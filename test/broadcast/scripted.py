"""A Redis, or a sentinel, that answers what a test wants."""
import socket
import threading

import resp

CLOSE = object()


class Scripted:
    """|answer| gets the words of each command, and returns bytes, or a list of
    bytes and CLOSE, which ends the connection. What it returns is sent. With
    |tls|, a context of ssl, it speaks TLS."""

    def __init__(self, test, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.commands = []
        self.connections = 0
        self.open = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        test.addCleanup(self.close)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.open.append(peer)
            self.connections += 1
            threading.Thread(target=self._serve, args=[peer],
                             daemon=True).start()

    def _serve(self, peer):
        values = resp.Values()
        try:
            if self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            while data := peer.recv(1 << 16):
                for words, _ in values.feed(data):
                    self.commands.append(words)
                    self._send(peer, self.answer(words))
        except OSError:
            pass
        finally:
            peer.close()

    @staticmethod
    def _send(peer, answer):
        for part in answer if isinstance(answer, list) else [answer]:
            if part is CLOSE:
                raise OSError('told to close')
            peer.sendall(part)


def greet(words):
    """The answer to what is said before anything is published; else None."""
    name = words[0].upper()
    if name == b'ROLE':
        return b'*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n'
    if name == b'PING':
        return b'+PONG\r\n'
    if name in (b'AUTH', b'SELECT', b'CLIENT', b'READONLY', b'QUIT'):
        return b'+OK\r\n'
    if name == b'HELLO':
        return b'-ERR unknown command\r\n'
    return None
