"""How far everything is settled: what a STATE message may promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_octanist.delivery.budget import ErrorBudget


class Frontier:
    """Tracks the longest settled run of records, counted from the first.

    Records are numbered from 1 in the order in which they came, and settle in any. The
    error budget is drawn on in the order of the input: a record that cannot be mapped
    settles at once, so in the order of settling the bad ones would seem to come first.
    """

    def __init__(self, budget: ErrorBudget) -> None:
        self._budget = budget
        self._ahead: dict[int, bool] = {}
        self.is_broken = False
        self.settled_through = 0

    def settle(self, number: int, *, rejected: bool) -> None:
        """Take note that record `number` is settled; doing so twice changes nothing.

        The frontier does not move past a record that breaks the budget, ever.
        """
        if number > self.settled_through:
            self._ahead[number] = rejected
        while not self.is_broken and (following := self.settled_through + 1) in self._ahead:
            if self._budget.count(rejected=self._ahead.pop(following)):
                self.is_broken = True
            else:
                self.settled_through = following
