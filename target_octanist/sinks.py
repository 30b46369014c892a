"""One stream's part of the way: a record is mapped, named and handed to the engine.

What makes leads of records is imported when a stream begins: the target names the classes
that are here before it knows whether there will be a stream at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from singer_sdk.exceptions import InvalidJSONSchema, InvalidRecord
from singer_sdk.sinks import Sink

from target_octanist.change_recogniser import ChangeRecogniser
from target_octanist.errors import InputError, LedgerError, SettingsError, printable
from target_octanist.leads.identity import key_namer, source_digest
from target_octanist.leads.problems import MappingError
from target_octanist.recogniser import Recogniser
from target_octanist.record_key import RecordKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from target_octanist.leads.mapping import LeadMapping
    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.settled import SettledRecords
    from target_octanist.target import TargetOctanist


class LeadSink(Sink):
    """Turns the records of one stream into leads.

    It keeps no batch: batches are claimed by the engine, which all streams share.
    """

    def __init__(
        self,
        target: TargetOctanist,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Compile the stream's mapping against its SCHEMA.

        Raises:
            SettingsError: There is no mapping for it, or the mapping does not fit it.
        """
        from target_octanist.claim_maker import ClaimMaker

        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        self._stream = target.settings.stream(stream_name)
        self.mapping = self._compile()
        self._claims = ClaimMaker(
            target.settings, stream_name, self.mapping, target.run.salt, target.key_of
        )
        self._key = list(dict.fromkeys(self._stream.key or self.key_properties))
        self._name_of = key_namer(target.run.salt, target.settings.base_url, stream_name, self._key)
        self._changes: ChangeRecogniser | None = None
        self.counted = 0
        self._had_key = False
        self._lacking = ""

    @property
    def current_size(self) -> int:
        """Nothing ever waits here to be drained."""
        return 0

    @property
    def is_full(self) -> bool:
        """Nothing ever waits here to be drained."""
        return False

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Map one record and hand it over."""
        source = self._source(record)
        if self._is_settled(source):
            self._target.run.pass_over(self.stream_name, [source])
            return
        claims, notes = self._claims.of_record(source, record)
        if self._changes is not None:
            claims = self._with_fingerprint(self._changes, source, claims)
        self._target.submit(claims, record, notes)

    def _with_fingerprint(
        self, changes: ChangeRecogniser, source: str, claims: Sequence[Claim]
    ) -> Sequence[Claim]:
        """Have the journal remember what a record comes to, with the last of its claims."""
        self._target.short_way.in_hand.add(source)
        digest = changes.fingerprint(self._target.message_reader.line, source)
        if digest is None or not claims:
            return claims
        from target_octanist.ledger.claims import Fingerprint

        *others, last = claims
        makes_lead = last.change is None or bool(others)
        return [*others, replace(last, fingerprint=Fingerprint(source, digest, makes_lead))]

    def _is_settled(self, source: str) -> bool:
        """Say whether an earlier run is known to have settled a record, before it is mapped."""
        settled = self._target.run.settled
        if settled is None or self._stream.mode != "create":
            return False
        if self._target.has_looked_at(self.stream_name):
            return False
        try:
            return settled.is_next(source)
        except LedgerError:
            # Whoever writes to the journal waits for it to come back, or tells what is wrong.
            return False

    def process_batch(self, context: dict[str, Any]) -> None:
        """Nothing to do: no record waits for a batch."""

    def reject(self, record: Mapping[str, Any], reason: str) -> None:
        """Hand over a record that does not get as far as the mapping, as a dead letter.

        Args:
            record: As the tap sent it, ahead of any stream map.
            reason: Why, without any of its values.
        """
        from target_octanist.ledger.claims import INVALID_RECORD

        claim = self._claims.of_none(self._source(record), record, reason, INVALID_RECORD)
        self._target.submit([claim], record)

    def take(self, record: dict[str, Any], as_it_came: Mapping[str, Any]) -> None:
        """Take a record, on a shorter way than through the SDK; reject it if it is invalid.

        Args:
            record: As it comes out of the stream maps.
            as_it_came: As the tap sent it.
        """
        try:
            self._validate_and_parse(record)
            self._singer_validate_message(record)
        except InvalidRecord as error:
            self.reject(as_it_came, str(error.error_message))
            return
        self._count(1)
        self.process_record(record, {})

    def pass_over(self, sources: Sequence[str], recogniser: Recogniser | ChangeRecogniser) -> None:
        """Count records that were settled before, and are not processed: they were read."""
        if isinstance(recogniser, Recogniser):
            self._target.run.pass_over(self.stream_name, sources)
        else:
            from target_octanist.claim_maker import outcome_of

            passed = [outcome_of(recogniser.done(source)) for source in sources]
            self._target.run.pass_over_changes(self.stream_name, passed)
        self._had_key = True
        self._count(len(sources))

    def _count(self, count: int) -> None:
        """Count records that the SDK does not see."""
        self.counted += count
        self.tally_record_read(count)
        self.record_counter_metric.increment(count)

    def recogniser(self, settled: SettledRecords) -> Recogniser | ChangeRecogniser | None:
        """Give what tells this stream's settled records, by their key or by all that is in them.

        What became of a lead can change without the key, and records that are to be
        validated have to be read.
        """
        stream, settings = self._stream, self._target.settings
        key = stream.key or self.key_properties
        if not key or self._validator is not None:
            return None
        salt = self._target.run.salt
        try:
            record_key = RecordKey(
                self.stream_name,
                key=key,
                required=self.key_properties,
                salt=salt,
                destination=settings.base_url,
            )
        except ValueError:
            return None
        if stream.mode == "create":
            return Recogniser(record_key, settled.among)
        from target_octanist.claim_maker import mapped_by

        self._changes = ChangeRecogniser(
            record_key,
            salt=salt,
            mapped_by=mapped_by(settings, stream, self._mapped),
            done_among=settled.done_among,
            in_hand=self._target.short_way.in_hand,
        )
        return self._changes

    def _compile(self) -> LeadMapping:
        from target_octanist.claim_maker import compile_for
        from target_octanist.leads.mapping import implicit_mapping
        from target_octanist.leads.schema import contract_keys
        from target_octanist.leads.schema_check import missing_keys

        stream, settings = self._stream, self._target.settings
        usable = contract_keys(settings.strict_contract)
        columns = [name for name in self.schema.get("properties", {}) if name in usable]
        mapping = stream.mapping or implicit_mapping(columns)
        if not mapping:
            raise SettingsError([self._refusal()], error_id="stream-unmapped")
        self._mapped = mapping
        compiled = compile_for(settings, stream, mapping)
        try:
            warnings = compiled.check_schema(self.schema, stream.optional)
        except MappingError as error:
            raise SettingsError(error.problems) from None
        warnings += missing_keys(stream.key or (), self.schema, f"{stream.where}.key")
        if stream.link is not None and stream.mode == "update":
            warnings += stream.link.check_schema(self.schema, f"{stream.where}.link")
        if stream.preset is not None:
            self.logger.info(
                "%s is mapped by the preset %s, version %d.",
                self.stream_name,
                stream.preset.name,
                stream.preset.version,
            )
        if not stream.mapping:
            self.logger.info(
                "There is no mapping for %s: its columns %s are lead fields and taken as they "
                "are; other columns are not sent.",
                self.stream_name,
                ", ".join(mapping),
            )
        for warning in warnings:
            self.logger.warning("%s", printable(warning))
        return compiled

    def _refusal(self) -> str:
        # All that knows about CRMs comes with it, and few runs are refused.
        from target_octanist.leads.suggest import suggest_mapping
        from target_octanist.leads.suggest.document import mapping_lines

        name = self.stream_name
        suggested = suggest_mapping(name, self.schema)
        lines = [f"      {line}" for line in mapping_lines(suggested)]
        advice = (
            "add to your settings, after looking it over:\n"
            + "\n".join(["streams:", f"  - stream: {name}", "    mapping:", *lines])
            if lines
            else "add a `mapping` for it under `streams`, or deselect it in the tap."
        )
        return (
            f"streams: the stream {name} has no mapping, and its columns are not lead fields; "
            f"{advice}"
        )

    def _source(self, record: Mapping[str, Any]) -> str:
        by_key = self._name_of([record.get(name) for name in self._key]) if self._key else None
        if by_key is not None:
            return by_key
        return source_digest(
            self._target.run.salt, self._target.settings.base_url, self.stream_name, None, record
        )

    # What the SDK does for each record of its own accord, and what it costs here

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """Validate only if asked to: a tap's SCHEMA may be wrong about its own records."""
        if not self.config.get("validate_records"):
            return None
        try:
            return super().get_validator()
        except InvalidJSONSchema:
            raise InputError(
                f"The SCHEMA of {self.stream_name} is not a valid JSON Schema, so records cannot be "
                "checked against it; fix the tap, or set validate_records to false.",
                error_id="input-schema-invalid",
            ) from None

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Validate without repeating the record in the log.

        The SDK would also turn date-times into objects that a JSON API has to be
        given as text again.
        """
        if self._validator is not None:
            try:
                self._validator.validate(record)
            except InvalidRecord:
                message = "the record does not fit its SCHEMA (validate_records)"
                raise InvalidRecord(message, {}) from None
        return record

    def _singer_validate_message(self, record: dict[str, Any]) -> None:
        """Look for the key, without the SDK's list of all that the record has."""
        missing = [name for name in self.key_properties if name not in record]
        if missing:
            self._lacking = printable(", ".join(missing))
            raise InvalidRecord(f"the record lacks {self._lacking} (key_properties)", {})
        self._had_key = True

    @property
    def key_problem(self) -> str | None:
        """What to say of a stream in which no record had its key.

        One record without a key is rejected; where all are, the tap is to be fixed.
        """
        if self._had_key or not self._lacking:
            return None
        return (
            f"Stream {self.stream_name}: no record has {self._lacking}, which its "
            "SCHEMA names as key_properties; look at the tap."
        )


class TestStreamSink(Sink):
    """Takes the made-up record of ``meltano config … test`` and sends nothing."""

    __test__ = False  # no test case, in spite of its name

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        return record
