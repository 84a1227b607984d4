#!/usr/bin/python3
"""Writes the golden messages: NAME.bin as Google's protobuf encodes them, and
NAME.json, what is in them.

    generate.py [FOLDER]     default: the folder of this file
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import json_format

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"

CHAT = '{"channel":"ChatChannel","room":"42"}'
FRAME = ('{"identifier":"{\\"channel\\":\\"ChatChannel\\",\\"room\\":\\"42\\"}",'
         '"message":{"text":"Hello!"}}')
LONG = "a long text, " * 1300  # a length of three bytes
ENV = {
    "url": "http://chat.example.com:8080/cable?user=jack&locale=en",
    "headers": {"REMOTE_ADDR": "192.0.2.17",
                "cookie": "_session=" + "dGhlIHF1aWNr" * 12 + "; theme=dark"},
}

MESSAGES = {
    "connect_empty": ("ConnectionRequest", {}),
    "connect_env_empty": ("ConnectionRequest", {"env": {}}),
    "connect": ("ConnectionRequest", {"env": ENV}),
    "connect_headers": ("ConnectionRequest", {"env": {
        "headers": {f"x-header-{i:03}": "v" * i for i in range(100)}}}),
    "command_subscribe": ("CommandMessage", {
        "command": "subscribe", "identifier": CHAT,
        "connection_identifiers": '{"user":"jack"}', "env": ENV}),
    "command_message": ("CommandMessage", {
        "command": "message", "identifier": CHAT,
        "connection_identifiers": '{"user":"jack"}',
        "data": '{"action":"speak","text":"Hello!"}',
        "env": {**ENV, "cstate": {"_s_": '{"locale":"en"}'},
                "istate": {"room": '"42"', "joined_at": '"2024-05-01"',
                           "empty": ""}}}),
    "command_not_ascii": ("CommandMessage", {
        "command": "message", "identifier": "комната",
        "data": '{"text":"héllo, 世界 😀"}',
        "env": {"url": "http://example.com/ß", "istate": {"ключ": "значение",
                                                          "": "no key"}}}),
    "command_long": ("CommandMessage", {
        "command": "message", "data": LONG, "identifier": LONG + "€"}),
    "disconnect": ("DisconnectRequest", {
        "identifiers": '{"user":"jack"}', "subscriptions": [CHAT, "", "x"],
        "env": {**ENV, "istate": {CHAT: '{"room":"\\"42\\""}'}}}),
    "disconnect_many": ("DisconnectRequest", {
        "identifiers": '{"user":"jack"}',
        "subscriptions": [f'{{"channel":"C","id":{i}}}' for i in range(300)],
        "env": {"istate": {f'{{"channel":"C","id":{i}}}': '{"k":"v"}'
                           for i in range(0, 300, 3)}}}),
    "health": ("HealthCheckRequest", {"service": "anycable.RPC"}),
    "health_empty": ("HealthCheckRequest", {}),

    "reply_connect": ("ConnectionResponse", {
        "status": "SUCCESS", "identifiers": '{"user":"jack"}',
        "transmissions": ['{"type":"welcome","sid":"abc"}'],
        "env": {"cstate": {"_s_": '{"locale":"en"}'}}}),
    "reply_connect_rejected": ("ConnectionResponse", {
        "status": "FAILURE", "transmissions": [
            '{"type":"disconnect","reason":"unauthorized","reconnect":false}'],
        "error_msg": "Auth failed"}),
    "reply_connect_error": ("ConnectionResponse", {"error_msg": "выпало"}),
    "reply_command": ("CommandResponse", {
        "status": "SUCCESS", "transmissions": [FRAME]}),
    "reply_command_all": ("CommandResponse", {
        "status": "FAILURE", "disconnect": True, "stop_streams": True,
        "streams": ["chat/1", "chat/2", "чат"], "stopped_streams": ["", "x"],
        "transmissions": [FRAME, "", LONG], "error_msg": "all of it",
        "env": {"cstate": {"a": "1", "b": "2"},
                "istate": {"$p": "chat/1", "$w": "chat/2", "k": "v" * 200}},
        "presence": {"type": "join", "id": "42", "info": '{"name":"Jack"}'}}),
    "reply_command_many": ("CommandResponse", {
        "status": "SUCCESS", "streams": [f"stream {i}" for i in range(200)],
        "env": {"istate": {f"key {i:03}": f"value {i}" for i in range(200)}}}),
    "reply_command_leave": ("CommandResponse", {
        "status": "SUCCESS", "presence": {"type": "leave"}}),
    "reply_command_error": ("CommandResponse", {}),
    "reply_disconnect": ("DisconnectResponse", {"status": "SUCCESS"}),
    "reply_disconnect_error": ("DisconnectResponse", {"error_msg": "no"}),
    "reply_health_serving": ("HealthCheckResponse", {"status": "SERVING"}),
    "reply_health_not_serving": ("HealthCheckResponse",
                                 {"status": "NOT_SERVING"}),
    "reply_health_unknown": ("HealthCheckResponse",
                             {"status": "SERVICE_UNKNOWN"}),
}


def import_generated(folder):
    """Python's generator does not know protobuf-c's options."""
    for name in ("rpc", "health"):
        lines = (PROTO / f"{name}.proto").read_text().splitlines(True)
        (folder / f"{name}.proto").write_text("".join(
            line for line in lines
            if "protobuf-c" not in line and "pb_c_file" not in line))
        subprocess.run(["protoc", f"-I{folder}", f"--python_out={folder}",
                        f"{folder}/{name}.proto"], check=True)
    sys.path.insert(0, str(folder))
    import health_pb2
    import rpc_pb2
    return {**vars(rpc_pb2), **vars(health_pb2)}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    with tempfile.TemporaryDirectory() as folder:
        types = import_generated(pathlib.Path(folder))
    for name, (kind, fields) in MESSAGES.items():
        message = json_format.ParseDict(fields, types[kind]())
        data = message.SerializeToString(deterministic=True)
        read_back = json_format.MessageToDict(
            types[kind].FromString(data), preserving_proto_field_name=True,
            use_integers_for_enums=True)
        (out / f"{name}.bin").write_bytes(data)
        (out / f"{name}.json").write_text(json.dumps(
            {"message": kind, "fields": read_back}, indent=1, sort_keys=True,
            ensure_ascii=False) + "\n")


main()
