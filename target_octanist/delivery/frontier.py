"""How far everything is settled: what a STATE message may promise."""

from __future__ import annotations


class Frontier:
    """Tracks the longest settled run of records, counted from the first.

    Records are numbered from 1 in the order in which they came, and settle in any.
    """

    def __init__(self) -> None:
        self._ahead: set[int] = set()
        self.settled_through = 0

    def settle(self, number: int) -> None:
        """Take note that record `number` is settled; doing so twice changes nothing."""
        if number <= self.settled_through:
            return
        self._ahead.add(number)
        while self.settled_through + 1 in self._ahead:
            self.settled_through += 1
            self._ahead.remove(self.settled_through)
