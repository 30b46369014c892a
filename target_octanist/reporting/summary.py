"""The plain words in which a run says what it did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_octanist.ledger.tables import State, short_id
from target_octanist.reporting.outcomes import OF_CHANGES, OUTCOMES, all_rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_octanist.reporting.next_steps import Step
    from target_octanist.reporting.tally import Group, Reference

_REQUEST_ID: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)

#: Outcomes that may need attention, to how many of their reasons are listed.
TOLD: Final = {State.REJECTED.value: 10, State.IN_DOUBT.value: 2, State.FILTERED.value: 1}

#: Outcome to what is said of one lead, and of several, that have it.
_HEADS: Final = {
    State.REJECTED.value: (
        "1 record was rejected and is kept as a dead letter",
        "{:,} records were rejected and are kept as dead letters",
    ),
    State.IN_DOUBT.value: (
        "1 lead is in doubt: it was sent, but it is unknown whether it arrived",
        "{:,} leads are in doubt: they were sent, but it is unknown whether they arrived",
    ),
    State.FILTERED.value: (
        "1 lead was filtered",
        "{:,} leads were filtered",
    ),
}


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Attributes:
        outcomes: Outcome to number of records of its input.
        recovered: Outcome to number of leads that an earlier run had left behind.
        reasons: (stream, outcome, reason) to the records and leads that have it, of both.
        seconds: How long it took.
        exit_code: Of the process.
        dry_run: Whether nothing was sent.
        noun: What the input consists of.
        steps: What to do next.
        made: How many leads records of its input made.
        changes: How many records of its input updated a lead.
        unsettled: How many more records were read.
    """

    outcomes: Mapping[str, int]
    recovered: Mapping[str, int]
    reasons: Mapping[tuple[str, str, str], Group]
    seconds: float
    exit_code: int = 0
    dry_run: bool = False
    noun: str = "record"
    steps: Sequence[Step] = ()
    made: int = 0
    changes: int = 0
    unsettled: int = 0

    @property
    def records(self) -> int:
        """Number of records of the input that are settled."""
        return sum(self.outcomes.values())

    def groups(self, outcome: str) -> list[tuple[str, str, Group]]:
        """Give stream, reason and records for each reason of an outcome, the largest first."""
        found = [(s, reason, g) for (s, o, reason), g in self.reasons.items() if o == outcome]
        return sorted(found, key=lambda entry: (-entry[2].count, entry[0], entry[1]))

    def number(self, outcome: str) -> int:
        """Number of records and leads with an outcome, of both."""
        return self.outcomes.get(outcome, 0) + self.recovered.get(outcome, 0)


def count(number: int, outcome: str) -> str:
    """Say ``1,200 in doubt``."""
    return f"{number:,} {outcome.replace('_', ' ')}"


def counts_sentence(outcomes: Mapping[str, int]) -> str:
    """Say ``12 delivered, 3 duplicate, 0 filtered, 1 rejected, 0 in doubt``."""
    others = (name for name in OF_CHANGES if outcomes.get(name))
    return ", ".join(count(outcomes.get(name, 0), name) for name in (*OUTCOMES, *others))


def totals(summary: Summary) -> str:
    """Say in one line what a run did."""
    records = f"{summary.records:,} {'record' if summary.records == 1 else 'records'}"
    seconds = summary.seconds
    pace = f" ({summary.records / seconds:,.0f} a second)" if seconds >= 1 else ""
    words = counts_sentence(summary.outcomes)
    if summary.dry_run:
        words = words.replace("delivered", "would be delivered") + "; nothing was sent"
    if summary.unsettled:
        were = "was" if summary.unsettled == 1 else "were"
        words += f"; {summary.unsettled:,} more {were} read and not settled"
    return f"{records} in {seconds:,.1f} s{pace}: {words}."


def lines(summary: Summary) -> Iterator[str]:
    """Say what a run did in a few lines: totals, what arrived, what did not and why, what next."""
    yield totals(summary)
    if summary.records or summary.made:
        yield arrivals(summary)
    if any(summary.recovered.values()):
        yield recovery(summary)
    for outcome, told in TOLD.items():
        if number := summary.number(outcome):
            yield f"{head(summary, outcome, number)}:"
            groups = summary.groups(outcome)
            for stream, reason, group in groups[:told]:
                why = f"{stream}: {reason.rstrip('.')}"
                yield f"{group.count:>8,}  {why}; {mentions(group, summary.noun)}"
            if len(groups) > told:
                yield f"{'':8}  … {more_reasons(len(groups) - told)}"
    for step in summary.steps:
        yield step.sentence
        if step.command is not None:
            yield f"  {step.command}"


def arrivals(summary: Summary) -> str:
    """Say how many leads have arrived, and how many had been there before."""
    sentence = " ".join([_new_leads(summary), *_outcomes_told(summary)])
    duplicates = summary.outcomes.get(State.DUPLICATE.value, 0)
    if not duplicates:
        return sentence
    because: dict[str, int] = {}
    for _, reason, group in summary.groups(State.DUPLICATE.value):
        because[reason] = because.get(reason, 0) + group.count
    left_out = "1 duplicate was" if duplicates == 1 else f"{duplicates:,} duplicates were"
    if len(because) == 1:
        return f"{sentence} {left_out} left out because {next(iter(because))}."
    why = ", ".join(f"{n:,} because {reason}" for reason, n in because.items())
    return f"{sentence} {left_out} left out: {why}."


def _new_leads(summary: Summary) -> str:
    number = summary.made
    if summary.dry_run:
        return f"{number:,} {'lead' if number == 1 else 'leads'} would be sent."
    if not number:
        return "No new lead has arrived in Octanist."
    leads = "1 lead has" if number == 1 else f"{number:,} leads have"
    return f"{leads} arrived in Octanist."


def _outcomes_told(summary: Summary) -> Iterator[str]:
    """Say which existing leads were updated."""
    if number := summary.changes:
        outcomes = "1 update of a lead" if number == 1 else f"{number:,} updates of leads"
        would = "would be" if summary.dry_run else ("was" if number == 1 else "were")
        yield f"{outcomes} {would} sent."
    pending, skipped = (summary.outcomes.get(name, 0) for name in OF_CHANGES)
    if pending:
        wait = (
            "1 update waits for its lead"
            if pending == 1
            else f"{pending:,} updates wait for their leads"
        )
        yield f"{wait}."
    if skipped:
        records = "1 record has" if skipped == 1 else f"{skipped:,} records have"
        yield f"{records} nothing to update."


def recovery(summary: Summary) -> str:
    """Say what became of what an earlier run had left behind."""
    number = sum(summary.recovered.values())
    one = number == 1
    leads, were = ("1 lead", "was") if one else (f"{number:,} leads", "were")
    became = ", ".join(count(n, name) for name in OUTCOMES if (n := summary.recovered.get(name, 0)))
    return f"In addition, {leads} left unsettled by an earlier run {were} settled: {became}."


def head(summary: Summary, outcome: str, number: int) -> str:
    """Say how many records have an outcome, without a stop at the end."""
    one, several = _HEADS[outcome]
    sentence = one if number == 1 else several.format(number)
    if summary.dry_run:
        noun = summary.noun if number == 1 else f"{summary.noun}s"
        return f"{number:,} {noun} would be {outcome}"
    return sentence.replace("record", summary.noun)


def more_reasons(number: int) -> str:
    """Say that there are more reasons than those listed."""
    return f"and {number:,} more {'reason' if number == 1 else 'reasons'}"


def mentions(group: Group, noun: str) -> str:
    """Name the first records of a group."""
    named = [mention(reference, noun) for reference in group.references]
    return ", ".join([*named, "…"] if group.count > len(named) else named)


def mention(reference: Reference, noun: str) -> str:
    """Say ``record 17 (ID 3f9c0a1b22c4, request 5b0d…)``."""
    names = f"ID {short_id(reference.source)}"
    if request_id := reference.request_id:
        # It is the API's, and may be anything.
        names += f", request {request_id if _REQUEST_ID.fullmatch(request_id) else 'unreadable'}"
    return names if reference.record is None else f"{noun} {reference.record:,} ({names})"


def plain(summary: Summary) -> dict[str, Any]:
    """Give a summary as plain values, for programs."""
    return {
        "records": summary.records,
        "seconds": round(summary.seconds, 3),
        "exit_code": summary.exit_code,
        "dry_run": summary.dry_run,
        "outcomes": {name: summary.outcomes.get(name, 0) for name in OUTCOMES}
        | {name: number for name in OF_CHANGES if (number := summary.outcomes.get(name, 0))},
        "made": summary.made,
        "changes": summary.changes,
        "recovered": {name: summary.recovered.get(name, 0) for name in OUTCOMES},
        "reasons": [
            {
                "stream": stream,
                "outcome": outcome,
                "reason": reason,
                "count": group.count,
                "references": [
                    {
                        "record": reference.record,
                        "id": short_id(reference.source),
                        "request_id": reference.request_id,
                    }
                    for reference in group.references
                ],
            }
            for outcome in OUTCOMES
            for stream, reason, group in summary.groups(outcome)
        ],
        "next": [step._asdict() for step in summary.steps],
    }


def alarm(outcomes: Mapping[str, int]) -> str | None:
    """Say so if records came and not one of them was good for anything."""
    if not all_rejected(outcomes):
        return None
    records = sum(outcomes.values())
    if records == 1:
        what = "The only record could not be delivered: it was rejected."
    else:
        what = f"Not one of the {records:,} records could be delivered: all were rejected."
    return f"{what} See why with `octanist status`; it is usually the mapping."
