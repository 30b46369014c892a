"""Parquet files, a batch of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.errors import FileError
from target_octanist.tables.columns import column_names
from target_octanist.tables.table import CHUNK_ROWS, Options, Row, needs_extra
from target_octanist.tables.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ParquetTable:
    """A Parquet file; its own types decide what a value is."""

    def __init__(self, path: Path, options: Options) -> None:
        """Read the file's own description of itself.

        Raises:
            FileError: It is none, or damaged.
        """
        options.forbid(path, "encoding", "delimiter", "sheet")
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise needs_extra("Parquet", "pyarrow") from None
        self._path = path
        try:
            self._file = ParquetFile(path)
        except Exception as error:  # noqa: BLE001 - of many kinds, and the text may quote the data
            message = f"{path.name} cannot be read as Parquet ({type(error).__name__})."
            raise FileError(message) from None
        self.columns, self.remarks = column_names(self._file.schema_arrow.names)
        self.size = int(self._file.metadata.num_rows)

    def rows(self) -> Iterator[Row]:
        """Give the rows."""
        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=CHUNK_ROWS, use_threads=False):
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    row = {
                        name: None if value == "" else plain(value)
                        for name, value in zip(self.columns, values, strict=True)
                    }
                    yield Row(number, row)
        except Exception as error:  # noqa: BLE001 - as above
            message = (
                f"{self._path.name} cannot be read as Parquet after row {number} "
                f"({type(error).__name__})."
            )
            raise FileError(message) from None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
