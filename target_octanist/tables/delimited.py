"""CSV and its relatives. Everything in them is text, and stays text: ``0031``, ``NA``."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final

from target_octanist.errors import FileError
from target_octanist.tables.columns import column_names
from target_octanist.tables.table import Options, Row, kind_of
from target_octanist.tables.text_file import TextFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DELIMITERS: Final = (",", ";", "\t", "|")

#: How much of a file its header is looked for in, in characters.
_HEADER_ROOM: Final = 1 << 16

_BLOCK: Final = 1 << 20


class DelimitedTable:
    """A CSV file. A row that is too short is taken to end in empty fields.

    Python's own parser reads it: it gives every field of every row, however many there are.
    That of pandas pads or cuts rows to one width, and many of its versions lose the end of
    a field that comes after short rows.
    """

    def __init__(self, path: Path, options: Options) -> None:
        """Look at encoding, delimiter and header.

        Raises:
            FileError: One of them cannot be made out.
        """
        options.forbid(path, "sheet")
        self._file = TextFile(path, options.encoding)
        with self._file.open() as text:
            start = text.read(_HEADER_ROOM)
        self._delimiter = _find_delimiter(start, path, options.delimiter)
        self._header_row, header = self._find_header()
        self.columns, remarks = column_names(header)
        self.remarks = [*self._file.remarks, *remarks]
        self.size = self._count_rows()

    def rows(self) -> Iterator[Row]:
        """Give the rows; a blank one is none."""
        for number, fields in self._fields():
            if number > self._header_row:
                row = Row.of(number, self.columns, [field or None for field in fields])
                if row is not None:
                    yield row

    def close(self) -> None:
        """Nothing stays open."""

    def _fields(self) -> Iterator[tuple[int, list[str]]]:
        """Give every row of the file with its number, the header among them."""
        name = self._file.path.name
        number = 0
        with self._file.open() as text:
            lines = _Lines(text)
            reader = csv.reader(lines, delimiter=self._delimiter)
            while True:
                number += 1
                try:
                    fields = next(reader, None)
                except csv.Error:
                    message = (
                        f"{name}: row {number} cannot be read; is a quotation mark in it never "
                        "closed?"
                    )
                    raise FileError(message) from None
                if fields is None:
                    return
                # A row ends with its last line, unless a quotation mark asks for more.
                if lines.at_end:
                    message = f"{name}: a quotation mark in row {number} is never closed."
                    raise FileError(message)
                yield number, fields

    def _find_header(self) -> tuple[int, list[str]]:
        for number, fields in self._fields():
            # Excel's own first line, which names the delimiter, is not a header.
            if any(field.strip() for field in fields) and fields[0].casefold() != "sep=":
                return number, fields
        message = f"{self._file.path.name} is empty: it has no row with names of columns."
        raise FileError(message, error_id="file-empty")

    def _count_rows(self) -> int:
        """Count line ends outside of quotation marks: near enough to tell how long it takes."""
        rows, is_quoted = 0, False
        with self._file.open() as text:
            while block := text.read(_BLOCK):
                for part in block.split('"'):
                    if not is_quoted:
                        rows += part.count("\n") or part.count("\r")
                    is_quoted = not is_quoted
                # The end of a block is not a quotation mark.
                is_quoted = not is_quoted
        return max(0, rows - self._header_row)


class _Lines:
    """The lines of a file, and whether there are no more."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self.at_end = False

    def __iter__(self) -> Iterator[str]:
        yield from self._text
        self.at_end = True


def _find_delimiter(start: str, path: Path, given: str | None) -> str:
    """Take the delimiter that is given or named, or the one that makes most of the header."""
    if given:
        delimiter = "\t" if given in {"\\t", "tab"} else given
        if len(delimiter) != 1 or delimiter in '"\r\n':
            message = "--delimiter: must be one character, or `tab`."
            raise FileError(message, error_id="file-option")
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
