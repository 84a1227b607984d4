"""The tool as such: commands, flags, addresses, --help, --version."""

import re
import socket
import unittest

from tool import DONE, NO_ANSWER, TestCase, run

COMMANDS = ["call", "health", "broadcast", "disconnect", "sign", "verify", "jwt",
            "secret"]


class Commands(TestCase):
    def test_version(self):
        result = run("--version")
        with open("include/anycable/version.h") as header:
            version = re.search('VERSION_STRING "(.*)"', header.read())[1]
        lines = result.out.splitlines()
        self.assertEqual(result.status, DONE)
        self.assertEqual(lines[0], "anycable " + version)
        self.assertIn("nghttp2", lines[1])

    def test_help_lists_all_commands(self):
        for flag in "--help", "-h":
            result = run(flag)
            self.assertEqual((result.status, result.err), (DONE, ""))
            for command in COMMANDS:
                self.assertRegex(result.out, r"\n  %s +\w" % command)

    def test_every_command_has_help_with_an_example(self):
        for command in COMMANDS:
            for args in ["--help"], ["-h"], ["x", "--help"]:
                if args[0] == "x":
                    args = ["127.0.0.1:1", "--help"]
                result = run(command, *args)
                self.assertEqual((result.status, result.err), (DONE, ""))
                self.assertIn("usage: anycable " + command, result.out)
                self.assertIn("\n  anycable " + command, result.out)
                self.assertIn("exit status:", result.out)
                for line in result.out.splitlines():
                    self.assertLessEqual(len(line), 80, line)

    def test_manual_has_every_flag_and_no_other(self):
        with open("man/anycable.1") as page:
            documented = set(re.findall(r"^\.It Fl -([\w-]+)", page.read(), re.M))
        flags = set()
        for command in COMMANDS:
            flags.update(re.findall(r"^  --([\w-]+)", run(command, "--help").out, re.M))
        self.assertEqual(documented, flags)

    def test_no_command(self):
        self.assert_usage(run(), *COMMANDS)

    def test_unknown_command(self):
        for name in "cal", "calls", "", "--versions", "-v":
            self.assert_usage(run(name), '"%s"' % name, *COMMANDS)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            for args in ["--version"], ["--help"], ["call", "--help"]:
                result = run(*args, stdout=full)
                self.assertEqual(result.status, NO_ANSWER)
                self.assertIn("No space left", result.err)


class Flags(TestCase):
    def test_unknown(self):
        for flag in "--ulr", "--ur", "--urls", "--", "-u", "-url", "--=x":
            args = [flag] if flag != "--" else ["---"]
            self.assert_usage(run("call", *args), "unknown flag", args[0].split("=")[0],
                              "--url", "--header", "--timeout", "--ca")
        self.assert_usage(run("health", "--url", "x"), "unknown flag --url;",
                          "--watch", "--timeout", "--ca")

    def test_value_is_missing(self):
        self.assert_usage(run("call", "--url"), "--url needs a value: --url URL")

    def test_value_is_too_much(self):
        self.assert_usage(run("health", "--watch=1"), "--watch takes no value")
        self.assert_usage(run("call", "--tls="), "--tls takes no value")

    def test_operands(self):
        self.assert_usage(run("call"), "ADDRESS is missing", "unix:/path")
        self.assert_usage(run("health"), "ADDRESS is missing", "unix:/path")
        self.assert_usage(run("call", "[::1]:1"), "connect, command or disconnect?")
        self.assert_usage(run("call", "[::1]:1", "Connect"), '"Connect"',
                          "connect, command or disconnect")
        self.assert_usage(run("call", "[::1]:1", "connect", "-", "more"),
                          'too many: "more"')
        self.assert_usage(run("health", "[::1]:1", "a", "b"), 'too many: "b"')

    def test_nothing_is_a_flag_behind_two_dashes(self):
        self.assert_usage(run("health", "--", "--help"), '"--help"')
        self.assert_usage(run("health", "--", "--"), 'not "--"')

    def test_timeout(self):
        for bad in ("", "0", "0.000", "-1", "+1", "1e3", "1.2345", "1.", ".5",
                    "1s", " 1", "86400.001", "86401", "99999", "999999", "0x1",
                    "nan"):
            result = run("health", "[::1]:1", "--timeout", bad)
            self.assert_usage(result, "--timeout takes seconds", '"%s"' % bad)
        for good in "0.001", "1", "1.5", "00001.25", "86400", "86400.000":
            result = run("health", "/", "--timeout", good)
            self.assert_usage(result, "ADDRESS is")

    def test_metadata(self):
        def metadata(text):
            return run("health", "[::1]:1", "--metadata", text)

        self.assert_usage(metadata("name"), "NAME=VALUE", '"name"')
        for name in ("", "na me", "näme", ":path", "te", "TE", "content-type",
                     "user-agent", "grpc-timeout", "Grpc-Status", "a\nb"):
            self.assert_usage(metadata(name + "=x"), "cannot be a name")
        for value in "a\nb", "a\tb", "ä", "\x7f", " a", "a ":
            self.assert_usage(metadata("name=" + value), 'the value of "name"')
        for flag in "--sid", "--protov":
            self.assert_usage(run("call", "[::1]:1", "connect", flag, "a\n"),
                              flag + " takes printable ASCII")


class Addresses(TestCase):
    def test_bad(self):
        for bad in ("", "x", "localhost", "localhost:", "localhost:0",
                    "localhost:65536", "localhost:99999", "localhost:123456",
                    "localhost:http", "localhost:+1", "localhost:-1",
                    "localhost: 1", "::1", "::1:50051", "[::1]", "[::1]:",
                    "[::1]50051", "[::1", "[]:1", "[localhost]:1", "unix:",
                    "unix://", "unix:" + "x" * 108, "x" * 256 + ":1",
                    "http://localhost:1", "http://localhost", "a/b:1"):
            for command in ["health", bad], ["call", bad, "connect"]:
                self.assert_usage(run(*command), "host:port, [v6]:port or unix:/path",
                                  'not "%s"' % bad)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        for command in ["call", "connect"], ["health"]:
            name, *operands = command
            result = run(name, "127.0.0.1:%d" % port, *operands)
            self.assert_no_answer(
                result, "UNAVAILABLE: connect to 127.0.0.1:%d: Connection refused" % port)

    def test_no_socket(self):
        path = self.folder() + "/none"
        self.assert_no_answer(
            run("health", "unix:" + path),
            "UNAVAILABLE: connect to unix:%s: No such file or directory" % path)

    def test_no_such_host(self):
        self.assert_no_answer(run("health", "nowhere.invalid:1"),
                              "UNAVAILABLE: resolve nowhere.invalid: .*")

    def test_all_forms(self):
        ports = []
        server = self.server()
        server.answer = lambda request, context: b"\x08\x01"
        for form in "127.0.0.1:%d", "localhost:%d", ":%d":
            ports.append(form % server.port)
        path = self.folder() + "/a.sock"
        self.server("unix:" + path).answer = server.answer
        ports += ["unix:" + path, "unix://" + path]
        if self.has_ipv6():
            v6 = self.server("[::1]:0")
            v6.answer = server.answer
            ports.append("[::1]:%d" % v6.port)
        for address in ports:
            result = run("health", address)
            self.assertEqual((result.status, result.out, result.err),
                             (DONE, "SERVING\n", ""), address)

    @staticmethod
    def has_ipv6():
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                return True
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
