"""What was asked and what was answered: a bounded log and a few counters."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from target_octanist.sandbox.query import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = 10_000
_BODY_KEPT = 16_384
_HEADERS_KEPT = (
    b"host",
    b"user-agent",
    b"accept",
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"transfer-encoding",
)
_LOGGED = (
    "number",
    "at",
    "method",
    "path",
    "key_present",
    "status",
    "code",
    "lead_id",
    "fault",
    "committed",
    "duration_ms",
)


@dataclass
class Exchange:
    """One request to the API. ``status`` is None where nothing was answered.

    ``body`` is the beginning of what came, at most 16 KiB; ``size`` the length of all of it.
    """

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
    reason: str | None = None
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0

    def keep(self, body: bytes) -> None:
        """Note the body, once it has been read."""
        self.body, self.size = body[:_BODY_KEPT], len(body)

    @property
    def faulted(self) -> bool:
        """Tell whether a fault rule took it."""
        return self.fault is not None

    @property
    def refused(self) -> bool:
        """Tell whether the API itself answered with an error, late or not."""
        own = self.fault in {None, "delay"}
        return own and self.status is not None and self.status >= HTTPStatus.BAD_REQUEST

    def outcome(self) -> str:
        """Name the outcome in a word or two: ``201``, ``400 VALIDATION_ERROR``, ``no answer``."""
        if self.status is None:
            return "no answer"
        return f"{self.status} {self.code}" if self.code else str(self.status)

    def shown(self) -> dict[str, object]:
        """Return it as a JSON object, without what the request held."""
        return {name: getattr(self, name) for name in _LOGGED}


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
        self.refused = 0
        self.faulted = 0
        self._started: dict[int, float] = {}

    def begin(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[bytes, bytes],
        *,
        key_present: bool,
    ) -> Exchange:
        """Note that a request has arrived; of its headers those that matter, never the key."""
        self.total += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._started[self.total] = perf_counter()
        now = format_instant(datetime.now(timezone.utc))
        exchange = Exchange(self.total, now, method, path, key_present, query=query)
        exchange.headers = {
            name.decode(): headers[name].decode("latin-1")
            for name in _HEADERS_KEPT
            if name in headers
        }
        return exchange

    def end(self, exchange: Exchange) -> None:
        """Note that a request is done with, answered or not."""
        self.in_flight -= 1
        started = self._started.pop(exchange.number, None)
        if started is None:
            return  # It began before the log was cleared.
        exchange.duration_ms = round((perf_counter() - started) * 1000, 3)
        self.outcomes[exchange.outcome()] += 1
        self.refused += exchange.refused
        self.faulted += exchange.faulted
        self.ended.append(exchange)

    def counts(self) -> dict[str, object]:
        """Return the totals as a JSON object."""
        return {
            "requests": self.outcomes.total(),
            "refused": self.refused,
            "faulted": self.faulted,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "outcomes": dict(sorted(self.outcomes.items())),
        }
