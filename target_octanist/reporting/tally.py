"""Counts of what happened in a run; written by one thread, read by another."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


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
        recovered: Outcome to number of leads that a dead run had left behind.
        requests: Number of requests made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = Counts()
        self.outcomes: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.recovered: Counter[str] = Counter()
        self.requests = 0

    def settled(self, stream: str, outcome: str, *, recovered: bool) -> None:
        """Count a settled record; `recovered` if a run that died had left it behind."""
        with self._lock:
            if recovered:
                self.recovered[outcome] += 1
                self._since.recovered[outcome] += 1
            else:
                self.outcomes[outcome] += 1
                self.records[stream] += 1
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
