"""Publishing to a local Redis, against redis-benchmark in the same run."""

import collections
import contextlib
import json
import os
import re
import statistics
import subprocess
import time

import counts
from process import Failed, free_port

SIZE = 200  # Bytes of a message, without what wraps it.
PAYLOAD = ('{"stream":"s","data":"{\\"text\\":\\"'
           + "x" * (SIZE - len('{"text":""}')) + '\\"}"}')

Seen = collections.namedtuple("Seen", "rate cpu p50 p99")


@contextlib.contextmanager
def redis():
    """A Redis on a free port, which keeps nothing."""
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save",
         "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if subprocess.run(["redis-cli", "-p", str(port), "ping"],
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.01)
        else:
            raise Failed("redis-server does not answer")
        yield port
    finally:
        server.terminate()
        server.wait()


def publish(program, port, count, how, wrapper=(), adapter="redis"):
    out = subprocess.run(
        [*wrapper, program, adapter, str(count), str(SIZE), how],
        env={**os.environ, "ANYCABLE_REDIS_URL": f"redis://127.0.0.1:{port}"},
        stdout=subprocess.PIPE, check=False)
    if out.returncode != 0:
        raise Failed(f"not all of {count} messages were published")
    seen = json.loads(out.stdout)
    return Seen(seen["rate"], seen["cpu"], seen["p50"], seen["p99"])


def redis_benchmark(port, count):
    out = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-P", "64", "-n", str(count),
         "--csv", "publish", "__anycable__", PAYLOAD],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    return float(re.findall(r'"([0-9.]+)"', out.splitlines()[-1])[0])


def median(runs):
    return Seen(*(statistics.median(figures) for figures in zip(*runs)))


def allocations(program, port, work, count):
    """Of our library, for each message in steady state."""
    profiles = []
    for times in (1, 2):
        path = os.path.join(work, "callgrind.out")
        publish(program, port, times * count, "all",
                ["valgrind", "-q", "--tool=callgrind",
                 f"--callgrind-out-file={path}"])
        profiles.append(counts.read_callgrind(path))
    return profiles[0].per_request(profiles[1], count)


def measure(program, work, runs, quick):
    """All figures, by name, each run in turns with its peer."""
    count = 100000 if quick else 1000000
    seen = {}
    with redis() as port:
        whole, each, streams, peer = [], [], [], []
        for _ in range(runs):
            whole.append(publish(program, port, count, "all"))
            peer.append(redis_benchmark(port, count))
            each.append(publish(program, port, count, "each"))
            streams.append(publish(program, port, count, "all",
                                   adapter="redisx"))
        seen["redis"], seen["each"] = median(whole), median(each)
        seen["redisx"] = median(streams)
        seen["redis-benchmark"] = statistics.median(peer)
        seen["profile"] = allocations(program, port, work, 20000)
    return seen


def print_figures(seen):
    print(f"\npublishing {SIZE} bytes to a local Redis: "
          f"{seen['redis'].rate:,.0f} a second, "
          f"{seen['redis'].cpu:.2f} us of CPU each (both threads); redisx "
          f"{seen['redisx'].rate:,.0f} a second; redis-benchmark -P 64 "
          f"{seen['redis-benchmark']:,.0f}, of which that is "
          f"{100 * seen['redis'].rate / seen['redis-benchmark']:.0f} %")
    profile = seen["profile"]
    print(f"{profile.total():,.0f} instructions a message, "
          f"{sum(profile.allocations.values()):.3f} allocations; one call "
          f"costs the caller {seen['each'].p50:.2f} us (p50), "
          f"{seen['each'].p99:.2f} (p99)")
