"""``make bench``: how fast the target is, beside floors, limits and peers in the same run.

Each part prints its tables in Markdown; ``--write`` also puts them into RESULTS.md. What is
measured, and how to read it, is in README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import growth, others, results, speed
from benchmarks.bench import Bench
from benchmarks.machine import load_average, machine, today
from benchmarks.processes import ROOT, FailedError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Heading and measurement of each part, in their order. Memory comes first: what is small cannot
#: be told any more once this process has grown.
PARTS: Final[dict[str, tuple[str, Callable[[Bench], str]]]] = {
    "records": ("Memory, and growth with the records", growth.by_records),
    "latency": ("50 ms latency, 128 leads at once", speed.latency),
    "cpu": ("No latency: CPU for a lead", speed.cpu),
    "nothing-new": ("Nothing new", speed.nothing_new),
    "unchanged": ("Nothing new of leads", speed.unchanged),
    "floors": ("The floors by themselves", speed.floors),
    "in-flight": ("Growth with the leads in flight", growth.in_flight),
    "journal": ("Growth with the journal", others.journal),
    "startup": ("Start and end", others.start_and_end),
    "limit": ("The limit", others.limits),
    "peers": ("Peers", others.peers),
}


def main() -> None:
    """Measure, print, and write if that is wanted."""
    options = read_options()
    # On the disk of the project: a temporary folder is often in memory.
    kept = ROOT / ".bench"
    kept.mkdir(exist_ok=True)
    about = machine(kept)
    print(f"{about}\n", flush=True)
    if options.write:
        results.write("machine", about)
    failed = False
    with tempfile.TemporaryDirectory(prefix="run-", dir=kept) as folder:
        bench = Bench(
            rounds=options.rounds or (1 if options.quick else 3),
            quick=options.quick,
            folder=Path(folder),
            kept=kept,
            records=2_000 if options.quick else options.records,
            journal_leads=options.journal_leads,
        )
        for name in options.only or PARTS:
            text, well = measure(bench, name)
            failed = failed or not well
            print(f"{text}\n", flush=True)
            if options.write:
                results.write(name, text)
    sys.exit(1 if failed else 0)


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="NAME", help=f"one of {', '.join(PARTS)}"
    )
    parser.add_argument("--rounds", type=int, help="of each measurement (3)")
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="of the largest stream (1,000,000)"
    )
    parser.add_argument(
        "--journal-leads",
        type=int,
        default=1_000_000,
        help="in the largest journal (1,000,000); ten times as many take a quarter of an hour and 10 GB",
    )
    parser.add_argument("--quick", action="store_true", help="little of all, to see that it works")
    parser.add_argument("--write", action="store_true", help="write the results to RESULTS.md")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("what --quick measures is not worth writing down")
    return options


def measure(bench: Bench, name: str) -> tuple[str, bool]:
    """Measure a part; gives its section, and whether all went well."""
    heading, part = PARTS[name]
    print(f"{name}: {heading}", file=sys.stderr, flush=True)
    before, began = load_average(), time.monotonic()
    try:
        text, well = part(bench), True
    except FailedError as error:
        text, well = f"Not measured: {error}.", False
    finally:
        bench.tidy()
    minutes = (time.monotonic() - began) / 60
    how = (
        f"{today()}, {bench.rounds} rounds in {minutes:.1f} minutes, "
        f"load average {before} before and {load_average()} after."
    )
    return f"### {heading}\n\n{how}\n\n{text}", well


if __name__ == "__main__":
    main()
