"""The Singer target, fed with the rows of a file in place of a tap's messages.

Everything from the SCHEMA on is the target's own way: stream maps, mapping, journal,
delivery. STATE is the number of a row, and goes into a note instead of to stdout.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from target_octanist.errors import SettingsError
from target_octanist.load_note import LoadNote
from target_octanist.reader import InterruptibleReader
from target_octanist.reporting.progress import Progress
from target_octanist.runtime import Run
from target_octanist.target import TargetOctanist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_octanist.reporting.summary import Summary
    from target_octanist.tables.table import Options, Table

#: How often other things are seen to, in rows.
_ROWS_BETWEEN_STATES: Final = 100

#: A column may hold anything; a file promises no more.
_ANYTHING: Final = {"type": ["null", "string", "integer", "number", "boolean", "object", "array"]}


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be loaded, and how.

    Attributes:
        path: The file.
        options: How it is to be read.
        stream: The name under which the settings know its rows.
        key: Columns that name a row.
        limit: Rows to load at most, beyond those that an earlier load settled.
        restart: Begin with the first row, whatever an earlier load settled.
    """

    path: Path
    options: Options
    stream: str
    key: tuple[str, ...] = ()
    limit: int | None = None
    restart: bool = False


class FileTarget(TargetOctanist):
    """Delivers the rows of one file as leads, each one once."""

    message_reader: RowReader

    def __init__(self, config: dict[str, Any], load: Load, table: Table) -> None:
        """Read the settings; nothing is sent before `deliver`.

        Raises:
            SettingsError: The key does not go with the settings or the file.
        """
        self._load = load
        self.progress = Progress(sys.stderr, noun="row")
        self._note: LoadNote | None = None
        super().__init__(config=config, message_reader=RowReader(self, load, table))
        self._check_key(table.columns)

    def deliver(self) -> None:
        """Deliver all rows, and forget or tell how far it came.

        Raises:
            OctanistError: The run had to stop.
            SystemExit: A signal ended it, with 128 + its number.
        """
        finished = False
        try:
            self.process_lines(None)
            self.process_endofpipe()
            finished = self.message_reader.reached_end
        finally:
            if self._note is not None:
                if finished:
                    self._note.remove()
                elif row := self._note.row():
                    self.logger.info(
                        "All rows up to row %d are settled; the same command goes on after it.", row
                    )

    def open_run(self) -> Run:
        """Open a run that names records by their rows."""
        return Run(
            self.settings,
            kind="load",
            progress=self.progress,
            noun="row",
            place=lambda: self.place,
        )

    @property
    def place(self) -> int:
        """The number of the row that is being handed over."""
        return self.message_reader.row

    @property
    def summary(self) -> Summary | None:
        """What the load came to, after its end; None if it never began."""
        return self._run.summary if isinstance(self._run, Run) else None

    def settled_row(self) -> int:
        """Give the row up to which an earlier load settled all; 0 if there was none.

        To be asked when the journal is open.

        Raises:
            InputError: The file cannot be read.
        """
        if self.settings.dry_run:
            return 0
        how = [
            asdict(self._load.options),
            self._load.stream,
            self._load.key,
            {name: value for name, value in self.config.items() if name != "api_key"},
        ]
        self._note = self._state = LoadNote.of(
            self._load.path, how, ledger=self.settings.ledger, salt=self.run.salt
        )
        if self._load.restart:
            self._note.remove()
        row = self._note.row()
        if row:
            self.logger.info(
                "An earlier load settled all rows up to row %d; this one goes on after it "
                "(with --restart it begins with the first).",
                row,
            )
        return row

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        problem = message_dict.get("problem")
        if problem is None:
            super()._process_record_message(message_dict)
        else:
            for stream_map in self.mapper.stream_maps[message_dict["stream"]]:
                self._reject(stream_map, message_dict["record"], problem)

    def _check_key(self, columns: list[str]) -> None:
        stream = self._load.stream
        configured = self.settings.stream(stream).key
        if self._load.key and configured and configured != self._load.key:
            # Another key would make other records of the same rows, and so other leads.
            sentence = (
                f"--key: the settings name the key of the stream {stream} already, which is "
                f"{','.join(configured)}; leave the option out."
            )
            raise SettingsError([sentence], error_id="load-key")
        lost = [name for name in self._load.key if name not in columns]
        if lost:
            sentence = (
                f"--key: {self._load.path.name} has no column {lost[0]}; "
                f"it has {', '.join(columns)}."
            )
            raise SettingsError([sentence], error_id="load-key")


class RowReader(InterruptibleReader):
    """Gives the rows of a table as the messages that a tap would have sent.

    Attributes:
        row: The number of the row that is being handled.
        reached_end: Whether all rows were handed over.
    """

    def __init__(self, target: FileTarget, load: Load, table: Table) -> None:
        super().__init__(target)
        self._target = target
        self._load = load
        self._table = table
        self.row = 0
        self.reached_end = False

    def messages(self, file_input: IO[Any] | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        """Give a SCHEMA, the rows that are not settled yet, and how far they are."""
        stream = self._load.stream
        yield {
            "type": "SCHEMA",
            "stream": stream,
            "schema": {
                "type": "object",
                "properties": dict.fromkeys(self._table.columns, _ANYTHING),
            },
            "key_properties": list(self._load.key),
        }
        # The journal is open now.
        settled = self._target.settled_row()
        self._target.progress.expect(self._expected(settled))
        handed_over = 0
        for row in self._table.rows():
            if self._stopped() or handed_over == self._load.limit:
                break
            if row.number <= settled:
                continue
            self.row = row.number
            yield {
                "type": "RECORD",
                "stream": stream,
                "record": row.values,
                "problem": row.problem,
            }
            handed_over += 1
            if handed_over % _ROWS_BETWEEN_STATES == 0:
                yield self._state()
                self._listener.breathe()
        else:
            self.reached_end = True
        if handed_over:
            yield self._state()

    def _expected(self, settled: int) -> int:
        rows = max(0, self._table.size - settled)
        return min(rows, self._load.limit) if self._load.limit else rows

    def _state(self) -> dict[str, Any]:
        return {"type": "STATE", "value": {"row": self.row}}
