"""Records of a stream of any length: a bounded number of them, evenly spread over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 2000


class Sample:
    """Takes every record, and keeps every first, second, fourth … so that few remain.

    Attributes:
        records: What is kept, in the order of the stream: all of up to `MOST`.
        count: How many there were.
    """

    def __init__(self) -> None:
        self.records: list[Mapping[str, Any]] = []
        self.count = 0
        self._step = 1

    def add(self, record: Mapping[str, Any]) -> None:
        if self.count % self._step == 0:
            self.records.append(record)
            if len(self.records) > MOST:
                del self.records[1::2]
                self._step *= 2
        self.count += 1
