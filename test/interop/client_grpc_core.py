"""gRPC core, by its Python interface, as the client. See run.py."""

import argparse
import concurrent.futures
import json
import sys
import time

import grpc

import health_pb2
import rpc_pb2

ID = '{"channel":"Interop"}'
SAYS = "Zugriff verweigert: ключ 鍵 🔑 %41"
MIB_4 = 4 << 20


class Client:
    def __init__(self, address, ca, keepalive=False):
        options = []
        if keepalive:
            # What AnyCable's server does every 10 s, twice a second.
            options = [("grpc.keepalive_time_ms", 500),
                       ("grpc.keepalive_permit_without_calls", 1),
                       ("grpc.http2.max_pings_without_data", 0),
                       ("grpc.http2.min_ping_interval_without_data_ms", 500),
                       ("grpc.http2.min_time_between_pings_ms", 500)]
        if ca:
            with open(ca, "rb") as f:
                credentials = grpc.ssl_channel_credentials(f.read())
            self.channel = grpc.secure_channel(address, credentials, options)
        else:
            self.channel = grpc.insecure_channel(address, options)
        self.connect = self.unary("/anycable.RPC/Connect",
                                  rpc_pb2.ConnectionResponse)
        self.command = self.unary("/anycable.RPC/Command",
                                  rpc_pb2.CommandResponse)
        self.disconnect = self.unary("/anycable.RPC/Disconnect",
                                     rpc_pb2.DisconnectResponse)
        self.check = self.unary("/grpc.health.v1.Health/Check",
                                health_pb2.HealthCheckResponse)
        self.watch = self.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            lambda message: message.SerializeToString(),
            health_pb2.HealthCheckResponse.FromString)

    def unary(self, path, response):
        return self.channel.unary_unary(
            path, lambda message: message.SerializeToString(),
            response.FromString)

    def say(self, command, data="", timeout=10, metadata=()):
        return self.command(message(command, data), timeout=timeout,
                            metadata=(("protov", "v1"), ("sid", "s1"),
                                      *metadata))

    def ask(self, command, data="", **how):
        """The frame that answers, parsed."""
        response = self.say(command, data, **how)
        equal(response.status, rpc_pb2.SUCCESS)
        return json.loads(response.transmissions[0])

    def later(self, command, data="", timeout=10):
        return self.command.future(message(command, data), timeout=timeout,
                                   metadata=(("protov", "v1"),))

    def until(self, counter, more_than):
        until = time.monotonic() + 10
        while self.ask("counters")[counter] <= more_than:
            if time.monotonic() > until:
                raise AssertionError(f"{counter} stays at {more_than}")


METADATA = (("protov", "v1"), ("sid", "s1"))


def message(command, data=""):
    return rpc_pb2.CommandMessage(command=command, identifier=ID, data=data,
                                  connection_identifiers='{"user":"jack"}')


def equal(seen, expected):
    if seen != expected:
        raise AssertionError(f"{seen!r:.300} instead of {expected!r:.300}")


def fails(code, call, *args, **how):
    try:
        result = call(*args, **how)
    except grpc.RpcError as error:
        equal(error.code(), code)
        return
    raise AssertionError(f"{result!r:.300} instead of {code}")


# --- scenarios ---------------------------------------------------------------

def connect(client):
    response = client.connect(rpc_pb2.ConnectionRequest(env=rpc_pb2.Env(
        url="http://localhost/cable?user=jack", headers={"cookie": "a=b"})),
        metadata=METADATA, timeout=10)
    equal(response.status, rpc_pb2.SUCCESS)
    equal(response.identifiers, '{"user":"jack"}')
    equal(list(response.transmissions), ['{"type":"welcome"}'])
    equal(dict(response.env.cstate), {"user": "jack"})


def reject(client):
    response = client.connect(rpc_pb2.ConnectionRequest(env=rpc_pb2.Env(
        url="http://localhost/cable?user=nobody")),
        metadata=METADATA, timeout=10)
    equal(response.status, rpc_pb2.FAILURE)
    equal(json.loads(response.transmissions[0])["reason"], "unauthorized")
    equal(client.say("reject").status, rpc_pb2.FAILURE)


def command(client):
    request = message("subscribe", "room 1")
    request.env.cstate["user"] = "jack"
    response = client.command(request, metadata=METADATA, timeout=10)
    equal(response.status, rpc_pb2.SUCCESS)
    equal(list(response.streams), ["room 1"])
    equal(list(response.transmissions), ['{"type":"confirm_subscription"}'])
    equal(dict(response.env.istate), {"room": "room 1"})
    equal(dict(response.env.cstate), {"was": "jack"})
    response = client.say("unsubscribe")
    equal((response.status, response.stop_streams), (rpc_pb2.SUCCESS, True))
    equal(client.ask("echo", 'ключ " 🔑'), {"data": 'ключ " 🔑'})


def disconnect(client):
    before = client.ask("counters")["disconnects"]
    response = client.disconnect(rpc_pb2.DisconnectRequest(
        identifiers='{"user":"jack"}', subscriptions=[ID, "other"],
        env=rpc_pb2.Env(istate={ID: '{"room":"room 1"}'})),
        metadata=METADATA, timeout=10)
    equal((response.status, response.error_msg), (rpc_pb2.SUCCESS, ""))
    equal(client.ask("counters")["disconnects"], before + 1)


def metadata(client):
    equal(client.ask("metadata", metadata=(("x-text", "a, b"),
                                           ("x-blob-bin", b"\0\xff\n"))),
          {"sid": "s1", "protov": "v1", "x-text": "a, b",
           "x-blob-bin": "00ff0a"})


def version(client):
    response = client.command(message("echo"), timeout=10)
    equal(response.status, rpc_pb2.ERROR)


def error_text(client):
    response = client.say("error", SAYS)
    equal((response.status, response.error_msg), (rpc_pb2.ERROR, SAYS))


def unimplemented(client):
    for path in ("/anycable.RPC/Nothing", "/anycable.Nothing/Command"):
        fails(grpc.StatusCode.UNIMPLEMENTED,
              client.unary(path, rpc_pb2.CommandResponse), message("echo"),
              metadata=METADATA, timeout=10)


def deadline(client):
    before = client.ask("counters")["cancelled"]
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, client.say, "hold", timeout=0.2)
    client.until("cancelled", before)


def cancel(client):
    before = client.ask("counters")
    call = client.later("hold")
    client.until("held", before["held"])
    call.cancel()
    client.until("cancelled", before["cancelled"])
    equal(call.code(), grpc.StatusCode.CANCELLED)


def large(client):
    room = MIB_4 - message("length").ByteSize() - 5
    equal(message("length", "x" * room).ByteSize(), MIB_4)
    equal(client.ask("length", "x" * room), {"length": room})


def too_large(client):
    room = MIB_4 - message("length").ByteSize() - 5
    fails(grpc.StatusCode.RESOURCE_EXHAUSTED, client.say, "length",
          "x" * (room + 1))
    equal(client.ask("length", "x"), {"length": 1})


def large_reply(client):
    response = client.say("reply", str(MIB_4 - 7))
    equal(response.ByteSize(), MIB_4)
    equal(response.transmissions[0][:10], '{"pad":"xx')
    response = client.say("reply", str(MIB_4 - 6))
    equal((response.status, len(response.transmissions)), (rpc_pb2.ERROR, 0))


def parallel(client):
    calls = [client.later("echo", f"call {i}") for i in range(100)]
    for i, call in enumerate(calls):
        equal(list(call.result().transmissions), [f'{{"data":"call {i}"}}'])


SERVING = health_pb2.HealthCheckResponse.SERVING


def health(client):
    for service in ("", "anycable.RPC"):
        response = client.check(health_pb2.HealthCheckRequest(service=service),
                                timeout=10)
        equal(response.status, SERVING)
    fails(grpc.StatusCode.NOT_FOUND, client.check,
          health_pb2.HealthCheckRequest(service="nothing"), timeout=10)


def watch(client):
    for service, status in (
            ("", SERVING), ("anycable.RPC", SERVING),
            ("nothing", health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)):
        stream = client.watch(health_pb2.HealthCheckRequest(service=service),
                              timeout=10)
        equal(next(stream).status, status)
        stream.cancel()
        equal(stream.code(), grpc.StatusCode.CANCELLED)


def drain(client):
    stream = client.watch(health_pb2.HealthCheckRequest(), timeout=10)
    equal(next(stream).status, SERVING)
    call = client.later("slow", "1000")
    client.until("slow", 0)
    equal(client.say("drain").status, rpc_pb2.SUCCESS)
    equal(next(stream).status, health_pb2.HealthCheckResponse.NOT_SERVING)
    equal(list(call.result().transmissions), ['{"data":"1000"}'])
    try:
        for response in stream:
            equal(response.status, None)
    except grpc.RpcError:
        pass  # The server is gone.


def keepalive(client):
    equal(client.ask("echo", "1"), {"data": "1"})
    wait_until_told()
    equal(client.ask("echo", "2"), {"data": "2"})


def age(client):
    """Calls without a pause, until told; none may fail."""
    told = []

    def caller(number):
        calls = 0
        while not told:
            text = f"{number} {calls}"
            equal(client.ask("echo", text, timeout=3), {"data": text})
            calls += 1
        return calls

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(caller, i) for i in range(8)]
        wait_until_told()
        told.append(True)
        print("calls:", sum(c.result() for c in callers))


def untrusted(client):
    fails(grpc.StatusCode.UNAVAILABLE, client.say, "echo")


def wait_until_told():
    print("running", flush=True)
    sys.stdin.readline()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca")
    parser.add_argument("scenario", nargs="+")
    options = parser.parse_args()
    good = True
    for name in options.scenario:
        client = Client(options.address, options.ca, name == "keepalive")
        try:
            globals()[name](client)
            print("ok", name, flush=True)
        except Exception as error:
            print(f"not ok {name}: {type(error).__name__} {error}", flush=True)
            good = False
        client.channel.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
