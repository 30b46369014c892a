"""The parts that can also be run by themselves: journal, start, limit, peers."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from benchmarks import journal as journals
from benchmarks import limit, rows, startup
from benchmarks.figures import Figure, at_most, grid, table
from benchmarks.peers import __main__ as systems

if TYPE_CHECKING:
    from benchmarks.bench import Bench

#: How often as many rounds are measured of what takes no time.
CHEAP: Final = 2


def journal(bench: Bench) -> str:
    """Look records up in journals of many sizes, commit, and count bytes."""
    sizes = [0, 1_000, 10_000] if bench.quick else [*journals.SIZES, bench.journal_leads]
    # What is large is kept: it takes a quarter of an hour to make.
    folder = bench.folder if bench.quick else bench.kept / "journals"
    folder.mkdir(exist_ok=True)
    paths = {size: journals.built(folder, size) for size in sorted(set(sizes))}
    rounds = bench.rounds * CHEAP
    looked = journals.look_ups(paths, rounds)
    largest = max(paths)
    figures = [
        Figure(
            f"{way}, {largest:,} leads / empty",
            [journals.times_empty(looked, way, largest)],
            goal=at_most(2),
        )
        for way in dict.fromkeys(one.way for one in looked)
        if not way.startswith("bare")
    ]
    return "\n\n".join(
        [
            f"{rounds} rounds. The goal is for 10,000,000 leads (`--journal-leads 10000000`).",
            table(figures),
            journals.look_up_table(looked).strip(),
            journals.commit_table(journals.commits(folder, rounds)).strip(),
            journals.byte_table(folder, bench.size(100_000)),
        ]
    )


def start_and_end(bench: Bench) -> str:
    """Start each command, beside the framework alone."""
    rounds = bench.rounds * CHEAP
    costs = startup.measure(rounds)
    yardstick = dict(costs)[startup.YARDSTICK]
    lines = []
    for name, each in costs:
        walls, cpus = zip(*each, strict=True)
        wall_ratio, cpu_ratio = map(startup.ratio, (walls, cpus), zip(*yardstick, strict=True))
        lines.append(
            [
                name,
                f"{statistics.median(walls):.2f}",
                f"{wall_ratio:.2f}",
                f"{statistics.median(cpus):.2f}",
                f"{cpu_ratio:.2f}",
            ]
        )
    head = ("", "start to end, s", "ratio", "CPU, s", "ratio")
    return f"{rounds} rounds. Ratios are to the framework alone.\n\n{grid(head, lines)}"


def limits(bench: Bench) -> str:
    """Post with wrk and h2load."""
    return rows.table(limit.measure_all(bench.rounds, bench.seconds(5)))


def peers(bench: Bench) -> str:
    """Deliver the same leads with other systems."""
    return rows.table(systems.measure_all(bench.rounds, only="Sink" if bench.quick else ""))
