"""Figures, their goals, and tables of them in Markdown."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Goal:
    """What a figure is to be: at least or at most so much."""

    limit: float
    at_least: bool

    def met(self, value: float) -> bool:
        """Say whether a value is as good."""
        return value >= self.limit if self.at_least else value <= self.limit


def at_least(limit: float) -> Goal:
    return Goal(limit, at_least=True)


def at_most(limit: float) -> Goal:
    return Goal(limit, at_least=False)


@dataclass(frozen=True)
class Figure:
    """Something that was measured once in every round.

    Attributes:
        what: it is.
        values: one for each round; a ratio is of two measurements of the same round.
        unit: such as ``µs``; ratios have none.
        goal: what its median is to be, if that was set.
    """

    what: str
    values: Sequence[float]
    unit: str = ""
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The middle one of the values; NaN if one of them is."""
        return math.nan if any(map(math.isnan, self.values)) else statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        """Give the cells of its row."""
        span = f"{number(min(self.values))}..{number(max(self.values))}"
        if len(self.values) == 1 or math.isnan(self.median):
            span = ""
        unit = f" {self.unit}" if self.unit else ""
        median = f"{number(self.median)}{unit}"
        if self.goal is None:
            return self.what, median, span, "", ""
        sign = "≥" if self.goal.at_least else "≤"
        met = "met" if self.goal.met(self.median) else "**not met**"
        met = "not to be told" if math.isnan(self.median) else met
        return self.what, median, span, f"{sign} {number(self.goal.limit)}{unit}", met


def table(figures: Iterable[Figure]) -> str:
    """Give a table of medians, with the range of all rounds, and the goals."""
    return grid(("", "median", "range", "goal", ""), [figure.cells() for figure in figures])


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a Markdown table that also reads well as it is; the first column is to the left."""
    lines = [list(head), *map(list, rows)]
    widths = [max(3, *(len(line[at]) for line in lines)) for at in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(cells, widths) for cells in (lines[0], rule, *lines[1:]))


def number(value: float) -> str:
    """Give a number with the digits that say something."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    texts = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return f"| {' | '.join(texts)} |"
