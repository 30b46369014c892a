"""Which of several changes of one record counts, wherever they come from.

A batch has them from three sides: what the input says now, what was pending (it has a
`place`), and dead letters that are tried again (they `yield`). Of one record

- no later version goes ahead of an earlier one that is to be sent,
- no earlier version goes out after a later one,
- the latest one that waits for its lead is the only one that is kept as pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_octanist.ledger.pending import no_longer_pending, pending_among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim, Known, Verdict

#: After these nothing is left to do for a change, or for an earlier version of it.
_ENDS: Final = {"send", "start", "duplicate", "filtered", "rejected"}

#: After these it is to be done, and this run has it in hand.
_WAITS: Final = {"behind", "busy", "held"}


class Versions:
    """The order of the changes of each record of a batch.

    Attributes:
        over: Sources of which nothing that was pending is needed any more.
    """

    def __init__(
        self, connection: Connection, claims: Sequence[Claim], known: Mapping[str, Known]
    ) -> None:
        """Find out which of them are late already.

        Args:
            connection: In the transaction of the turn.
            claims: Of changes, in the order in which they are going to be decided.
            known: Source to the row that the journal has of it.
        """
        self.over: set[str] = set()
        self._gone = no_longer_pending(connection, claims)
        self._outdated = _outdated(connection, claims, known)
        self._first: dict[str, Verdict] = {}
        self._pending: dict[str, Claim] = {}

    def is_replaced(self, claim: Claim) -> bool:
        """Say whether a later version has come since it was pending, or a dead letter."""
        is_over = claim.source in self._gone or claim.source in self.over
        is_outdated = _is_old(claim) and claim.source in self._outdated
        return (_was_pending(claim) and is_over) or is_outdated

    def waits_behind(self, claim: Claim) -> Verdict | None:
        """Give the verdict on an earlier version that has to wait; a later one does, too."""
        return self._first.get(claim.source)

    def add(self, claim: Claim, verdict: Verdict) -> None:
        """Take note of what was decided; the verdicts on later versions rest on it."""
        # What was pending keeps its row: a new one would be due again behind the others.
        if verdict.kind == "pending" and not _was_pending(claim):
            self._pending[claim.source] = claim
        if verdict.kind in {"behind", "busy"}:
            self._first[claim.source] = verdict
        # What was pending stays in the journal for as long as it waits.
        is_in_hand = verdict.kind in _WAITS and not _was_pending(claim)
        if verdict.kind in _ENDS or is_in_hand:
            self.over.add(claim.source)
            self._pending.pop(claim.source, None)

    def pending(self) -> list[Claim]:
        """Give the changes that are to be kept as pending from now on."""
        return list(self._pending.values())


def _was_pending(claim: Claim) -> bool:
    return claim.change is not None and claim.change.place is not None


def _is_old(claim: Claim) -> bool:
    return claim.change is not None and claim.change.yields


def _outdated(
    connection: Connection, claims: Sequence[Claim], known: Mapping[str, Known]
) -> set[str]:
    """Name the changes of old records of which a later version was taken since."""
    old = [claim for claim in claims if _is_old(claim)]
    if not old:
        return set()
    pending = pending_among(connection, (claim.source for claim in old))
    # What is tried again is known, and only if it is still as it was (see `has_a_chance`).
    later = {claim.source for claim in old if claim.again is None} & known.keys()
    return pending | later
