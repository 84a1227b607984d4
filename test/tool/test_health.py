"""`anycable health`."""

import os
import subprocess
import threading
import unittest

import grpc
import health_pb2

from tool import (DONE, ENVIRONMENT, NO_ANSWER, REFUSED, TOOL, TestCase, run)


def response(status):
    return health_pb2.HealthCheckResponse(status=status).SerializeToString()


class Health(TestCase):
    def setUp(self):
        self.backend = self.server()

    def health(self, answer, *args, **options):
        self.backend.answer = answer
        return run("health", self.backend.address, *args, **options)

    def test_statuses(self):
        for status, name, exit_status in ((0, "UNKNOWN", REFUSED), (1, "SERVING", DONE),
                                          (2, "NOT_SERVING", REFUSED),
                                          (3, "SERVICE_UNKNOWN", REFUSED), (9, "9", REFUSED)):
            result = self.health(lambda request, context: response(status))
            self.assertEqual((result.status, result.out, result.err),
                             (exit_status, name + "\n", ""))

    def test_request(self):
        for args, service in (([], ""), ([""], ""), (["anycable.RPC"], "anycable.RPC"), (["ö"], "ö")):
            self.health(lambda request, context: response(1), *args)
            path, request, metadata, left = self.backend.calls.get_nowait()
            self.assertEqual(path, "/grpc.health.v1.Health/Check")
            self.assertEqual(request, health_pb2.HealthCheckRequest(
                service=service).SerializeToString())
            self.assertEqual([m for m in metadata if m[0] != "user-agent"], [])
            self.assertLessEqual(left, 3)

    def test_metadata(self):
        self.health(lambda request, context: response(1), "--metadata", "a=b")
        self.assertIn(("a", "b"), self.backend.calls.get_nowait()[2])

    def test_unknown_service(self):
        def answer(request, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        self.assert_no_answer(self.health(answer, "x"), "NOT_FOUND: unknown service")

    def test_garbage(self):
        self.assert_no_answer(self.health(lambda request, context: b"\xff"),
                              "INTERNAL: the answer is not a HealthCheckResponse")

    def test_service_in_bad_utf8(self):
        self.assert_usage(self.health(None, b"\xff"), "SERVICE is not valid UTF-8")

    def test_watch(self):
        def answer(request, context):
            yield from map(response, (2, 1, 1, 3))
        result = self.health(answer, "--watch", "anycable.RPC")
        self.assertEqual((result.status, result.out, result.err),
                         (REFUSED, "NOT_SERVING\nSERVING\nSERVING\nSERVICE_UNKNOWN\n", ""))
        path, request, _, left = self.backend.calls.get_nowait()
        self.assertEqual(path, "/grpc.health.v1.Health/Watch")
        self.assertEqual(request, b"\n\x0canycable.RPC")
        self.assertGreater(left, 1e9)  # none

        def serving(request, context):
            yield response(1)
        self.assertEqual(self.health(serving, "--watch").status, DONE)

    def test_watch_with_timeout(self):
        def answer(request, context):
            yield response(1)
            while context.is_active():
                context.add_callback(gone.set)
                gone.wait()
        gone = threading.Event()
        result = self.health(answer, "--watch", "--timeout", "2")
        self.assertEqual((result.status, result.out), (NO_ANSWER, "SERVING\n"))
        self.assertIn("DEADLINE_EXCEEDED", result.err)

    def test_watch_ends(self):
        def unimplemented(request, context):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no")

        def garbage(request, context):
            yield b"\xff"
        self.assert_no_answer(self.health(unimplemented, "--watch"), "UNIMPLEMENTED: no")
        self.assert_no_answer(self.health(garbage, "--watch"), "INTERNAL: .*")

    def test_changes_are_printed_at_once(self):
        more = threading.Event()

        def answer(request, context):
            yield response(2)
            more.wait(60)
            yield response(1)
        self.backend.answer = answer
        with subprocess.Popen([TOOL, "health", self.backend.address, "--watch"],
                              env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"NOT_SERVING\n")
            more.set()
            self.assertEqual(process.stdout.read(), b"SERVING\n")
        self.assertEqual(process.returncode, DONE)

    def test_nobody_reads(self):
        def answer(request, context):
            while context.is_active():
                yield response(1)
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as pipe:
            result = self.health(answer, "--watch", stdout=pipe)
        self.assertEqual(result.status, NO_ANSWER)


if __name__ == "__main__":
    unittest.main()
