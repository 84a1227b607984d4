"""What time does not blur: instructions, allocations, system calls, sizes."""

import collections
import os
import re
import shutil
import signal
import subprocess
import tempfile

from load import run_checked
from process import Failed, Server

ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign",
              "aligned_alloc", "operator new(unsigned long)"}


class Profile:
    """One callgrind run: instructions by library and function, allocations by
    caller."""

    def __init__(self):
        self.cost = collections.Counter()
        self.allocations = collections.Counter()

    def total(self):
        return sum(self.cost.values())

    def by_library(self):
        out = collections.Counter()
        for (library, _), cost in self.cost.items():
            out[library] += cost
        return out

    def per_request(self, twice, requests):
        """This run had |requests|, |twice| had two times as many: what all
        runs have in common, the start and the end, cancels."""
        out = Profile()
        for ours, theirs, to in ((self.cost, twice.cost, out.cost),
                                 (self.allocations, twice.allocations,
                                  out.allocations)):
            for name in ours.keys() | theirs.keys():
                to[name] = (theirs[name] - ours[name]) / requests
        return out


class Names:
    """Callgrind's: "(12) name" where it is new, "(12)" after that."""

    def __init__(self):
        self.known = {}

    def read(self, text):
        key, _, name = text.partition(" ")
        if name:
            self.known[key] = name
        return self.known[key]


def read_callgrind(path):
    profile, functions, libraries = Profile(), Names(), Names()
    library = caller = callee = None
    is_call = False
    with open(path) as f:
        for line in f:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "ob":
                library = os.path.basename(libraries.read(value))
            elif key == "cob":
                libraries.read(value)
            elif key == "fn":
                caller = library, functions.read(value)
            elif key == "cfn":
                callee = functions.read(value)
            elif key == "calls":
                if callee.split("'")[0] in ALLOCATORS:
                    profile.allocations[caller] += int(value.split()[0])
                is_call = True
            elif line[0].isdigit() or line[0] in "+-*":
                # The line after calls= is the callee's cost, counted there.
                if not is_call:
                    profile.cost[caller] += int(line.split()[1])
                is_call = False
    return profile


def instructions(load, name, command, shape, requests):
    """Instructions and allocations of one Command, as a Profile."""
    runs = []
    for count in (requests, 2 * requests):
        path = os.path.join(os.path.dirname(load.body), "callgrind.out")
        wrapper = ["valgrind", "-q", "--tool=callgrind",
                   f"--callgrind-out-file={path}"]
        with Server(name, command, wrapper=wrapper, patience=60) as server:
            run_checked(load.argv(server, *shape, count), count, name,
                        load.expected())
        runs.append(read_callgrind(path))
    return runs[0].per_request(runs[1], requests)


def system_calls(load, server, shape, requests):
    """System calls of one request, and which tool counted them."""
    argv = load.argv(server, *shape, requests)
    run_checked(argv, requests, server.name)  # Threads are there by now.
    if _perf_is_allowed():
        return _count_by_perf(argv, server, requests) / requests, "perf"
    return _count_by_strace(argv, server, requests) / requests, "strace"


EVENT = "raw_syscalls:sys_enter"


def _perf_is_allowed():
    return shutil.which("perf") and subprocess.run(
        ["perf", "stat", "-e", EVENT, "true"],
        stderr=subprocess.DEVNULL).returncode == 0


def _count_by_perf(argv, server, requests):
    with tempfile.NamedTemporaryFile("r") as f:
        run_checked(["perf", "stat", "-x,", "-e", EVENT, "-o", f.name,
                     "-p", str(server.pid), "--", *argv],
                    requests, server.name)
        return int(re.search(rf"^(\d+),.*{EVENT}", f.read(), re.M)[1])


def _count_by_strace(argv, server, requests):
    with subprocess.Popen(["strace", "-f", "-c", "-p", str(server.pid)],
                          stderr=subprocess.PIPE, text=True) as tracer:
        if "attached" not in tracer.stderr.readline():
            raise Failed("strace cannot attach")
        run_checked(argv, requests, server.name)
        tracer.send_signal(signal.SIGINT)
        out = tracer.stderr.read()
    return int(re.search(r"^100\.00\s+\S+\s+\d*\s+(\d+).*total$", out,
                         re.M)[1])


def stripped_size(path, work):
    out = os.path.join(work, "stripped.so")
    subprocess.run(["strip", "-o", out, path], check=True)
    return os.path.getsize(out)


def libraries_size(path):
    """All that ldd finds, libc and the loader too, without |path| itself."""
    out = subprocess.run(["ldd", path], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    files = {os.path.realpath(f) for f in re.findall(r"(/\S+) \(0x", out)}
    return sum(map(os.path.getsize, files))
