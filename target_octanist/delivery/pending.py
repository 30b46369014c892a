"""Changes whose leads are not there yet, and when they are; belongs to the dispatcher.

The journal keeps them, so that the tap may go on, and another run may find their leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_octanist.delivery.pair import Pair
    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.turn import Turn

#: How many of earlier runs are taken up in one turn.
PAGE: Final = 500


class Due(NamedTuple):
    """Changes that may go out now.

    Attributes:
        swept: How far those of earlier runs have been looked at; None when all have.
    """

    claims: list[Claim]
    swept: int | None


class Pending:
    """Knows if any change is pending, and takes up those whose leads have come."""

    def __init__(self, *, any_yet: bool, forward: bool) -> None:
        """Begin.

        Args:
            any_yet: Whether the journal has any of earlier runs.
            forward: Whether a lead that is won stays won.
        """
        self._any = any_yet
        self._forward = forward
        self._swept: int | None = 0 if any_yet else None
        self._own: dict[str, Pair | None] = {}

    @property
    def is_any(self) -> bool:
        """Whether any change may be pending: mostly none is, and nothing is to be looked for."""
        return self._any

    @property
    def sweeps(self) -> bool:
        """Whether those of earlier runs are still being looked at."""
        return self._swept is not None

    def keep(self, source: str, *, is_own: bool, pair: Pair | None) -> None:
        """Take note of a change that is pending from now on.

        Args:
            source: Its own.
            is_own: Whether it came in this run's input.
            pair: That of its record, if that makes a lead as well.
        """
        self._any = True
        if is_own:
            self._own[source] = pair

    def pair_of(self, source: str) -> Pair | None:
        """Give back what was kept with a change that may go out now."""
        return self._own.get(source)

    def is_own(self, source: str) -> bool:
        """Say whether a change came in this run's input, and is pending or was freed."""
        return source in self._own

    def is_over(self, source: str) -> bool:
        """Say, once, whether a settled change was pending that came in this run's input."""
        was_own = source in self._own
        self._own.pop(source, None)
        return was_own

    def due(self, turn: Turn, settled: Collection[str]) -> Due:
        """Look which may go out; nothing but the journal is asked, and nothing is noted.

        Args:
            turn: After its claims.
            settled: Sources of the leads' records that this turn has settled.
        """
        claims: list[Claim] = []
        if not self._any:
            return Due(claims, self._swept)
        if settled:
            limit = len(settled) + PAGE
            claims += turn.due_changes(forward=self._forward, behind=settled, limit=limit)[0]
        if self._swept is None:
            return Due(claims, None)
        page, last = turn.due_changes(forward=self._forward, after=self._swept, limit=PAGE)
        return Due([*claims, *page], last if len(page) == PAGE else None)

    def took(self, due: Due) -> None:
        """Take note that these are in hand now."""
        self._swept = due.swept
