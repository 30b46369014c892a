"""Runs of the journal with what was kept of their figures, as values and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_octanist.ledger.tables import State
from target_octanist.reporting.figures import Figures, decode_figures
from target_octanist.reporting.outcomes import all_rejected
from target_octanist.reporting.words import counts, iso, lasted, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_octanist.ledger.history import PastRun
    from target_octanist.ledger.journal import Journal

#: People are shown the first digits of a run's id.
RUN_DIGITS: Final = 8

#: Kinds of runs that take up what earlier ones left; the others read an input.
_AFTERWARDS: Final = ("reconcile", "replay")

#: Runs whose figures are read from the journal at a time.
_AT_ONCE: Final = 50


class Account(NamedTuple):
    """A run, and its figures; none were kept of a very old run, or of one that died at once."""

    run: PastRun
    figures: Figures | None

    @property
    def reads_input(self) -> bool:
        """Whether it read records, and did not only take up what earlier runs had left."""
        return self.figures is None or self.figures.kind not in _AFTERWARDS

    @property
    def is_good(self) -> bool:
        """Whether it came to its end."""
        return self.run.exit_code == 0

    @property
    def is_success(self) -> bool:
        """Whether it also did something: a run of which all was rejected is not a success."""
        return self.is_good and not (self.figures and all_rejected(self.figures.outcomes))

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as anybody knows."""
        return ((self.run.ended_at or self.run.seen_at) - self.run.started_at) / 1000


def accounts(journal: Journal, runs: Sequence[PastRun]) -> Iterator[Account]:
    """Add their figures to some runs, a few at a time."""
    for at in range(0, len(runs), _AT_ONCE):
        some = runs[at : at + _AT_ONCE]
        kept = journal.figures([run.id for run in some])
        for run in some:
            yield Account(run, decode_figures(kept.get(run.id)))


def left_open(outcomes: Mapping[str, int], runs: Sequence[Account]) -> int:
    """Give how many leads ended runs have left under way; the next run settles them.

    Args:
        outcomes: State to number of the journal's records.
        runs: The last ones. While one of them goes on, what is under way is its own.
    """
    if any(account.run.state == "running" for account in runs):
        return 0
    return outcomes.get(State.CLAIMED.value, 0) + outcomes.get(State.SENDING.value, 0)


def describe(account: Account) -> dict[str, Any]:
    """Give a run as plain values.

    Returns:
        id, kind, state (``ended``, ``running``, ``cut_off``), started_at, seen_at (its last
        sign of life), ended_at and counted_at in ISO 8601, seconds, exit_code, failure,
        records, outcomes, recovered and reasons (with up to five references each). What only
        figures can tell is null where none were kept.
    """
    run, figures = account
    return {
        "id": run.id,
        "kind": figures.kind if figures else None,
        "state": run.state,
        "started_at": iso(run.started_at),
        "seen_at": iso(run.seen_at),
        "ended_at": iso(run.ended_at),
        "counted_at": iso(figures.counted_at) if figures else None,
        "seconds": account.seconds,
        "exit_code": run.exit_code,
        "failure": figures.failure if figures else None,
        "records": figures.records if figures else None,
        "outcomes": figures.outcomes if figures else None,
        "recovered": figures.recovered if figures else None,
        "reasons": msgspec.to_builtins(figures.reasons) if figures else None,
    }


def sentence(account: Account, now: int, *, with_failure: bool = True) -> str:
    """Say when a run was, how it ended and what it did, in one line.

    Such as ``today 03:00, 12 min, exit 0: 1,725 delivered, 200 duplicate.``

    Args:
        account: Of the run.
        now: Milliseconds since 1970 UTC.
        with_failure: Whether to say why it stopped, if it did.
    """
    run, figures = account
    words = [when(run.started_at, now)]
    match run.state:
        case "running":
            words += ["still running"]
        case "cut_off":
            words += [f"cut off after {lasted(account.seconds)}"]
        case _:
            words += [lasted(account.seconds), f"exit {run.exit_code}"]
    line = f"{', '.join(words)}: {done(figures)}"
    if with_failure and figures is not None and figures.failure:
        line += f" Stopped: {figures.failure}"
    return line


def done(figures: Figures | None) -> str:
    """Say in a sentence or two what a run did with its records."""
    if figures is None:
        return "what it did was not kept."
    line = f"{counts(figures.outcomes)}."
    if figures.exit_code is None:
        line = f"{counts(figures.outcomes)}, or more: counted {lasted(figures.seconds)} after its start."
    if figures.recovered:
        line += f" Left unsettled by earlier runs: {counts(figures.recovered)}."
    return line
