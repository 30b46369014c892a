"""What was asked and what was answered: a bounded log and a few counters. Holds no lead's data."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from time import perf_counter

from target_octanist.sandbox.query import format_instant

_KEPT = 10_000


@dataclass
class Exchange:
    """One request to the API. ``status`` is None where nothing was answered."""

    number: int
    at: str
    method: str
    path: str
    key_present: bool
    status: int | None = None
    code: str | None = None
    lead_id: str | None = None
    fault: str | None = None
    committed: bool = False
    duration_ms: float = 0.0

    def outcome(self) -> str:
        """Name the outcome in a word or two: ``201``, ``400 VALIDATION_ERROR``, ``no answer``."""
        if self.status is None:
            return "no answer"
        return f"{self.status} {self.code}" if self.code else str(self.status)

    def shown(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return asdict(self)


class Activity:
    """The latest 10,000 exchanges that have ended, and totals over all."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.in_flight = 0
        self.total = 0
        self.clear()

    def clear(self) -> None:
        """Forget the log and the totals; requests in flight stay counted."""
        self.max_in_flight = self.in_flight
        self.ended: deque[Exchange] = deque(maxlen=_KEPT)
        self.outcomes: Counter[str] = Counter()
        self._started: dict[int, float] = {}

    def begin(self, method: str, path: str, *, key_present: bool) -> Exchange:
        """Note that a request has arrived."""
        self.total += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._started[self.total] = perf_counter()
        now = format_instant(datetime.now(timezone.utc))
        return Exchange(self.total, now, method, path, key_present)

    def end(self, exchange: Exchange) -> None:
        """Note that a request is done with, answered or not."""
        self.in_flight -= 1
        started = self._started.pop(exchange.number, None)
        if started is None:
            return  # It began before the log was cleared.
        exchange.duration_ms = round((perf_counter() - started) * 1000, 3)
        self.outcomes[exchange.outcome()] += 1
        self.ended.append(exchange)

    def ended_since(self, total: int, limit: int) -> list[Exchange]:
        """Return exchanges that ended after the first ``total`` that did: the latest ``limit``."""
        fresh = min(self.outcomes.total() - total, len(self.ended), limit)
        return [self.ended[index] for index in range(len(self.ended) - fresh, len(self.ended))]

    def counts(self) -> dict[str, object]:
        """Return the totals as a JSON object."""
        return {
            "requests": self.outcomes.total(),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "outcomes": dict(sorted(self.outcomes.items())),
        }
