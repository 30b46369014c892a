"""The figures of several runs as one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_octanist.ledger.tables import State
from target_octanist.reporting.figures import Reason
from target_octanist.reporting.frequent import HIDDEN, NONE, OTHER
from target_octanist.reporting.tally import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_octanist.reporting.figures import Figures, Value


@dataclass(slots=True)
class Totals:
    """Sums over runs; the names are those of `Figures`.

    Attributes:
        runs: How many runs have figures.
    """

    runs: int = 0
    records: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    streams: dict[str, Counter[str]] = field(default_factory=dict)
    delivered: Counter[str] = field(default_factory=Counter)
    made: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    filled: dict[str, Counter[str]] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    _reasons: dict[tuple[str, str, str], Reason] = field(default_factory=dict)

    @classmethod
    def of(cls, several: Iterable[Figures]) -> Totals:
        """Sum up; the first ones' references are kept."""
        totals = cls()
        for figures in several:
            totals.add(figures)
        return totals

    def add(self, figures: Figures) -> None:
        """Add the figures of one more run."""
        self.runs += 1
        self.records += figures.records
        self.retries += figures.retries
        self.outcomes.update(figures.outcomes)
        self.recovered.update(figures.recovered)
        self.delivered.update(figures.delivered)
        self.made += _made(figures)
        self.changes.update(figures.changes)
        self.requests.update(figures.requests)
        _add_nested(self.streams, figures.streams)
        _add_nested(self.filled, figures.filled)
        _add_values(self.sources, figures.sources)
        _add_values(self.campaigns, figures.campaigns)
        for reason in figures.reasons:
            key = (reason.stream, reason.outcome, reason.reason)
            known = self._reasons.get(key)
            if known is not None:
                # The same records come with every run until somebody has fixed them.
                ids = {reference.id for reference in known.references}
                new = [reference for reference in reason.references if reference.id not in ids]
                references = (known.references + new)[:REFERENCES]
                reason = Reason(*key, known.count + reason.count, references)  # noqa: PLW2901
            self._reasons[key] = reason

    @property
    def reasons(self) -> list[Reason]:
        """Why records made no lead, the most frequent first."""
        return sorted(
            self._reasons.values(), key=lambda r: (-r.count, r.stream, r.outcome, r.reason)
        )

    def plain(self) -> dict[str, Any]:
        """Give them as plain values."""
        return {
            "runs": self.runs,
            "records": self.records,
            "outcomes": dict(self.outcomes),
            "recovered": dict(self.recovered),
            "streams": {name: dict(counts) for name, counts in self.streams.items()},
            "reasons": msgspec.to_builtins(self.reasons),
            "delivered": dict(self.delivered),
            "made": self.made,
            "changes": dict(self.changes),
            "filled": {name: dict(counts) for name, counts in self.filled.items()},
            "sources": _ranked(self.sources),
            "campaigns": _ranked(self.campaigns),
            "requests": dict(self.requests),
            "retries": self.retries,
        }


def _made(figures: Figures) -> int:
    """Give how many leads a run made, of an earlier version's figures, too."""
    if figures.made is not None:
        return figures.made
    # There a record made a lead or updated one: each was counted separately.
    return figures.outcomes.get(State.DELIVERED.value, 0) - sum(figures.changes.values())


def ranked(values: Mapping[str, int]) -> list[tuple[str, int]]:
    """Give values with their counts, most frequent first; what is not a value stands at the end."""
    last = (NONE, HIDDEN, OTHER)
    return sorted(values.items(), key=lambda entry: (entry[0] in last, -entry[1], entry[0]))


def _ranked(values: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in ranked(values)]


def _add_nested(to: dict[str, Counter[str]], more: Mapping[str, Mapping[str, int]]) -> None:
    for name, counts in more.items():
        to.setdefault(name, Counter()).update(counts)


def _add_values(to: Counter[str], values: Iterable[Value]) -> None:
    for value in values:
        to[value.value] += value.count
