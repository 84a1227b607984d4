"""`anycable sign`, `verify`, `jwt` and `secret`, held against Python's own HMAC
and base64."""

import base64
import hashlib
import hmac
import json
import re
import time
import unittest

from tool import DONE, REFUSED, TestCase, run

SECRET = "s3Krit"
SECRETS = {"ANYCABLE_SECRET": SECRET}


def mac(text, secret=SECRET):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256)


def sign(stream, secret=SECRET, encode=base64.b64encode):
    encoded = encode(json.dumps(stream).encode()).decode()
    return encoded + "--" + mac(encoded, secret).hexdigest()


def segment(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(claims, secret=SECRET, header={"typ": "JWT", "alg": "HS256"}):
    text = segment(json.dumps(header).encode()) + "." + segment(json.dumps(claims).encode())
    return text + "." + segment(mac(text, secret).digest())


class TokenCase(TestCase):
    def tool(self, *args, **options):
        return run(*args, environment=SECRETS, **options)

    def assert_prints(self, result, out):
        self.assertEqual((result.status, result.out, result.err), (DONE, out + "\n", ""))

    def assert_refused(self, result, words):
        self.assertEqual((result.status, result.out), (REFUSED, ""), result.err)
        self.assertRegex(result.err, r"\Aanycable (verify|jwt): .*%s.*\n\Z" % words)


class Streams(TokenCase):
    def test_sign(self):
        for stream in "news", "a?b", "user~1", "room>1", "-x", "a b":
            self.assert_prints(self.tool("sign", "--", stream), sign(stream))

    def test_sign_what_python_writes_in_another_way(self):
        for stream in "é", "😀", 'q"\\\n', "a\u2028":
            name = self.tool("sign", stream).out.strip()
            encoded, signature = name.split("--")
            self.assertEqual(json.loads(base64.b64decode(encoded)), stream)
            self.assertEqual(signature, mac(encoded).hexdigest())

    def test_identifiers(self):
        for channel, expected in (
                ("", {"channel": "$pubsub", "signed_stream_name": sign("x")}),
                ("=pubsub", {"channel": "$pubsub", "signed_stream_name": sign("x")}),
                ("=turbo", {"channel": "Turbo::StreamsChannel", "signed_stream_name": sign("x")}),
                ("=cable-ready", {"channel": "CableReady::Stream", "identifier": sign("x")})):
            result = self.tool("sign", "x", "--identifier" + channel)
            self.assertEqual((result.status, result.json), (DONE, expected))
            self.assertNotIn(" ", result.out)

    def test_verify(self):
        for stream in "news", "a?b", "user~1", "é", "😀":
            for encode in base64.b64encode, base64.urlsafe_b64encode:
                name = sign(stream, encode=encode)
                self.assert_prints(self.tool("verify", name), stream)
                self.assert_prints(self.tool("verify", "-", input=name.encode() + b"\n"), stream)

    def test_verify_refuses(self):
        for name in (sign("x", "another"), "A" + sign("x")[1:],
                     " " + sign("x")):
            self.assert_refused(self.tool("verify", name), "another secret, or forged")
        for name in ("", "x", "x--y", sign("x") + "\n\n", sign("x").upper(),
                     sign(1), sign(None), sign(["x"]), sign("")):
            self.assert_refused(self.tool("verify", "--", name), "no signed name")
        self.assert_refused(self.tool("verify", "x" * 8193), "8 KiB")

    def test_from_standard_input(self):
        self.assert_prints(self.tool("sign", "-", input=b"news\n"), sign("news"))
        self.assert_prints(self.tool("sign", "-", input=b"news"), sign("news"))
        self.assert_usage(self.tool("sign", "-", input=b"x" * 65537), "longer than 65536")

    def test_bad_streams(self):
        self.assert_usage(self.tool("sign", ""), "STREAM is empty")
        self.assert_usage(self.tool("sign", b"\xff"), "UTF-8")
        self.assert_usage(self.tool("sign", "-", input=b"a\0b"), "NUL")
        self.assert_usage(self.tool("sign", "x" * 8000), "too long")

    def test_usage(self):
        self.assert_usage(self.tool("sign"), "STREAM is missing")
        self.assert_usage(self.tool("verify"), "SIGNED_NAME is missing")
        self.assert_usage(self.tool("sign", "x", "--identifier=y"), "pubsub, turbo or cable-ready",
                          '"y"')
        self.assert_usage(self.tool("sign", "x", "--jwt-secret=y"), "unknown flag --jwt-secret")


class Jwt(TokenCase):
    def test_encode(self):
        before = int(time.time())
        for args, ttl in (([], 3600), (["--ttl", "60"], 60), (["--ttl=0"], None)):
            result = self.tool("jwt", "encode", '{"user":"jack"}', *args)
            self.assertEqual((result.status, result.err), (DONE, ""))
            header, claims, signature = result.out.strip().split(".")
            text = header + "." + claims
            self.assertEqual(signature, segment(mac(text).digest()))
            claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
            ends = claims.pop("exp", None)
            self.assertEqual(claims, {"ext": '{"user":"jack"}'})
            if ttl:
                self.assertIn(ends, range(before + ttl, int(time.time()) + ttl + 1))
            else:
                self.assertIsNone(ends)

    def test_ttl_of_the_environment(self):
        for ttl, left in ("100", 100), ("0", None):
            made = run("jwt", "encode", "{}", environment={**SECRETS, "ANYCABLE_JWT_TTL": ttl})
            ends = self.tool("jwt", "decode", made.out.strip()).json["expires_at"]
            self.assertEqual(ends and round((ends - time.time()) / 100), left and left / 100)

    def test_decode(self):
        for claims, ends in (({"ext": "{}"}, None), ({"ext": "{}", "exp": 9999999999}, 9999999999),
                             ({"ext": "{}", "exp": 9999999999.5, "nbf": 1}, 9999999999)):
            for args, options in (([token(claims)], {}),
                                  (["-"], {"input": token(claims).encode() + b"\n"})):
                result = self.tool("jwt", "decode", *args, **options)
                self.assertEqual((result.status, result.err), (DONE, ""))
                self.assertEqual(result.json, {"identifiers": "{}", "expires_at": ends})

    def test_decode_prints_identifiers_as_they_are(self):
        for identifiers in '{"user":"é😀\\n"}', "not JSON", "", '"\x7f"':
            result = self.tool("jwt", "decode", token({"ext": identifiers}))
            self.assertEqual(result.json["identifiers"], identifiers)

    def test_decode_refuses(self):
        def refused(text, words):
            self.assert_refused(self.tool("jwt", "decode", "--", text), words)

        refused(token({"ext": "{}", "exp": 1}), "has expired at 1970-01-01 00:00:01 UTC")
        refused(token({"ext": "{}", "nbf": 9999999999}), "not valid yet")
        refused(token({"ext": "{}", "nbf": 9999999999, "exp": 9999999999}), "not valid yet")
        refused(token({"ext": "{}"}, "another"), "another secret, or forged")
        refused(token({"ext": "{}"}, header={"alg": "none"}), "no token")
        refused(token({"ext": "{}"}, header={"alg": "HS512"}), "no token")
        refused(token({"ext": {}}), "no token")
        refused(token({}), "no token")
        refused("", "no token")
        refused("a.b", "no token")
        refused("x" * 8193, "8 KiB")

    def test_bad_identifiers(self):
        for text, words in (("jack", "not JSON"), ("", "not JSON"), (b'"\xff"', "UTF-8"),
                            ('"%s"' % ("x" * 8000), "too long"), ("[" * 100 + "]" * 100, "deeply")):
            self.assert_usage(self.tool("jwt", "encode", text), words)

    def test_usage(self):
        self.assert_usage(self.tool("jwt"), "encode or decode?")
        self.assert_usage(self.tool("jwt", "enc", "{}"), "encode or decode?")
        self.assert_usage(self.tool("jwt", "encode"), "IDENTIFIERS are missing")
        self.assert_usage(self.tool("jwt", "decode"), "TOKEN is missing")
        self.assert_usage(self.tool("jwt", "decode", "x", "--ttl", "1"), "--ttl is for encode")
        for ttl in "", "-1", "1.5", "x", "1h", "1000000000", "+1", " 1":
            self.assert_usage(self.tool("jwt", "encode", "{}", "--ttl", ttl),
                              "--ttl takes whole seconds", '"%s"' % ttl)


class Secret(TokenCase):
    def test_phrases(self):
        for phrase in "broadcast-cable", "rpc-cable", "api-cable", "é":
            self.assert_prints(self.tool("secret", phrase), mac(phrase).hexdigest())
            self.assert_prints(run("secret", phrase, "--secret=x"), mac(phrase, "x").hexdigest())

    def test_usage(self):
        self.assert_usage(self.tool("secret"), "PHRASE is missing")
        self.assert_usage(self.tool("secret", ""), "PHRASE is missing")
        self.assert_usage(run("secret", "x"), "set ANYCABLE_SECRET")
        self.assert_usage(self.tool("secret", "x", "--secret="), "set ANYCABLE_SECRET")


class WhereSecretsComeFrom(TokenCase):
    def test_streams(self):
        for environment, flags, expected in (
                ({"ANYCABLE_STREAMS_SECRET": "a"}, [], "a"),
                ({"ANYCABLE_STREAMS_SECRET": "a", **SECRETS}, [], "a"),
                ({"ANYCABLE_JWT_SECRET": "a", **SECRETS}, [], SECRET),
                ({"ANYCABLE_STREAMS_SECRET": "", **SECRETS}, [], SECRET),
                (SECRETS, ["--streams-secret", "b"], "b"),
                ({"ANYCABLE_STREAMS_SECRET": "a"}, ["--secret", "b"], "a"),
                ({}, ["--secret=b"], "b"), ({}, ["--secret=é="], "é=")):
            result = run("sign", "x", *flags, environment=environment)
            self.assert_prints(result, sign("x", expected))

    def test_jwt(self):
        for environment, flags, expected in (
                ({"ANYCABLE_JWT_SECRET": "a", **SECRETS}, [], "a"),
                ({"ANYCABLE_STREAMS_SECRET": "a", **SECRETS}, [], SECRET),
                (SECRETS, ["--jwt-secret", "b"], "b")):
            result = run("jwt", "decode", token({"ext": "x"}, expected), *flags,
                         environment=environment)
            self.assertEqual(result.status, DONE)

    def test_none(self):
        self.assert_usage(run("sign", "x"), "set ANYCABLE_STREAMS_SECRET or ANYCABLE_SECRET")
        self.assert_usage(run("verify", "x"), "set ANYCABLE_STREAMS_SECRET or ANYCABLE_SECRET")
        for args in ["encode", "{}"], ["decode", "x"]:
            self.assert_usage(run("jwt", *args), "set ANYCABLE_JWT_SECRET or ANYCABLE_SECRET")

    def test_no_secret_is_told(self):
        """Whatever is wrong with the arguments, and wherever the secret is."""
        secret = "tell-nobody"
        environment = {name: secret for name in (
            "ANYCABLE_SECRET", "ANYCABLE_JWT_SECRET", "ANYCABLE_STREAMS_SECRET")}
        for args in (["sign"], ["sign", "x", secret], ["sign", "x", "--scret=" + secret],
                     ["sign", "x", "--identifier", secret], ["verify", "x"],
                     ["verify", "x", "--secret", secret, "--ttl"],
                     ["jwt", "decode", "x.y.z"], ["jwt", secret], ["jwt", "encode", "x", secret],
                     ["jwt", "encode", "{}", "--jwt-secret=" + secret, "--ttl=x"],
                     ["secret", "phrase", secret], ["secret", "--secret=" + secret]):
            result = run(*args, environment=environment)
            self.assertNotEqual(result.status, DONE)
            self.assertFalse(re.search(secret, result.out + result.err), args)

    def test_environment_that_makes_no_sense(self):
        result = run("sign", "x", environment={**SECRETS, "ANYCABLE_JWT_TTL": "x"})
        self.assert_usage(result, "ANYCABLE_JWT_TTL", '"x" is not allowed')


if __name__ == "__main__":
    unittest.main()
