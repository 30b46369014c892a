"""What a record asks of the journal: it is mapped, and its lead, its person and itself are named.

Records of a run and dead letters that are tried again become claims here alike.
"""

from __future__ import annotations

import json
from platform import python_version
from typing import TYPE_CHECKING, Any

import phonenumbers
from msgspec.structs import replace

from target_octanist import __version__
from target_octanist.delivery.reasons import SAME_CHANGE, SAME_RECORD
from target_octanist.errors import SettingsError
from target_octanist.leads.change import split
from target_octanist.leads.identity import (
    change_digest,
    encode_payload,
    payload_digest,
    person_digests,
    person_namer,
    source_digest,
)
from target_octanist.leads.link import spellings
from target_octanist.leads.mapping import LeadMapping, Mapped, compile_mapping
from target_octanist.leads.problems import MappingError
from target_octanist.leads.schema import MATCH_KEYS
from target_octanist.ledger.changes import Change, change_source, lead_digest
from target_octanist.ledger.claims import NOTHING, UNMAPPABLE, Claim
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.tables import State
from target_octanist.record_text import encode_record
from target_octanist.reporting.outcomes import SKIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_octanist.leads.change import MappedChange
    from target_octanist.ledger.fingerprints import Done
    from target_octanist.settings import Settings, StreamSettings

#: The columns that name records in most CRMs, for a stream whose SCHEMA has not come yet.
_USUAL_KEYS = ("id", "Id", "ID", "vid")

NOTHING_TO_TELL = "the record contains no update for its lead"
NO_LINK = "the record names no record of {stream} ({by}), and has no other identifier of a lead"

_NO_PAYLOAD = b"{}"

_DAY_MS = 24 * 60 * 60 * 1000


def compile_for(
    settings: Settings, stream: StreamSettings, mapping: Mapping[str, Any]
) -> LeadMapping:
    """Compile the mapping of a stream.

    Args:
        settings: Of the run.
        stream: Those of the stream.
        mapping: The stream's own, or what stands in for it.

    Raises:
        SettingsError: With every mistake in the mapping.
    """
    try:
        return compile_mapping(
            mapping,
            where=f"{stream.where}.mapping",
            phone_region=stream.phone_region,
            contract=settings.strict_contract,
            mode=stream.mode,
            is_linked=stream.link is not None,
        )
    except MappingError as error:
        raise SettingsError(error.problems) from None


def mapped_by(settings: Settings, stream: StreamSettings, mapping: Mapping[str, Any]) -> str:
    """Name all that decides what a record of a stream comes to, besides the record, as one text.

    Args:
        settings: Of the run.
        stream: Those of the stream.
        mapping: The stream's own, or what stands in for it.
    """
    link, preset = stream.link, stream.preset
    # Words alone may stand for several paths.
    by = link and [(one.label, [path.text for path in one.paths]) for one in link.by.sources]
    parts = (
        *(__version__, phonenumbers.__version__, python_version()),
        *(stream.mode, mapping, stream.phone_region, stream.lookup, stream.dedupe_by),
        *(settings.strict_contract, settings.transitions),
        preset and (preset.name, preset.version),
        link and (link.stream, link.column, by),
    )
    return repr(parts)


def outcome_of(done: Done) -> tuple[str, str, str]:
    """Give source, outcome and reason of a record of which nothing is left to do."""
    if done.lead is not None:
        return done.lead, State.DUPLICATE.value, SAME_RECORD
    assert done.change is not None, "a record makes one of the two"
    if done.change_digest is None:
        return done.change, SKIPPED, NOTHING_TO_TELL
    return done.change, State.DUPLICATE.value, SAME_CHANGE


class ClaimMaker:
    """Makes claims of the records of one stream."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        mapping: LeadMapping,
        salt: bytes,
        key_of: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """Take what all records of the stream have in common.

        Args:
            settings: Of the run.
            name: Of the stream.
            mapping: Of the stream, compiled.
            salt: That of the journal.
            key_of: Gives the key_properties of a stream whose SCHEMA has come, or none.
        """
        stream = settings.stream(name)
        self._key_of = key_of
        self._mode = stream.mode
        self._link = stream.link
        self._linked_columns = settings.stream(stream.link.stream).key if stream.link else None
        self._looks_up = stream.lookup
        self._forward = settings.transitions == "forward"
        self.mapping = mapping
        self._name = name
        self._salt = salt
        self._destination = settings.base_url
        self._persons_of = person_namer(salt, settings.base_url, stream.dedupe_by)
        window = stream.dedupe_window_days
        self._window_ms = window * _DAY_MS if window else None

    def of_record(
        self, source: str, record: Mapping[str, Any]
    ) -> tuple[Sequence[Claim], Sequence[str]]:
        """Map a record, and give its claims.

        Args:
            source: The digest that names the record.
            record: As it comes out of the stream maps.

        Returns:
            One claim, with the reason in it if the record makes no lead; or two, of a lead
            and of what became of it. And what was left out or changed, in sentences.
        """
        mapped = self.mapping.apply(record)
        if not isinstance(mapped, Mapped):
            reason = "; ".join(reason.sentence() for reason in mapped.reasons)
            if self._mode == "update":
                source = change_source(self._salt, source)
            return [self.of_none(source, record, reason)], ()
        notes = [note.sentence() for note in mapped.notes]
        lead, change = split(mapped.payload, self._mode)
        claims = [] if lead is None else [self.of_payload(source, lead)]
        if change is not None and not (claims and change.changes_nothing):
            of_lead = (source,) if claims else ()
            claims.append(
                self._of_change(change_source(self._salt, source), of_lead, change, record)
            )
        return claims, notes

    def _of_change(
        self,
        source: str,
        of_lead: tuple[str, ...],
        change: MappedChange,
        record: Mapping[str, Any],
    ) -> Claim:
        """Give the claim of a change.

        Args:
            source: The digest that names the change.
            of_lead: That of the record, if it makes the lead as well.
            change: As mapped.
            record: As it comes out of the stream maps.
        """
        if change.changes_nothing:
            return Claim(
                source=source,
                stream=self._name,
                persons=(),
                window_start=0,
                payload_digest="",
                payload=None,
                reason=NOTHING_TO_TELL,
                code=NOTHING,
                change=Change(None, None),
            )
        identifier = change.identifier
        links = of_lead
        if not links and (identifier is None or identifier[0] != "id"):
            links = self._links(record)
        if not links and identifier is None:
            link = self._link
            assert link is not None, "the mapping sees to an identifier otherwise"
            by = ", ".join(source.label for source in link.by.sources)
            return self._is_change(
                self.of_none(source, record, NO_LINK.format(stream=link.stream, by=by))
            )
        payload = dict(change.fields)
        if not links and identifier is not None:
            payload = dict([identifier]) | payload
        # Not by its links, which depend on what is known of the other stream by now.
        about = identifier if not links else ("link", *of_lead, self._linked_key(record))
        persons: tuple[str, ...] = ()
        if not links:
            persons = person_digests(self._salt, self._destination, payload, ("email", "phone"))
        return Claim(
            source=source,
            stream=self._name,
            persons=persons,
            window_start=0,
            payload_digest=change_digest(self._salt, {"about": about, "change": change.fields}),
            payload=encode_payload(payload).decode(),
            change=Change(
                status=change.status,
                lead=None if links or identifier is None else self._lead(*identifier),
                links=links,
                forward=self._forward,
            ),
        )

    @property
    def makes_leads(self) -> bool:
        """Whether the stream's records make leads."""
        return self._mode != "update"

    def of_change(self, source: str, payload: str, digest: str) -> Claim:
        """Give the claim of a change that was to be sent before, with its lead's name in it.

        Args:
            source: The digest that names it.
            payload: As JSON text.
            digest: Of the change, as it was.
        """
        fields = json.loads(payload)
        name, value = next((n, str(fields[n])) for n in MATCH_KEYS if n in fields)
        change = Change(fields.get("status"), self._lead(name, value), (), self._forward)
        return Claim(source, self._name, (), 0, digest, payload, change=change)

    def _lead(self, name: str, value: str) -> str:
        return lead_digest(self._salt, name, value)

    def _is_change(self, claim: Claim) -> Claim:
        return replace(claim, change=Change(None, None))

    def _linked_key(self, record: Mapping[str, Any]) -> str | None:
        return self._link.key_of(record) if self._link is not None else None

    def _links(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the sources of the record that this one is linked to, in all its spellings."""
        link = self._link
        key = self._linked_key(record)
        if link is None or key is None:
            return ()
        columns: Sequence[str] = (link.column,) if link.column is not None else ()
        columns = columns or self._linked_columns or self._key_of(link.stream)
        if len(columns) != 1:
            columns = _USUAL_KEYS
        return tuple(
            source_digest(self._salt, self._destination, link.stream, {column: spelling}, {})
            for column in columns
            for spelling in spellings(key)
        )

    def of_payload(self, source: str, payload: Mapping[str, Any]) -> Claim:
        """Give the claim of a lead that is ready to be sent."""
        window_start = 0
        if self._window_ms is not None:
            window_start = now_ms() - self._window_ms
        encoded = encode_payload(payload)
        return Claim(
            source=source,
            stream=self._name,
            persons=self._persons_of(payload),
            window_start=window_start,
            payload_digest=payload_digest(self._salt, encoded),
            payload=encoded.decode(),
            looks_up=self._looks_up,
        )

    def of_none(
        self, source: str, record: Mapping[str, Any], reason: str, code: str = UNMAPPABLE
    ) -> Claim:
        """Give the claim of a record that makes no lead, to be stored as a dead letter.

        Args:
            source: The digest that names the record.
            record: It is stored in the journal, and logged nowhere.
            reason: Why, without any of its values.
            code: That of the dead letter.
        """
        claim = Claim(
            source=source,
            stream=self._name,
            persons=(),
            window_start=0,
            payload_digest=payload_digest(self._salt, _NO_PAYLOAD),
            payload=None,
            reason=reason,
            record=encode_record(record),
            code=code,
        )
        return self._is_change(claim) if self._mode == "update" else claim
