"""The Singer target: messages in, leads delivered, STATE out.

The SDK gives the command line, the settings, stream maps and metrics. Where its own
course would lose or double leads it is left, each time for a reason given below.

The way of a record: `reader` (lines) → here (messages) → `sinks` (its stream) → `claim_maker`
(what it asks of the journal) → `runtime` (the run) → `delivery.engine` (the dispatcher) →
`ledger.turn` (one transaction).

What a run needs, the journal and the mapping above all, takes half as long to load as the SDK.
It is imported where a run begins, so that ``--version`` and ``--about`` need not wait for it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import IO, TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk.exceptions import (
    ConfigValidationError,
    MapExpressionError,
    MissingKeyPropertiesError,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.target_base import Target

from target_octanist.batches import open_batch
from target_octanist.config_files import ENVIRONMENT, from_environment, read_config_files
from target_octanist.config_schema import config_jsonschema
from target_octanist.errors import (
    InputError,
    OctanistError,
    SettingsError,
    printable,
    with_id,
)
from target_octanist.json_lines import LineError
from target_octanist.leads.problems import did_you_mean
from target_octanist.reader import InterruptibleReader, StopReading
from target_octanist.reporting.run_id import begin_log
from target_octanist.sdk_errors import readable_errors
from target_octanist.sdk_settings import wrong_types
from target_octanist.settings import TEST_STREAM, Settings
from target_octanist.short_way import ShortWay
from target_octanist.sinks import LeadSink, TestStreamSink
from target_octanist.state import StateWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    import click
    from singer_sdk.mapper import StreamMap
    from singer_sdk.sinks import Sink

    from target_octanist.intake import Intake
    from target_octanist.leads.problems import Problem
    from target_octanist.ledger.claims import Claim

#: What a stream map's expression may raise for one record, and no more than that.
_EXPRESSION_ERRORS = (
    MapExpressionError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)

#: Columns that are no data of a record's own.
_SDK_COLUMNS = frozenset(
    {
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_batched_at",
        "_sdc_deleted_at",
        "_sdc_sequence",
        "_sdc_table_version",
        "_sdc_sync_started_at",
    }
)

#: A stream's name; it must be printable, too.
_NAME = re.compile(r".{1,500}")


class TargetOctanist(Target):
    """Delivers records as leads to Octanist, each one once."""

    name = "target-octanist"
    package_name = "target-octanist"
    config_jsonschema: ClassVar[dict[str, Any]] = config_jsonschema()
    capabilities = [  # noqa: RUF012 - declared so in the SDK
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]
    default_sink_class = LeadSink
    message_reader_class = InterruptibleReader
    message_reader: InterruptibleReader

    def __init__(self, **options: Any) -> None:
        """Read the settings; nothing is opened or started before the first message.

        Raises:
            ConfigValidationError: With one sentence for every mistake.
        """
        self.settings = Settings()
        self._run: Intake | None = None
        self._ended = False
        self._signal: int | None = None
        self._read = 0
        self._deleted = 0
        self._told: set[str] = set()
        self._in_batch = False
        self.short_way = ShortWay()
        if options.get("message_reader") is None:
            options["message_reader"] = InterruptibleReader(self)
        super().__init__(**options)
        # No sink has anything to drain; by default the SDK starts eight threads to find that out.
        self.max_parallelism = 1
        self._state = StateWriter(silent=self.settings.dry_run)

    # The command line

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Put the files of ``--config`` off until `invoke`, which tells what is wrong with them."""
        config = super().cb_config(ctx, param, (ENVIRONMENT,) if ENVIRONMENT in value else ())

        def read() -> Any:
            config.config = read_config_files(value)
            return config

        return read

    @classmethod
    def invoke(cls, **options: Any) -> None:
        """Run the target; what stops it is told in one sentence, with exit code 1."""
        file_input: IO[str] | None = options.get("file_input")
        read_config: Callable[[], Any] = options.pop("config")
        begin_log()
        try:
            with readable_errors():
                options["config"] = read_config()
                super().invoke(**options)
        except OctanistError as error:
            cls._give_up(file_input, error.problems)

    @classmethod
    def _give_up(cls, file_input: IO[str] | None, problems: Sequence[Problem]) -> NoReturn:
        for problem in problems:
            cls.logger.error("%s", with_id(problem), extra={"error_id": problem.error_id})
        # Nothing is in flight any more: from here on a signal may simply end it.
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.SIG_DFL)
        # A tap that is met by a broken pipe buries the sentence under its tracebacks.
        InterruptibleReader().drain(file_input)
        sys.exit(1)

    # The settings

    @property
    def _env_var_config(self) -> dict[str, Any]:
        # The SDK's own fails without a sentence at what is no number or no JSON, takes every
        # word that it does not know for false, and reads a .env file from wherever it is installed.
        self.append_builtin_config(self.config_jsonschema)
        return from_environment(os.environ, self.config_jsonschema["properties"])

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK's own messages repeat the value that is wrong: it could be the key.
        try:
            self.settings, remarks = self.read_config(self._config)
        except SettingsError as error:
            if not raise_errors:
                return list(error.problems)
            message = "Config validation failed"
            raise ConfigValidationError(
                message, errors=list(error.problems), schema=self.config_jsonschema
            ) from None
        for remark in remarks:
            self.logger.warning("%s", remark)
        return []

    @classmethod
    def read_config(cls, config: Mapping[str, Any]) -> tuple[Settings, list[str]]:
        """Read a configuration as a run does at its start, the SDK's settings included.

        Returns:
            The settings, and a sentence for each one that there is not.

        Raises:
            SettingsError: With one sentence for every mistake.
        """
        from target_octanist.settings_reader import read_settings

        cls.append_builtin_config(cls.config_jsonschema)
        known = cls.config_jsonschema["properties"]
        # What only the SDK and the sinks read, as it stands.
        unread = known.keys() - config_jsonschema()["properties"].keys() | {"validate_records"}
        problems: list[str] = list(wrong_types(config, {name: known[name] for name in unread}))
        settings = Settings()
        try:
            settings = read_settings(config)
        except SettingsError as error:
            problems += error.problems
        if problems:
            raise SettingsError(problems)
        return settings, [
            f"{printable(name)}: there is no such setting, so it does nothing"
            f"{did_you_mean(name, known)}"
            for name in sorted(config.keys() - known.keys())
        ]

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, without those that mean nothing for leads."""
        super().append_builtin_config(config_jsonschema)
        for name in ("add_record_metadata", "load_method", "batch_config"):
            config_jsonschema["properties"].pop(name, None)

    # What takes the records

    @property
    def run(self) -> Intake:
        """The run; it is opened when it is first needed, before any record is read."""
        if self._run is None:
            self._run = self.open_run()
        return self._run

    def open_run(self) -> Intake:
        """Open what takes the records.

        Raises:
            OctanistError: The journal cannot be used, or the quota forbids to begin.
        """
        from target_octanist.runtime import Run

        return Run(self.settings, place=lambda: self.place)

    @property
    def place(self) -> int:
        """Where in the input the record is that is being handed over: its number."""
        return self._read

    def check(self) -> None:
        """Make the checks that Meltano's test of a loader asks for.

        Raises:
            OctanistError: One of them did not pass.
        """
        from target_octanist.checks import run_checks

        run_checks(self.settings, self.logger)

    # The way of a record, from its SCHEMA on

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Give the class of a stream's sink."""
        return TestStreamSink if stream_name == TEST_STREAM else LeadSink

    def key_of(self, stream: str) -> Sequence[str]:
        """Give the key_properties of a stream, if its SCHEMA has come."""
        sinks = self._sinks_active.values()
        found = (sink.key_properties for sink in sinks if sink.stream_name == stream)
        return next(found, ())

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream = self._stream_of(message_dict, "schema")
        schema, keys = message_dict["schema"], message_dict.get("key_properties")
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            raise self.message_reader.bad_line(f"is a SCHEMA of {stream} without `properties`")
        if not all(isinstance(column, (dict, bool)) for column in schema["properties"].values()):
            raise self.message_reader.bad_line(f"is a SCHEMA of {stream} with odd `properties`")
        if not (keys is None or _is_list_of_text(keys)):
            raise self.message_reader.bad_line(f"is a SCHEMA of {stream} with odd key_properties")
        if stream == TEST_STREAM:
            self.check()
        else:
            # What a dead run left behind goes first, before any record of this one.
            _ = self.run
        super()._process_schema_message(message_dict)
        if stream != TEST_STREAM and ShortWay.is_open_to(self.mapper.stream_maps.get(stream, ())):
            sink = self.get_sink(stream)
            if isinstance(sink, LeadSink):
                self.short_way.add(stream, sink, self.run.settled)

    def recognise(self, lines: Sequence[bytes]) -> Sequence[str | None] | None:
        """For each line the source of the record in it, if that was settled before."""
        in_hand = self.short_way.in_hand
        in_hand.forget(accepted=self._accepted, settled_through=self._settled_through)
        return self.short_way.recognise(lines)

    def pass_over(self, sources: Sequence[str]) -> None:
        """Count records that were settled before."""
        recogniser = self.short_way.recognised_by
        assert recogniser is not None, "it recognised them"
        sink = self.get_sink(recogniser.stream)
        assert isinstance(sink, LeadSink), "it made the recogniser"
        self._read += 1
        sink.pass_over(sources, recogniser)
        self._read += len(sources) - 1

    def has_looked_at(self, stream: str) -> bool:
        """Whether a record of the stream that comes now was looked at, and not recognised.

        Only lines are looked at, not rows and batches.
        """
        return not self._in_batch and self.short_way.has_looked_at(stream)

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        self._read += 1
        stream, record = self._stream_of(message_dict, "record"), message_dict["record"]
        short = self.short_way.sink_of(stream)
        if not isinstance(record, dict):
            raise self.message_reader.bad_line(f"is a RECORD of {stream} that is not an object")
        if record.get("_sdc_deleted_at"):
            self._deleted += 1
            self._tell_once("Records that the source has deleted (_sdc_deleted_at) make no leads.")
            return
        if short is not None:
            short.take(_without_metadata(record), record)
            return
        if stream not in self.mapper.stream_maps:
            self._assert_sink_exists(stream)
        for stream_map in self.mapper.stream_maps[stream]:
            self._take(stream_map, record)

    def _take(self, stream_map: StreamMap, record: dict[str, Any]) -> None:
        """Hand a record on as a stream map makes it; only what that does itself may fail."""
        try:
            mapped = stream_map.transform(dict(record))
        except _EXPRESSION_ERRORS as error:
            if isinstance(stream_map, SameRecordTransform):
                raise
            reason = f"stream_maps: an expression failed ({type(error).__name__})"
            self._reject(stream_map, record, reason)
            return
        sink = self.get_sink(stream_map.stream_alias) if mapped is not None else None
        if mapped is not None and isinstance(sink, LeadSink):
            sink.take(_without_metadata(mapped), record)

    def _reject(self, stream_map: StreamMap, record: Mapping[str, Any], reason: str) -> None:
        sink = self.get_sink(stream_map.stream_alias)
        if isinstance(sink, LeadSink):
            sink.reject(record, reason)

    def submit(
        self, claims: Sequence[Claim], record: Mapping[str, Any], notes: Sequence[str] = ()
    ) -> None:
        """Hand a record to the run.

        Raises:
            OctanistError: The run had to stop.
            StopReading: A signal ended it.
        """
        if not self.run.submit(claims, record, notes, self.breathe):
            self.run.breathe()
            raise StopReading

    # The other messages

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        # The SDK would hand the files past stream maps and checks, each one as a whole.
        stream = self._stream_of(message_dict, "manifest")
        if stream not in self.mapper.stream_maps:
            raise self.message_reader.bad_line(f"is a BATCH of {stream} before its SCHEMA")
        try:
            records = open_batch(message_dict)
        except LineError as error:
            raise self.message_reader.bad_line(str(error)) from None
        self._in_batch = True
        for record in records:
            self._process_record_message({"type": "RECORD", "stream": stream, "record": record})
            self.breathe()
            if self._signal is not None:
                raise StopReading
        self._in_batch = False

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        if "value" not in message_dict:
            raise self.message_reader.bad_line("is a STATE that lacks value")
        if TEST_STREAM not in self.mapper.stream_maps:
            # A tap that has nothing new may say no more than this.
            _ = self.run
        self._state.received(message_dict["value"], after=self._accepted)
        self._write_state()

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002
        self._tell_once("ACTIVATE_VERSION is ignored: a lead that was sent stays sent.")

    # For all of them

    def _stream_of(self, message: dict[str, Any], part: str) -> str:
        """Give the stream of a message that must have this part, too.

        Raises:
            InputError: It lacks one of them, or the name cannot be one.
        """
        stream = message.get("stream")
        if isinstance(stream, str) and stream in self.mapper.stream_maps and part in message:
            return stream  # its SCHEMA came under this name
        kind = message["type"]
        if missing := [name for name in ("stream", part) if name not in message]:
            raise self.message_reader.bad_line(f"is a {kind} that lacks {', '.join(missing)}")
        # It goes into the journal and into every log line about it.
        if isinstance(stream, str) and _NAME.fullmatch(stream) and stream.isprintable():
            return stream
        raise self.message_reader.bad_line(f"is a {kind} whose `stream` is not a name")

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.logger.warning("%s", sentence)

    # What goes on beside them

    @property
    def _accepted(self) -> int:
        return self._run.accepted if self._run is not None else 0

    @property
    def _settled_through(self) -> int:
        return self._run.settled_through if self._run is not None else 0

    def _write_state(self, *, last: bool = False) -> None:
        self._state.advance(self._settled_through, last=last)

    def breathe(self) -> None:
        """Let STATE and metrics move on, and notice a failure of the engine.

        Raises:
            OctanistError: The engine has stopped, and this is why.
        """
        self._write_state()
        if self._signal is not None:
            # A wait for room in the engine must not outlast the signal.
            if self._run is not None:
                self._run.halt()
        elif self._run is not None:
            self._run.breathe()

    # The end

    def abandon(self) -> None:
        """Settle what was accepted, after the input could not be read on."""
        self._end(exit_code=1, cause=sys.exc_info()[1])

    def process_endofpipe(self) -> None:
        """Settle everything, write the last STATE, and sign off.

        Raises:
            OctanistError: The run had to stop.
            SystemExit: A signal ended it, with 128 + its number.
            MissingKeyPropertiesError: No record of a stream had its key.
        """
        keyless = self._key_problems()
        cause = InputError(" ".join(keyless)) if keyless else None
        self._end(exit_code=128 + self._signal if self._signal else int(bool(keyless)), cause=cause)
        super().process_endofpipe()
        if self._run is not None and self._run.failure is not None:
            raise self._run.failure
        if self._signal is not None:
            sys.exit(128 + self._signal)
        if keyless:
            raise MissingKeyPropertiesError(" ".join(keyless))

    def _key_problems(self) -> list[str]:
        sinks = [sink for sink in self._sinks_active.values() if isinstance(sink, LeadSink)]
        return [sink.key_problem for sink in sinks if sink.key_problem]

    def _end(self, *, exit_code: int, cause: BaseException | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            self._settle_all(self._write_state)
            self._write_state(last=True)
        except OctanistError:
            # Nobody reads STATE any more; what is in hand is settled all the same.
            exit_code = 1
            self._settle_all(lambda: None)
            raise
        finally:
            self._count_written()
            if self._deleted:
                self.logger.info("%d deleted records made no lead.", self._deleted)
            if self._run is not None:
                if self._run.failure is not None:
                    exit_code = 1
                elif self._signal is not None:
                    exit_code = 128 + self._signal
                self._run.close(exit_code, cause)

    def _settle_all(self, while_waiting: Callable[[], None]) -> None:
        if self._run is not None:
            self._run.settle_all(while_waiting, lambda: self._signal is not None)

    def _count_written(self) -> None:
        # From 0.55 on, the SDK's record_count is what was written, not what was read.
        for stream, sink in self._sinks_active.items():
            if self._run is not None and isinstance(sink, LeadSink):
                sink.tally_record_written(self._run.records[stream] - sink.counted)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # The SDK would drain inside of the handler, wherever the main thread happens to
        # be, write STATE for records that were never delivered, and exit with 0.
        if self._signal is None:
            self._signal = signum
        self.message_reader.stop()


def _without_metadata(record: dict[str, Any]) -> dict[str, Any]:
    """Take out what taps and the SDK say of a record itself, behind the stream maps."""
    if _SDK_COLUMNS.isdisjoint(record):
        return record
    return {name: value for name, value in record.items() if name not in _SDK_COLUMNS}


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
