"""How far everything is settled: what a STATE message may promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_octanist.delivery.budget import ErrorBudget

_SETTLED: Final = 1
_REJECTED: Final = 2

#: Records after which their bytes are given back, or when there are no others.
_FORGET: Final = 4096


class Frontier:
    """Tracks the longest settled run of records, counted from the first.

    Records are numbered from 1 in the order in which they came, and settle in any. The
    error budget is drawn on in the order of the input: a record that cannot be mapped
    settles at once, so in the order of settling the bad ones would seem to come first.
    """

    def __init__(self, budget: ErrorBudget) -> None:
        self._budget = budget
        # A byte for each record after `_base`: one that is held for long must not make all
        # that are settled behind it cost more than that.
        self._ahead = bytearray()
        self._base = 0
        self.is_broken = False
        self.settled_through = 0

    def settle(self, records: Iterable[tuple[int, bool]]) -> None:
        """Take note that some records are settled; doing so twice changes nothing.

        The frontier does not move past a record that breaks the budget, ever.

        Args:
            records: Of each its number, and whether it is rejected.
        """
        for number, is_rejected in records:
            if number > self.settled_through:
                lacking = number - self._base - len(self._ahead)
                if lacking > 0:
                    self._ahead.extend(bytes(lacking))
                self._ahead[number - self._base - 1] = _REJECTED if is_rejected else _SETTLED
        self._move()

    def settle_next(self, first: int, count: int) -> None:
        """Take note that `count` records from number `first` on are settled, none rejected.

        They are the last ones so far.
        """
        is_next = first == self.settled_through + 1 and not self._ahead and not self.is_broken
        if is_next and self._budget.count_good(count):
            self._base = self.settled_through = self.settled_through + count
            return
        lacking = first - 1 - self._base - len(self._ahead)
        self._ahead.extend(bytes(lacking) + bytes([_SETTLED]) * count)
        self._move()

    def _move(self) -> None:
        ahead = self._ahead
        at = self.settled_through - self._base
        while not self.is_broken and at < len(ahead) and ahead[at]:
            if self._budget.count(rejected=ahead[at] == _REJECTED):
                self.is_broken = True
            else:
                at += 1
        self.settled_through = self._base + at
        if at == len(ahead) or at > _FORGET:
            del ahead[:at]
            self._base = self.settled_through
