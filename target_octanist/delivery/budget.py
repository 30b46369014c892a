"""How many rejected leads a run puts up with."""

from __future__ import annotations

#: Below this many records a share says nothing.
MIN_RECORDS = 20


class ErrorBudget:
    """Counts settled and rejected records against ``max_rejected_percent``."""

    def __init__(self, max_rejected_percent: int) -> None:
        self.percent = max_rejected_percent
        self.settled = 0
        self.rejected = 0

    def count_good(self, number: int) -> bool:
        """Count settled records, none of them rejected; False, and none counted, if one breaks it."""
        # With each of them the share falls: if the first one that tells keeps to it, all do.
        first = max(self.settled + 1, MIN_RECORDS)
        if self.rejected * 100 > first * self.percent:
            return False
        self.settled += number
        return True

    def count(self, *, rejected: bool) -> bool:
        """Count one settled record and say whether the budget is exceeded."""
        self.settled += 1
        self.rejected += rejected
        return self.settled >= MIN_RECORDS and self.rejected * 100 > self.settled * self.percent
