"""Runs the tool; what all the tests here share."""

import json
import os
import subprocess
import tempfile
import unittest

import peers

TOOL = os.path.abspath(os.environ.get("ANYCABLE_TOOL", "build/bin/anycable"))
DONE, REFUSED, USAGE, NO_ANSWER = 0, 1, 2, 3

# A sanitizer must not look like one of the tool's own exit statuses; and what
# a test does not set, is not set.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith("ANYCABLE_") and name != "REDIS_URL"}
ENVIRONMENT.update(ASAN_OPTIONS="exitcode=99",
                   UBSAN_OPTIONS="exitcode=99:print_stacktrace=1", LC_ALL="C")


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out, self.err = process.stdout, process.stderr

    @property
    def json(self):
        return json.loads(self.out)


def run(*args, environment=None, **options):
    """Runs the tool with the arguments, str or bytes, and reads its output. A
    minute is for hangs, not for slowness."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    process = subprocess.run([TOOL, *args], stderr=subprocess.PIPE, timeout=60,
                             env={**ENVIRONMENT, **(environment or {})}, **options)
    if process.returncode not in (DONE, REFUSED, USAGE, NO_ANSWER):
        raise AssertionError("the tool died with %d: %s" % (
            process.returncode, process.stderr.decode(errors="replace")))
    process.stderr = process.stderr.decode()
    if process.stdout is not None:
        process.stdout = process.stdout.decode()
    return Result(process)


def lines(*texts):
    return "".join(text + "\n" for text in texts).encode()


class TestCase(unittest.TestCase):
    maxDiff = None

    def server(self, *args, **options):
        server = peers.Server(*args, **options)
        self.addCleanup(server.close)
        return server

    def peer(self, script, **options):
        peer = peers.Peer(script, **options)
        self.addCleanup(peer.close)
        return peer

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def file(self, content):
        path = os.path.join(self.folder(), "request.json")
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_usage(self, result, *words):
        """It was told what is wrong, in these words, and where to read more;
        and standard output, which scripts read, stayed empty."""
        self.assertEqual((result.status, result.out), (USAGE, ""), result.err)
        self.assertRegex(result.err, r'\nSee "anycable .*--help"\.\n$')
        for word in words:
            self.assertIn(word, result.err)

    def assert_no_answer(self, result, error):
        """`error` is all that is said, but for a regular expression's rest."""
        self.assertEqual((result.status, result.out), (NO_ANSWER, ""), result.err)
        self.assertRegex(result.err, r"\A%s\n\Z" % error)
