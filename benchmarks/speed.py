"""The speed that was aimed for: with latency, without, and where there is nothing new.

All that is compared is measured in turn in the same round, and the ratio is that of the round.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import limit
from benchmarks.bench import net
from benchmarks.figures import Figure, at_least, at_most, table
from benchmarks.peers import runs as peers
from benchmarks.peers.systems import CONCURRENCY, SYSTEMS
from benchmarks.processes import above_zero
from benchmarks.streams import MAPPING, OUTCOME, QUOTED_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench, Place
    from benchmarks.processes import Usage
    from benchmarks.server import LoadServer

LATENCY_MS: Final = 50

#: Without latency: what the target's setting is by itself.
AT_ONCE: Final = 16

#: The floors beside each transport; the least of them first.
FLOORS_OF: Final = {"fast": ("wire", "connections"), "requests": ("requests",)}

#: Of the modes in which the content of a record decides.
MAPPINGS: Final = {
    "update": {"email": "email", "note": "note", **OUTCOME},
    "upsert": {name: MAPPING[name] for name in MAPPING if name != "custom"} | OUTCOME,
}

RECORD_SINK: Final = next(system for system in SYSTEMS if system.name == "singer-sdk RecordSink")


# With latency


def latency(bench: Bench) -> str:
    """Deliver to a server that answers after 50 ms, 128 leads at a time."""
    leads, few = bench.size(30_000), bench.size(200)
    ideal = CONCURRENCY / LATENCY_MS * 1000
    found: dict[str, list[float]] = defaultdict(list)
    for _ in bench.round_numbers():
        with bench.place(LATENCY_MS) as place:
            steady, usage = delivered(bench, place, leads, CONCURRENCY)
            start = place.target(bench.stream(0), "empty.db")
        whole = leads / usage.without(start).said_seconds
        found["steady"].append(steady)
        found["whole"].append(whole)
        found["all"].append(leads / usage.said_seconds)
        if shutil.which("wrk"):
            found["wrk"].append(wrk_rate(CONCURRENCY, bench.seconds(5)))
        stock = peers.measure(RECORD_SINK, Path(sys.executable), few, LATENCY_MS)
        found["stock"].append(stock.leads_per_second)
    figures = [
        Figure("leads/s, steady state", found["steady"]),
        Figure("leads/s, first byte to last STATE, without the start", found["whole"]),
        Figure("leads/s, the start included", found["all"]),
        Figure("steady state / ideal", shares(found["steady"], ideal), goal=at_least(0.95)),
        Figure("first byte to last STATE / ideal", shares(found["whole"], ideal)),
    ]
    if found["wrk"]:
        figures += [
            Figure("wrk, requests/s", found["wrk"]),
            Figure("steady state / wrk", ratios(found["steady"], found["wrk"])),
        ]
    figures += [
        Figure("stock RecordSink, leads/s", found["stock"]),
        Figure(
            "first byte to last STATE / stock RecordSink",
            ratios(found["whole"], found["stock"]),
            goal=at_least(100),
        ),
    ]
    return (
        f"{leads:,} leads ({few:,} for RecordSink) to a server that answers after {LATENCY_MS} ms; "
        f"`max_concurrency` {CONCURRENCY}, so the ideal is {ideal:,.0f} leads/s.\n\n"
        f"{table(figures)}"
    )


def delivered(bench: Bench, place: Place, leads: int, concurrency: int) -> tuple[float, Usage]:
    """Deliver leads; gives the rate between 20 and 90 % of them, and what the run took."""
    stream = bench.stream(leads)
    with place.expecting(leads), watched(place.server) as seen:
        usage = place.target(stream, max_concurrency=concurrency)
    middle = [(at, count) for at, count in seen if 0.2 * leads <= count <= 0.9 * leads]
    if len(middle) < 2:  # too short to tell
        return leads / usage.seconds, usage
    (began, first), (ended, last) = middle[0], middle[-1]
    return (last - first) / (ended - began), usage


@contextmanager
def watched(server: LoadServer) -> Iterator[list[tuple[float, int]]]:
    """Look ten times a second how many leads a server has got meanwhile, and when that was."""
    first = server.count().leads
    seen: list[tuple[float, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append((time.monotonic(), server.count().leads - first))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def wrk_rate(connections: int, seconds: int) -> float:
    """Give the requests a second that wrk gets from a server with the same latency."""
    return limit.measure("wrk", LATENCY_MS, connections, seconds)[0].leads_per_second


# Without latency


def cpu(bench: Bench) -> str:
    """Deliver to a server that answers at once: what counts is the CPU for a lead."""
    leads = {"fast": bench.size(20_000), "requests": bench.size(10_000)}
    costs: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in bench.round_numbers():
        for transport, count in leads.items():
            with bench.place() as place:
                ways = {f"target, {transport}": partial(deliver, place, transport)}
                ways |= {way: partial(deliver_by_hand, place, way) for way in FLOORS_OF[transport]}
                for way, work in ways.items():
                    with place.expecting(count):
                        usage = net(work, bench.stream(count), bench.stream(0))
                    costs[way].append(usage.cpu_seconds / count * 1e6)
                    rates[way].append(count / usage.seconds)
    figures = []
    for transport, goal in (("fast", at_most(1.5)), ("requests", at_most(1.15))):
        target = f"target, {transport}"
        # The goal holds for the least that it can be done with.
        least, *others = FLOORS_OF[transport]
        figures += [
            Figure(
                f"CPU, {target} / floors, {least}", ratios(costs[target], costs[least]), goal=goal
            )
        ]
        figures += [
            Figure(f"CPU, {target} / floors, {way}", ratios(costs[target], costs[way]))
            for way in others
        ]
    for way, cost in costs.items():
        name = way if way.startswith("target") else f"floors, {way}"
        figures += [
            Figure(f"{name}: CPU for a lead", cost, "µs"),
            Figure(f"{name}: leads/s", rates[way]),
        ]
    return (
        f"{leads['fast']:,} leads with the fast transport and {leads['requests']:,} with `requests`, "
        f"to a server that answers at once; {AT_ONCE} at once. User and system time of the process, "
        "without its start. The floors send by one thread that waits for all connections (`wire`), by "
        "a thread for each connection (`connections`), or by threads with a bare session of `requests` "
        f"each.\n\n{table(figures)}"
    )


def deliver(place: Place, transport: str, stream: Path) -> Usage:
    """Deliver with the target."""
    return place.target(stream, "target.db", transport=transport, max_concurrency=AT_ONCE)


def deliver_by_hand(place: Place, way: str, stream: Path) -> Usage:
    """Deliver with the floors."""
    return place.deliver(stream, f"{way}.db", AT_ONCE, way)


# Nothing new


def nothing_new(bench: Bench) -> str:
    """Read a stream again of which all was delivered: nothing is sent."""
    few, some, many = map(bench.size, (20_000, 100_000, 200_000))
    rates: dict[str, list[float]] = defaultdict(list)
    with bench.place() as place:
        known = partial(place.target, ledger="known.db")
        mapped = partial(place.target, ledger="mapped.db", key=[QUOTED_KEY])
        plain = {size: bench.stream(size) for size in (few, many)}
        quoted = {size: bench.stream(size, quoted_key=True) for size in (few, some)}
        bench.say("first runs")
        with place.expecting(many + 2 * some):
            known(plain[many])
            mapped(quoted[some])
            place.deliver(quoted[some], "floors.db", AT_ONCE, "wire")
        ways: dict[str, tuple[Callable[[Path], Usage], dict[int, Path]]] = {
            "recognised": (known, plain),
            "decode": (by_hand(place, "decode"), plain),
            "mapped": (mapped, quoted),
            "known": (by_hand(place, "known", place.journal("floors.db")), quoted),
        }
        for _ in bench.round_numbers():
            for way, (work, streams) in ways.items():
                with place.expecting(0):
                    (less, short), (more, long) = (
                        (size, work(stream).seconds) for size, stream in streams.items()
                    )
                rates[way].append((more - less) / above_zero(long - short))
                rates[f"{way}, all"].append(more / long)
    figures = [
        Figure("target, records/s", rates["recognised"]),
        Figure("bare msgspec decoding, records/s", rates["decode"]),
        Figure(
            "target / bare decoding",
            ratios(rates["recognised"], rates["decode"]),
            goal=at_least(0.6),
        ),
        Figure("target, the start included, records/s", rates["recognised, all"]),
        Figure(
            "target / bare decoding, starts included",
            ratios(rates["recognised, all"], rates["decode, all"]),
        ),
        Figure("target that maps each record, records/s", rates["mapped"]),
        Figure("hand-written loop, records/s", rates["known"]),
        Figure(
            "target that maps / hand-written loop",
            ratios(rates["mapped"], rates["known"]),
            goal=at_least(0.8),
        ),
        Figure("target that maps, the start included, records/s", rates["mapped, all"]),
        Figure(
            "target that maps / hand-written loop, starts included",
            ratios(rates["mapped, all"], rates["known, all"]),
        ),
    ]
    return (
        f"A second run over records that were delivered. Rates are of those between {few:,} and "
        f"{many:,} (where each is mapped: {some:,}), so that the start does not count.\n\n"
        f"{table(figures)}"
    )


def unchanged(bench: Bench) -> str:
    """Read a stream again of which all was told: nothing is sent, and the content decides."""
    few, many = map(bench.size, (5_000, 30_000))
    rates: dict[str, list[float]] = defaultdict(list)
    plain = {size: bench.stream(size) for size in (few, many)}
    quoted = {size: bench.stream(size, quoted_key=True) for size in (few, many)}
    with bench.place() as place:
        ways: dict[str, tuple[Callable[[Path], Usage], dict[int, Path]]] = {}
        for mode, mapping in MAPPINGS.items():
            entry = {"mode": mode, "mapping": mapping}
            known = partial(place.target, ledger=f"{mode}.db", entry=entry)
            mapped = partial(known, ledger=f"{mode}-mapped.db", key=[QUOTED_KEY])
            ways |= {f"{mode}, recognised": (known, plain), f"{mode}, mapped": (mapped, quoted)}
        bench.say("first runs")
        for work, streams in ways.values():
            # A new journal has nothing to be recognised by, so the second run still maps.
            work(streams[many])
            work(streams[many])
        for _ in bench.round_numbers():
            for way, (work, streams) in ways.items():
                with place.expecting(0):
                    less, more = work(streams[few]).seconds, work(streams[many]).seconds
                rates[way].append((many - few) / above_zero(more - less))
                rates[f"{way}, all"].append(many / more)
    figures = []
    for mode in MAPPINGS:
        here, there = f"{mode}, recognised", f"{mode}, mapped"
        figures += [
            Figure(f"`{mode}`, recognised by their content, records/s", rates[here]),
            Figure(f"`{mode}`, each one mapped, records/s", rates[there]),
            Figure(f"`{mode}`, recognised / mapped", ratios(rates[here], rates[there])),
            Figure(f"`{mode}`, recognised, the start included, records/s", rates[f"{here}, all"]),
        ]
    return (
        f"A further run over records that said what became of leads, and say the same. Rates are of "
        f"those between {few:,} and {many:,}, so that the start does not count.\n\n{table(figures)}"
    )


def ratios(these: list[float], those: list[float]) -> list[float]:
    """Give the ratio of each round."""
    return [one / other for one, other in zip(these, those, strict=True)]


def shares(these: list[float], whole: float) -> list[float]:
    """Give each as a share of the same."""
    return [one / whole for one in these]


# The floors


def floors(bench: Bench) -> str:
    """Measure each floor by itself: what decoding, mapping, looking up and delivering take."""
    records = bench.size(20_000)
    stream, empty = bench.stream(records), bench.stream(0)
    used: dict[str, list[Usage]] = defaultdict(list)
    for _ in bench.round_numbers():
        with bench.place() as place:
            journal = place.journal("wire.db")
            ways: dict[str, Callable[[Path], Usage]] = {
                "decode": by_hand(place, "decode"),
                "and map, name and hash": by_hand(place, "map"),
                "and claim, send and settle": partial(deliver_by_hand, place, "wire"),
                "or map and look up": by_hand(place, "known", journal),
            }
            with place.expecting(records):
                for way, work in ways.items():
                    used[way].append(net(work, stream, empty))
    figures = []
    for way, usages in used.items():
        figures += [
            Figure(
                f"{way}: CPU for a record",
                [each.cpu_seconds / records * 1e6 for each in usages],
                "µs",
            ),
            Figure(f"{way}: records/s", [records / each.seconds for each in usages]),
        ]
    return f"{records:,} records by hand, {AT_ONCE} leads at once.\n\n{table(figures)}"


def by_hand(place: Place, floor: str, *options: str) -> Callable[[Path], Usage]:
    """Give what runs a floor on a stream."""
    return lambda stream: place.floor(stream, floor, *options)
