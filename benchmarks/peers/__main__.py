"""``python -m benchmarks.peers``: what other systems need for the same leads, at the same server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.runs import UnavailableError, measure, prepare
from benchmarks.peers.systems import SYSTEMS
from benchmarks.processes import FailedError
from benchmarks.rows import Row, medians, table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.peers.systems import System


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--only", default="", help="a part of the systems' names")
    options = parser.parse_args()
    print(table(measure_all(options.rounds, options.latency_ms, options.only)))


def measure_all(rounds: int = 3, latency_ms: float = 50, only: str = "") -> list[Row]:
    """Measure every system that can be had, in turn, in each round; gives medians."""
    rows: list[Row] = []
    ready: list[tuple[System, Path]] = []
    for system in SYSTEMS:
        if only in system.name:
            try:
                ready.append((system, prepare(system)))
            except UnavailableError as error:
                rows.append(Row(system.name, "", note=f"not measured: {error}"))
    for number in range(rounds):
        for latency in (latency_ms, 0.0):
            for system, python in ready:
                leads = system.leads[0 if latency else 1]
                if leads:
                    print(f"round {number + 1}: {system.name}, {latency:g} ms", file=sys.stderr)
                    rows.append(measured(system, python, leads, latency))
    return medians(rows)


def measured(system: System, python: Path, leads: int, latency_ms: float) -> Row:
    """Measure one system once; the row of one that fails says so."""
    try:
        return measure(system, python, leads, latency_ms)
    except FailedError as error:
        return Row(system.name, f"{latency_ms:g} ms", note=f"failed: {error}")


if __name__ == "__main__":
    main()
