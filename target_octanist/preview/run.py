"""Takes the records of a run in the run's place, and keeps count of what it would do.

What the journal would say is asked of the journal itself: of a new one that goes away with
the process. It takes about a kilobyte of disk for each record; memory stays flat.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from target_octanist.delivery.budget import ErrorBudget
from target_octanist.leads.text import is_empty
from target_octanist.ledger.database import TEMPORARY
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.ledger.preview import look
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement
from target_octanist.preview.payload_file import PayloadFile
from target_octanist.preview.transitions import Settled, Transitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_octanist.leads.mapping import LeadMapping
    from target_octanist.ledger.claims import Claim, Known, Verdict
    from target_octanist.settings import Settings

SENT, DUPLICATE, REJECTED = OUTCOMES = ("sent", "duplicate", "rejected")

#: How a record can stand to the journal; each one stands in one way.
STANDINGS: Mapping[str, str] = {
    "new": "neither the record nor the person is known",
    "known": "the record is settled, and would be the same lead again",
    "changed": "the record is settled, and would be another lead now; it is not sent again",
    "person": "another record of the same person was sent",
    "again": "the record is known, but no lead was made of it: it is tried again",
    "busy": "a run is about to send the record or the person, or was cut off",
}

#: Records of these are written down by a run; of the others it has a row already.
_WRITTEN = ("new", "again", "person")

_KNOWN = {
    "known": "the journal knows the record",
    "changed": "the journal knows the record",
    "person": "the journal knows the person",
    "busy": "a run is about to send it, or was cut off",
}

_decode = msgspec.json.Decoder(dict, float_hook=Decimal).decode


@dataclass(slots=True)
class Sample:
    """One of the first records, before and after.

    Attributes:
        before: Lead field to what its paths give in the record, where that is not empty.
        lead: Lead field to value; empty if the record makes no lead.
        sources: Lead field to where its value comes from, in words.
    """

    number: int
    stream: str
    before: dict[str, dict[str, Any]]
    lead: dict[str, Any]
    sources: dict[str, str]
    notes: tuple[str, ...]
    outcome: str = ""
    why: str = ""


@dataclass(slots=True)
class Counts:
    """What became of one stream's records.

    Attributes:
        reasons: (outcome, why) to number of records, apart from changes of leads.
        notes: What was left out or changed, to number of records.
        filled: Lead field to number of records with a value for it.
        sources: Lead field to where it comes from, in words.
    """

    sources: dict[str, str]
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of records for each outcome."""
        return {
            name: sum(n for (outcome, _), n in self.reasons.items() if outcome == name)
            for name in OUTCOMES
        }


class Preview:
    """Takes a run's records as a `Run` does, decides, counts, and sends nothing."""

    failure = None

    #: A preview shows all records, whatever their earlier outcome.
    settled = None

    def __init__(
        self,
        settings: Settings,
        mapping_of: Callable[[str], LeadMapping],
        *,
        show: int,
        out: Path | None,
        diff: bool,
        place: Callable[[], int] | None = None,
    ) -> None:
        """Open what is needed.

        Args:
            settings: Of the run.
            mapping_of: Gives the mapping of a stream.
            show: How many of the first records are to be shown.
            out: Where to write the payloads.
            diff: Whether to hold the records against the journal of the settings.
            place: Says where in the input the record is that is being handed over; by
                default its number.

        Raises:
            OctanistError: The journal cannot be read, or `out` not be written.
        """
        self._settings = settings
        self._mapping_of = mapping_of
        self._show = show
        self._budget = ErrorBudget(settings.max_rejected_percent)
        self._waiting: list[tuple[int, Sequence[Claim]]] = []
        self.accepted = 0
        self._place = place or (lambda: self.accepted)
        self.records: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.streams: dict[str, Counts] = {}
        self.standings: Counter[str] | None = Counter() if diff else None
        self.stops_at: int | None = None
        self._known = Journal.open_to_read(settings.ledger) if diff else None
        self._journal = Journal.open(TEMPORARY)
        self._journal.begin_run(settings.base_url, "", now=now_ms())
        # The digests have to be those of the journal that they are held against.
        self.salt = self._journal.salt = (self._known or self._journal).salt
        self.transitions = Transitions(settings, self._journal, self._known)
        self._shown: dict[int, Sample] = {}
        self._out = PayloadFile(out) if out else None

    # As a run does it

    @property
    def settled_through(self) -> int:
        """Nothing is ever settled: no STATE may be written."""
        return 0

    def submit(
        self,
        claims: Sequence[Claim],
        record: Mapping[str, Any],
        notes: Sequence[str],
        while_waiting: Callable[[], None],  # noqa: ARG002 - there is nothing to wait for
    ) -> bool:
        """Take a record; it is decided with others of its batch."""
        self.accepted += 1
        self.records[claims[0].stream] += 1
        for claim in claims:
            self._look_at(claim, record, notes)
            notes = ()
        self._waiting.append((self._place(), claims))
        if len(self._waiting) >= self._settings.batch_size_rows:
            self._decide()
        return True

    def _look_at(self, claim: Claim, record: Mapping[str, Any], notes: Sequence[str]) -> None:
        counts = self.streams.get(claim.stream)
        if counts is None:
            sources = dict(self._mapping_of(claim.stream).explain())
            counts = self.streams[claim.stream] = Counts(sources)
        lead = _decode(claim.payload) if claim.payload is not None else {}
        counts.filled.update(lead.keys())
        counts.notes.update(notes)
        if self.accepted <= self._show:
            sample = self._shown[id(claim)] = self._sample(claim, record, lead, notes)
            self.samples.append(sample)

    def pass_over(self, stream: str, sources: Sequence[str]) -> None:
        """Never called, as nothing is `settled`."""

    def pass_over_changes(self, stream: str, passed: Sequence[tuple[str, str, str]]) -> None:
        """Never called, as nothing is `settled`."""

    def breathe(self) -> None:
        """Nothing runs except the reading."""

    def halt(self) -> None:
        """Nothing runs except the reading."""

    def settle_all(
        self,
        while_waiting: Callable[[], None],  # noqa: ARG002 - as above
        interrupted: Callable[[], bool],  # noqa: ARG002
    ) -> None:
        """Decide about the last records."""
        self._decide()
        self._tell_samples(self.transitions.end())

    def close(
        self,
        exit_code: int,  # noqa: ARG002 - no run has to be signed off
        cause: BaseException | None = None,  # noqa: ARG002
    ) -> None:
        """Let go of files and journals."""
        self._journal.close()
        if self._known is not None:
            self._known.close()
        if self._out is not None:
            self._out.close()

    # What would become of them

    def _decide(self) -> None:
        records, self._waiting = self._waiting, []
        claims = [claim for _, made in records for claim in made]
        settled = [Settled(*of) for of in self._outcomes([c for c in claims if c.change is None])]
        for claim, outcome, why in settled:
            self.streams[claim.stream].reasons[outcome, why] += 1
            if outcome == SENT and claim.payload is not None and self._out is not None:
                self._out.write(claim.payload.encode())
        # In one batch leads come first: changes may be of them.
        changes = [claim for claim in claims if claim.change is not None]
        settled += self.transitions.decide(changes) if changes else []
        self._tell_samples(settled)
        rejected = {id(claim) for claim, outcome, _ in settled if outcome == REJECTED}
        for place, made in records:
            is_rejected = any(id(claim) in rejected for claim in made)
            if self._budget.count(rejected=is_rejected) and self.stops_at is None:
                self.stops_at = place

    def _tell_samples(self, settled: Sequence[Settled]) -> None:
        for claim, outcome, why in settled:
            sample = self._shown.pop(id(claim), None)
            if sample is not None:
                sample.outcome, sample.why = outcome, why

    def _outcomes(self, claims: Sequence[Claim]) -> Iterator[tuple[Claim, str, str]]:
        """For each record what would become of it, and why."""
        standings = self._hold_against_journal(claims)
        verdicts = iter(self._claim(claims, standings))
        for claim, standing in zip(claims, standings, strict=True):
            verdict = next(verdicts) if standing in _WRITTEN else None
            if standing in _KNOWN:
                yield claim, DUPLICATE, _KNOWN[standing]
            elif claim.reason is not None and verdict is not None and verdict.kind == "rejected":
                yield claim, REJECTED, claim.reason
            elif verdict is not None and verdict.kind == "duplicate":
                what = "record" if verdict.other is None else "person"
                yield claim, DUPLICATE, f"the same {what} came before in the input"
            else:
                yield claim, SENT, ""

    def _hold_against_journal(self, claims: Sequence[Claim]) -> list[str]:
        if self._known is None or self.standings is None:
            return ["new"] * len(claims)
        standings = [
            _standing(claim, row, verdict)
            for claim, (row, verdict) in zip(claims, look(self._known, claims), strict=True)
        ]
        self.standings.update(standings)
        return standings

    def _claim(self, claims: Sequence[Claim], standings: Sequence[str]) -> list[Verdict]:
        """Let the temporary journal decide, as if each lead were delivered at once.

        A run writes down a record whose person is known, too: no later version of that
        record is sent, whoever it names. What is written down here takes as little room
        as can be.
        """
        now = now_ms()
        asked: list[Claim] = []
        states: list[State] = []
        for claim, standing in zip(claims, standings, strict=True):
            if standing in _WRITTEN:
                is_new = standing != "person"
                payload = None if claim.payload is None else "{}"
                persons = claim.persons if is_new else ()
                asked.append(replace(claim, persons=persons, payload=payload, record=None))
                states.append(State.DELIVERED if is_new else State.DUPLICATE)
        with self._journal.turn() as turn:
            verdicts = turn.claim(asked, now=now)
            settled = [
                # Changes are known by an id; which one does not matter here.
                Settlement(claim.source, state, lead_id=claim.source)
                for claim, state, verdict in zip(asked, states, verdicts, strict=True)
                if verdict.kind == "send"
            ]
            turn.settle(settled, now=now)
            behind = [c for c, v in zip(asked, verdicts, strict=True) if v.kind == "behind"]
            again = iter(turn.claim(behind, now=now))
        return [next(again) if verdict.kind == "behind" else verdict for verdict in verdicts]

    def _sample(
        self, claim: Claim, record: Mapping[str, Any], lead: dict[str, Any], notes: Sequence[str]
    ) -> Sample:
        mapping = self._mapping_of(claim.stream)
        before: dict[str, dict[str, Any]] = {}
        for name, paths in mapping.paths().items():
            found = ((path.words, path.read(record)) for path in paths)
            before[name] = {words: value for words, value in found if not is_empty(value)}
        sources = {n: words for n, words in mapping.sources_of(record).items() if n in lead}
        return Sample(self._place(), claim.stream, before, lead, sources, tuple(notes))


def _standing(claim: Claim, row: Known | None, verdict: Verdict) -> str:
    """Say how a record stands to the journal: a key of `STANDINGS`."""
    if verdict.kind == "busy":
        return "busy"
    if verdict.kind != "duplicate":
        return "new" if row is None else "again"
    if row is None or verdict.other is not None:
        return "person"
    return "known" if row.payload_digest == claim.payload_digest else "changed"
