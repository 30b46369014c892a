"""What every kind of file is read as, and which kind a file is of."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, Protocol

from target_octanist.errors import FileError
from target_octanist.extras import extra_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Rows that are held at once.
CHUNK_ROWS: Final = 1000

#: Endings of text files, alone or before one of `COMPRESSED`.
DELIMITED: Final = (".csv", ".tsv", ".tab", ".txt")
JSON_LINES: Final = (".jsonl", ".ndjson")
COMPRESSED: Final = (".gz", ".zip")
EXCEL: Final = (".xlsx", ".xlsm")
PARQUET: Final = (".parquet", ".pq")

TOO_LONG: Final = "the row has more fields than the header"


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank.

    Attributes:
        number: As a spreadsheet shows it: the header is row 1, and blank rows count. Where
            there is no header, the first row is row 1.
        values: Column to value; every column is there.
        problem: Why no lead may be made of it, as the end of a sentence.
    """

    number: int
    values: dict[str, Any]
    problem: str | None = None

    @classmethod
    def of(cls, number: int, columns: Sequence[str], cells: Sequence[Any]) -> Row | None:
        """Put cells under columns; None if all are blank.

        Many programs leave out empty cells at the end of a row, so a row may be short. One
        with more cells than columns was not meant so, and nobody knows which are out of place.
        """
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            return None
        values = dict(zip_longest(columns, cells[: len(columns)]))
        surplus = [cell for cell in cells[len(columns) :] if cell is not None]
        if not surplus:
            return cls(number, values)
        values |= {f"surplus_{place}": cell for place, cell in enumerate(surplus, 1)}
        return cls(number, values, TOO_LONG)


class Table(Protocol):
    """An open file.

    Attributes:
        columns: The names of the columns, no two alike.
        remarks: What was done to the file so that it can be read, in sentences.
        size: About how many rows there are; 0 if unknown.
    """

    columns: list[str]
    remarks: list[str]
    size: int

    def rows(self) -> Iterator[Row]:
        """Give the rows in order.

        Raises:
            FileError: The file cannot be read on; the sentence says where.
        """

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may have to say about a file; None where the file is asked."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    def forbid(self, path: Path, *names: str) -> None:
        """Refuse options that mean nothing for a file.

        Raises:
            FileError: One of them was given.
        """
        for name in names:
            if getattr(self, name) is not None:
                message = f"--{name}: means nothing for {path.name}; leave it out."
                raise FileError(message, error_id="file-option")


@dataclass(frozen=True, slots=True)
class Kind:
    """What the name of a file says: its ending, and the name without it."""

    ending: str
    stem: str = field(compare=False)


def kind_of(path: Path) -> Kind:
    """Take a file's name apart; ``leads.csv.gz`` is a ``.csv`` with the stem ``leads``."""
    *rest, last = path.suffixes[-2:] or [""]
    if last.lower() in COMPRESSED:
        if rest and rest[0].lower() in (*DELIMITED, *JSON_LINES):
            return Kind(rest[0].lower(), path.name.removesuffix(rest[0] + last))
        # leads.zip: what is in it is taken for CSV.
        return Kind(".csv", path.stem)
    return Kind(last.lower(), path.stem)


def open_table(path: Path, options: Options) -> Table:
    """Open a file of any kind that is known.

    Raises:
        FileError: It cannot be read, or its kind is not known.
    """
    if not path.is_file():
        message = f"{path.name} is not an ordinary file; save it as one, it is read twice."
        raise FileError(message)
    ending = kind_of(path).ending
    if ending in DELIMITED:
        from target_octanist.tables.delimited import DelimitedTable

        return DelimitedTable(path, options)
    if ending in EXCEL:
        from target_octanist.tables.excel import ExcelTable

        return ExcelTable(path, options)
    if ending in PARQUET:
        from target_octanist.tables.parquet import ParquetTable

        return ParquetTable(path, options)
    if ending in JSON_LINES:
        from target_octanist.tables.json_lines import JsonLinesTable

        return JsonLinesTable(path, options)
    if ending == ".xls":
        message = f"{path.name} is in Excel's old format; save it as .xlsx."
        raise FileError(message, error_id="file-kind")
    known = " ".join((*DELIMITED, *EXCEL, *PARQUET, *JSON_LINES))
    message = f"{path.name} has no ending that tells what it is; known are: {known}."
    raise FileError(message, error_id="file-kind")


def needs_extra(what: str, package: str) -> FileError:
    """Say what to install, where an optional package is missing."""
    return FileError(
        f"{what} files need {package}; install it with: {extra_hint('files')}",
        error_id="extra-missing",
    )
