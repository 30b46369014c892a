"""What a report is about: some runs, what they came to, and how things stand now.

Two sources, never mixed: what *happened* is the sum of the runs' figures, and how things
*stand* is what the journal's rows say now. A lead that was in doubt last night and has
been settled since is in the one as in doubt, in the other as delivered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_octanist.ledger.history import PastRun
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.tables import State
from target_octanist.reporting.next_steps import next_steps, typed_here
from target_octanist.reporting.past import Account, accounts, describe, left_open
from target_octanist.reporting.totals import Totals
from target_octanist.reporting.words import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.ledger.journal import Journal
    from target_octanist.reporting.figures import Figures
    from target_octanist.reporting.next_steps import Step

#: At most this many leads in doubt are listed; the others are counted.
LISTED: Final = 20

#: At most this many runs are shown in addition to those that the report covers.
HISTORY: Final = 30


@dataclass(frozen=True, slots=True)
class Inventory:
    """How things stand in the journal.

    Attributes:
        streams: Stream to state to number of records.
        in_doubt: The oldest leads in doubt, as `Journal.in_state` gives them.
        dead_letters: Number of rejected leads that are still kept.
        unread: How many of those never got as far as the mapping.
        reasons: (stream, reason, count) of the rejected.
        pending: Number of changes that wait for their leads.
    """

    streams: Mapping[str, Mapping[str, int]]
    in_doubt: Sequence[Mapping[str, Any]]
    dead_letters: int
    unread: int
    reasons: Sequence[tuple[str, str, int]]
    pending: int = 0

    @property
    def outcomes(self) -> Counter[str]:
        """State to number of records."""
        total: Counter[str] = Counter()
        for counts in self.streams.values():
            total.update(counts)
        return total


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report tells.

    Attributes:
        made_at: Milliseconds since 1970 UTC, as all times.
        runs: What it is about, the last one first.
        totals: Of these.
        history: The last runs of the journal, the last one first, without their timelines.
        inventory: None if the journal could not be asked.
        since: When its period begins, if it is about one; `until` is its end.
    """

    made_at: int
    runs: Sequence[Account]
    totals: Totals
    history: Sequence[Account]
    inventory: Inventory | None
    since: int | None = None
    until: int | None = None

    @property
    def is_of_one_run(self) -> bool:
        """Whether it is about one run, and not about a period."""
        return self.since is None and self.until is None and len(self.runs) == 1

    def steps(self) -> list[Step]:
        """Say what to do next."""
        inventory = self.inventory
        last = self.history[0] if self.history else None
        # Of an earlier run's end nothing is left to do: others came after it.
        is_about_it = last is not None and last.run in [account.run for account in self.runs]
        figures = last.figures if last is not None and is_about_it else None
        steps = next_steps(
            {}
            if inventory is None
            else {
                "in_doubt": inventory.outcomes[State.IN_DOUBT.value],
                "dead_letters": inventory.dead_letters,
                "unread": inventory.unread,
                "left_open": left_open(inventory.outcomes, self.history),
            },
            failure=figures.failure if figures else None,
            cut_off=last is not None and is_about_it and last.run.state == "cut_off",
            run="The run" if self.is_of_one_run else "The last run",
        )
        return typed_here(steps)

    def plain(self) -> dict[str, Any]:
        """Give all of it as plain values.

        Returns:
            ``runs`` (as `past.describe` has them, each with its ``figures``), ``totals`` of
            these, ``now`` (how things stand in the journal) and ``next_steps``.
        """
        inventory = self.inventory
        return {
            "made_at": iso(self.made_at),
            "since": iso(self.since),
            "until": iso(self.until),
            "runs": [
                describe(account) | {"figures": msgspec.to_builtins(account.figures)}
                for account in self.runs
            ],
            "totals": self.totals.plain(),
            "now": None if inventory is None else _plain(inventory),
            "next_steps": [step._asdict() for step in self.steps()],
        }


def report_on(
    journal: Journal,
    runs: Sequence[PastRun],
    *,
    since: int | None = None,
    until: int | None = None,
) -> Report:
    """Put a report together.

    Args:
        journal: Open.
        runs: What it is about, the last one first.
        since: Milliseconds since 1970 UTC, if it is about a period; `until` likewise.
        until: The end of the period.
    """
    told = list(accounts(journal, runs))
    return Report(
        made_at=now_ms(),
        runs=told,
        totals=Totals.of(account.figures for account in told if account.figures),
        history=[_brief(a) for a in accounts(journal, journal.past_runs(limit=HISTORY))],
        inventory=inventory_of(journal),
        since=since,
        until=until,
    )


def report_without_journal(run: str, figures: Figures) -> Report:
    """Put a report on one run together whose journal cannot be asked."""
    ended_at = figures.ended_at or figures.counted_at
    past = PastRun(run, figures.started_at, ended_at, ended_at, figures.exit_code, "ended")
    account = Account(past, figures)
    return Report(now_ms(), [account], Totals.of([figures]), [_brief(account)], None)


def inventory_of(journal: Journal) -> Inventory:
    """Ask the journal how things stand."""
    streams: dict[str, dict[str, int]] = {}
    for stream, state, count in journal.totals():
        streams.setdefault(stream, {})[state] = count
    return Inventory(
        streams=streams,
        in_doubt=journal.in_state(State.IN_DOUBT, limit=LISTED),
        dead_letters=journal.dead_letters(),
        unread=journal.dead_letters(unread=True),
        reasons=journal.reasons(State.REJECTED),
        pending=sum(number for _, number in journal.pending()),
    )


def _brief(account: Account) -> Account:
    figures = account.figures
    if figures is None:
        return account
    return Account(account.run, msgspec.structs.replace(figures, timeline=[]))


def _plain(inventory: Inventory) -> dict[str, Any]:
    return {
        "outcomes": dict(inventory.outcomes),
        "streams": {name: dict(counts) for name, counts in inventory.streams.items()},
        "dead_letters": inventory.dead_letters,
        "unread": inventory.unread,
        "pending": inventory.pending,
        "in_doubt": [
            {name: iso(value) if name.endswith("_at") else value for name, value in row.items()}
            for row in inventory.in_doubt
        ],
        "reasons": [
            {"stream": stream, "reason": reason, "count": count}
            for stream, reason, count in inventory.reasons
        ],
    }
