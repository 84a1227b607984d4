"""TLS: who is trusted, and what is said of those who are not."""

import socket
import tempfile
import unittest

import peers
from tool import DONE, TestCase, run

NAMES = "DNS:localhost,IP:127.0.0.1"


class Tls(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.authority = peers.Authority(folder.name, "ours")
        cls.stranger = peers.Authority(folder.name, "theirs")

    def backend(self, names=NAMES, address="127.0.0.1:0"):
        server = self.server(address, self.authority.credentials(names))
        server.answer = lambda request, context: b"\x08\x01"
        return server

    def assert_works(self, *args):
        result = run(*args)
        self.assertEqual((result.status, result.out, result.err), (DONE, "SERVING\n", ""))

    def assert_refused(self, result, reason):
        self.assert_no_answer(result, "UNAVAILABLE: TLS with .*: " + reason)

    def test_private_authority(self):
        backend = self.backend()
        for host in "127.0.0.1", "localhost":
            self.assert_works("health", "%s:%d" % (host, backend.port), "--ca", self.authority.ca)
            self.assert_works("health", "%s:%d" % (host, backend.port), "--ca", self.authority.ca,
                              "--tls")
        result = run("call", backend.address, "connect", "--ca", self.authority.ca)
        self.assertEqual((result.status, result.json), (DONE, {"status": "SUCCESS"}))

    def test_over_a_unix_socket(self):
        path = "unix:" + self.folder() + "/a.sock"
        self.backend(address=path)
        self.assert_works("health", path, "--ca", self.authority.ca)

    def test_stranger(self):
        backend = self.backend()
        for args in ["--ca", self.stranger.ca], ["--tls"]:
            self.assert_refused(run("health", backend.address, *args),
                                ".*(issuer|self-signed) cert.*")
        self.assertTrue(backend.calls.empty())

    def test_skip_verify(self):
        backend = self.backend("DNS:elsewhere")
        self.assert_works("health", backend.address, "--tls-skip-verify")

    def test_names(self):
        backend = self.backend("DNS:backend.internal,IP:127.0.0.2")
        ca = ["--ca", self.authority.ca]
        self.assert_works("health", backend.address, "--server-name", "backend.internal", *ca)
        self.assert_works("health", backend.address, "--server-name", "127.0.0.2", *ca)
        self.assert_refused(run("health", backend.address, *ca), "IP address mismatch")
        self.assert_refused(run("health", "localhost:%d" % backend.port, *ca),
                            "[Hh]ostname mismatch")
        self.assert_refused(run("health", backend.address, "--server-name", "internal", *ca),
                            "[Hh]ostname mismatch")

    def test_bad_ca(self):
        empty, garbage = self.file(""), self.file("garbage")
        for path in "/nonexistent", empty, garbage, self.folder(), "":
            self.assert_usage(run("health", "[::1]:1", "--ca", path), "--ca %s: " % path)

    def test_flags_that_contradict(self):
        self.assert_usage(run("health", "[::1]:1", "--ca", self.authority.ca, "--tls-skip-verify"),
                          "--ca and --tls-skip-verify")
        for name in "", "x" * 256:
            self.assert_usage(run("health", "[::1]:1", "--server-name", name), "--server-name")

    def test_plain_client(self):
        def script(peer):
            peer.sock.recv(1)
            peer.send(b"\x15\x03\x03\x00\x02\x02\x46")
        peer = self.peer(script)
        self.assert_no_answer(run("health", peer.address),
                              "UNAVAILABLE: %s speaks TLS: .*" % peer.address)
        result = run("health", self.backend().address)
        self.assert_no_answer(result, "UNAVAILABLE: .*")

    def test_plain_server(self):
        peer = self.peer(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        self.assert_refused(run("health", peer.address, "--tls"), "the server does not speak TLS")

    def test_no_alpn(self):
        for protocols in (), ("http/1.1",):
            context = self.authority.context(NAMES, protocols)

            def script(peer):
                peer.sock = context.wrap_socket(peer.sock, server_side=True)
                peer.wait_closed()
            peer = self.peer(script)
            self.assert_refused(run("health", peer.address, "--ca", self.authority.ca),
                                "(the server does not choose h2.*|.*no application protocol.*)")

    def test_server_hangs_up(self):
        peer = self.peer(lambda peer: peer.sock.recv(1))
        self.assert_refused(run("health", peer.address, "--tls"), ".*")

        def handshake_only(peer):
            peer.sock = self.authority.context(NAMES, ["h2"]).wrap_socket(
                peer.sock, server_side=True)
            peer.sock.recv(1)
        peer = self.peer(handshake_only)
        self.assert_no_answer(run("health", peer.address, "--ca", self.authority.ca),
                              "UNAVAILABLE: %s: .*" % peer.address)

    def test_time_is_up(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            self.assert_no_answer(run("health", address, "--tls", "--timeout", "0.2"),
                                  "DEADLINE_EXCEEDED: TLS with %s: no answer in time" % address)


if __name__ == "__main__":
    unittest.main()
