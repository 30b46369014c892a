"""Excel workbooks: one sheet, row by row."""

from __future__ import annotations

import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from target_octanist.errors import FileError
from target_octanist.tables.columns import column_names
from target_octanist.tables.table import Options, Row, needs_extra
from target_octanist.tables.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ExcelTable:
    """A sheet of a workbook; the header is its first row that is not blank."""

    def __init__(self, path: Path, options: Options) -> None:
        """Open the sheet that is asked for, or the first.

        Raises:
            FileError: It is not a workbook, or has no such sheet or no header.
        """
        options.forbid(path, "encoding", "delimiter")
        try:
            import openpyxl
            from openpyxl.cell.cell import ERROR_CODES
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            raise needs_extra("Excel", "openpyxl") from None
        self._path = path
        self._errors = frozenset(ERROR_CODES)
        try:
            with warnings.catch_warnings():
                # About styles and drop-down lists, which are nothing to us.
                warnings.simplefilter("ignore")
                self._book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
            message = f"{path.name} cannot be read as an Excel workbook (.xlsx)."
            raise FileError(message) from None
        sheets = {sheet.title: sheet for sheet in self._book.worksheets}
        if not sheets or (options.sheet is not None and options.sheet not in sheets):
            message = f"--sheet: {path.name} has no such sheet; it has: {', '.join(sheets)}."
            raise FileError(message, error_id="file-option")
        # Its type hints do not know that it can be read.
        self._sheet: Any = sheets[options.sheet or next(iter(sheets))]
        self.size: int = self._sheet.max_row or 0
        # What a file says of its size may be wrong, and rows beyond would be left out.
        self._sheet.reset_dimensions()
        header = next((cells for _, cells in self._cells()), None)
        if header is None:
            message = f"{path.name} is empty: it has no row with names of columns."
            raise FileError(message, error_id="file-empty")
        while header and header[-1] is None:
            header.pop()
        self.columns, self.remarks = column_names(header)

    def rows(self) -> Iterator[Row]:
        """Give the rows; a blank one is none."""
        rows = self._cells()
        next(rows)
        for number, cells in rows:
            row = Row.of(number, self.columns, cells)
            if row is not None:
                yield row

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()

    def _cells(self) -> Iterator[tuple[int, list[Any]]]:
        """Give each row that is not blank, with its number."""
        rows = self._sheet.iter_rows(values_only=True)
        number = 0
        while True:
            try:
                row = next(rows, None)
            except Exception as error:  # noqa: BLE001 - of many kinds, and the text may quote a cell
                message = (
                    f"{self._path.name} cannot be read on after row {number} "
                    f"({type(error).__name__}); open it in Excel and save it again."
                )
                raise FileError(message) from None
            if row is None:
                return
            number += 1
            cells = [self._value(cell) for cell in row]
            if any(cell is not None for cell in cells):
                yield number, cells

    def _value(self, cell: Any) -> Any:
        # `#N/A` and the like are what a formula came to, and nobody's name.
        if cell is None or cell == "" or (isinstance(cell, str) and cell in self._errors):
            return None
        return plain(cell)
