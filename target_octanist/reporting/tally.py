"""Counts of what happened in a run; written by one thread, read by another."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: So many records are named for each reason; whoever wants all asks the journal.
REFERENCES: Final = 5

#: So many reasons are told apart. They are sentences of ours, so there are few.
REASONS: Final = 200

OTHER_REASONS: Final = "other reasons"


class Reference(NamedTuple):
    """Names a record without any of its values.

    Attributes:
        record: Its place in the input, from 1; None if an earlier run had read it.
        source: Its digest in the journal.
        request_id: As the API gave it, if it was sent.
    """

    record: int | None
    source: str
    request_id: str | None


class Why(NamedTuple):
    """Why a record has made no lead, or none for sure: a sentence of ours, and which one."""

    reason: str
    reference: Reference


@dataclass(slots=True)
class Group:
    """Records that have one reason in common, and the first few of them."""

    count: int = 0
    references: list[Reference] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """A set of counts; durations are in seconds.

    Attributes:
        outcomes: (stream, outcome) to number of leads.
        requests: HTTP status, or "none" where no answer came, to number of requests.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    request_seconds: list[float] = field(default_factory=list)
    journal_seconds: list[float] = field(default_factory=list)


class Tally:
    """Keeps the totals of a run and what came since they were last taken.

    Attributes:
        outcomes: Outcome to number of records of this run's input.
        records: Stream to number of settled records.
        streams: (stream, outcome) to number of records of this run's input.
        reasons: (stream, outcome, reason) to the records that made no lead because of it,
            with those that a dead run had left behind.
        recovered: Outcome to number of leads that a dead run had left behind.
        requests: Number of requests made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = Counts()
        self.outcomes: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.streams: Counter[tuple[str, str]] = Counter()
        self.reasons: dict[tuple[str, str, str], Group] = {}
        self.recovered: Counter[str] = Counter()
        self.requests = 0

    def settled(
        self, stream: str, outcome: str, *, recovered: bool, why: Why | None = None
    ) -> None:
        """Count a settled record; `recovered` if a run that died had left it behind."""
        with self._lock:
            if why is not None:
                self._group(stream, outcome, why)
            if recovered:
                self.recovered[outcome] += 1
                self._since.recovered[outcome] += 1
            else:
                self.outcomes[outcome] += 1
                self.records[stream] += 1
                self.streams[stream, outcome] += 1
                self._since.outcomes[stream, outcome] += 1

    def request(self, status: int | None, seconds: float) -> None:
        """Count a request that was made."""
        with self._lock:
            self.requests += 1
            self._since.requests[str(status or "none")] += 1
            self._since.request_seconds.append(seconds)

    def retried(self) -> None:
        """Count a lead that is going to be sent again."""
        with self._lock:
            self._since.retries += 1

    def journal(self, seconds: float) -> None:
        """Count a turn of the journal."""
        with self._lock:
            self._since.journal_seconds.append(seconds)

    def take(self) -> Counts:
        """Give what was counted since the last call."""
        with self._lock:
            since, self._since = self._since, Counts()
        return since

    def _group(self, stream: str, outcome: str, why: Why) -> None:
        reason = why.reason
        if (stream, outcome, reason) not in self.reasons and len(self.reasons) >= REASONS:
            reason = OTHER_REASONS
        group = self.reasons.setdefault((stream, outcome, reason), Group())
        group.count += 1
        if len(group.references) < REFERENCES:
            group.references.append(why.reference)
