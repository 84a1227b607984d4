"""make bench: libanycable against grpc C++, and against what is required.

Servers run on one core and h2load on the other, in turns; figures are medians.
Ratios in one run hold; absolute figures move from machine to machine. Every
limit and check of the servers is as by default. The exit status says whether
every answer was right, not how fast it came.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile

import broadcast
import counts
import load as loads
import message
import process
import required

# Connections, streams on each at a time, and whether on one core.
SHAPES = {
    "1x1": (1, 1, False),
    "1x28": (1, 28, False),
    "10x28": (10, 28, False),
    "100x10": (100, 10, False),
    "one-core": (1, 1, True),
}
# The load of a connection is the same, so that only their number differs.
MANY = {"10x10": (10, 10, False), "1000x10": (1000, 10, False)}
# HTTP RPC: as many calls at a time, each on a connection of its own.
HTTP_SHAPE = (28, 1, False)
PARTS = [*SHAPES, "http", "tls", "many", "held", "ready", "syscalls",
         "instructions", "sizes", "broadcast"]


class Bench:
    """|seen| holds figures by (server, what)."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.load = loads.Load(work)
        self.http_load = loads.HttpLoad(work)
        self.seen = {}
        self.commands = {
            "peer": [options.peer],
            "inline": [options.server, "--workers", "0"],
            "pool": [options.server],
        }
        # As inline, with a channel in place of the factory.
        self.channel = [options.server, "--workers", "0",
                        "--message", message.MESSAGE]
        # Both ways in.
        self.http = [*self.commands["inline"], "--mount", message.HTTP_MOUNT]
        # The same answers, by a program that does nothing else.
        self.bare = [os.path.join(options.build, "bench", "bare_http"),
                     "--answer", message.answer_http()]
        self.with_modules = [options.server, "--broadcast", "redis,nats,http"]

    def start(self, name):
        """A server; " tls" behind its name gives it a certificate."""
        name_plain, _, tls = name.partition(" ")
        server = process.Server(name, self.commands[name_plain],
                                certificate(self.work) if tls else None)
        try:
            if not tls:
                loads.verify(server, self.options.client)
        except BaseException:
            server.stop()
            raise
        return server

    def measure(self, shapes, names):
        """All |shapes| on servers |names|, in turns; prints a line each."""
        print(f"\n{'server':10} {'load':9} {'req/s':>10} {'p50 us':>9} "
              f"{'p99 us':>9} {'CPU us':>9}")
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(self.start(name))
                       for name in names]
            for server in servers:
                self.seen[server.name, "idle"] = server.memory()
            for shape, (connections, streams, one_core) in shapes.items():
                self._measure_shape(servers, shape, connections, streams,
                                    one_core)
            for server in servers:
                self.seen[server.name, "loaded"] = server.memory("VmHWM")
                self.seen[server.name, "threads"] = server.threads()

    def _measure_shape(self, servers, what, connections, streams, one_core):
        cpu = process.SERVER_CPU if one_core else process.CLIENT_CPU
        requests = {s.name: self.load.requests_for(
            s, connections, streams, self.options.seconds, cpu)
            for s in servers}
        runs = {s.name: [] for s in servers}
        for _ in range(self.options.runs):
            for s in servers:
                runs[s.name].append(self.load.run(
                    s, connections, streams, requests[s.name], cpu))
        for name, seen in runs.items():
            median = loads.Seen(*(statistics.median(getattr(run, figure)
                                                    for run in seen)
                                  for figure in ("rate", "p50", "p99", "cpu")))
            self.seen[name, what] = median
            print(f"{name:10} {what:9} {median.rate:10,.0f} "
                  f"{median.p50:9,.0f} {median.p99:9,.0f} {median.cpu:9.2f}",
                  flush=True)

    def measure_http(self):
        """HTTP RPC and gRPC, of the same server, and what of HTTP is the
        kernel's, in turns."""
        print(f"\n{'by':10} {'load':9} {'req/s':>10} {'CPU us':>9}")
        with (process.Server("inline", self.http) as server,
              process.Server("bare", self.bare, mute=True) as bare):
            ways = {"grpc": (self.load, server, SHAPES["1x28"]),
                    "http": (self.http_load, server, HTTP_SHAPE),
                    "bare": (self.http_load, bare, HTTP_SHAPE)}
            requests = {way: load.requests_for(
                server, *shape[:2], self.options.seconds, process.CLIENT_CPU)
                for way, (load, server, shape) in ways.items()}
            runs = {way: [] for way in ways}
            for _ in range(self.options.runs):
                for way, (load, server, shape) in ways.items():
                    runs[way].append(load.run(server, *shape[:2],
                                              requests[way]))
        for way, seen in runs.items():
            rate, used = (statistics.median(getattr(run, figure)
                                            for run in seen)
                          for figure in ("rate", "cpu"))
            self.seen["way", way] = used
            shape = "x".join(map(str, ways[way][2][:2]))
            print(f"{way:10} {shape:9} {rate:10,.0f} {used:9.2f}", flush=True)

    def measure_loads(self, wanted):
        everyone = list(self.commands)
        if "many" in wanted:
            self.measure(MANY, everyone[:2])
        if "tls" in wanted:
            self.seen["openssl", "idle"] = int(subprocess.check_output(
                [os.path.join(self.options.build, "bench", "bare_tls"),
                 *certificate(self.work)]))
            self.measure({"1x28": SHAPES["1x28"]},
                         [*everyone, *(name + " tls" for name in everyone)])
            with process.Server("modules tls", self.with_modules,
                                certificate(self.work)) as server:
                self.seen[server.name, "idle"] = server.memory()
        shapes = {s: SHAPES[s] for s in SHAPES if s in wanted}
        if shapes:
            self.measure(shapes, everyone)

    def measure_memory(self):
        for name in self.commands:
            with self.start(name) as server:
                self.seen[name, "connections"] = process.held_connections(
                    server, (0, 500, 1000))
            # 100 requests of 500 bytes fit into a connection's first window.
            with self.start(name) as server:
                self.seen[name, "streams"] = process.held_streams(
                    server, 50, (0, 50, 100))

    def measure_ready(self):
        for name, command in self.commands.items():
            self.seen[name, "ready"] = process.time_to_ready(
                name, command, 5 if self.options.quick else 15)

    def measure_system_calls(self):
        for name in self.commands:
            with self.start(name) as server:
                for what, requests in (("1x1", 5000), ("1x28", 50000)):
                    figure, tool = counts.system_calls(
                        self.load, server, SHAPES[what][:2], requests)
                    self.seen[name, "syscalls " + what] = figure
        print(f"system calls counted by {tool}")

    def measure_instructions(self):
        grpc, http = (self.load, "10x28"), (self.http_load, "28x1")
        shapes = {**SHAPES, "28x1": HTTP_SHAPE}
        ways = {"peer": (self.commands["peer"], *grpc),
                "inline": (self.commands["inline"], *grpc),
                "channel": (self.channel, *grpc),
                "http": (self.http, *http)}
        for name, (command, load, shape) in ways.items():
            self.seen[name, "profile"] = profile = counts.instructions(
                load, name, command, shapes[shape][:2],
                2000 if self.options.quick else 10000)
            print_profile(name, profile, shape)

    def measure_sizes(self):
        library = os.path.join(self.options.build, "libanycable.so")
        if not os.path.exists(library):
            return
        self.seen["library", "stripped"] = counts.stripped_size(library,
                                                                self.work)
        self.seen["library", "libraries"] = counts.libraries_size(library)
        self.seen["peer", "libraries"] = counts.libraries_size(
            self.options.peer)

    def measure_broadcast(self):
        program = os.path.join(self.options.build, "bench", "publish")
        seen = broadcast.measure(program, self.work, self.options.runs,
                                 self.options.quick)
        broadcast.print_figures(seen)
        self.seen["broadcast"] = seen

    def run(self, wanted):
        self.measure_loads(wanted)
        for part, measure in (("http", self.measure_http),
                              ("held", self.measure_memory),
                              ("ready", self.measure_ready),
                              ("syscalls", self.measure_system_calls),
                              ("instructions", self.measure_instructions),
                              ("sizes", self.measure_sizes),
                              ("broadcast", self.measure_broadcast)):
            if part in wanted:
                measure()


def print_profile(name, profile, shape):
    print(f"\n{name}: {profile.total():,.0f} instructions a Command "
          f"at {shape}, {sum(profile.allocations.values()):.2f} allocations")
    print("  by library: " + ", ".join(
        f"{library} {cost:,.0f}"
        for library, cost in profile.by_library().most_common(6)))
    for (library, function), cost in profile.cost.most_common(16):
        print(f"  {cost:9,.0f}  {function[:48]:48} {library}")
    callers = [f"{caller[:40]} {calls:.2f}" for (_, caller), calls
               in profile.allocations.most_common(6) if calls > 0.005]
    if callers:
        print("  allocations by " + ", ".join(callers))


def certificate(work):
    cert, key = os.path.join(work, "cert.pem"), os.path.join(work, "key.pem")
    if os.path.exists(cert):
        return cert, key
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", key, "-out", cert],
        check=True, stderr=subprocess.DEVNULL)
    return cert, key


def parse_options():
    parser = argparse.ArgumentParser(
        prog="make bench BENCH='...'", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true",
                        help="one short run of each: a smoke test")
    parser.add_argument("--only", default=",".join(PARTS),
                        help="some of, with commas: " + " ".join(PARTS))
    parser.add_argument("--runs", type=int, help="default 5")
    parser.add_argument("--seconds", type=float,
                        help="length of one run, default 1")
    parser.add_argument("--server", help="another program in our role")
    options = parser.parse_args()
    options.runs = options.runs or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.2 if options.quick else 1)
    where = os.path.join(options.build, "bench")
    options.server = options.server or os.path.join(where, "server")
    options.peer = os.path.join(where, "peer_grpc_cpp")
    options.client = os.path.join(where, "call_grpc_cpp")
    wanted = set(options.only.split(","))
    if wanted - set(PARTS):
        parser.error("unknown: " + " ".join(sorted(wanted - set(PARTS))))
    return options, wanted


def main():
    options, wanted = parse_options()
    if os.cpu_count() < 2:
        sys.exit("bench: needs two cores")
    if os.getloadavg()[0] > 0.5:
        print("bench: the machine is busy: rates and latencies will suffer, "
              "CPU times less", file=sys.stderr)
    # A thousand connections on both sides.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(options, work)
        try:
            bench.run(wanted)
        except process.Failed as failure:
            sys.exit(f"bench: {failure}")
    required.print_figures(bench.seen)
    required.print_table(bench.seen, every=wanted == set(PARTS))


if __name__ == "__main__":
    main()
