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

    def requests(self, *, arrived: int = 0) -> int:
        """Say how many more requests may be on their way to a sender.

        Twice as many as may be in flight, and half as many again as came back for the last
        turn: the faster the answers come, the more leads share a commit, and no sender waits
        for one. They are marked as sending, and so may have to be asked about after a crash:
        that is why they are no more.

        Args:
            arrived: How many of those in flight are known to have arrived, and make room.
        """
        limit = self._senders.limit
        ahead = limit + min(self._came_back * 3 // 2, self._rows)
        return max(0, limit + ahead + arrived - len(self._work.in_flight))

    def leads_left(self) -> float:
        """Say how many more leads the quota lets out; changes of leads cost none of it."""
        if not self._quota.is_limit:
            return float("inf")
        in_flight = sum(not job.is_change for job in self._work.in_flight.values())
        return self._quota.room(in_flight + len(self._work.reconciler))

    def leads(self, *, arrived: int = 0) -> int:
        """Say how many more leads may go out, in this room and with what is left of the quota."""
        return int(min(self.requests(arrived=arrived), self.leads_left()))

    def records(self, leads: int) -> int:
        """Say how many records are to be claimed where so many leads may go out: as many.

        These are written down as claimed and as sending in one. Where most come to nothing,
        or nothing may go out any more, many are claimed in one turn.
        """
        if self._sends_few or self.is_used_up():
            return self._rows if len(self._work.ready) < self._rows else 0
        return min(self._rows, leads)

    def is_used_up(self) -> bool:
        """Say whether the quota lets no more leads out beside those that are in flight."""
        return self.leads_left() <= 0
