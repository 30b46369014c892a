"""A record that makes a lead and says what became of it: two claims, and one outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from target_octanist.ledger.tables import State
from target_octanist.reporting.outcomes import PENDING, SKIPPED

if TYPE_CHECKING:
    from target_octanist.reporting.tally import Why

#: Where the two differ, the record counts as the first of these: what somebody has to look
#: into, then what is still to come, then what is new.
_FIRST: Final = (
    State.REJECTED.value,
    State.IN_DOUBT.value,
    State.FILTERED.value,
    PENDING,
    State.DELIVERED.value,
    State.DUPLICATE.value,
    SKIPPED,
)


class Part(NamedTuple):
    """What one of the two came to, and why."""

    outcome: str
    why: Why | None


class Pair:
    """Waits until both are settled; belongs to the dispatcher.

    Attributes:
        counted: The outcome as which the record is counted; None until then.
    """

    def __init__(self) -> None:
        self.counted: str | None = None
        self._parts: dict[bool, Part] = {}

    def settle(self, part: Part, *, is_change: bool) -> Part | None:
        """Take note of what the lead or the change came to.

        Returns:
            What the record is to be counted as from now on; None if that is not known yet, or
            does not change.
        """
        self._parts[is_change] = part
        if len(self._parts) < 2 or self.counted not in {None, PENDING}:
            return None
        whole = min(self._parts.values(), key=lambda part: _FIRST.index(part.outcome))
        if whole.outcome == self.counted:
            return None
        self.counted = whole.outcome
        return whole
