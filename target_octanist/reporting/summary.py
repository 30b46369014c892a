"""The plain words in which a run says what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Outcomes in the order in which people ask about them.
OUTCOMES = (
    State.DELIVERED.value,
    State.DUPLICATE.value,
    State.FILTERED.value,
    State.REJECTED.value,
    State.IN_DOUBT.value,
)


def counts_sentence(outcomes: Mapping[str, int]) -> str:
    """Say ``12 delivered, 3 duplicate, 0 filtered, 1 rejected, 0 in doubt``."""
    return ", ".join(f"{outcomes.get(name, 0)} {name.replace('_', ' ')}" for name in OUTCOMES)


def summary(
    outcomes: Mapping[str, int], recovered: Mapping[str, int], *, seconds: float, dry_run: bool
) -> str:
    """Say in one line what a run did."""
    records = sum(outcomes.values())
    pace = f"{records / seconds:.0f} a second" if seconds >= 1 else "at once"
    words = counts_sentence(outcomes)
    if dry_run:
        words = words.replace("delivered", "would be delivered") + "; nothing was sent"
    line = f"{records} records in {seconds:.1f} s ({pace}): {words}."
    if recovered:
        line += f" From a run that was cut off: {counts_sentence(recovered)}."
    return line


def alarm(outcomes: Mapping[str, int]) -> str | None:
    """Say so if records came and not one of them was good for anything."""
    records = sum(outcomes.values())
    if not records or outcomes.get(State.REJECTED.value, 0) < records:
        return None
    return (
        f"Not one of the {records} records could be delivered: all were rejected. "
        "See why with `octanist status`; it is usually the mapping."
    )
