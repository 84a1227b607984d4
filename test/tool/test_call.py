"""`anycable call`: what it sends, and what it makes of the answers."""

import json
import unittest
from concurrent import futures

import grpc
import rpc_pb2

from tool import DONE, REFUSED, TestCase, run

OK = rpc_pb2.ConnectionResponse(status=rpc_pb2.SUCCESS).SerializeToString()
REQUESTS = {
    "connect": rpc_pb2.ConnectionRequest,
    "command": rpc_pb2.CommandMessage,
    "disconnect": rpc_pb2.DisconnectRequest,
}


class RequestCase(TestCase):
    """What the server got is decoded by Google's protobuf."""

    def setUp(self):
        self.backend = self.server()
        self.backend.answer = lambda request, context: OK

    def sent(self, method, *args, **options):
        """What the server got for these arguments, and its metadata."""
        result = run("call", self.backend.address, method, *args, **options)
        self.assertEqual((result.status, result.err), (DONE, ""))
        self.path, self.raw, metadata, self.left = self.backend.calls.get_nowait()
        self.metadata = [m for m in metadata if m[0] != "user-agent"]
        self.agent = dict(metadata)["user-agent"]
        return REQUESTS[method].FromString(self.raw)

    def bad(self, method, *args, **options):
        result = run("call", self.backend.address, method, *args, **options)
        self.assertTrue(self.backend.calls.empty())
        return result


class Requests(RequestCase):
    def test_connect_by_default(self):
        self.sent("connect")
        self.assertEqual(self.raw, b"\x1a\x00")  # an Env, and nothing in it
        self.assertEqual(self.path, "/anycable.RPC/Connect")
        self.assertEqual(self.metadata, [("protov", "v1"), ("sid", "cli")])
        self.assertEqual(self.agent.split("/")[0], "anycable")

    def test_connect_on_the_wire(self):
        self.sent("connect", "--url", "u", "--header", "a=b")
        self.assertEqual(self.raw, bytes.fromhex("1a0b 0a0175 12060a0161120162"))

    def test_connect_with_all(self):
        request = self.sent(
            "connect", "--url", "http://x/cable?a=%20", "--header", "cookie=a=b; c=d",
            "--header=REMOTE_ADDR=127.0.0.1", "--cstate", "a=", "--cstate=b==",
            "--istate", '{"channel":"x"}={"a":"b=c"}', "--sid", "s 1", "--protov", "v9")
        self.assertEqual(request, rpc_pb2.ConnectionRequest(env=rpc_pb2.Env(
            url="http://x/cable?a=%20",
            headers={"cookie": "a=b; c=d", "REMOTE_ADDR": "127.0.0.1"},
            cstate={"a": "", "b": "="},
            istate={'{"channel":"x"}': '{"a":"b=c"}'})))
        self.assertEqual(self.metadata, [("protov", "v9"), ("sid", "s 1")])

    def test_command_with_all(self):
        request = self.sent(
            "command", "--command", "message", "--identifier", '{"channel":"Ö"}',
            "--identifiers", '{"user":"jack"}', "--data", '{"action":"speak"}',
            "--url", "u", "--header", "a=b", "--cstate", "c=d", "--istate", "e=f")
        self.assertEqual(self.path, "/anycable.RPC/Command")
        self.assertEqual(request, rpc_pb2.CommandMessage(
            command="message", identifier='{"channel":"Ö"}',
            connection_identifiers='{"user":"jack"}', data='{"action":"speak"}',
            env=rpc_pb2.Env(url="u", headers={"a": "b"}, cstate={"c": "d"},
                            istate={"e": "f"})))

    def test_disconnect_with_all(self):
        request = self.sent(
            "disconnect", "--identifiers", "i", "--subscription", "one",
            "--subscription", "", "--subscription", "one", "--url", "u",
            "--header", "a=b", "--cstate", "c=d", "--istate", 'one={"e":"f"}')
        self.assertEqual(self.path, "/anycable.RPC/Disconnect")
        self.assertEqual(request, rpc_pb2.DisconnectRequest(
            identifiers="i", subscriptions=["one", "", "one"],
            env=rpc_pb2.Env(url="u", headers={"a": "b"}, cstate={"c": "d"},
                            istate={"one": '{"e":"f"}'})))

    def test_channel(self):
        request = self.sent("command", "--command", "subscribe", "--channel", 'a"b\\')
        self.assertEqual(request.identifier, '{"channel":"a\\"b\\\\"}')
        request = self.sent("command", "--command", "x", "--channel", "a",
                            "--identifier", "last")
        self.assertEqual(request.identifier, "last")

    def test_any_text_is_a_value(self):
        for value in "--help", "-", "--", "=", "a\nb\tc", "\x01", "€ 𝄞 \U0010ffff", "":
            request = self.sent("command", "--command", value, "--data=" + value)
            self.assertEqual((request.command, request.data), (value, value))

    def test_the_last_flag_counts(self):
        request = self.sent("connect", "--url", "1", "--header", "a=1", "--header",
                            "b=1", "--header", "a=2", "--url", "2")
        self.assertEqual(request.env.url, "2")
        self.assertEqual(dict(request.env.headers), {"a": "2", "b": "1"})
        self.assertEqual(len(self.raw), len(request.SerializeToString()))

    def test_names_can_be_empty(self):
        request = self.sent("connect", "--header", "=a", "--header", "=", "--cstate", "=b")
        self.assertEqual(dict(request.env.headers), {"": ""})
        self.assertEqual(dict(request.env.cstate), {"": "b"})

    def test_flags_stand_anywhere(self):
        args = "--url", "u", self.backend.address, "--sid=s", "connect", "--", "-"
        result = run("call", *args, input=b"{}")
        self.assertEqual(result.status, DONE, result.err)
        self.assertEqual(self.backend.calls.get_nowait()[1], b"\x1a\x03\x0a\x01u")

    def test_sid_and_protov_can_be_left_out(self):
        self.sent("connect", "--sid", "", "--protov=")
        self.assertEqual(self.metadata, [])

    def test_metadata(self):
        self.sent("connect", "--metadata", "A-b_C.1=x=y", "--metadata", "a=",
                  "--metadata", "a=2")
        self.assertEqual(self.metadata, [("a-b_c.1", "x=y"), ("a", ""), ("a", "2"),
                                         ("protov", "v1"), ("sid", "cli")])

    def test_deadline_is_told(self):
        self.sent("connect")
        self.assertLessEqual(self.left, 3)
        self.sent("connect", "--timeout", "86400")
        self.assertLessEqual(self.left, 86400)
        self.assertGreater(self.left, 3600)

    def test_flags_of_other_methods(self):
        for method, flags in (
                ("connect", ["identifiers", "command", "identifier", "data",
                             "subscription", "channel"]),
                ("command", ["subscription"]),
                ("disconnect", ["command", "identifier", "data", "channel"])):
            for flag in flags:
                result = self.bad(method, "--" + flag, "x")
                self.assert_usage(result, "%s has no --%s" % (method, flag))
                self.assertRegex(result.err, "belongs to (command|disconnect)")

    def test_pairs_have_an_equals_sign(self):
        for flag in "header", "cstate", "istate":
            self.assert_usage(self.bad("connect", "--" + flag, "x"),
                              "--%s takes " % flag, "=VALUE", '"x"')

    def test_a_command_has_a_name(self):
        self.assert_usage(self.bad("command"), "--command subscribe, unsubscribe, message")
        self.assert_usage(self.bad("command", "-", input=b'{"command": ""}'), "--command")
        self.assertEqual(self.sent("command", "--command", "").command, "")

    def test_bad_utf8(self):
        for good in (b"\x7f", b"\xc2\x80", b"\xdf\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf",
                     b"\xee\x80\x80", b"\xef\xbf\xbf", b"\xf0\x90\x80\x80",
                     b"\xf4\x8f\xbf\xbf"):
            self.assertEqual(self.sent("connect", "--url", good).env.url, good.decode())
        for bad in (b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xc2a",
                    b"\xe0\x9f\xbf", b"\xe2\x82", b"\xe2\x82a", b"\xed\xa0\x80",
                    b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80", b"\xf4\x90\x80\x80",
                    b"\xf5\x80\x80\x80", b"\xff", b"a\xc2"):
            self.assert_usage(self.bad("connect", "--url", bad), "env.url is not valid UTF-8")
        for flag in b"a=\xff", b"\xff=a":
            self.assert_usage(self.bad("connect", "--header", flag),
                              "env.headers is not valid UTF-8")
        self.assert_usage(self.bad("disconnect", "--subscription", b"\xff"),
                          "subscriptions is not valid UTF-8")


class Files(RequestCase):
    """Requests in JSON."""

    FULL = {
        "command": "message", "identifier": "i", "connection_identifiers": "c",
        "data": "d", "env": {"url": "u", "headers": {"a": "1", "b": "2"},
                             "cstate": {"c": "3"}, "istate": {"d": "4"}}}

    def test_file(self):
        path = self.file(json.dumps(self.FULL))
        env = rpc_pb2.Env(**self.FULL["env"])
        expected = rpc_pb2.CommandMessage(**dict(self.FULL, env=env))
        self.assertEqual(self.sent("command", path), expected)
        self.assertEqual(self.sent("command", "-", input=json.dumps(self.FULL).encode()),
                         expected)

    def test_flags_win(self):
        request = self.sent("command", self.file(json.dumps(self.FULL)),
                            "--data", "new", "--header", "b=new", "--header", "c=new",
                            "--url", "new")
        self.assertEqual((request.data, request.identifier), ("new", "i"))
        self.assertEqual(request.env.url, "new")
        self.assertEqual(dict(request.env.headers), {"a": "1", "b": "new", "c": "new"})
        self.assertEqual(dict(request.env.cstate), {"c": "3"})

    def test_flags_replace_lists(self):
        path = self.file('{"subscriptions": ["a", "b"], "identifiers": "i"}')
        self.assertEqual(list(self.sent("disconnect", path).subscriptions), ["a", "b"])
        request = self.sent("disconnect", path, "--subscription", "c")
        self.assertEqual((list(request.subscriptions), request.identifiers), (["c"], "i"))

    def test_null_is_nothing(self):
        request = self.sent("disconnect", self.file(
            '{"identifiers": null, "subscriptions": null, "env": {"headers": null}}'))
        self.assertEqual(request, rpc_pb2.DisconnectRequest(env=rpc_pb2.Env()))
        self.sent("connect", self.file('{"env": null}'))
        self.assertEqual(self.raw, b"\x1a\x00")

    def test_space_and_escapes(self):
        request = self.sent("connect", self.file(
            '\n\t{"env":{"url":"\\u0026\\u003c\\ud834\\udd1e\\\\u0000"}}\r\n '))
        self.assertEqual(request.env.url, "&<\U0001d11e\\u0000")

    def test_unknown_fields(self):
        for text, words in (
                ('{"envs": {}}', ['"envs"', "there are env\n"]),
                ('{"env": {"heders": {}}}',
                 ['"env.heders"', "env.url, env.headers, env.cstate, env.istate\n"]),
                ('{"Env": {}}', ['"Env"'])):
            self.assert_usage(self.bad("connect", self.file(text)), "request.json: ", *words)
        self.assert_usage(self.bad("command", self.file('{"identifiers": ""}')),
                          "command, identifier, connection_identifiers, data, env")
        self.bad("connect", self.file('{"%s": 1}' % ("x" * 5000)))

    def test_wrong_types(self):
        for text, words in (
                ("[]", "the request must be an object"),
                ('"x"', "the request must be an object"),
                ('{"env": "x"}', "env must be an object"),
                ('{"env": {"url": 1}}', "env.url must be a string"),
                ('{"env": {"url": ["x"]}}', "env.url must be a string"),
                ('{"env": {"headers": []}}', "env.headers must be an object of strings"),
                ('{"env": {"istate": {"a": {}}}}', "env.istate must be an object of strings"),
                ('{"env": {"cstate": {"a": null}}}', "env.cstate must be an object of strings")):
            self.assert_usage(self.bad("connect", self.file(text)), "request.json: " + words)
        for text in '{"subscriptions": {}}', '{"subscriptions": [1]}', '{"subscriptions": ""}':
            self.assert_usage(self.bad("disconnect", self.file(text)),
                              "subscriptions must be an array of strings")

    def test_not_json(self):
        for text, where in (("", "line 1, column 1"), ("{", "line 1, column"),
                            ("{}x", "line 1, column 3"), ("{}\n{}", "line 2, column 1"),
                            ('{\n  "env": nil\n}', "line 2, column"),
                            ("{'env': 1}", "line 1, column"), ("\xff", "line 1"),
                            ("[" * 2000, "line 1")):
            self.assert_usage(self.bad("connect", self.file(text)),
                              "request.json: near " + where, "not valid JSON")
        self.assert_usage(self.bad("connect", "-", input=b"{"), "standard input: near line 1")

    def test_nul(self):
        for text in b'{"env":{"url":"a\\u0000b"}}', b'{"env":{"url":"a\0b"}}', b"{}\0":
            self.assert_usage(self.bad("connect", self.file(text)), "near line 1, column",
                              "NUL character")

    def test_bad_utf8_in_file(self):
        for text in b'{"env":{"url":"\xff"}}', b'{"env":{"headers":{"\xff":"a"}}}':
            self.assert_usage(self.bad("connect", self.file(text)), "not valid UTF-8")

    def test_unreadable(self):
        self.assert_usage(self.bad("connect", "/nonexistent"),
                          "/nonexistent: No such file or directory")
        self.assert_usage(self.bad("connect", self.folder()), "Is a directory")
        self.assert_usage(self.bad("connect", self.file(b" " * (17 << 20))), "longer than")

    def test_large_requests(self):
        for size in 65000, 3 << 20:
            data = "x" * size
            path = self.file(json.dumps({"command": "message", "data": data}))
            self.assertEqual(self.sent("command", path, "--timeout", "60").data, data)


class Answers(TestCase):
    def setUp(self):
        self.backend = self.server()

    def call(self, method, answer):
        if not isinstance(answer, bytes):
            answer = answer.SerializeToString()
        self.backend.answer = lambda request, context: answer
        args = ["--command", "x"] if method == "command" else []
        return run("call", self.backend.address, method, *args, "--timeout", "60")

    def test_statuses(self):
        for method, kind in (("connect", rpc_pb2.ConnectionResponse),
                             ("command", rpc_pb2.CommandResponse),
                             ("disconnect", rpc_pb2.DisconnectResponse)):
            for status, name, exit_status in ((0, "ERROR", REFUSED), (1, "SUCCESS", DONE),
                                              (2, "FAILURE", REFUSED), (3, 3, REFUSED),
                                              (-1, -1, REFUSED)):
                result = self.call(method, kind(status=status))
                self.assertEqual(result.json, {"status": name})
                self.assertEqual((result.status, result.err), (exit_status, ""))

    def test_empty_answer_is_error(self):
        result = self.call("connect", b"")
        self.assertEqual((result.status, result.json), (REFUSED, {"status": "ERROR"}))

    def test_connection_response(self):
        env = rpc_pb2.EnvResponse(cstate={"a": "1"}, istate={"b": ""})
        result = self.call("connect", rpc_pb2.ConnectionResponse(
            status=1, identifiers='{"u":"ö"}', transmissions=['{"type":"welcome"}', ""],
            error_msg="no", env=env))
        self.assertEqual(result.json, {
            "status": "SUCCESS", "identifiers": '{"u":"ö"}',
            "transmissions": ['{"type":"welcome"}', ""], "error_msg": "no",
            "env": {"cstate": {"a": "1"}, "istate": {"b": ""}}})

    def test_command_response(self):
        result = self.call("command", rpc_pb2.CommandResponse(
            status=2, disconnect=True, stop_streams=True, streams=["s"],
            transmissions=["t"], error_msg="e", env=rpc_pb2.EnvResponse(),
            stopped_streams=["x", "y"], presence=rpc_pb2.PresenceResponse(
                type="join", id="1", info="{}", ttl=4294967295)))
        self.assertEqual(result.status, REFUSED)
        self.assertEqual(result.json, {
            "status": "FAILURE", "disconnect": True, "stop_streams": True,
            "streams": ["s"], "transmissions": ["t"], "error_msg": "e", "env": {},
            "stopped_streams": ["x", "y"],
            "presence": {"type": "join", "id": "1", "info": "{}", "ttl": 4294967295}})

    def test_presence_without_values(self):
        result = self.call("command", rpc_pb2.CommandResponse(
            presence=rpc_pb2.PresenceResponse()))
        self.assertEqual(result.json, {"status": "ERROR", "presence": {}})

    def test_disconnect_response(self):
        result = self.call("disconnect", rpc_pb2.DisconnectResponse(error_msg="e"))
        self.assertEqual(result.json, {"status": "ERROR", "error_msg": "e"})

    def test_layout(self):
        result = self.call("connect", rpc_pb2.ConnectionResponse(
            status=1, transmissions=['"\\\n\x1b/'],
            env=rpc_pb2.EnvResponse(cstate={'"': "1"})))
        self.assertEqual(result.out, "\n".join([
            "{", '  "status": "SUCCESS",', '  "transmissions": [',
            r'    "\"\\\n\u001b/"', "  ],", '  "env": {', '    "cstate": {',
            r'      "\"": "1"', "    }", "  }", "}", ""]))

    def test_the_last_of_equal_keys_counts(self):
        entries = [b"\x0a\x06\x0a\x01a\x12\x01" + v for v in (b"1", b"2")]
        env = b"".join(entries) + b"\x0a\x03\x0a\x01b"  # and one without a value
        result = self.call("connect", b"\x2a" + bytes([len(env)]) + env)
        self.assertEqual(result.json["env"], {"cstate": {"a": "2", "b": ""}})

    def test_unknown_fields_are_skipped(self):
        result = self.call("connect", OK + b"\xfa\x01\x01x")
        self.assertEqual(result.json, {"status": "SUCCESS"})

    def test_garbage(self):
        for method, name in (("connect", "ConnectionResponse"), ("command", "CommandResponse"),
                             ("disconnect", "DisconnectResponse")):
            self.assert_no_answer(self.call(method, b"\x0a\xff"),
                                  "INTERNAL: the answer is not a " + name)

    def test_bad_utf8(self):
        for answer, field in ((b"\x12\x01\xff", "identifiers"), (b"\x1a\x01\x80", "transmissions"),
                              (b"\x2a\x07\x0a\x05\x0a\x01\xff\x12\x00", "cstate"),
                              (b"\x2a\x07\x12\x05\x0a\x00\x12\x01\xff", "istate")):
            self.assert_no_answer(self.call("connect", answer),
                                  "INTERNAL: %s in the answer is not valid UTF-8.*" % field)

    def test_largest_answer(self):
        limit = 4 << 20
        answer = rpc_pb2.ConnectionResponse(status=1, identifiers="x" * (limit - 7))
        answer.identifiers += "x" * (limit - answer.ByteSize())
        self.assertEqual(answer.ByteSize(), limit)
        result = self.call("connect", answer)
        self.assertEqual((result.status, result.json["identifiers"]), (DONE, answer.identifiers))
        answer.identifiers += "x"
        self.assert_no_answer(self.call("connect", answer),
                              "RESOURCE_EXHAUSTED: .* %d bytes, .* %d" % (limit + 1, limit))


class Failures(TestCase):
    def abort(self, code, message=""):
        backend = self.server()

        def answer(request, context):
            context.set_code(code)
            context.set_details(message)
            return b""

        backend.answer = answer
        return run("call", backend.address, "connect")

    def test_every_code(self):
        for code in grpc.StatusCode:
            if code != grpc.StatusCode.OK:
                self.assert_no_answer(self.abort(code, "why"), code.name + ": why")

    def test_no_message(self):
        self.assert_no_answer(self.abort(grpc.StatusCode.ABORTED), "ABORTED")

    def test_messages_cannot_play_with_the_terminal(self):
        self.assert_no_answer(self.abort(grpc.StatusCode.ABORTED, "100 % ö\n\x1b[2J\x9b\x7f"),
                              r"ABORTED: 100 % ö\\x0a\\x1b\[2J\\u009b\\x7f")

    def test_unknown_service(self):
        backend = grpc.server(futures.ThreadPoolExecutor(1))
        port = backend.add_insecure_port("127.0.0.1:0")
        backend.start()
        self.addCleanup(lambda: backend.stop(None).wait())
        self.assert_no_answer(run("call", "127.0.0.1:%d" % port, "connect"), "UNIMPLEMENTED: .*")

    def test_request_over_the_limit(self):
        path = self.file(json.dumps({"command": "x", "data": "x" * (9 << 20)}))
        self.assert_no_answer(
            run("call", self.server().address, "command", path, "--timeout", "60"),
            "RESOURCE_EXHAUSTED: .*")


if __name__ == "__main__":
    unittest.main()
