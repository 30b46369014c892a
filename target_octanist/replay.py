"""Dead letters, tried again by the settings as they are now."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from target_octanist.claim_maker import ClaimMaker, compile_for
from target_octanist.json_lines import decode_object
from target_octanist.leads.mapping import implicit_mapping
from target_octanist.leads.schema import contract_keys
from target_octanist.ledger.tables import short_id
from target_octanist.preview.run import Preview
from target_octanist.runtime import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_octanist.errors import OctanistError
    from target_octanist.intake import Intake
    from target_octanist.leads.mapping import LeadMapping
    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.dead_letters import DeadLetter, DeadLetters
    from target_octanist.settings import Settings


@dataclass(slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        selected: How many dead letters were meant.
        left: How many of them were not tried, see `Replay`.
        outcomes: Outcome to number; in a preview ``sent``, ``duplicate`` and ``rejected``.
        reasons: (stream, outcome, reason) to number, of all that made no lead.
        recovered: Outcome to number of leads that a dead run had left behind.
        failure: What stopped it, if anything did.
        signal: The number of the signal that ended it, if one did.
    """

    selected: int
    left: int
    outcomes: Mapping[str, int]
    reasons: Counter[tuple[str, str, str]]
    recovered: Mapping[str, int] = field(default_factory=dict)
    failure: OctanistError | None = None
    signal: int | None = None
    dry_run: bool = False

    @property
    def unsettled(self) -> int:
        """How many were not come to, or have no outcome yet."""
        return self.selected - self.left - sum(self.outcomes.values())

    @property
    def is_cut_off(self) -> bool:
        """Whether it ended before all was done."""
        return self.failure is not None or self.signal is not None


def replay_all(
    settings: Settings, letters: DeadLetters, stopped: Callable[[], int | None]
) -> Replayed:
    """Try dead letters again, in a run of their own.

    Args:
        settings: As they are now.
        letters: Which.
        stopped: Tells the number of the signal that came, or None.

    Raises:
        OctanistError: It could not begin, or the dead letters cannot be read any more;
            what was handed over by then is settled.
    """
    sources = letters.sources()
    replay = Replay.of(settings, letters)
    run = Run(settings, kind="replay", name=replay.place)

    def is_stopped() -> bool:
        return stopped() is not None

    def while_waiting() -> None:
        run.report()
        if is_stopped():
            run.halt()

    exit_code = 1
    try:
        try:
            contents = letters.contents(sources)
            replay.hand_over(contents, run, while_waiting=while_waiting, interrupted=is_stopped)
        finally:
            run.settle_all(while_waiting, is_stopped)
        signum = stopped()
        if run.failure is None:
            exit_code = 128 + signum if signum else 0
    finally:
        run.close(exit_code)
    reasons = {key: group.count for key, group in run.tally.reasons.items()}
    return Replayed(
        len(sources),
        replay.left,
        run.tally.outcomes,
        Counter(reasons),
        run.tally.recovered,
        run.failure,
        signum,
    )


def preview(settings: Settings, letters: DeadLetters) -> Replayed:
    """Say what would become of dead letters, without sending or writing anything.

    Raises:
        OctanistError: The journal cannot be read, or a mapping not be used.
    """
    sources = letters.sources()
    replay = Replay.of(settings, letters)
    preview = Preview(settings, replay.mapping_of, show=0, out=None, diff=True)
    try:
        replay.hand_over(
            letters.contents(sources),
            preview,
            while_waiting=lambda: None,
            interrupted=lambda: False,
        )
        preview.settle_all(lambda: None, lambda: False)
    finally:
        preview.close(0)
    outcomes: Counter[str] = Counter()
    reasons: Counter[tuple[str, str, str]] = Counter()
    for stream, counts in preview.streams.items():
        for (outcome, why), number in counts.reasons.items():
            outcomes[outcome] += number
            if why:
                reasons[stream, outcome, why] += number
    return Replayed(len(sources), replay.left, outcomes, reasons, dry_run=True)


class Replay:
    """Makes claims of dead letters and hands them over, to a run or to a preview.

    Attributes:
        left: How many were not handed over, because they never got as far as the mapping:
            what their stream maps need is the tap's SCHEMA, which only the tap has.
    """

    def __init__(self, settings: Settings, salt: bytes, streams: Iterable[str]) -> None:
        """Compile the mappings of the streams that are meant.

        Args:
            settings: As they are now.
            salt: That of the journal.
            streams: Their names.

        Raises:
            SettingsError: One of the mappings cannot be used.
        """
        self._settings = settings
        self._salt = salt
        self._makers: dict[str, ClaimMaker] = {}
        for name in streams:
            self._maker(name)
        self._at = ""
        self.left = 0

    @classmethod
    def of(cls, settings: Settings, letters: DeadLetters) -> Replay:
        """Make ready for these.

        Raises:
            SettingsError: One of the mappings cannot be used.
        """
        streams = {stream for stream, _, _ in letters.reasons()}
        return cls(settings, letters.salt, sorted(streams))

    def place(self) -> str:
        """Name the dead letter that is being handed over."""
        return f"Dead letter {self._at}"

    def mapping_of(self, stream: str) -> LeadMapping:
        """Give the mapping of one of the streams."""
        return self._maker(stream).mapping

    def hand_over(
        self,
        letters: Iterable[DeadLetter],
        intake: Intake,
        *,
        while_waiting: Callable[[], None],
        interrupted: Callable[[], bool],
    ) -> None:
        """Hand them over, one after the other, until it is interrupted or the run stops.

        Args:
            letters: Their streams must be among those that were named.
            intake: What takes them.
            while_waiting: Called every now and then while there is too much work in hand.
            interrupted: Whether to hand over no more.
        """
        for letter in letters:
            if interrupted():
                return
            if letter.is_raw:
                self.left += 1
                continue
            self._at = short_id(letter.source)
            record = decode_object(letter.record.encode()) if letter.record is not None else None
            claims, notes = self._claims(letter, record)
            if not claims:
                self.left += 1
            elif not intake.submit(claims, record or {}, notes, while_waiting):
                return

    def _claims(
        self, letter: DeadLetter, record: Mapping[str, Any] | None
    ) -> tuple[Sequence[Claim], Sequence[str]]:
        maker = self._maker(letter.stream)
        notes: Sequence[str] = ()
        if letter.is_change and maker.makes_leads:
            # Of a record that makes a lead as well; which lead it is, only its payload says.
            payload, digest = letter.payload, letter.payload_digest
            found: Sequence[Claim] = (
                [maker.of_change(letter.source, payload, digest)] if payload else []
            )
        elif record is not None:
            found, notes = maker.of_record(letter.source, record)
        else:
            # A run that was cut off had claimed it, and with that run the record was gone.
            lead = decode_object((letter.payload or "{}").encode())
            found = [maker.of_payload(letter.source, lead)]
        if not found:
            return [], ()
        first, *others = (_of_old_record(claim) for claim in found)
        tried = replace(first, source=letter.source, record=letter.record, again=letter.was)
        return [tried, *others], notes

    def _maker(self, name: str) -> ClaimMaker:
        if name in self._makers:
            return self._makers[name]
        stream, settings = self._settings.stream(name), self._settings
        # Without a mapping the stream's columns are lead fields themselves.
        mapping = stream.mapping or implicit_mapping(contract_keys(settings.strict_contract)) or {}
        compiled = compile_for(settings, stream, mapping)
        self._makers[name] = ClaimMaker(settings, name, compiled, self._salt)
        return self._makers[name]


def _of_old_record(claim: Claim) -> Claim:
    """Let a change stand back behind what its record said since."""
    if claim.change is None:
        return claim
    return replace(claim, change=dataclasses.replace(claim.change, yields=True))
