"""What a record asks of the journal: it is mapped, and its lead, its person and itself are named.

Records of a run and dead letters that are tried again become claims here alike.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from target_octanist.errors import SettingsError
from target_octanist.leads.identity import encode_payload, payload_digest, person_digests
from target_octanist.leads.mapping import LeadMapping, Mapped, compile_mapping
from target_octanist.leads.problems import MappingError
from target_octanist.ledger.claims import UNMAPPABLE, Claim
from target_octanist.runtime import encode_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.settings import Settings, StreamSettings

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
        )
    except MappingError as error:
        raise SettingsError(error.problems) from None


class ClaimMaker:
    """Makes claims of the records of one stream."""

    def __init__(self, settings: Settings, name: str, mapping: LeadMapping, salt: bytes) -> None:
        """Take what all records of the stream have in common.

        Args:
            settings: Of the run.
            name: Of the stream.
            mapping: Of the stream, compiled.
            salt: That of the journal.
        """
        stream = settings.stream(name)
        self.mapping = mapping
        self._name = name
        self._salt = salt
        self._destination = settings.base_url
        self._dedupe_by = stream.dedupe_by
        window = stream.dedupe_window_days
        self._window_ms = window * _DAY_MS if window else None

    def of_record(self, source: str, record: Mapping[str, Any]) -> tuple[Claim, Sequence[str]]:
        """Map a record, and give its claim.

        Args:
            source: The digest that names the record.
            record: As it comes out of the stream maps.

        Returns:
            The claim, with the reason in it if the record makes no lead; and what was left
            out of the lead or changed in it, in sentences.
        """
        mapped = self.mapping.apply(record)
        if isinstance(mapped, Mapped):
            notes = [note.sentence() for note in mapped.notes]
            return self.of_payload(source, mapped.payload), notes
        reason = "; ".join(reason.sentence() for reason in mapped.reasons)
        return self.of_none(source, record, reason), ()

    def of_payload(self, source: str, payload: Mapping[str, Any]) -> Claim:
        """Give the claim of a lead that is ready to be sent."""
        window_start = 0
        if self._window_ms is not None:
            window_start = int(time.time() * 1000) - self._window_ms
        return Claim(
            source=source,
            stream=self._name,
            persons=person_digests(self._salt, self._destination, payload, self._dedupe_by),
            window_start=window_start,
            payload_digest=payload_digest(self._salt, payload),
            payload=encode_payload(payload).decode(),
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
        return Claim(
            source=source,
            stream=self._name,
            persons=(),
            window_start=0,
            payload_digest=payload_digest(self._salt, {}),
            payload=None,
            reason=reason,
            record=encode_record(record),
            code=code,
        )
