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

    def count(self, *, rejected: bool) -> bool:
        """Count one settled record and say whether the budget is exceeded."""
        self.settled += 1
        self.rejected += rejected
        return self.settled >= MIN_RECORDS and self.rejected * 100 > self.settled * self.percent
