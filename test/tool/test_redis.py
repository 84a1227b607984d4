"""`anycable broadcast` and `anycable disconnect` by a real Redis."""

import json
import re
import socket
import threading
import time
import unittest

from redis import Redis
from tool import DONE, NO_ANSWER, REFUSED, TestCase, lines, run


class ByRedis(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.addClassCleanup(cls.redis.close)

    def tool(self, *args, **options):
        return run(*args, environment={"ANYCABLE_REDIS_URL": self.redis.url}, **options)

    def published(self, *args, count=1, receivers=1, **options):
        """What a subscriber hears while the tool publishes."""
        subscriber = self.redis.subscriber()
        result = self.tool(*args, **options)
        self.assertEqual((result.status, result.err), (DONE, ""))
        messages = [json.loads(text) for text in subscriber.messages(count)]
        subscriber.close()
        return result.out, messages

    def test_broadcast(self):
        out, messages = self.published("broadcast", "news", '{"n":1}')
        self.assertEqual(out, "published 1 (1 receiver)\n")
        self.assertEqual(messages, [{"stream": "news", "data": '{"n":1}'}])

    def test_string(self):
        _, messages = self.published("broadcast", "news", "true", "--string")
        self.assertEqual(json.loads(messages[0]["data"]), "true")

    def test_options(self):
        _, messages = self.published("broadcast", "news", "1", "--exclude-socket", "s1", "--type",
                                     "note", "--transient")
        self.assertEqual(messages[0]["meta"], {
            "exclude_socket": "s1", "broadcast_type": "note", "transient": True})

    def test_lines_in_their_order(self):
        count = 5000
        out, messages = self.published("broadcast", "news", count=count,
                                       input=lines(*map(str, range(count))))
        self.assertEqual(out, "published %d (%d receivers)\n" % (count, count))
        self.assertEqual([m["data"] for m in messages], list(map(str, range(count))))

    def test_batch(self):
        out, messages = self.published("broadcast", "news", "--batch", input=lines("1", "2"))
        self.assertEqual(out, "published 2 as one (1 receiver)\n")
        self.assertEqual(messages, [[{"stream": "news", "data": "1"},
                                     {"stream": "news", "data": "2"}]])

    def test_disconnect(self):
        for args, reconnect in ([], True), (["--reconnect"], True), (["--no-reconnect"], False):
            _, messages = self.published("disconnect", '{"user":"jack"}', *args)
            self.assertEqual(messages, [{"command": "disconnect", "payload": {
                "identifier": '{"user":"jack"}', "reconnect": reconnect}}])

    def test_flags_over_the_environment(self):
        subscriber = self.redis.subscriber("other")
        result = run("broadcast", "x", "1", "--redis-url", self.redis.url, "--redis-channel=other",
                     environment={"ANYCABLE_REDIS_URL": "redis://127.0.0.1:1"})
        self.assertEqual(result.status, DONE, result.err)
        self.assertEqual(len(subscriber.messages(1)), 1)

    def test_nobody_listens(self):
        out = self.tool("broadcast", "news", "1").out
        self.assertEqual(out, "published 1 (0 receivers)\n")

    def test_no_redis(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for command in (["broadcast", "x", "1"], ["disconnect", "{}"]):
            began = time.monotonic()
            result = run(*command, "--timeout=0.5", "--redis-url=redis://:tell-nobody@127.0.0.1:%d" % port)
            self.assertEqual((result.status, result.out), (NO_ANSWER, "published 0\n"))
            self.assertRegex(result.err, r"1 dropped: .*refused")
            self.assertNotIn("tell-nobody", result.err)
            self.assertLess(time.monotonic() - began, 5)

    def test_redis_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = "redis://127.0.0.1:%d" % mute.getsockname()[1]
            result = run("broadcast", "x", "--timeout=0.5", "--redis-url", url,
                         input=b'"%s"\n' % (b"x" * 1000) * 20000)
        self.assertEqual((result.status, result.out), (NO_ANSWER, "published 0\n"))
        self.assertRegex(result.err, r"left out from line \d{4} on\n\Z")

    def test_refused(self):
        redis = Redis("--requirepass", "right")
        self.addCleanup(redis.close)
        result = run("broadcast", "x", "1", "--timeout=1", "--redis-url",
                     redis.url.replace("//", "//:tell-nobody@"))
        self.assertIn(result.status, (REFUSED, NO_ANSWER))
        self.assertNotIn("tell-nobody", result.err)
        self.assertRegex(result.err, "WRONGPASS|password|NOAUTH|invalid")

    def test_redis_comes_late(self):
        redis = Redis()
        port = redis.port
        redis.close()
        late = []

        def start():
            late.append(Redis(port=port))
        timer = threading.Timer(0.5, start)
        timer.start()
        try:
            result = run("broadcast", "x", "1", "--redis-url=redis://127.0.0.1:%d" % port)
        finally:
            timer.join()
            late[0].close()
        self.assertEqual((result.status, result.out), (DONE, "published 1 (0 receivers)\n"))

    def test_output_is_nothing_but_the_result(self):
        result = self.tool("broadcast", "x", input=lines("1", "x"))
        self.assertTrue(re.fullmatch(r"published 1 \(0 receivers\)\n", result.out))


if __name__ == "__main__":
    unittest.main()
