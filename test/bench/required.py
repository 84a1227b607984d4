"""What is required of the library, and whether it was seen."""

KIB, MIB = 1 << 10, 1 << 20


class Row:
    """One requirement. |figure| makes a number of what was seen, or raises
    KeyError where that was not measured; the number may be |bound| at most,
    or at least where |least|."""

    def __init__(self, text, figure, bound, aim, shown="{:,.1f}", least=False):
        self.text, self.figure = text, figure
        self.bound, self.aim = bound, aim
        self.show, self.least = shown.format, least

    def holds(self, number, bound):
        return number >= bound if self.least else number <= bound

    def print(self, seen, every):
        try:
            number = self.figure(seen)
        except KeyError:
            if not every:
                return
            shown, verdict = "-", "not measured"
        else:
            shown = self.show(number)
            verdict = ("PASS, aim reached" if self.holds(number, self.aim)
                       else "PASS" if self.holds(number, self.bound)
                       else "MISS")
        print(f"{self.text:58} {self.show(self.bound):>11} "
              f"{self.show(self.aim):>11} {shown:>11}  {verdict}")


def against_peer(text, name, what, figure, bound, aim):
    """How many times less than the peer's ours must be."""
    return Row(f"{text}, {name}, {what}, against grpc C++",
               lambda seen: (getattr(seen["peer", what], figure)
                             / getattr(seen[name, what], figure)),
               bound, aim, "1/{:.1f}", least=True)


def grown(seen, name, what):
    """KiB for each connection or stream."""
    amounts, sizes = zip(*seen[name, what])
    return (sizes[-1] - sizes[0]) / (amounts[-1] - amounts[0])


def bend(seen, name, what):
    """What each costs in the second half, in units of the first's: 1 is
    linear. A first half that fits into memory at hand counts as a KiB."""
    (a, start), (b, middle), (c, end) = seen[name, what]
    return ((end - middle) / (c - b)) / max(1, (middle - start) / (b - a))


def cpu(what, name, bound, aim):
    return against_peer("CPU per Command", name, what, "cpu", bound, aim)


ROWS = [
    cpu("1x28", "inline", 4.5, 6),
    cpu("10x28", "inline", 7, 9),
    cpu("100x10", "inline", 7, 9),
    cpu("1x28", "pool", 2.5, 4),
    cpu("10x28", "pool", 4, 6),
    Row("instructions per Command, bare factory, inline",
        lambda seen: seen["inline", "profile"].total(),
        19000, 16500, "{:,.0f}"),
    Row("instructions added by the channel layer",
        lambda seen: (seen["channel", "profile"].total()
                      - seen["inline", "profile"].total()),
        2500, 1500, "{:,.0f}"),
    Row("CPU of HTTP RPC at 28 connections against gRPC at 1x28",
        lambda seen: seen["way", "http"] / seen["way", "grpc"], 2, 1.5,
        "{:.2f}"),
    against_peer("p99 latency", "inline", "1x28", "p99", 3, 5),
    against_peer("p50 latency", "inline", "one-core", "p50", 2.5, 3),
    against_peer("p50 latency", "pool", "one-core", "p50", 1.7, 2),
    # The measurement fails at the first call that is refused.
    Row("refused calls at 28 in flight, default configuration",
        lambda seen: 0 * seen["pool", "1x28"].rate, 0, 0, "{:.0f}"),
    Row("system calls per request at 1x28, inline",
        lambda seen: seen["inline", "syscalls 1x28"], 0.25, 0.15, "{:.2f}"),
    Row("malloc calls per request in steady state, inline",
        lambda seen: round(sum(
            seen["inline", "profile"].allocations.values()), 2),
        0, 0, "{:.2f}"),
    Row("RSS idle, TLS context loaded",
        lambda seen: seen["pool tls", "idle"] / KIB, 6, 4, "{:.1f} MiB"),
    Row("RSS idle, with every module loaded",
        lambda seen: seen["modules tls", "idle"] / KIB, 14, 12, "{:.1f} MiB"),
    Row("shared libraries the core pulls in, with libc",
        lambda seen: seen["library", "libraries"] / MIB, 8, 7.5,
        "{:.1f} MiB"),
    Row("RSS per idle connection",
        lambda seen: grown(seen, "inline", "connections"), 64, 24,
        "{:.1f} KiB"),
    Row("RSS per open stream",
        lambda seen: grown(seen, "inline", "streams"), 8, 4, "{:.1f} KiB"),
    Row("time from start to ready",
        lambda seen: seen["pool", "ready"] * 1e3, 10, 5, "{:.1f} ms"),
    Row("stripped libanycable.so",
        lambda seen: seen["library", "stripped"] / KIB, 300, 200,
        "{:.0f} KiB"),
    Row("CPU per request, 1,000 connections against 10",
        lambda seen: (seen["inline", "1000x10"].cpu
                      / seen["inline", "10x10"].cpu), 1.5, 1.1, "{:.2f}"),
    Row("memory of connections 501-1000 against 1-500",
        lambda seen: bend(seen, "inline", "connections"), 1.3, 1.1, "{:.2f}"),
    Row("memory of streams 2501-5000 against 1-2500",
        lambda seen: bend(seen, "inline", "streams"), 1.3, 1.1, "{:.2f}"),
    # Or 80 % of redis-benchmark -P 64, where a machine is too slow for that.
    Row("messages of 200 bytes to Redis a second, one thread",
        lambda seen: seen["broadcast"]["redis"].rate,
        300000, 300000, "{:,.0f}", least=True),
    Row("what publishing costs the caller, p50",
        lambda seen: seen["broadcast"]["each"].p50, 1, 1, "{:.2f} us"),
    Row("allocations per message in steady state",
        lambda seen: round(sum(
            seen["broadcast"]["profile"].allocations.values()), 3),
        0, 0, "{:.3f}"),
    Row("rate under TLS 1.3 against plain, 1x28",
        lambda seen: 100 * (seen["inline tls", "1x28"].rate
                            / seen["inline", "1x28"].rate),
        60, 75, "{:.0f} %", least=True),
]


def print_table(seen, every):
    """A line each for what was measured, or for |every| requirement."""
    print(f"\n{'':58} {'required':>11} {'aim':>11} {'seen':>11}")
    for row in ROWS:
        row.print(seen, every)


# Figures that are a line each, by server.
FIGURES = [
    ("RSS idle, MiB", lambda seen, name: seen[name, "idle"] / KIB),
    ("RSS idle with TLS, MiB",
     lambda seen, name: seen[name + " tls", "idle"] / KIB),
    ("RSS at most under load, MiB",
     lambda seen, name: seen[name, "loaded"] / KIB),
    ("threads after load", lambda seen, name: seen[name, "threads"]),
    ("KiB per idle connection",
     lambda seen, name: grown(seen, name, "connections")),
    ("KiB per open stream", lambda seen, name: grown(seen, name, "streams")),
    ("start to ready, ms", lambda seen, name: seen[name, "ready"] * 1e3),
    ("system calls per request at 1x1",
     lambda seen, name: seen[name, "syscalls 1x1"]),
    ("system calls per request at 1x28",
     lambda seen, name: seen[name, "syscalls 1x28"]),
    ("shared libraries, MiB",
     lambda seen, name: seen["library" if name != "peer" else name,
                             "libraries"] / MIB),
]


def print_figures(seen):
    names = ("peer", "inline", "pool")
    rows = [(text, [cell(figure, seen, name) for name in names])
            for text, figure in FIGURES]
    rows = [row for row in rows if any(row[1])]
    if rows:
        print("\n" + " " * 34 + "".join(f"{name:>10}" for name in names))
    for text, cells in rows:
        print(f"{text:34}" + "".join(f"{c or '-':>10}" for c in cells))
    if ("way", "bare") in seen:
        floor = seen["way", "bare"] / seen["way", "grpc"]
        print(f"{'a bare server on HTTP, against gRPC':34}{floor:>10.2f}")
    for text, name in (("OpenSSL alone with TLS, MiB", "openssl"),
                       ("RSS idle with TLS and modules, MiB", "modules tls")):
        if (name, "idle") in seen:
            print(f"{text:34}{seen[name, 'idle'] / KIB:>10.2f}")


def cell(figure, seen, name):
    try:
        return f"{figure(seen, name):.2f}"
    except KeyError:
        return ""
