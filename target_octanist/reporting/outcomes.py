"""What records come to, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Outcomes in the order in which people ask about them.
OUTCOMES: Final = (
    State.DELIVERED.value,
    State.DUPLICATE.value,
    State.FILTERED.value,
    State.REJECTED.value,
    State.IN_DOUBT.value,
)

#: A record says what became of a lead, and is kept until that lead is there.
PENDING: Final = "pending"

#: A record contains no update for its lead.
SKIPPED: Final = "skipped"

#: These are mentioned only where there are any.
OF_CHANGES: Final = (PENDING, SKIPPED)

ALL_OUTCOMES: Final = (*OUTCOMES, *OF_CHANGES)


def all_rejected(outcomes: Mapping[str, int]) -> bool:
    """Say whether there were records, and none was good for anything: that is not a success."""
    records = sum(outcomes.values())
    return records > 0 and outcomes.get(State.REJECTED.value, 0) == records
