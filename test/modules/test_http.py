"""The adapter "http" and the client of the REST API, against a scripted
server."""
import json
import socket
import ssl
import struct
import time
import unittest

from modules import SLOW, Test, free_port


class Request:
    """Reads one request from |file|."""

    def __init__(self, file):
        line = file.readline()
        if not line:
            raise EOFError
        self.method, self.path, _ = line.decode().split(" ", 2)
        self.headers = {}
        while (line := file.readline().strip()):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.body = file.read(int(self.headers.get("content-length", 0)))


def answer(status, body=b"", headers=""):
    return (
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


class Http(Test):
    def server(self, *answers, port=0):
        """Answers each request with the next one; the last one for ever. An
        answer is bytes, or a function of the socket. None hangs up."""
        self.requests = []
        left = list(answers)

        def serve(peer):
            file = peer.makefile("rb")
            while True:
                self.requests.append(Request(file))
                reply = left.pop(0) if len(left) > 1 else left[0]
                if reply is None:
                    return
                if callable(reply):
                    reply(peer)
                else:
                    peer.sendall(reply)

        return self.listen(serve, port)

    def http(self, port, *arguments, **options):
        url = f"http://127.0.0.1:{port}/_broadcast"
        return self.publisher(
            "http", f"--http-broadcast-url={url}", *arguments, **options
        )


class AdapterTest(Http):
    def outcome(self, *answers):
        """Publishes once: the fate, with the reason, and the time it took."""
        publisher = self.http(self.server(*answers).port)
        began = time.monotonic()
        publisher.send("many 1 10")
        return publisher.wait_for("fate"), time.monotonic() - began

    def test_published(self):
        server = self.server(answer(201))
        publisher = self.http(server.port, "--broadcast-key=s3cret")
        publisher.send("many 20 10")
        publisher.wait_for("fate published", 20)
        self.assertEqual(server.accepted, 1)
        for i, request in enumerate(self.requests):
            self.assertEqual(request.method, "POST")
            self.assertEqual(request.path, "/_broadcast")
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertEqual(request.headers["authorization"], "Bearer s3cret")
            message = json.loads(request.body)
            self.assertEqual(message["stream"], "news")
            self.assertEqual(json.loads(message["data"]).split()[0], str(i))

    def test_no_key(self):
        publisher = self.http(self.server(answer(201)).port)
        publisher.send("many 1 10")
        publisher.wait_for("fate published")
        self.assertNotIn("authorization", self.requests[0].headers)

    def test_large(self):
        publisher = self.http(self.server(answer(201)).port)
        publisher.send("many 3 1000000")
        publisher.wait_for("fate published", 3)
        self.assertNotIn("expect", self.requests[0].headers)
        self.assertGreater(len(self.requests[2].body), 1000000)

    def test_refused_at_once(self):
        for status, word in [
            (401, "the key is wrong"),
            (422, "422"),
            (302, "redirects are refused"),
        ]:
            with self.subTest(status):
                fate, _ = self.outcome(
                    answer(status, headers="Location: http://127.0.0.1:1/\r\n")
                )
                self.assertIn("failed", fate)
                self.assertIn(word, fate)
                self.assertEqual(len(self.requests), 1)

    def test_refused_others_go_on(self):
        publisher = self.http(self.server(answer(422), answer(201)).port)
        publisher.send("many 3 10")
        publisher.wait_for("fate published", 2)
        self.assertEqual(publisher.fates(), ["failed", "published", "published"])

    def test_tried_again(self):
        fate, took = self.outcome(answer(500), answer(503), answer(201))
        self.assertEqual(fate, "published")
        self.assertEqual(len(self.requests), 3)
        self.assertGreater(took, 1.4)

    def test_tried_in_vain(self):
        fate, took = self.outcome(answer(500), answer(404))
        self.assertIn("failed the answer was 404", fate)
        self.assertEqual(len(self.requests), 4)
        self.assertLess(took, 12 * SLOW)

    def test_nobody_listens(self):
        """It waits for somebody, and says so; the rest goes with the end."""
        publisher = self.http(free_port())
        publisher.send("many 2 10")
        # The sender may have tried before the second one was published.
        self.assertRegex(publisher.wait_for("log warn"), "[12] messages wait")
        publisher.end()
        self.assertEqual(publisher.fates(), ["dropped"] * 2)

    def test_somebody_listens_in_time(self):
        port = free_port()
        publisher = self.http(port)
        publisher.send("many 3 10")
        time.sleep(1)
        self.server(answer(201), port=port)
        publisher.wait_for("fate published", 3)
        self.assertEqual(publisher.fates(), ["published"] * 3)

    def test_restart(self):
        """What was sent earlier on a connection does not count."""
        server = self.server(answer(201))
        publisher = self.http(server.port)
        publisher.send("many 3 10")
        publisher.wait_for("fate published", 3)
        server.close()
        time.sleep(0.1)
        publisher.send("many 1 10")
        time.sleep(0.5)
        self.server(answer(201), port=server.port)
        publisher.wait_for("fate published", 4)

    def test_no_answer(self):
        fate, took = self.outcome(lambda peer: time.sleep(20))
        self.assertIn("unknown", fate)
        self.assertEqual(len(self.requests), 1)
        self.assertLess(took, 4.5 * SLOW)

    def test_hung_up(self):
        fate, _ = self.outcome(None)
        self.assertIn("unknown", fate)
        self.assertEqual(len(self.requests), 1)

    def test_reset(self):
        def reset(peer):
            peer.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            raise EOFError

        fate, _ = self.outcome(reset)
        self.assertIn("unknown", fate)

    def test_no_http(self):
        fate, _ = self.outcome(b"SSH-2.0-x\r\n")
        self.assertIn("unknown", fate)

    def test_huge_body(self):
        sent = []

        def flood(peer):
            peer.sendall(b"HTTP/1.1 201 X\r\nContent-Length: 104857600\r\n\r\n")
            chunk = b"x" * 65536
            for _ in range(1600):
                peer.sendall(chunk)
                sent.append(len(chunk))

        publisher = self.http(self.server(flood, answer(201)).port)
        publisher.send("many 2 10")
        publisher.wait_for("fate published", 2)
        self.assertLess(sum(sent), 20 * 1024 * 1024)

    def test_slow_body(self):
        def drip(peer):
            peer.sendall(b"HTTP/1.1 201 X\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(1000):
                peer.sendall(b"x")
                time.sleep(0.1)

        fate, took = self.outcome(drip)
        self.assertEqual(fate, "published")
        self.assertLess(took, 4.5 * SLOW)

    def test_kept_connection_that_was_closed(self):
        def last(peer):
            peer.sendall(answer(201))
            raise EOFError

        server = self.server(last)
        publisher = self.http(server.port)
        for i in range(5):
            publisher.send("many 1 10")
            publisher.wait_for("fate", i + 1)
            time.sleep(0.1)
        self.assertEqual(publisher.fates(), ["published"] * 5)
        self.assertEqual(len(self.requests), 5)

    def test_untrusted(self):
        certificate = self.make_certificate("localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate + ".pem", certificate + ".key")
        server = self.listen(lambda peer: context.wrap_socket(peer, True).recv(1))
        publisher = self.publisher(
            "http", f"--http-broadcast-url=https://localhost:{server.port}/"
        )
        publisher.send("many 1 10")
        self.assertIn("certificate", publisher.wait_for("log warn"))
        publisher.end()
        self.assertEqual(publisher.fates(), ["dropped"])

    def test_no_proxy(self):
        publisher = self.http(
            self.server(answer(201)).port,
            env={"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"},
        )
        publisher.send("many 1 10")
        publisher.wait_for("fate published")

    def test_end_while_it_waits(self):
        publisher = self.http(self.server(answer(500)).port)
        publisher.send("many 3 10")
        publisher.wait_for("taken 3")
        while "the answer was 500" not in publisher.ask("error", "error"):
            time.sleep(0.01)
        self.assertLess(publisher.end(), 3.5 * SLOW)
        self.assertEqual(publisher.fates(), ["failed", "dropped", "dropped"])

    def test_end_without_answer(self):
        publisher = self.http(
            self.server(lambda peer: time.sleep(20)).port,
            env={"BROADCAST_TIME": "10000"},
        )
        publisher.send("many 3 10")
        time.sleep(0.2)
        self.assertLess(publisher.end(), 3.5 * SLOW)
        self.assertEqual(publisher.fates(), ["unknown", "dropped", "dropped"])

    def test_linked(self):
        publisher = self.http(self.server(answer(201)).port, "--linked")
        publisher.send("many 1 10")
        publisher.wait_for("fate published")

    def test_settings_that_make_no_sense(self):
        for arguments in [
            ["--http-broadcast-url=http://"],
            ["--http-broadcast-url=http://u:p@127.0.0.1/", "--broadcast-key=k"],
            ["--broadcast-key=a\r\nX-Other: b"],
            ["--broadcast-key=a\x7f"],
        ]:
            with self.subTest(arguments):
                publisher = self.publisher("http", *arguments)
                self.assertTrue(publisher.wait_for("new").startswith("-2 "))


class ApiTest(Http):
    def api(self, key, stream, *answers):
        publisher = self.http(1)
        port = self.server(*answers).port
        publisher.send(f"api http://127.0.0.1:{port}/api/ {key} {stream}")
        return publisher.wait_for("users"), publisher.wait_for("publish")

    def test_api(self):
        users = b'{"type":"info","total":0}'
        said, published = self.api("k", "a?b", answer(200, users), answer(201))
        self.assertEqual(said, "0 " + users.decode())
        self.assertEqual(published, "0")
        first, second = self.requests
        self.assertEqual(first.method, "GET")
        self.assertEqual(first.path, "/api/presence/a%3Fb/users")
        self.assertEqual(first.headers["authorization"], "Bearer k")
        self.assertEqual(second.path, "/api/publish")
        self.assertEqual(
            json.loads(second.body), {"stream": "a?b", "data": '{"a":"\\n"}'}
        )

    def test_refused(self):
        for status in 401, 404, 501, 302:
            with self.subTest(status):
                said, published = self.api("-", "a", answer(status))
                self.assertTrue(said.startswith(f"-10 the answer was {status}"))
                self.assertTrue(published.startswith("-10 "))

    def test_slash(self):
        said, published = self.api("-", "a/b", answer(201))
        self.assertTrue(said.startswith("-2 "))
        self.assertIn("slash", said)
        self.assertEqual(published, "0")

    def test_no_answer(self):
        said, _ = self.api("-", "a", lambda peer: time.sleep(5))
        self.assertTrue(said.startswith("-14 "))

    def test_nobody_listens(self):
        publisher = self.http(1)
        publisher.send(f"api http://127.0.0.1:{free_port()}/api - a")
        self.assertTrue(publisher.wait_for("users").startswith("-13 "))

    def test_huge_answer(self):
        body = b"x" * (5 * 1024 * 1024)
        said, _ = self.api("-", "a", answer(200, body))
        self.assertTrue(said.startswith("-7 "))

    def test_keys_that_make_no_sense(self):
        publisher = self.http(1)
        publisher.send("api ftp://127.0.0.1/ - a")
        self.assertEqual(publisher.wait_for("api"), "-2")


if __name__ == "__main__":
    unittest.main()
