"""CSV and its relatives. Everything in them is text, and stays text: ``0031``, ``NA``."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final

from target_octanist.errors import InputError
from target_octanist.tables.columns import column_names
from target_octanist.tables.table import CHUNK_ROWS, Options, Row, kind_of, needs_extra
from target_octanist.tables.text_file import TextFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pandas import DataFrame

_DELIMITERS: Final = (",", ";", "\t", "|")

#: How much of a file its header is looked for in, in characters.
_HEADER_ROOM: Final = 1 << 16

_BLOCK: Final = 1 << 20

#: A row that has more fields too many than this is not one bad row: the file is no table.
_MOST_SURPLUS: Final = 20


class DelimitedTable:
    """A CSV file, read by pandas. A row that is too short is taken to end in empty fields."""

    def __init__(self, path: Path, options: Options) -> None:
        """Look at encoding, delimiter and header.

        Raises:
            InputError: One of them cannot be made out.
        """
        options.forbid(path, "sheet")
        try:
            import pandas as pd
        except ImportError:
            raise needs_extra("CSV", "pandas") from None
        self._pandas = pd
        self._file = TextFile(path, options.encoding)
        with self._file.open() as text:
            start = text.read(_HEADER_ROOM)
        self._delimiter = _find_delimiter(start, path, options.delimiter)
        with self._file.open() as text:
            header, self._header_row = self._read_header(text)
        self.columns, remarks = column_names(header)
        self.remarks = [*self._file.remarks, *remarks]
        self.size = self._count_rows()

    def rows(self) -> Iterator[Row]:
        """Give the rows; a blank one is none."""
        number = 0
        for chunk in self._chunks(len(self.columns) + _MOST_SURPLUS):
            for fields in chunk.itertuples(index=False, name=None):
                number += 1
                if number <= self._header_row:
                    continue
                row = Row.of(number, self.columns, [field or None for field in fields])
                if row is not None:
                    yield row

    def close(self) -> None:
        """Nothing stays open."""

    def _chunks(self, width: int) -> Iterator[DataFrame]:
        """Give all rows, the header among them: pandas takes the first row's width for all."""
        pd = self._pandas
        try:
            with (
                self._file.open() as text,
                pd.read_csv(
                    text,
                    sep=self._delimiter,
                    header=None,
                    names=list(range(width)),
                    index_col=False,
                    dtype=object,
                    na_filter=False,  # "NA" may be a name
                    skip_blank_lines=False,  # they count
                    chunksize=CHUNK_ROWS,
                    engine="c",
                ) as chunks,
            ):
                yield from chunks
        except pd.errors.ParserError as error:
            raise InputError(self._explain(str(error))) from None

    def _explain(self, error: str) -> str:
        """Say what the parser found, without anything of what it read."""
        name = self._file.path.name
        found = re.search(r"(EOF inside string starting at row|in line) (\d+)", error)
        if found is None:
            return f"{name} cannot be read as a table; check --delimiter and --encoding."
        if found[1].startswith("EOF"):
            row = int(found[2]) + 1
            return (
                f"{name}: a quotation mark in row {row} is never closed; close it, and load again."
            )
        return (
            f"{name}: row {found[2]} has far more fields than the header ({len(self.columns)}); "
            "check --delimiter, or mend the row."
        )

    def _count_rows(self) -> int:
        """Count line ends outside of quotation marks: near enough to tell how long it takes."""
        rows, is_quoted = 0, False
        with self._file.open() as text:
            while block := text.read(_BLOCK):
                for part in block.split('"'):
                    if not is_quoted:
                        rows += part.count("\n") or part.count("\r")
                    is_quoted = not is_quoted
                # The end of a block is no quotation mark.
                is_quoted = not is_quoted
        return max(0, rows - self._header_row)

    def _read_header(self, text: IO[str]) -> tuple[list[str], int]:
        """Read up to the header, and give it with its row's number."""
        reader = csv.reader(text, delimiter=self._delimiter)
        try:
            for number, row in enumerate(reader, 1):
                # Excel's own first line, which names the delimiter, is no header.
                if any(cell.strip() for cell in row) and row[0].casefold() != "sep=":
                    return row, number
        except csv.Error:
            pass
        message = f"{self._file.path.name} is empty: it has no row with names of columns."
        raise InputError(message)


def _find_delimiter(start: str, path: Path, given: str | None) -> str:
    """Take the delimiter that is given or named, or the one that makes most of the header."""
    if given:
        delimiter = "\t" if given in {"\\t", "tab"} else given
        if len(delimiter) != 1 or delimiter in '"\r\n':
            message = "--delimiter: must be one character, or `tab`."
            raise InputError(message)
        return delimiter
    if named := re.match(r"sep=(.)[\r\n]", start, re.IGNORECASE):
        return named[1]
    if kind_of(path).ending in {".tsv", ".tab"}:
        return "\t"
    return max(_DELIMITERS, key=lambda delimiter: _fields_in_header(start, delimiter))


def _fields_in_header(start: str, delimiter: str) -> int:
    rows: Iterator[list[Any]] = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    try:
        return next((len(row) for row in islice(rows, 100) if any(row)), 0)
    except csv.Error:
        return 0
