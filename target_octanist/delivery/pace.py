"""How many requests may be in flight, and when the next one may start: arithmetic alone.

Time comes in as an argument (seconds on a monotonic clock); nothing here waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

#: How many go out at first: as many as TCP packets of a new connection (RFC 6928).
FIRST_LIMIT: Final = 10

#: How long to pause after a refusal that does not say how long. It doubles with each one
#: that follows without an answer in between.
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 30.0

#: How many times the wait that a refusal cost passes before it is risked again.
CAUTION: Final = 10


class Latency:
    """What is usual: a smoothed mean and mean deviation, by the rules of RFC 6298.

    It takes in averages of several requests. A server whose answers naturally vary has
    a wide range of the usual, and a lasting change becomes usual in some ten averages.

    Attributes:
        mean: Seconds; infinite as long as nothing is known.
        deviation: The mean deviation from the mean, in seconds.
    """

    def __init__(self) -> None:
        self.mean = math.inf
        self.deviation = 0.0

    def is_longer(self, seconds: float) -> bool:
        """Whether it is above the mean; a thousandth is no difference."""
        return seconds > self.mean * 1.001

    def is_slow(self, seconds: float) -> bool:
        """Whether it is so far above the mean that it hardly came about by chance."""
        return seconds > self.mean + 4 * self.deviation

    def learn(self, seconds: float) -> None:
        """Take in one more average."""
        if math.isinf(self.mean):
            self.mean, self.deviation = seconds, seconds / 2
            return
        self.deviation += (abs(seconds - self.mean) - self.deviation) / 4
        self.mean += (seconds - self.mean) / 8


@dataclass(slots=True)
class _Round:
    """What came back since the limit was last judged."""

    began: float
    answered: int = 0
    failed: int = 0
    seconds: float = 0.0
    reached_limit: bool = False

    @property
    def came_back(self) -> int:
        return self.answered + self.failed

    @property
    def latency(self) -> float:
        """The average of the answers, in seconds; 0 if there were none."""
        return self.seconds / self.answered if self.answered else 0.0


class Pace:
    """Additive increase, multiplicative decrease, below a fixed ceiling.

    The limit is judged once a round, which is when half as many requests as it allows
    have come back:

    - Some *failed*: it falls by half of their share, so that an odd failure costs little.
    - The answers were *slow*, twice in a row (once may be a hiccup): requests queued. It
      falls to the concurrency that moves as many of them in the usual time (Little's law),
      at most by half.
    - It was *reached*, and all is as usual: it rises by one.

    A *refusal* (429, 503 with Retry-After) acts at once. Every worker pauses, so that the
    others need not find out for themselves; then one request goes first, and the limit
    doubles each round up to half of what it was. What was refused is not tried again soon.

    It starts in that way too, with a few requests and doubling. A volley at full strength
    would find out what a server cannot take by losing answers, and each of these is a lead
    in doubt; the price is one round trip until 16 are in flight, and four until 128 are.

    Slowness that builds up too gently to stand out becomes usual: then it is the ceiling
    that bounds the queue at the server.
    """

    def __init__(self, max_concurrency: int, requests_per_second: int | None = None) -> None:
        self._ceiling = float(max_concurrency)
        self._limit = min(float(FIRST_LIMIT), self._ceiling)
        # Below the goal the limit doubles, from there on it grows by one.
        self._goal = self._ceiling
        self._latency = Latency()
        self._round = _Round(-math.inf)
        self._was_slow = False
        self._lowered_at = -math.inf
        self._paused_until = -math.inf
        self._untold_pause = FIRST_PAUSE_SECONDS
        self._wary_limit = self._ceiling
        self._wary_until = -math.inf
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._next_start = -math.inf

    @property
    def limit(self) -> int:
        """The most requests that may be in flight now; at least one."""
        return int(self._limit)

    def delay(self, now: float) -> float:
        """Say how many seconds the next request must wait; 0 means it may start."""
        return max(self._paused_until, self._next_start, now) - now

    def started(self, now: float, in_flight: int) -> None:
        """Take note that a request starts.

        Starts keep a distance of ``1 / requests_per_second`` or more, so that no second
        ever sees more of them than that. An idle time saves nothing up for a burst.

        Args:
            now: The time of the start.
            in_flight: The requests under way, this one included.
        """
        self._next_start = max(self._next_start, now) + self._interval
        self._round.reached_limit |= in_flight >= self.limit

    def answered(self, now: float, started_at: float) -> None:
        """Take note that the server did its work on a request, whatever it said of the lead."""
        # Older requests felt another limit.
        if started_at >= self._round.began:
            self._untold_pause = FIRST_PAUSE_SECONDS
            self._round.answered += 1
            self._round.seconds += now - started_at
            self._judge(now)

    def failed(self, now: float, started_at: float) -> None:
        """Take note that a connection failed, or that no answer came of which to be sure."""
        # A request that times out is older than any round, but not than the last decrease.
        if started_at >= self._lowered_at:
            self._round.failed += 1
            self._judge(now)

    def refused(self, now: float, started_at: float, wait: float | None) -> None:
        """Take note that the server asked for patience.

        Args:
            now: The time of the answer.
            started_at: When the refused request started.
            wait: Seconds that the server asked for; None if it did not say.
        """
        if wait is None and started_at < self._lowered_at:
            wait = 0.0  # It was under way when an earlier refusal began the pause.
        elif wait is None:
            wait = self._untold_pause
            self._untold_pause = min(2 * wait, LONGEST_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, now + wait)
        # That a single request is refused says nothing about how many are too many.
        if started_at >= self._lowered_at and self._limit > 1:
            self._wary_limit = max(1.0, self._limit - 1)
            self._wary_until = now + CAUTION * max(1.0, wait)
            self._lower(now, 0.5)
            self._limit = 1.0

    def _judge(self, now: float) -> None:
        """End the round if enough has come back."""
        past, usual = self._round, self._latency
        if past.came_back < self._limit / 2:
            return
        self._round = _Round(now)
        if past.failed:
            self._lower(now, 1 - past.failed / past.came_back / 2)
        elif past.reached_limit and usual.is_slow(past.latency):
            if not self._was_slow:
                self._was_slow = True
                return
            self._lower(now, max(0.5, usual.mean / past.latency))
        elif past.reached_limit and self._limit < self._goal:
            self._limit = min(2 * self._limit, self._goal)
        elif past.reached_limit and not usual.is_longer(past.latency):
            self._limit = max(self._limit, min(self._limit + 1, self._most(now)))
        self._was_slow = False
        if past.answered:
            usual.learn(past.latency)

    def _lower(self, now: float, share: float) -> None:
        self._limit = self._goal = max(1.0, self._limit * share)
        self._lowered_at = now
        self._round = _Round(now)

    def _most(self, now: float) -> float:
        return self._wary_limit if now < self._wary_until else self._ceiling
