"""How much the dispatcher takes up in a turn: leads to be sent, and records to be claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.delivery.quota import Quota
    from target_octanist.delivery.senders import Senders
    from target_octanist.delivery.work import Work
    from target_octanist.ledger.claims import Verdict

#: By these verdicts a record becomes a lead that is sent.
_SENT: Final = {"send", "start"}


class Room:
    """Measures a turn by what is under way and by the turns before; the dispatcher's own."""

    def __init__(self, work: Work, senders: Senders, quota: Quota, rows: int) -> None:
        """Take what it depends on.

        Args:
            work: Everything in hand.
            senders: Know how many leads may be in flight.
            quota: Knows how many may be sent at all.
            rows: The most records that are claimed in a turn.
        """
        self._work = work
        self._senders = senders
        self._quota = quota
        self._rows = rows
        self._came_back = 0
        self._sends_few = False

    def came_back(self, count: int) -> None:
        """Take note of how many results a turn begins with."""
        self._came_back = count

    def claimed(self, verdicts: Sequence[Verdict]) -> None:
        """Take note of what came of the records that a turn has claimed."""
        if verdicts:
            sends = sum(verdict.kind in _SENT for verdict in verdicts)
            self._sends_few = 2 * sends < len(verdicts)

    def is_any(self) -> bool:
        """Say whether any more lead may be on its way to a sender."""
        return self._room() > 0

    def leads(self, *, arrived: int = 0) -> int:
        """Say how many leads may go out, with what is left of the quota.

        Args:
            arrived: How many of those in flight are known to have arrived, and make room.
        """
        allowed = self._quota.room(len(self._work.in_flight) + len(self._work.inquiry))
        room = self._room() + arrived
        return max(0, room if allowed is None else min(room, allowed))

    def records(self, leads: int) -> int:
        """Say how many records are to be claimed where so many leads may go out: as many.

        These are written down as claimed and as sending in one. Where most come to nothing,
        or nothing may go out any more, many are claimed in one turn.
        """
        if self._sends_few or self.is_used_up():
            return self._rows if len(self._work.ready) < self._rows else 0
        return min(self._rows, leads)

    def is_used_up(self) -> bool:
        """Say whether the quota lets nothing more go out beside what is in flight."""
        return self._quota.room(len(self._work.in_flight)) == 0

    def _room(self) -> int:
        """Say how many more leads may be on their way to a sender.

        Twice as many as may be in flight, and half as many again as came back for the last
        turn: the faster the answers come, the more leads share a commit, and no sender waits
        for one. They are marked as sending, and so may have to be asked about after a crash:
        that is why they are no more.
        """
        limit = self._senders.limit
        ahead = limit + min(self._came_back * 3 // 2, self._rows)
        return limit + ahead - len(self._work.in_flight)
