"""Load by h2load, and the proof that every answer was right."""

import dataclasses
import os
import re
import subprocess

import message
from process import CLIENT_CPU, Failed


@dataclasses.dataclass
class Seen:
    rate: float  # requests a second
    p50: float   # latency, microseconds
    p99: float
    cpu: float   # CPU microseconds of the server a request


class Load:
    """Knows where the files are; |work| is a folder for them."""

    def __init__(self, work):
        self.body = os.path.join(work, "command.grpc")
        self.log = os.path.join(work, "h2load.log")
        with open(self.body, "wb") as f:
            f.write(message.framed(message.command()))

    def argv(self, server, connections, streams, requests, cpu=CLIENT_CPU):
        scheme = "https" if server.tls else "http"
        headers = [f"-H{name}: {value}"
                   for name, value in message.METADATA.items()]
        return ["taskset", "-c", str(cpu), "h2load", "-t1",
                f"-c{connections}", f"-m{streams}", f"-n{requests}",
                f"-d{self.body}", *headers,
                f"{scheme}://127.0.0.1:{server.port}{message.PATH}"]

    def expected(self):
        """Bytes of an answer."""
        return len(message.framed(message.reply()))

    def run(self, server, connections, streams, requests, cpu=CLIENT_CPU):
        if os.path.exists(self.log):
            os.unlink(self.log)
        argv = self.argv(server, connections, streams, requests, cpu)
        argv.insert(-1, f"--log-file={self.log}")
        before = server.cpu()
        out = run_checked(argv, requests, server.name, self.expected())
        used = server.cpu() - before
        rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", out)[1])
        latency = self._latencies()
        return Seen(rate, percentile(latency, 50), percentile(latency, 99),
                    used / requests * 1e6)

    def requests_for(self, server, connections, streams, seconds, cpu):
        """How many requests take about |seconds|, but so many that making the
        connections does not count; warms the server up too."""
        trial = max(1000, connections * streams * 2)
        rate = self.run(server, connections, streams, trial, cpu).rate
        return max(int(rate * seconds), connections * 200)

    def _latencies(self):
        with open(self.log) as f:
            return sorted(int(line.rsplit("\t", 1)[1]) for line in f)


class HttpLoad(Load):
    """HTTP RPC: HTTP/1.1 on connections that are kept, one call at a time."""

    def __init__(self, work):
        self.body = os.path.join(work, "command.json")
        self.log = os.path.join(work, "h2load.log")
        with open(self.body, "wb") as f:
            f.write(message.command_json())

    def argv(self, server, connections, streams, requests, cpu=CLIENT_CPU):
        headers = [f"-H{name}: {value}"
                   for name, value in message.HTTP_METADATA.items()]
        return ["taskset", "-c", str(cpu), "h2load", "--h1", "-t1",
                f"-c{connections}", f"-m{streams}", f"-n{requests}",
                f"-d{self.body}", *headers,
                f"http://127.0.0.1:{server.port}{message.HTTP_MOUNT}/command"]

    def expected(self):
        return len(message.reply_json())


def run_checked(argv, requests, name, size=None):
    """Runs h2load; raises unless each of |requests| got the right answer:
    h2load cannot see trailers, but an answer with another grpc-status has no
    message, and one with another Status has one of another size."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    out = done.stdout
    good = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", out)
    status = re.search(r"status codes: (\d+) 2xx", out)
    data = re.search(r"traffic: .*\((\d+)\) data", out)
    if done.returncode != 0 or not (good and status and data):
        raise Failed(f"{name}: h2load failed:\n{out}")
    expected = requests * (size or len(message.framed(message.reply())))
    if (int(good[1]) != requests or int(status[1]) != requests
            or int(data[1]) != expected):
        raise Failed(f"{name}: wrong answers, {expected} bytes of messages "
                     f"expected:\n{out}")
    return out


def percentile(ordered, part):
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)]


def verify(server, client):
    """One call by a real client, whose answer is looked at."""
    done = subprocess.run([client, f"127.0.0.1:{server.port}", message.PATH],
                          input=message.command(), stdout=subprocess.PIPE,
                          timeout=30)
    if done.returncode != 0 or done.stdout != message.reply():
        raise Failed(f"{server.name}: wrong answer: {done.stdout!r}")
