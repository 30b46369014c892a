"""How many requests may be in flight, and when the next one may start: arithmetic alone.

Time comes in as an argument (seconds on a monotonic clock); nothing here waits.
"""

from __future__ import annotations


class Pace:
    """Additive increase, multiplicative decrease, below a fixed ceiling.

    A refusal (429, 503 with Retry-After) halves the limit and pauses every worker, so
    that the others need not find out for themselves. Successes raise it again by
    about one for each round of requests.
    """

    def __init__(self, max_concurrency: int, requests_per_second: int | None = None) -> None:
        self._ceiling = float(max_concurrency)
        self._limit = self._ceiling
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._next_start = 0.0
        self._paused_until = 0.0
        self._slowed_at = float("-inf")

    @property
    def limit(self) -> int:
        """The most requests that may be in flight now; at least one."""
        return int(self._limit)

    def delay(self, now: float) -> float:
        """Say how many seconds the next request must wait; 0 means it may start."""
        return max(self._paused_until, self._next_start, now) - now

    def started(self, now: float) -> None:
        """Take note that a request starts."""
        # Starts are spaced evenly, without saving up a burst from an idle time.
        self._next_start = max(self._next_start, now) + self._interval

    def succeeded(self) -> None:
        """Take note that a request was answered as it should be."""
        self._limit = min(self._ceiling, self._limit + 1.0 / self._limit)

    def throttled(self, now: float, started_at: float, wait: float) -> None:
        """Take note that the server asked for patience.

        Args:
            now: The time of the answer.
            started_at: When the refused request started. Requests that were under way
                when the pace was lowered say nothing about the lower pace.
            wait: Seconds that the server asked for.
        """
        self._paused_until = max(self._paused_until, now + wait)
        if started_at >= self._slowed_at:
            self._limit = max(1.0, self._limit / 2)
            self._slowed_at = now
