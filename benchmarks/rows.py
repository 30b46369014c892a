"""What was measured, as rows of a Markdown table."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Row:
    """What one system did in one scenario.

    Attributes:
        system: that delivered.
        scenario: such as ``50 ms``.
        leads: that arrived; 0 if it could not be measured.
        seconds: for these leads, without what the same run takes with none.
        cpu_us_per_lead: CPU microseconds of all its processes for a lead, without what the same
            run takes with none.
        note: what one has to know to read the figures.
    """

    system: str
    scenario: str
    leads: int = 0
    seconds: float = 0.0
    cpu_us_per_lead: float = 0.0
    note: str = ""

    @property
    def leads_per_second(self) -> float:
        """The rate."""
        return self.leads / self.seconds if self.seconds else 0.0


def medians(rows: Iterable[Row]) -> list[Row]:
    """Give one row for each system and scenario, in the order of their first rounds.

    A round that failed is not hidden by others that did not: its row is given.
    """
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.system, row.scenario].append(row)
    return [median(rounds) for rounds in groups.values()]


def median(rounds: list[Row]) -> Row:
    """Give the row of several rounds."""
    first = next((row for row in rounds if not row.leads), rounds[0])
    if not first.leads:
        return first
    rate = statistics.median(row.leads_per_second for row in rounds)
    cpu = statistics.median(row.cpu_us_per_lead for row in rounds)
    return replace(first, seconds=first.leads / rate, cpu_us_per_lead=cpu)


def table(rows: Iterable[Row]) -> str:
    """Give a Markdown table that also reads well as it is."""
    lines = [["system", "scenario", "leads", "leads/s", "CPU µs/lead", "note"]]
    lines.append(["---", "---:", "---:", "---:", "---:", "---"])
    for row in rows:
        rate = f"{row.leads_per_second:,.0f}" if row.leads else "–"
        cpu = f"{row.cpu_us_per_lead:,.0f}" if row.leads else "–"
        lines.append([row.system, row.scenario, f"{row.leads:,}", rate, cpu, row.note])
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"| {system:<{width}} | {scenario:>8} | {leads:>7} | {rate:>8} | {cpu:>11} | {note} |"
        for system, scenario, leads, rate, cpu, note in lines
    )
