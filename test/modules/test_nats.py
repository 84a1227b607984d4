"""The adapter "nats", against the real server, and against a scripted one that
breaks where the real one cannot be made to."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from modules import SLOW, Test, free_port


def read_line(file):
    line = file.readline()
    if not line:
        raise EOFError
    return line.decode().rstrip("\r\n")


class Subscriber:
    """Collects the numbers of the messages that arrive."""

    def __init__(self, port, connect="{}", subject="__anycable__"):
        self.numbers = []
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        read_line(self.file)
        self.socket.sendall(f"CONNECT {connect}\r\nSUB {subject} 1\r\nPING\r\n".encode())
        while read_line(self.file) != "PONG":
            pass
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while True:
                words = read_line(self.file).split(" ")
                if words[0] == "MSG":
                    self.numbers.append(number_of(self.file.read(int(words[-1]) + 2)))
                elif words[0] == "PING":
                    self.socket.sendall(b"PONG\r\n")
        except (EOFError, OSError):
            pass

    def close(self):
        self.socket.close()

    def wait_for(self, count):
        end = time.monotonic() + 10 * SLOW
        while len(self.numbers) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.numbers


def number_of(payload):
    message = json.loads(payload)
    return int(json.loads(message["data"]).split()[0])


class Server:
    """The real server."""

    def __init__(self, folder, config="", port=None):
        self.port = port or free_port()
        self.path = os.path.join(folder, f"nats-{self.port}.conf")
        with open(self.path, "w") as f:
            f.write(f"listen: 127.0.0.1:{self.port}\n{config}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/nats-server", "-c", self.path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("nats-server does not listen")

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Nats(Test):
    def server(self, config="", port=None):
        server = Server(self.folder, config, port)
        self.addCleanup(server.stop)
        return server

    def subscriber(self, port, *arguments):
        subscriber = Subscriber(port, *arguments)
        self.addCleanup(subscriber.close)
        return subscriber

    def nats(self, servers, *arguments, **options):
        if isinstance(servers, int):
            servers = f"nats://127.0.0.1:{servers}"
        return self.publisher(
            "nats", f"--nats-servers={servers}", *arguments, **options
        )

    def assert_published(self, publisher, count=1):
        publisher.send(f"many {count} 10")
        publisher.wait_for("fate published", count)

    def assert_waits(self, publisher, word):
        """It is not published, as |word| tells."""
        publisher.send("many 1 10")
        self.assertIn(word, publisher.wait_for("log warn broadcast: nats:"))
        self.assertEqual(publisher.fates(), [])
        self.assertEqual(publisher.counts()["queued"], 1)


class ServerTest(Nats):
    def test_published_in_order(self):
        server = self.server()
        subscriber = self.subscriber(server.port)
        publisher = self.nats(server.port)
        publisher.send("quiet")
        publisher.send("many 20000 100")
        self.assertEqual(publisher.ask("flush 20000", "flushed"), "0")
        self.assertEqual(publisher.counts()["published"], 20000)
        self.assertEqual(subscriber.wait_for(20000), list(range(20000)))

    def test_subject(self):
        server = self.server()
        subscriber = self.subscriber(server.port, "{}", "a.b")
        publisher = self.nats(server.port, "--nats-channel=a.b", "--linked")
        self.assert_published(publisher)
        self.assertEqual(subscriber.wait_for(1), [0])

    def test_credentials(self):
        server = self.server('authorization { user: me, password: "s3c:r@t" }')
        good = self.nats(f"nats://me:s3c%3Ar%40t@127.0.0.1:{server.port}")
        self.assert_published(good)
        bad = self.nats(f"nats://me:wr0ng@127.0.0.1:{server.port}")
        self.assert_waits(bad, "Authorization Violation")
        bad.end()
        self.assertFalse([l for l in bad.lines if "wr0ng" in l])

    def test_token(self):
        server = self.server("authorization { token: t0ken }")
        self.assert_published(self.nats(f"nats://t0ken@127.0.0.1:{server.port}"))
        self.assert_waits(self.nats(server.port), "Authorization Violation")

    def test_permission(self):
        server = self.server(
            "authorization { users: [{ user: a, password: b,"
            ' permissions: { publish: "other" } }] }'
        )
        publisher = self.nats(f"nats://a:b@127.0.0.1:{server.port}")
        publisher.send("many 3 10")
        self.assertIn("Permissions Violation", publisher.wait_for("fate failed", 3))
        self.assertEqual(publisher.fates(), ["failed"] * 3)

    def test_revoked(self):
        server = self.server("authorization { user: a, password: b }")
        publisher = self.nats(f"nats://a:b@127.0.0.1:{server.port}")
        self.assert_published(publisher)
        with open(server.path, "w") as f:
            f.write(
                f"listen: 127.0.0.1:{server.port}\n"
                "authorization { user: a, password: c }\n"
            )
        server.kill(signal.SIGHUP)
        time.sleep(0.5)
        publisher.send("many 1 10")
        self.assertIn("Authorization", publisher.wait_for("log warn broadcast"))
        self.assertEqual(publisher.counts()["published"], 1)

    def test_max_payload(self):
        server = self.server("max_payload: 1000")
        publisher = self.nats(server.port)
        publisher.send("many 2 10")
        publisher.send("many 1 2000")
        publisher.send("many 2 10")
        publisher.wait_for("fate", 5)
        self.assertEqual(
            publisher.fates(),
            ["published", "published", "failed", "published", "published"],
        )
        self.assertIn("1000 bytes", publisher.wait_for("fate failed"))

    def test_large(self):
        publisher = self.nats(self.server().port)
        publisher.send("many 5 1000000")
        publisher.wait_for("fate published", 5)

    def test_several_servers(self):
        server = self.server()
        dead, other = free_port(), free_port()
        publisher = self.nats(
            f"nats://127.0.0.1:{dead}, 127.0.0.1:{other},"
            f"nats://localhost:{server.port}"
        )
        self.assert_published(publisher)
        self.assertFalse([l for l in publisher.lines if l.startswith("log warn")])

    def test_server_comes_late(self):
        port = free_port()
        publisher = self.nats(port)
        self.assert_waits(publisher, "No server available")
        server = self.server(port=port)
        publisher.wait_for("fate published")
        self.assertEqual(publisher.ask("flush 20000", "flushed"), "0")
        self.assertEqual(publisher.counts()["queued"], 0)

    def test_restart_while_idle(self):
        server = self.server()
        publisher = self.nats(server.port)
        self.assert_published(publisher)
        server.stop()
        server.start()
        publisher.send("many 3 10")
        publisher.wait_for("fate published", 4)
        self.assertEqual(publisher.fates(), ["published"] * 4)

    def test_restart_under_load(self):
        server = self.server()
        publisher = self.nats(server.port)
        publisher.send("quiet")
        total = 0
        for _ in range(4):
            for _ in range(20):
                publisher.send("many 1000 100")
            time.sleep(0.05)
            server.stop()
            time.sleep(0.1)
            server.start()
            total += 20
        publisher.wait_for("taken", total)
        taken = sum(int(l.split()[1]) for l in publisher.lines if l.startswith("taken"))
        self.assertEqual(publisher.ask("flush 20000", "flushed"), "0")
        counts = publisher.counts()
        self.assertEqual(counts["taken"], taken)
        self.assertEqual(counts["published"] + counts["unknown"], taken)
        self.assertLessEqual(counts["unknown"], 4 * 512)

    def test_stopped(self):
        server = self.server()
        publisher = self.nats(server.port)
        self.assert_published(publisher)
        server.kill(signal.SIGSTOP)
        began = time.monotonic()
        publisher.send("many 5 100000")
        publisher.wait_for("fate unknown")
        self.assertLess(time.monotonic() - began, 3 * SLOW)
        publisher.send("many 1 10")
        server.kill(signal.SIGCONT)
        self.assertEqual(publisher.ask("flush 10000", "flushed"), "0")
        self.assertEqual(publisher.fates()[-1], "published")
        server.kill(signal.SIGSTOP)
        publisher.send("many 2000 10000")
        self.assertLess(publisher.end(), 3.5 * SLOW)
        server.kill(signal.SIGCONT)


class ProcessTest(Nats):
    """What nats.c would do to the process."""

    def test_process(self):
        publisher = self.nats(self.server().port)
        publisher.send("seed 1")
        self.assertEqual(publisher.ask("sigpipe", "sigpipe"), "default")
        self.assert_published(publisher)
        self.assertEqual(publisher.ask("sigpipe", "sigpipe"), "default")
        self.assertEqual(publisher.ask("rand", "rand"), "1804289383")

    def test_threads_take_no_signals(self):
        publisher = self.nats(self.server().port)
        self.assert_published(publisher)
        tasks = f"/proc/{publisher.process.pid}/task"
        blocked = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/status") as f:
                mask = re.search(r"SigBlk:\s*(\w+)", f.read()).group(1)
            blocked.append(int(mask, 16) >> (signal.SIGTERM - 1) & 1)
        self.assertGreater(len(blocked), 5)
        # The host's own is the only one that takes them.
        self.assertEqual(blocked.count(0), 1 if not os.environ.get("SAN") else
                         blocked.count(0))

    def test_descriptors(self):
        """None is left over from connections that have ended."""
        server = self.server()
        publisher = self.nats(server.port)
        self.assert_published(publisher)
        folder = f"/proc/{publisher.process.pid}/fd"
        before = len(os.listdir(folder))
        for i in range(5):
            server.stop()
            server.start()
            publisher.send("many 1 10")
            publisher.wait_for("fate", i + 2)
        self.assertEqual(len(os.listdir(folder)), before)


@unittest.skipIf(os.environ.get("SAN") == "tsan", "OpenSSL is not instrumented")
class TlsTest(Nats):
    def tls_server(self, name):
        path = self.make_certificate(name)
        return self.server(
            f'tls {{ cert_file: "{path}.pem", key_file: "{path}.key" }}'
        ), {"SSL_CERT_FILE": path + ".pem"}

    def test_trusted(self):
        server, trusted = self.tls_server("localhost")
        url = f"tls://localhost:{server.port}"
        publisher = self.nats(url, env=trusted)
        for i in range(3):
            publisher.send("many 100 10000")
            publisher.wait_for("fate published", (i + 1) * 100)
        self.assert_waits(self.nats(url), "certificate")

    def test_large(self):
        server, trusted = self.tls_server("localhost")
        publisher = self.nats(f"tls://localhost:{server.port}", env=trusted)
        publisher.send("many 8 900000")
        publisher.wait_for("fate published", 8)

    def test_plain_url(self):
        """The server demands TLS: the certificate is checked as well."""
        server, trusted = self.tls_server("localhost")
        self.assert_published(
            self.nats(f"nats://localhost:{server.port}", env=trusted)
        )
        self.assert_waits(self.nats(f"nats://localhost:{server.port}"), "certificate")

    def test_other_name(self):
        server, trusted = self.tls_server("elsewhere")
        for scheme in "tls", "nats":
            self.assert_waits(
                self.nats(f"{scheme}://localhost:{server.port}", env=trusted),
                "ostname mismatch",
            )

    def test_no_downgrade(self):
        self.assert_waits(
            self.nats(f"tls://127.0.0.1:{self.server().port}"), "ecure"
        )

    def test_stopped(self):
        server, trusted = self.tls_server("localhost")
        publisher = self.nats(f"tls://localhost:{server.port}", env=trusted)
        self.assert_published(publisher)
        server.kill(signal.SIGSTOP)
        began = time.monotonic()
        publisher.send("many 8 900000")
        publisher.wait_for("fate unknown")
        self.assertLess(time.monotonic() - began, 4 * SLOW)
        self.assertLess(publisher.end(), 3.5 * SLOW)
        server.kill(signal.SIGCONT)


INFO = {"server_id": "x", "version": "2.9.0", "proto": 1, "max_payload": 1048576}


class ScriptedTest(Nats):
    def serve_until(self, patience):
        """A server that takes messages, and hangs up when it has read
        |patience|() bytes of a connection. What it has taken is in
        |self.taken|."""
        self.taken = []

        def serve(peer):
            peer.sendall(f"INFO {json.dumps(INFO)}\r\n".encode())
            file = peer.makefile("rb")
            left = patience()
            while left > 0:
                words = read_line(file).split(" ")
                if words[0] == "PING":
                    peer.sendall(b"PONG\r\n")
                if words[0] != "PUB":
                    continue
                payload = file.read(int(words[-1]) + 2)
                left -= len(payload)
                if left > 0 and payload.endswith(b"\r\n"):
                    self.taken.append(number_of(payload))

        return self.listen(serve)

    def test_fates_are_exact(self):
        chance = random.Random(1)
        server = self.serve_until(lambda: chance.randrange(200, 200000))
        publisher = self.nats(server.port)
        publisher.send("many 20000 40")
        publisher.wait_for("taken")
        self.assertEqual(publisher.ask("flush 60000", "flushed"), "0")
        publisher.end()
        fates = publisher.fates()
        taken = self.taken
        self.assertEqual(len(fates), 20000)
        self.assertEqual(taken, sorted(set(taken)), "twice, or out of order")
        published = [i for i, fate in enumerate(fates) if fate == "published"]
        self.assertEqual(set(published) - set(taken), set())
        self.assertEqual(set(fates), {"published", "unknown"})
        self.assertGreater(server.accepted, 5)

    def test_hangs_before_it_greets(self):
        server = self.listen(lambda peer: time.sleep(30))
        publisher = self.nats(server.port)
        publisher.send("many 1 10")
        time.sleep(0.2)
        self.assertLess(publisher.end(), 3.5 * SLOW)
        self.assertEqual(publisher.fates(), ["dropped"])

    @unittest.skipIf(os.environ.get("SAN") == "tsan", "OpenSSL again")
    def test_hangs_in_handshake(self):
        info = json.dumps({**INFO, "tls_required": True})

        def serve(peer):
            peer.sendall(f"INFO {info}\r\n".encode())
            time.sleep(30)

        server = self.listen(serve)
        publisher = self.nats(server.port)
        publisher.send("many 1 10")
        publisher.wait_for("log warn broadcast: nats: nats://")
        self.assertLess(publisher.end(), 3.5 * SLOW)

    def test_no_nats(self):
        server = self.listen(lambda peer: peer.sendall(b"SSH-2.0-x\r\n" * 10000))
        self.assert_waits(self.nats(server.port), "nats://127.0.0.1")

    def test_nonsense_later(self):
        def serve(peer):
            peer.sendall(f"INFO {json.dumps(INFO)}\r\n".encode())
            file = peer.makefile("rb")
            while not read_line(file).startswith("PING"):
                pass
            peer.sendall(b"PONG\r\n")
            read_line(file)
            peer.sendall(b"\x00nonsense\r\n")
            time.sleep(5)

        publisher = self.nats(self.listen(serve).port)
        publisher.send("many 1 10")
        publisher.wait_for("fate unknown")


class SettingsTest(Nats):
    def refused(self, *arguments):
        publisher = self.publisher("nats", *arguments)
        said = publisher.wait_for("new")
        self.assertTrue(said.startswith("-2 "), said)
        return said

    def test_subjects(self):
        for subject in ".", "a.", ".a", "a..b", "*", "a.*.b", "a.>", "é", "a" * 256:
            with self.subTest(subject):
                self.assertIn("subject", self.refused(f"--nats-channel={subject}"))

    def test_servers(self):
        for url in (
            "http://127.0.0.1",
            "nats://127.0.0.1:0",
            "nats://127.0.0.1:65536",
            "nats://127.0.0.1:x",
            "nats://",
            "nats://a b",
            "nats://[::1",
            "nats://[::1]x",
            'nats://s3cret:"@a',
            "nats://s3cret:%0a@a",
            "nats://s3cret:%4@a",
            "nats://a,,nats://b",
            "nats://a" + "b" * 300,
        ):
            with self.subTest(url):
                said = self.refused(f"--nats-servers={url}")
                self.assertIn("erver", said)

    def test_servers_that_make_sense(self):
        for url in "nats://[::1]:4222", "127.0.0.1", " nats://a , tls://u:p@b/ ":
            with self.subTest(url):
                publisher = self.publisher("nats", f"--nats-servers={url}")
                self.assertEqual(publisher.wait_for("new"), "0")


if __name__ == "__main__":
    unittest.main()
