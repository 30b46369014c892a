"""Names the records of a stream by their key, and reads no more of them than that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import astuple

from target_octanist.leads.identity import key_namer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class RecordKey:
    """The key of one stream's records.

    Attributes:
        stream: Its name.
        record: What is read of a record, as the type for a decoder.
    """

    def __init__(
        self,
        stream: str,
        *,
        key: Sequence[str],
        required: Iterable[str],
        salt: bytes,
        destination: str,
    ) -> None:
        """Prepare to read keys.

        Args:
            stream: Its name.
            key: The columns that name a record; at least one.
            required: Columns without which a record is refused.
            salt: That of the journal.
            destination: What the leads are sent to.

        Raises:
            ValueError: A column has a name that cannot be looked for.
        """
        columns = list(dict.fromkeys([*key, *required]))
        names = [f"column{index}" for index in range(len(columns))]
        self.stream = stream
        self.record: Any = msgspec.defstruct(
            "Record",
            [*((name, Any, msgspec.UNSET) for name in names), ("deleted_at", Any, None)],
            rename=dict(zip(names, columns, strict=True)) | {"deleted_at": "_sdc_deleted_at"},
            gc=False,
        )
        self._width = len(set(key))
        self._name_of = key_namer(salt, destination, stream, columns[: self._width])

    def name(self, record: Any) -> str | None:
        """Give the source of a record; None if it lacks a column, or its key, or was deleted."""
        values = astuple(record)
        if msgspec.UNSET in values or values[-1]:
            return None
        return self._name_of(values[: self._width])
