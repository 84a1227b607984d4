"""`anycable broadcast` and `anycable disconnect` without a server, by the adapter
"memory"."""

import os
import pty
import re
import subprocess
import time
import unittest

from tool import DONE, ENVIRONMENT, REFUSED, TOOL, USAGE, TestCase, lines, run

MEMORY = {"ANYCABLE_BROADCAST_ADAPTER": "memory"}


class Memory(TestCase):
    def tool(self, *args, **options):
        return run(*args, environment=MEMORY, **options)

    def assert_published(self, result, count, more=""):
        self.assertEqual((result.status, result.err), (DONE, ""))
        self.assertRegex(result.out, r"\Apublished %d%s( \(\d+ receivers?\))?\n\Z" % (count, more))

    def test_argument(self):
        for data in "1", '{"text":"hello"}', '"é"', " [1, 2.5] ", "true", '"\\u0000"':
            self.assert_published(self.tool("broadcast", "news", data), 1)
        for data in "", "hello", "null", "-x", "\n":
            self.assert_published(self.tool("broadcast", "--string", "news", "--", data), 1)
        self.assert_published(self.tool("broadcast", "--", "-x", "1"), 1)

    def test_lines(self):
        for args in [], ["-"]:
            self.assert_published(self.tool("broadcast", "news", *args, input=lines("1", "2")), 2)
        self.assert_published(self.tool("broadcast", "news", input=b"1\n2"), 2)
        self.assert_published(self.tool("broadcast", "news", input=b'{"a":\t1}\r\n'), 1)
        self.assert_published(self.tool("broadcast", "news", input=b""), 0)
        self.assert_published(self.tool("broadcast", "news", "--string", input=b"\n\n"), 2)

    def test_bad_lines_are_left_out(self):
        result = self.tool("broadcast", "news", input=lines("1", "x", "2", '"y', "", "null"))
        self.assertEqual(result.status, REFUSED)
        self.assertRegex(result.out, r"\Apublished 2\b")
        for line in 2, 4, 5, 6:
            self.assertIn("line %d: it is not JSON, or null; see --string\n" % line, result.err)
        self.assertIn("4 bad lines not published\n", result.err)

    def test_many_bad_lines(self):
        result = self.tool("broadcast", "news", input=b"x\n" * 1000)
        self.assertEqual(result.status, REFUSED)
        self.assertEqual(len(result.err.splitlines()), 11)
        self.assertIn("1000 bad lines not published\n", result.err)

    def test_reasons(self):
        for line, words in ((b'"\xff"', "UTF-8"), (b'"\0"', "NUL"), (b"9007199254740993", "change"),
                            (b"[" * 100 + b"]" * 100, "deeply"),
                            (b'"%s"' % (b"x" * (1 << 20)), "too large")):
            result = self.tool("broadcast", "news", input=line + b"\n1\n")
            self.assertEqual(result.status, REFUSED, result.err)
            self.assertRegex(result.out, r"\Apublished 1\b")
            self.assertRegex(result.err, "line 1: .*" + words)
            if b"\0" not in line and len(line) < 100000:
                self.assert_usage(self.tool("broadcast", "news", line), "DATA: ", words)

    def test_batch(self):
        result = self.tool("broadcast", "news", "--batch", input=lines("1", "2", "3"))
        self.assert_published(result, 3, " as one")
        result = self.tool("broadcast", "news", "--batch", input=b"")
        self.assert_published(result, 0)

    def test_batch_is_all_or_nothing(self):
        for bad in b"x\n", b'"%s"\n' % (b"x" * (1 << 20)):
            result = self.tool("broadcast", "news", "--batch", input=b"1\n" + bad + b"2\n")
            self.assertEqual((result.status, result.out), (USAGE, ""))
            self.assertIn("line 2: ", result.err)
            self.assertIn("nothing was published\n", result.err)
        result = self.tool("broadcast", "news", "--batch", input=b'"%s"\n' % (b"x" * 1000) * 2000)
        self.assertEqual(result.status, USAGE)
        self.assertIn("the batch is too large", result.err)

    def test_disconnect(self):
        for args in [], ["--reconnect"], ["--no-reconnect"]:
            self.assert_published(self.tool("disconnect", '{"user":"jack"}', *args), 1)
        self.assert_published(self.tool("disconnect", "-", input=b"{}\n"), 1)

    def test_usage(self):
        self.assert_usage(self.tool("broadcast"), "STREAM is missing")
        self.assert_usage(self.tool("broadcast", "", "1"), "STREAM is missing")
        self.assert_usage(self.tool("broadcast", b"\xff", "1"), "STREAM is not valid UTF-8")
        self.assert_usage(self.tool("broadcast", "x", "1", "2"), "one argument too many")
        self.assert_usage(self.tool("broadcast", "x", "1", "--type", b"\xff"), "--type")
        self.assert_usage(self.tool("broadcast", "x", "1", "--timeout=x"), "--timeout takes seconds")
        self.assert_usage(self.tool("broadcast", "x", "1", "--rpc-host=x"), "unknown flag --rpc-host",
                          "--redis-url")
        self.assert_usage(self.tool("disconnect"), "IDENTIFIERS are missing")
        self.assert_usage(self.tool("disconnect", ""), "IDENTIFIERS are empty")
        self.assert_usage(self.tool("disconnect", b"\xff"), "UTF-8")
        self.assert_usage(self.tool("disconnect", "x", "y"), "one argument too many")

    def test_settings(self):
        for adapter, words in (("nowhere", '"nowhere" is not known'), ("a,b", "several")):
            result = run("broadcast", "x", "1", "--broadcast-adapter", adapter)
            self.assert_usage(result, "broadcast_adapter", words)
        result = self.tool("broadcast", "x", "1", "--redis-tls-verify=perhaps")
        self.assert_usage(result, "redis-tls-verify", '"perhaps" is not allowed')
        for flag in "--redis-tls-verify", "--nats-dont-randomize-servers":
            self.assert_published(self.tool("broadcast", "x", "1", flag), 1)

    def test_many_lines_in_bounded_memory(self):
        """More than the queue holds, by a tool that may use half a GiB of addresses."""
        count = 50000
        line = b'"%s"\n' % (b"x" * 1000)
        process = subprocess.Popen(
            ["sh", "-c", 'ulimit -v "$1"; shift; exec "$@"', "sh",
             "unlimited" if re.search("/[at]san/", TOOL) else "524288", TOOL, "broadcast", "x"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**ENVIRONMENT, **MEMORY})
        for _ in range(count // 1000):
            process.stdin.write(line * 1000)
        out, _ = process.communicate(timeout=60)
        self.assertRegex(out.decode(), r"\Apublished %d\b" % count)
        self.assertEqual(process.returncode, DONE)

    def test_progress_on_a_terminal(self):
        """None for what is short, and gone at the end."""
        for pause, shown in (0, False), (1.5, True):
            leader, follower = pty.openpty()
            process = subprocess.Popen([TOOL, "broadcast", "x"], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, stderr=follower,
                                       env={**ENVIRONMENT, **MEMORY})
            os.close(follower)
            process.stdin.write(b"1\n")
            process.stdin.flush()
            time.sleep(pause)
            process.communicate(b"2\n", timeout=60)
            self.assertEqual(process.returncode, DONE)
            seen = self.read_terminal(leader)
            if shown:
                self.assertRegex(seen, r"\d+ sent, \d+/s, \d+ queued.*\r\x1b\[K\Z")
            else:
                self.assertEqual(seen, "")

    @staticmethod
    def read_terminal(leader):
        seen = b""
        while True:
            try:
                data = os.read(leader, 4096)
            except OSError:
                break
            if not data:
                break
            seen += data
        os.close(leader)
        return seen.decode()


if __name__ == "__main__":
    unittest.main()
