"""How cost and memory grow: with the records of a stream, and with the leads in flight."""

from __future__ import annotations

import shutil
import statistics
from collections import defaultdict
from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from benchmarks.figures import Figure, at_most, grid, number, table
from benchmarks.processes import FailedError, Usage, own_peak_mb
from benchmarks.speed import AT_ONCE, LATENCY_MS, delivered, wrk_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bench import Bench

SIZES: Final = (1_000, 10_000, 100_000)

IN_FLIGHT: Final = (1, 8, 32, 128, 512)

#: As long as each number in flight is to be measured.
SECONDS: Final = 6


def by_records(bench: Bench) -> str:
    """Deliver streams of all sizes without latency, and read each again."""
    sizes = [*(size for size in map(bench.size, SIZES) if size < bench.records), bench.records]
    firsts: dict[int, list[Usage]] = defaultdict(list)
    seconds: dict[int, list[Usage]] = defaultdict(list)
    starts: list[Usage] = []
    for count in bench.round_numbers():
        # The two largest take minutes, and what they need of memory hardly differs: once will do.
        for size in sizes if count == 1 else sizes[:-2]:
            bench.say(f"{size:,} records")
            with bench.place() as place:
                starts.append(place.target(bench.stream(0), "empty.db"))
                stream = bench.stream(size)
                with place.expecting(size):
                    firsts[size].append(place.target(stream, max_concurrency=AT_ONCE))
                with place.expecting(0):
                    seconds[size].append(place.target(stream, max_concurrency=AT_ONCE))
    if own_peak_mb() >= min(start.peak_mb for start in starts):
        raise FailedError("the benchmark is larger than what it measures: its peak cannot be told")
    start = median(starts)
    rows = [
        [f"{size:,}", *cells(size, firsts, start), *cells(size, seconds, start)] for size in sizes
    ]
    head = (
        *("records", "first run: leads/s", "CPU µs", "peak MB"),
        *("nothing new: records/s", "CPU µs", "peak MB"),
    )
    figures = []
    for run, usages in (("first run", firsts), ("nothing new", seconds)):
        peaks = [usage.peak_mb for usage in usages[sizes[-1]]]
        figures.append(
            Figure(f"peak, {run}, {sizes[-1]:,} records", peaks, "MB", goal=at_most(150))
        )
        if len(sizes) > 1:
            before = median(usages[sizes[-2]]).peak_mb
            what = f"peak, {run}, {sizes[-1]:,} / {sizes[-2]:,}"
            figures.append(Figure(what, [peak / before for peak in peaks], goal=at_most(1.1)))
    return (
        f"A server that answers at once, {AT_ONCE} leads at once; rates and CPU without the start, which "
        f"takes {start.seconds:.2f} s ({start.cpu_seconds:.2f} s of CPU, {number(start.peak_mb)} MB). The two "
        f"largest streams were measured once.\n\n{table(figures)}\n\n{grid(head, rows)}"
    )


def cells(size: int, runs: dict[int, list[Usage]], start: Usage) -> list[str]:
    """Give records a second, µs of CPU for a record, and the peak, of the runs of a size."""
    usage = median(runs[size])
    rest = usage.without(start)
    return [
        number(size / rest.seconds),
        number(rest.cpu_seconds / size * 1e6),
        number(usage.peak_mb),
    ]


def median(usages: Sequence[Usage]) -> Usage:
    """Give what is in the middle of some runs."""
    return Usage(*map(statistics.median, zip(*map(astuple, usages), strict=True)))


def in_flight(bench: Bench) -> str:
    """Deliver with more and more leads at once to a server that answers after 50 ms."""
    rates: dict[int, list[float]] = defaultdict(list)
    cpus: dict[int, list[float]] = defaultdict(list)
    wrk: dict[int, list[float]] = defaultdict(list)
    for _ in bench.round_numbers():
        for count in IN_FLIGHT:
            bench.say(f"{count} in flight")
            leads = bench.size(count * SECONDS * 1000 // LATENCY_MS)
            with bench.place(LATENCY_MS) as place:
                start = place.target(bench.stream(0), "empty.db")
                rate, usage = delivered(bench, place, leads, count)
            rates[count].append(rate)
            cpus[count].append(usage.without(start).cpu_seconds / leads * 1e6)
            if shutil.which("wrk"):
                wrk[count].append(wrk_rate(count, bench.seconds(4)))
    rows = []
    for count in IN_FLIGHT:
        ideal, rate = count * 1000 / LATENCY_MS, statistics.median(rates[count])
        limit = statistics.median(wrk[count]) if wrk[count] else None
        rows.append(
            [
                str(count),
                number(ideal),
                number(rate),
                f"{rate / ideal:.2f}",
                number(limit) if limit else "–",
                f"{rate / limit:.2f}" if limit else "–",
                number(statistics.median(cpus[count])),
            ]
        )
    head = ("in flight", "ideal/s", "leads/s", "/ ideal", "wrk/s", "/ wrk", "CPU µs a lead")
    return (
        f"A server that answers after {LATENCY_MS} ms; the rate in the steady state by "
        f"`max_concurrency`.\n\n{grid(head, rows)}"
    )
