"""What happened when, in a bounded number of buckets; and durations in a bounded number of steps."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: When a run has filled this many buckets, pairs are merged, and each lasts twice as long.
MOST_BUCKETS: Final = 240

#: Steps of a duration are 5 % apart.
_STEPS_PER_E: Final = 20

#: Nothing is shorter than a tenth of a millisecond.
_SHORTEST: Final = 1e-4


class Durations:
    """How many durations fell on each step; takes as much room for a million as for a hundred."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._steps[round(_STEPS_PER_E * math.log(max(seconds, _SHORTEST)))] += 1

    def absorb(self, other: Durations) -> None:
        """Count all that another has counted."""
        self._steps.update(other._steps)

    def percentile(self, percent: int) -> float | None:
        """Give the duration (in milliseconds) that this percentage does not exceed."""
        wanted = self._steps.total() * percent / 100
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= wanted:
                return round(1000 * math.exp(step / _STEPS_PER_E), 1)
        return None


@dataclass(slots=True)
class Bucket:
    """What happened in one span of time.

    Attributes:
        settled: Outcome to number of leads.
        latency: How long requests took that ended in it.
        in_flight: The most requests that were under way at once.
        pace: The most that might have been, as of its end.
    """

    settled: Counter[str] = field(default_factory=Counter)
    latency: Durations = field(default_factory=Durations)
    in_flight: int = 0
    pace: int = 0

    def absorb(self, later: Bucket) -> None:
        """Take in the bucket that follows."""
        self.settled.update(later.settled)
        self.latency.absorb(later.latency)
        self.in_flight = max(self.in_flight, later.in_flight)
        self.pace = later.pace


class Timeline:
    """Buckets of equal width, from the start of a run on; those without an event are left out.

    Attributes:
        width: Of each bucket, in seconds.
    """

    def __init__(self) -> None:
        self.width = 1
        self._buckets: dict[int, Bucket] = {}

    def at(self, seconds: float) -> Bucket:
        """Give the bucket of a time after the start; it is only good until the next call."""
        while seconds >= self.width * MOST_BUCKETS:
            self._double()
        index = int(seconds) // self.width
        # Not `setdefault`: it would make a bucket for every lead.
        if (bucket := self._buckets.get(index)) is None:
            bucket = self._buckets[index] = Bucket()
        return bucket

    def __iter__(self) -> Iterator[tuple[int, Bucket]]:
        """Give the start of each bucket, in seconds, and the bucket, in order."""
        for index in sorted(self._buckets):
            yield index * self.width, self._buckets[index]

    def _double(self) -> None:
        self.width *= 2
        old: Mapping[int, Bucket] = self._buckets
        self._buckets = {}
        for index in sorted(old):
            if (wider := self._buckets.get(index // 2)) is None:
                self._buckets[index // 2] = old[index]
            else:
                wider.absorb(old[index])
