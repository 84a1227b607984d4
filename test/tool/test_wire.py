"""The gRPC client of the tool, against a peer that sends what it likes."""

import re
import socket
import struct
import unittest

import rpc_pb2

from peers import Peer
from tool import DONE, TestCase, run

OK = rpc_pb2.ConnectionResponse(status=rpc_pb2.SUCCESS).SerializeToString()
CONNECT_BODY = b"\0\0\0\0\2\x1a\x00"


class WireCase(TestCase):
    def call(self, script, *args):
        """The tool's `call connect` on a peer that has read the request and
        then runs `script`."""
        def serve(peer):
            peer.request()
            script(peer)
        return self.raw(serve, *args)

    def raw(self, script, *args):
        self.last = self.peer(script)
        return run("call", self.last.address, "connect", "--timeout", "60", *args)

    def assert_fails(self, script, error, *args):
        result = self.call(script, *args)
        self.assert_no_answer(result, error.replace("PEER", re.escape(self.last.address)))

    def assert_works(self, script):
        result = self.call(script)
        self.assertEqual((result.status, result.err), (DONE, ""))
        self.assertEqual(result.json, {"status": "SUCCESS"})


def answer(peer):
    peer.headers(Peer.GRPC)
    peer.message(OK)
    peer.trailers()


class Good(WireCase):
    def test_request(self):
        self.assert_works(answer)
        headers = self.last.request_headers
        timeout = dict(headers)["grpc-timeout"]
        self.assertRegex(timeout, r"\A[1-9]\d{0,7}[HMSmun]\Z")
        self.assertEqual(headers, [
            (":method", "POST"), (":scheme", "http"), (":path", "/anycable.RPC/Connect"),
            (":authority", self.last.address), ("content-type", "application/grpc"),
            ("user-agent", "anycable/0.1.0"), ("te", "trailers"),
            ("grpc-timeout", timeout), ("protov", "v1"), ("sid", "cli")])
        self.assertEqual(self.last.body, CONNECT_BODY)

    def test_bytes_come_one_by_one(self):
        def script(peer):
            sent = bytearray()
            plain, peer.send = peer.send, sent.extend
            peer.request()
            answer(peer)
            for i in range(len(sent)):
                plain(sent[i:i + 1])
        result = self.raw(script)
        self.assertEqual((result.status, result.json), (DONE, {"status": "SUCCESS"}))

    def test_frames_cut_anywhere(self):
        message = b"\0\0\0\0\2" + OK

        def script(peer):
            peer.headers(Peer.GRPC)
            for i in range(len(message)):
                peer.data(b"")
                peer.data(message[i:i + 1])
            peer.trailers()
        self.assert_works(script)

    def test_padding_and_unknown_frames(self):
        def script(peer):
            peer.frame(0xbe, 0xff, 0, b"x")
            peer.headers(Peer.GRPC)
            peer.frame(Peer.DATA, 8, peer.stream, b"\3\0\0\0\0\2" + OK + b"\0\0\0")
            peer.trailers()
        self.assert_works(script)

    def test_informational_headers_first(self):
        def script(peer):
            peer.headers([(":status", "103"), ("grpc-status", "5")])
            answer(peer)
        self.assert_works(script)

    def test_content_types(self):
        for kind in "application/grpc+proto", "application/grpc;x=y", "Application/gRPC":
            def script(peer):
                peer.headers([(":status", "200"), ("content-type", kind)])
                peer.message(OK)
                peer.trailers()
            self.assert_works(script)

    def test_status_counts_in_trailers_only(self):
        def script(peer):
            peer.headers(Peer.GRPC + (("grpc-status", "5"),))
            peer.message(OK)
            peer.trailers()
        self.assert_works(script)

    def test_other_streams_do_not_matter(self):
        def script(peer):
            peer.headers(Peer.GRPC)
            peer.goaway(2 ** 31 - 1, 0, b"soon")  # the first of two
            peer.message(OK)
            peer.goaway(peer.stream, 0)
            peer.trailers()
        self.assert_works(script)

    def test_request_in_many_writes(self):
        data = "0123456789abcdef" * (1 << 19)

        def serve(peer):
            # All the window there is, so that nothing but the socket holds the
            # tool back: what it writes goes out in pieces of any size.
            peer.frame(Peer.SETTINGS, 0, 0, struct.pack(">HI", 4, 2 ** 31 - 1))
            peer.frame(Peer.WINDOW, 0, 0, struct.pack(">I", 2 ** 31 - 65536))
            peer.request()
            answer(peer)
        peer = self.peer(serve, buffer=32768)
        path = self.file('{"command": "message", "data": "%s"}' % data)
        result = run("call", peer.address, "command", path, "--timeout", "60")
        self.assertEqual((result.status, result.err), (DONE, ""))
        request = rpc_pb2.CommandMessage.FromString(peer.body[5:])
        self.assertTrue(request.data == data)

    def test_answer_before_the_request_is_out(self):
        def serve(peer):
            # No window at all: the body never comes.
            peer.request(settings=struct.pack(">HI", 4, 0), body=False)
            answer(peer)
        result = self.raw(serve)
        self.assertEqual((result.status, result.json), (DONE, {"status": "SUCCESS"}))

    def test_reset_after_the_answer(self):
        def script(peer):
            answer(peer)
            peer.reset(0)
        self.assert_works(script)

    def test_it_says_goodbye(self):
        seen = []

        def script(peer):
            answer(peer)
            try:
                while True:
                    seen.append(peer.read_frame()[0])
            except EOFError:
                pass
        self.assert_works(script)
        self.last.thread.join()
        self.assertEqual(seen[-1], Peer.GOAWAY)
        self.assertNotIn(Peer.RST_STREAM, seen)


class BadAnswers(WireCase):
    def test_trailers_only(self):
        def script(peer):
            peer.headers(Peer.GRPC + (("grpc-status", "8"), ("grpc-message", "full")), end=True)
        self.assert_fails(script, "RESOURCE_EXHAUSTED: full")

    def test_failure_after_a_message(self):
        def script(peer):
            peer.headers(Peer.GRPC)
            peer.message(OK)
            peer.trailers("10", "no")
        self.assert_fails(script, "ABORTED: no")

    def test_message_escapes(self):
        for sent, shown in (("%C3%B6%25", "ö%"), ("%c3%b6", "ö"), ("%", "%"), ("%4", "%4"),
                            ("%zz%4g", "%zz%4g"), ("%00x", "%00x"), ("%ff", r"\\xff"),
                            ("%1b[2J", r"\\x1b\[2J"), ("x" * 3000, "x{511}"), ("", None)):
            def script(peer):
                peer.headers(Peer.GRPC)
                peer.trailers("5", sent)
            self.assert_fails(script, "NOT_FOUND" + (": " + shown if shown else ""))

    def test_codes_that_are_none(self):
        for sent, shown in (("17", "STATUS 17: m"), ("999", "STATUS 999: m"),
                            ("", "UNKNOWN: grpc-status is not a number"),
                            ("x", "UNKNOWN: grpc-status is not a number"),
                            ("-1", "UNKNOWN: grpc-status is not a number"),
                            ("0x", "UNKNOWN: grpc-status is not a number"),
                            ("1000", "UNKNOWN: grpc-status is not a number")):
            def script(peer):
                peer.headers(Peer.GRPC)
                peer.trailers(sent, "m")
            self.assert_fails(script, shown)

    def test_no_status(self):
        def no_trailers(peer):
            peer.headers(Peer.GRPC)
            peer.message(OK, end=True)

        def empty_trailers(peer):
            peer.headers(Peer.GRPC)
            peer.message(OK)
            peer.headers([("x", "y")], end=True)

        def only_in_headers(peer):
            peer.headers(Peer.GRPC + (("grpc-status", "0"),))
            peer.message(OK, end=True)

        def headers_only(peer):
            peer.headers(Peer.GRPC, end=True)
        for script in no_trailers, empty_trailers, only_in_headers, headers_only:
            self.assert_fails(script, "INTERNAL: the server ended the call without a grpc-status")

    def test_http_status(self):
        for status, code in ((400, "INTERNAL"), (401, "UNAUTHENTICATED"),
                             (403, "PERMISSION_DENIED"), (404, "UNIMPLEMENTED"),
                             (429, "UNAVAILABLE"), (502, "UNAVAILABLE"), (503, "UNAVAILABLE"),
                             (504, "UNAVAILABLE"), (500, "UNKNOWN"), (200, "UNKNOWN")):
            def page(peer):
                peer.headers([(":status", str(status)), ("content-type", "text/html")])
                peer.data(b"<h1>")  # and no end: nobody waits for it

            def grpc(peer):
                peer.headers([(":status", str(status)), ("content-type", "application/grpc")],
                             end=True)

            def bare(peer):
                peer.headers([(":status", str(status))], end=True)
            self.assert_fails(page, '%s: HTTP status %d, content-type "text/html": '
                              "not a gRPC server" % (code, status))
            self.assert_fails(bare, '%s: HTTP status %d, content-type "".*' % (code, status))
            if status != 200:
                self.assert_fails(grpc, "%s: HTTP status %d" % (code, status))

    def test_grpc_status_counts_more_than_http(self):
        def script(peer):
            peer.headers([(":status", "503"), ("content-type", "application/grpc"),
                          ("grpc-status", "7")], end=True)
        self.assert_fails(script, "PERMISSION_DENIED")

    def test_content_types(self):
        for kind in "application/grpc-web", "application/json", "application/grp", "x" * 500:
            def script(peer):
                peer.headers([(":status", "200"), ("content-type", kind)])
                peer.message(OK)
                peer.trailers()
            self.assert_fails(script, "UNKNOWN: .*not a gRPC server")

    def test_number_of_messages(self):
        def none(peer):
            peer.headers(Peer.GRPC)
            peer.trailers()

        def two(peer):
            peer.headers(Peer.GRPC)
            peer.message(OK)
            peer.message(OK)
            peer.trailers()
        self.assert_fails(none, "UNIMPLEMENTED: the server answers without a message")
        self.assert_fails(two, "UNIMPLEMENTED: the server answers with more than one message")

    def test_cut_messages(self):
        for data in b"\0", b"\0\0\0\0", b"\0\0\0\0\1", b"\0\0\0\0\3" + OK:
            def script(peer):
                peer.headers(Peer.GRPC)
                peer.data(data)
                peer.trailers()
            self.assert_fails(script, "INTERNAL: the server ended the call inside a message")

    def test_compressed(self):
        for flag in 1, 2, 255:
            def script(peer):
                peer.headers(Peer.GRPC)
                peer.data(bytes([flag]) + b"\0\0\0\2" + OK)
            self.assert_fails(script, r"INTERNAL: the answer is compressed \(flag %d\).*" % flag)

    def test_long_message_is_not_waited_for(self):
        for size in (4 << 20) + 1, 2 ** 32 - 1:
            def script(peer):
                peer.headers(Peer.GRPC)
                peer.data(b"\0" + struct.pack(">I", size))
                peer.wait_closed()
            self.assert_fails(script, "RESOURCE_EXHAUSTED: the answer has %d bytes.*" % size)


class BadConnections(WireCase):
    def test_resets(self):
        for number, code in ((0, "INTERNAL"), (1, "INTERNAL"), (2, "INTERNAL"),
                             (7, "UNAVAILABLE"), (8, "CANCELLED"), (11, "RESOURCE_EXHAUSTED"),
                             (12, "PERMISSION_DENIED"), (200, "INTERNAL")):
            self.assert_fails(lambda peer: peer.reset(number), code + ": the call was reset: .*")

    def test_goaway(self):
        self.assert_fails(lambda peer: peer.goaway(0, 0, b"max_age"),
                          "UNAVAILABLE: PEER is going away: max_age")
        self.assert_fails(lambda peer: peer.goaway(0, 11), "UNAVAILABLE: PEER is going away")

        def then_close(peer):
            peer.goaway(peer.stream, 0, b"bye\x1b")
        self.assert_fails(then_close, r"UNAVAILABLE: PEER is going away: bye\\x1b")

    def test_closed(self):
        closed = "UNAVAILABLE: PEER: closed the connection before the answer"
        self.assert_fails(lambda peer: None, closed)
        self.assert_fails(lambda peer: peer.headers(Peer.GRPC), closed)

        def in_message(peer):
            peer.headers(Peer.GRPC)
            peer.data(b"\0\0\0\0\5" + OK)
        self.assert_fails(in_message, closed)

    def test_cut(self):
        def script(peer):
            linger = struct.pack("ii", 1, 0)  # close() sends RST
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            peer.sock.close()
        # Which of the two depends on what the tool was doing.
        self.assert_fails(script, "UNAVAILABLE: PEER: (Connection reset by peer|"
                          "closed the connection before the answer)")

    def test_not_http2(self):
        for said, error in (
                (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/1.1, gRPC needs HTTP/2"),
                (b"HTTP/1.0 400 Bad Request\r\n\r\n", "speaks HTTP/1.1, gRPC needs HTTP/2"),
                (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS: try --tls or --ca"),
                (b"220 mail.example ESMTP\r\n", ".*"),
                (b"\0\0\0\0\0\0\0\0\1", ".*")):
            result = self.raw(lambda peer: peer.send(said))
            self.assert_no_answer(
                result, "UNAVAILABLE: %s:? ?%s" % (re.escape(self.last.address), error))

    def test_broken_frames(self):
        def bad_hpack(peer):
            peer.frame(Peer.HEADERS, 5, peer.stream, b"\xff\xff\xff\xff\xff\xff")

        def oversized(peer):
            peer.send(b"\xff\xff\xff\0\0\0\0\0\1")

        def push(peer):
            peer.frame(5, 4, peer.stream, struct.pack(">I", 2))

        def settings(peer):
            peer.frame(Peer.SETTINGS, 0, 0, b"x")
        for script in bad_hpack, oversized, settings:
            with self.subTest(script.__name__):
                self.assert_fails(script, "UNAVAILABLE: PEER: breaks the rules of HTTP/2.*")

        def data_first(peer):
            peer.data(b"x")

        def no_http_status(peer):
            peer.headers([("content-type", "application/grpc")])
        for script in data_first, no_http_status, push:
            self.assert_fails(script, "(INTERNAL|UNAVAILABLE): .*")

    def test_time_is_up(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            for command in ["call", address, "connect"], ["health", address]:
                self.assert_no_answer(
                    run(*command, "--timeout", "0.2"),
                    "DEADLINE_EXCEEDED: no answer in time from %s, which takes connections "
                    "but sends nothing" % address)

        def settings_only(peer):
            peer.request()
            peer.wait_closed()

        def half_an_answer(peer):
            peer.request()
            peer.headers(Peer.GRPC)
            peer.message(OK)
            peer.wait_closed()
        for script in settings_only, half_an_answer:
            peer = self.peer(script)
            self.assert_no_answer(run("call", peer.address, "connect", "--timeout", "0.5"),
                                  "DEADLINE_EXCEEDED: no answer in time from %s.*"
                                  % peer.address)


if __name__ == "__main__":
    unittest.main()
