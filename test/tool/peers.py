"""Servers for the tool to talk to: real ones by grpcio, and one that sends
whatever frames a test wants."""

import os
import queue
import socket
import ssl
import struct
import subprocess
import threading
from concurrent import futures

# The tool is made to fail handshakes; grpcio need not complain of it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402
import hpack  # noqa: E402

OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.max_send_message_length", 8 << 20),
]


class Server:
    """A grpcio server: takes and gives bytes, so that tests see the wire.

    `answer` is the function that answers: (request, context) -> bytes, or an
    iterator of bytes for methods named in `streams`. What came is put into
    `calls` as (path, request, metadata, seconds left)."""

    def __init__(self, address="127.0.0.1:0", credentials=None):
        self.calls = queue.Queue()
        self.answer = lambda request, context: b""
        self.server = grpc.server(futures.ThreadPoolExecutor(8), options=OPTIONS)
        self.server.add_generic_rpc_handlers((
            self._service("anycable.RPC", ["Connect", "Command", "Disconnect"]),
            self._service("grpc.health.v1.Health", ["Check"], ["Watch"]),
        ))
        if credentials:
            port = self.server.add_secure_port(address, credentials)
        else:
            port = self.server.add_insecure_port(address)
        self.port = port
        self.address = address.rsplit(":", 1)[0] + ":%d" % port
        if address.startswith("unix:"):
            self.address = address
        self.server.start()

    def _service(self, service, unary, streams=()):
        def handler(name):
            def answer(request, context):
                self.calls.put(("/%s/%s" % (service, name), request,
                                list(context.invocation_metadata()),
                                context.time_remaining()))
                return self.answer(request, context)
            return answer

        methods = {n: grpc.unary_unary_rpc_method_handler(handler(n)) for n in unary}
        methods.update((n, grpc.unary_stream_rpc_method_handler(handler(n)))
                       for n in streams)
        return grpc.method_handlers_generic_handler(service, methods)

    def close(self):
        self.server.stop(None).wait()


class Peer:
    """Accepts one connection and runs `script(self)` on it, then reads until
    the other side closes. The script speaks in frames, or in plain bytes."""

    DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW = 0, 1, 3, 4, 7, 8
    END_STREAM, END_HEADERS = 1, 4
    GRPC = (":status", "200"), ("content-type", "application/grpc")

    def __init__(self, script, buffer=None):
        self.script = script
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        if buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.port = self.listener.getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.error = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        self.sock = self.listener.accept()[0]
        self.sock.settimeout(60)
        try:
            self.script(self)
            self._linger()
        except (ConnectionError, ssl.SSLError):
            pass  # the tool may hang up as soon as it knows enough
        except Exception as error:  # told by close(), in the test's thread
            self.error = error
        finally:
            self.sock.close()

    def _linger(self):
        """Closing with something unread would cut what was sent."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.wait_closed()
        except OSError:
            pass

    def close(self):
        self.thread.join(60)
        self.listener.close()
        if self.error:
            raise self.error

    def send(self, data):
        self.sock.sendall(data)

    def frame(self, kind, flags=0, stream=0, payload=b""):
        self.send(struct.pack(">I", len(payload))[1:] +
                  struct.pack(">BBI", kind, flags, stream) + payload)

    def headers(self, headers, end=False):
        flags = self.END_HEADERS | (self.END_STREAM if end else 0)
        self.frame(self.HEADERS, flags, self.stream, self.encoder.encode(headers))

    def data(self, data, end=False):
        self.frame(self.DATA, self.END_STREAM if end else 0, self.stream, data)

    def message(self, data, end=False):
        self.data(b"\0" + struct.pack(">I", len(data)) + data, end)

    def reset(self, code):
        self.frame(self.RST_STREAM, 0, self.stream, struct.pack(">I", code))

    def goaway(self, last, code, text=b""):
        self.frame(self.GOAWAY, 0, 0, struct.pack(">II", last, code) + text)

    def trailers(self, status="0", message=None):
        headers = [("grpc-status", status)]
        if message is not None:
            headers.append(("grpc-message", message))
        self.headers(headers, end=True)

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError("the tool hung up")
            data += more
        return data

    def read_frame(self):
        head = self.read(9)
        length = int.from_bytes(head[:3], "big")
        return head[3], head[4], int.from_bytes(head[5:], "big"), self.read(length)

    def request(self, settings=b"", body=True):
        """Reads the request to its end, or only its headers."""
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        assert self.read(len(preface)) == preface
        self.frame(self.SETTINGS, 0, 0, settings)
        self.body, flags = b"", 0
        while not flags & self.END_STREAM:
            kind, flags, stream, payload = self.read_frame()
            if kind == self.HEADERS:
                self.stream = stream
                self.request_headers = self.decoder.decode(payload)
                if not body:
                    return
            elif kind == self.DATA:
                self.body += payload
            else:
                flags = 0

    def wait_closed(self):
        while self.sock.recv(65536):
            pass


class Authority:
    """A private certificate authority, made by the openssl command."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.ca = self._path("ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=%s" % name, "-out", self.ca,
                      "-keyout", self._path("ca.key"))

    def _path(self, name):
        return os.path.join(self.folder, "%s-%s" % (self.name, name))

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, names):
        """The paths of a certificate for `names` ("DNS:x,IP:y") and its key."""
        base = names.replace(":", "_").replace(",", "_")
        key, csr, cert, ext = (self._path(base + e)
                               for e in (".key", ".csr", ".pem", ".ext"))
        with open(ext, "w") as file:
            file.write("subjectAltName=%s\n" % names)
        self._openssl("req", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                      "-keyout", key, "-out", csr)
        self._openssl("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey",
                      self._path("ca.key"), "-CAcreateserial", "-days", "2",
                      "-extfile", ext, "-out", cert)
        return cert, key

    def credentials(self, names):
        cert, key = self.issue(names)
        with open(cert, "rb") as c, open(key, "rb") as k:
            return grpc.ssl_server_credentials([(k.read(), c.read())])

    def context(self, names, protocols=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(names))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context
