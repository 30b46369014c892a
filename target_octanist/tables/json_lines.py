"""JSON lines: an object in every line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_octanist.errors import FileError
from target_octanist.json_lines import LineError, decode_object, shallow
from target_octanist.tables.table import Options, Row
from target_octanist.tables.text_file import TextFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SINGER: Final = {"SCHEMA", "RECORD", "STATE"}


class JsonLinesTable:
    """A file of JSON lines; its columns are the names that occur in any of them."""

    def __init__(self, path: Path, options: Options) -> None:
        """Read the whole file once: for its columns, and so that a bad line is reported early.

        Raises:
            FileError: A line is not an object; it is named by its number.
        """
        options.forbid(path, "delimiter", "sheet")
        self._file = TextFile(path, options.encoding)
        self.remarks = self._file.remarks
        names: dict[str, None] = {}
        self.size = 0
        for _, values in self._objects():
            self.size += 1
            names |= dict.fromkeys(values)
        self.columns = list(names)

    def rows(self) -> Iterator[Row]:
        """Give the rows; a blank line is none."""
        empty = dict.fromkeys(self.columns)
        for number, values in self._objects():
            yield Row(number, empty | values)

    def close(self) -> None:
        """Nothing stays open."""

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._file.open() as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield number, self._decode(number, line.encode())

    def _decode(self, number: int, line: bytes) -> dict[str, Any]:
        name = self._file.path.name
        try:
            values = shallow(line, decode_object(line))
        except LineError as error:
            message = f"{name}: line {number} {error}."
            raise FileError(message) from None
        if values.get("type") in _SINGER and ("stream" in values or "value" in values):
            message = f"{name} is a Singer stream; send it with: target-octanist --input {name}"
            raise FileError(message, error_id="file-kind")
        return values
