"""What the page shows, ready to be shown: its template decides nothing but where it stands."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from target_octanist.ledger.tables import State, short_id
from target_octanist.reporting.outcomes import OF_CHANGES, OUTCOMES
from target_octanist.reporting.past import RUN_DIGITS, done
from target_octanist.reporting.totals import Totals, ranked
from target_octanist.reporting.words import counts, lasted, local, spoken, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.reporting.figures import Reason
    from target_octanist.reporting.past import Account
    from target_octanist.reporting.report import Report

#: An outcome in a sentence, for people who did not read the manual.
GLOSSARY: Final[Mapping[str, str]] = {
    "delivered": "Octanist stored the lead, or updated it.",
    "duplicate": "The record, or another lead of the same person, was sent before; it is not sent again.",
    "filtered": "The filter rules of your organisation in Octanist refused the lead.",
    "rejected": (
        "The record could not become a lead, or Octanist called it invalid. It is kept as a "
        "dead letter, to be fixed and replayed."
    ),
    "in_doubt": (
        "The lead was sent but no answer came, so it is unknown whether it arrived. It is not "
        "sent again automatically."
    ),
    "pending": (
        "The record updates a lead that does not exist yet. The update is kept, and sent when the "
        "lead is delivered."
    ),
    "skipped": "The record contains no update for its lead.",
}

_KINDS: Final[Mapping[str, str]] = {
    "run": "run",
    "load": "load of a file",
    "replay": "replay of dead letters",
    "reconcile": "reconciliation",
}


class Assessment(NamedTuple):
    """Whether all is well, in a word for the colour and a sentence for people."""

    mood: str
    sentence: str


class Tile(NamedTuple):
    """One outcome: its class, its name, its number and its share."""

    name: str
    label: str
    number: int
    share: str


class Bar(NamedTuple):
    """A row of a table with a bar; `percent` is how long it is."""

    label: str
    number: int
    percent: float
    said: str


class Block(NamedTuple):
    """Bars below a heading, and what a hundred percent is."""

    heading: str
    note: str
    bars: Sequence[Bar]


class Line(NamedTuple):
    """A run in the history."""

    id: str
    started: str
    took: str
    end: str
    mood: str
    result: str
    facts: Sequence[tuple[str, str]]
    reasons: Sequence[Reason]


class View:
    """A report as the page shows it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.totals: Totals = report.totals
        self.inventory = report.inventory
        self.steps = report.steps()

    spoken = staticmethod(spoken)

    @property
    def outcomes(self) -> list[str]:
        """Give the outcomes that are shown: all of leads, and those of changes that there are."""
        return [*OUTCOMES, *(name for name in OF_CHANGES if self.totals.outcomes[name])]

    @property
    def glossary(self) -> dict[str, str]:
        """Give what the words for these mean."""
        return {name: GLOSSARY[name] for name in self.outcomes}

    @property
    def is_dry(self) -> bool:
        """Whether nothing was sent."""
        return any(a.figures is not None and a.figures.dry_run for a in self.report.runs)

    @property
    def title(self) -> str:
        """Say what the page is about."""
        report = self.report
        if report.is_of_one_run:
            account = report.runs[0]
            kind = account.figures.kind if account.figures else "run"
            name = f"{'dry ' if self.is_dry else ''}{_KINDS.get(kind, kind)}".capitalize()
            return f"{name}, {self._moment(account.run.started_at)}"
        if report.since is None and report.until is None:
            return "No run yet"
        since = f"from {self._moment(report.since)} " if report.since is not None else ""
        until = self._moment(report.until) if report.until is not None else "now"
        return f"Runs {since}until {until}"

    @property
    def facts(self) -> str:
        """Give the plain facts in a line."""
        runs = self.report.runs
        if self.report.is_of_one_run:
            run = runs[0].run
            end = "still running" if run.state == "running" else _end(runs[0])
            return f"Run {run.id[:RUN_DIGITS]} · {lasted(runs[0].seconds)} · {end}"
        good = sum(account.is_good for account in runs)
        return f"{len(runs)} {_runs(len(runs))}, {good} successful"

    @property
    def assessment(self) -> Assessment:
        """Say whether what happened was good."""
        runs = self.report.runs
        if not runs:
            is_of_all = self.report.since is None and self.report.until is None
            period = "yet" if is_of_all else "in this time"
            return Assessment("calm", f"There was no run {period}.")
        bad = [
            account for account in runs if not account.is_good and account.run.state != "running"
        ]
        if bad and self.report.is_of_one_run:
            if bad[0].run.state == "cut_off":
                return Assessment("bad", "The run was cut off.")
            failure = (bad[0].figures.failure if bad[0].figures else None) or ""
            # What to do next begins with it, if it is about this run.
            told = any(failure in step.sentence for step in self.steps)
            return Assessment("bad", f"The run stopped early. {'' if told else failure}".strip())
        if bad:
            return Assessment("bad", f"{len(bad)} of {len(runs)} {_runs(len(runs))} failed.")
        settled = self.totals.outcomes + self.totals.recovered
        if open_ends := settled["in_doubt"] + settled["rejected"]:
            need = "1 record needs" if open_ends == 1 else f"{open_ends:,} records need"
            return Assessment("care", f"{need} a look.")
        if any(account.run.state == "running" for account in runs):
            return Assessment("calm", "It is still going on.")
        return Assessment("good", "All went well.")

    @property
    def headline(self) -> str:
        """Say how many leads arrived, of how many records."""
        totals = self.totals
        if not totals.runs:
            return "No figures of this run were kept." if self.report.runs else "Nothing happened."
        told, arrived = totals.changes.total(), totals.made
        would = "would arrive" if self.is_dry else "arrived"
        if not totals.records:
            if totals.recovered:
                return f"Settled: {counts(totals.recovered)}."
            # What came to a run that has not come to its end may have been left as it was.
            nothing_left = all(account.is_good for account in self.report.runs)
            return "No record came." if nothing_left else "No record was settled."
        if told and not arrived:
            return f"{told:,} of {totals.records:,} records {self._told(told)}."
        return f"{arrived:,} of {totals.records:,} records {would} as leads."

    @property
    def sentences(self) -> list[str]:
        """Say what became of the others."""
        said, outcomes = [], self.totals.outcomes
        told = self.totals.changes.total()
        if told and self.totals.made:
            said.append(f"{told:,} {self._told(told)}.")
        if n := outcomes["duplicate"]:
            said.append(f"{n:,} {_were(n)} known already, and {_were(n)} not sent again.")
        if n := outcomes["filtered"]:
            said.append(f"{n:,} {_were(n)} refused by your filter rules in Octanist.")
        if n := outcomes["rejected"]:
            kept = "a dead letter" if n == 1 else "dead letters"
            said.append(f"{n:,} {_were(n)} rejected, and kept as {kept}.")
        if n := outcomes["pending"]:
            said.append(f"{n:,} {'waits for its lead' if n == 1 else 'wait for their leads'}.")
        if n := outcomes["skipped"]:
            said.append(f"{n:,} had nothing to update.")
        if n := outcomes["in_doubt"]:
            said.append(f"For {n:,} it is unknown whether {'it' if n == 1 else 'they'} arrived.")
        if self.totals.recovered and self.totals.records:
            said.append(f"Left unsettled by earlier runs: {counts(self.totals.recovered)}.")
        if self.is_dry:
            said.append("It was a dry run: nothing was sent.")
        if any(a.run.state == "cut_off" and a.figures for a in self.report.runs):
            said.append("A run that was cut off may have done a little more than was counted.")
        if missing := sum(a.figures is None for a in self.report.runs):
            said.append(
                f"No figures of {missing} {_runs(missing)} were kept. They are not counted here."
            )
        return said

    @property
    def tiles(self) -> list[Tile]:
        """Give the outcomes of the records."""
        records = self.totals.records
        return [
            Tile(
                name.replace("_", "-"),
                spoken(name),
                n,
                f"{100 * n / records:.1f} %" if records else "–",
            )
            for name in self.outcomes
            for n in [self.totals.outcomes[name]]
        ]

    @property
    def streams(self) -> list[tuple[str, list[int], int]]:
        """Give each stream with its numbers by outcome and their sum."""
        rows = []
        for stream, found in sorted(self.totals.streams.items()):
            numbers = [found[name] for name in self.outcomes]
            rows.append((stream, numbers, sum(numbers)))
        return rows

    @property
    def fields(self) -> list[Block]:
        """Give how often each lead field was filled, by stream."""
        blocks = []
        for stream, leads in sorted(self.totals.delivered.items()):
            filled = self.totals.filled.get(stream, Counter())
            bars = [
                _bar(name, n, leads)
                for name, n in sorted(filled.items(), key=lambda entry: (-entry[1], entry[0]))
            ]
            blocks.append(Block(stream, f"of {leads:,} delivered {_leads(leads)}", bars))
        return blocks

    @property
    def origins(self) -> list[Block]:
        """Give sources and campaigns."""
        leads = sum(self.totals.delivered.values())
        note = f"of {leads:,} delivered {_leads(leads)}"
        pairs = (
            ("Sources (utm_source)", self.totals.sources),
            ("Campaigns (utm_campaign)", self.totals.campaigns),
        )
        return [
            Block(heading, note, [_bar(value, n, leads) for value, n in ranked(values)])
            for heading, values in pairs
            if set(values) - {"(none)"}
        ]

    @property
    def requests(self) -> Block:
        """Give how many requests were answered in which way."""
        requests = self.totals.requests
        total = sum(requests.values())
        bars = [
            _bar(f"HTTP {status}" if status != "none" else "no answer", n, total)
            for status, n in sorted(requests.items(), key=lambda entry: (-entry[1], entry[0]))
        ]
        return Block(
            "What the API answered", f"{total:,} requests{_again(self.totals.retries)}.", bars
        )

    @property
    def history(self) -> list[Line]:
        """Give the runs to be listed: those of the period, or the last ones."""
        of = (
            self.report.history
            if self.report.is_of_one_run or not self.report.runs
            else self.report.runs
        )
        return [self._line(account) for account in of]

    @property
    def doubts(self) -> list[dict[str, str]]:
        """Give the oldest leads in doubt."""
        if self.inventory is None:
            return []
        return [
            {
                "id": short_id(row["source"]),
                "stream": row["stream"],
                "sent": self._moment(row["sent_at"]) if row["sent_at"] else "–",
                "request": row["request_id"] or "–",
                "reason": row["reason"] or "–",
            }
            for row in self.inventory.in_doubt
        ]

    @property
    def inventory_rows(self) -> list[tuple[str, str, int]]:
        """Give class, name and number of each state that the journal's rows are in."""
        if self.inventory is None:
            return []
        outcomes = self.inventory.outcomes
        return [
            (state.value.replace("_", "-"), spoken(state.value), outcomes[state.value])
            for state in State
            # Of duplicates only some have a row: a record that comes again has its first one.
            if state is not State.DUPLICATE and (outcomes[state.value] or state.value in OUTCOMES)
        ]

    @property
    def made(self) -> str:
        """Say when the page was made."""
        return f"{local(self.report.made_at):%d %b %Y, %H:%M %Z}"

    def _told(self, number: int) -> str:
        would = "would update" if self.is_dry else "updated"
        return f"{would} {'a lead' if number == 1 else 'leads'}"

    def _line(self, account: Account) -> Line:
        run, figures = account
        facts = [("Run", run.id)]
        if figures is not None:
            facts += [
                ("Kind", _KINDS.get(figures.kind, figures.kind)),
                ("Records", f"{figures.records:,}"),
                ("Requests", f"{sum(figures.requests.values()):,}{_again(figures.retries)}"),
            ]
            if figures.latency.p50 is not None:
                facts.append(
                    (
                        "Answers",
                        f"half within {figures.latency.p50:g} ms, 99 of 100 within {figures.latency.p99:g} ms",
                    )
                )
            if figures.failure:
                facts.append(("Stopped", figures.failure))
        return Line(
            run.id[:RUN_DIGITS],
            when(run.started_at, self.report.made_at),
            lasted(account.seconds),
            _end(account),
            "good" if account.is_good else "calm" if run.state == "running" else "bad",
            done(figures),
            facts,
            figures.reasons if figures else [],
        )

    def _moment(self, milliseconds: int) -> str:
        return when(milliseconds, self.report.made_at)


def _bar(label: str, number: int, of: int) -> Bar:
    percent = round(100 * number / of, 1) if of else 0.0
    return Bar(label, number, percent, f"{percent:.0f} %" if percent >= 1 else "< 1 %")


def _end(account: Account) -> str:
    match account.run.state:
        case "running":
            return "running"
        case "cut_off":
            return "cut off"
        case _:
            return f"exit {account.run.exit_code}"


def _again(retries: int) -> str:
    return f", {retries:,} of them again" if retries else ""


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _leads(number: int) -> str:
    return "lead" if number == 1 else "leads"


def _runs(number: int) -> str:
    return "run" if number == 1 else "runs"
