"""The call that is measured: a realistic Command, and what answers it."""

import json

# What both servers transmit.
MESSAGE = '{"user":"jack","text":"Hello, everyone in this room!"}'
FRAME = (r'{"identifier":"{\"channel\":\"ChatChannel\",\"room\":\"42\"}",'
         r'"message":' + MESSAGE + "}")

SESSION = ("dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZw"
           "--4b1f0c6ed3a87295e0f1c2d4b6a8897a5e3d2c1b0f9e8d7c6b5a493827160512"
           "4c3b2a198f7e6d5c4b")

METADATA = {
    "content-type": "application/grpc",
    "te": "trailers",
    "user-agent": "grpc-go/1.83.0",
    "grpc-timeout": "2999876u",
    "protov": "v1",
    "sid": "Ib1vAm4ekPXtQaUhGZxKs",
}
PATH = "/anycable.RPC/Command"


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    """A field of wire type 2; a dict becomes a map<string, string>."""
    if isinstance(value, dict):
        return b"".join(field(number, field(1, key) + field(2, text))
                        for key, text in value.items())
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def command():
    """The CommandMessage: 495 bytes, as AnyCable's server sends it for a
    client that says something in a room."""
    env = (field(1, "http://chat.example.com:8080/cable?locale=en")
           + field(2, {"REMOTE_ADDR": "192.0.2.17",
                       "cookie": "_chat_session=" + SESSION + "; theme=dark"})
           + field(3, {"_s_": '{"user_id":4711,"locale":"en"}'})
           + field(4, {"room": '"42"', "joined_at": '"2024-05-01T12:00:00Z"'}))
    return (field(1, "message")
            + field(2, r'{"channel":"ChatChannel","room":"42"}')
            + field(3, '{"user":"Z2lkOi8vY2hhdC9Vc2VyLzQ3MTE"}')
            + field(4, '{"action":"speak",'
                       '"text":"Hello, everyone in this room!"}')
            + field(5, env))


def reply():
    """The CommandResponse: status SUCCESS and one transmission."""
    return b"\x08\x01" + field(5, FRAME)


def command_json():
    """The same over HTTP, as AnyCable's server writes it."""
    return json.dumps({
        "command": "message",
        "identifier": '{"channel":"ChatChannel","room":"42"}',
        "connection_identifiers": '{"user":"Z2lkOi8vY2hhdC9Vc2VyLzQ3MTE"}',
        "data": '{"action":"speak","text":"Hello, everyone in this room!"}',
        "env": {
            "url": "http://chat.example.com:8080/cable?locale=en",
            "headers": {"REMOTE_ADDR": "192.0.2.17",
                        "cookie": f"_chat_session={SESSION}; theme=dark"},
            "cstate": {"_s_": '{"user_id":4711,"locale":"en"}'},
            "istate": {"room": '"42"', "joined_at": '"2024-05-01T12:00:00Z"'},
        }}, separators=(",", ":")).encode()


def reply_json():
    return json.dumps({"status": 1, "transmissions": [FRAME]},
                      separators=(",", ":")).encode()


def answer_http():
    """All bytes of the answer that has it."""
    body = reply_json().decode()
    return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}")


HTTP_MOUNT = "/_anycable"
HTTP_METADATA = {
    "content-type": "application/json",
    "user-agent": "Go-http-client/1.1",
    "accept-encoding": "gzip",
    "x-anycable-meta-protov": METADATA["protov"],
    "x-anycable-meta-sid": METADATA["sid"],
}


def framed(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


# --- HTTP/2 frames, for connections and streams that are just held ----------

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags])
            + stream.to_bytes(4, "big") + payload)


def open_call(stream):
    """A call whose request is there but for its last byte: some servers run
    the handler as soon as they have a whole message."""
    headers = {":method": "POST", ":scheme": "http", ":path": PATH,
               ":authority": "127.0.0.1", **METADATA}
    # Literals, not indexed, names and values shorter than 127 bytes.
    block = b"".join(b"\0" + bytes([len(part[0])]) + part[0].encode()
                     + bytes([len(part[1])]) + part[1].encode()
                     for part in headers.items())
    return (frame(HEADERS, END_HEADERS, stream, block)
            + frame(DATA, 0, stream, framed(command())[:-1]))
