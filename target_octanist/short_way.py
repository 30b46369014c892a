"""The short way of records around the SDK, for streams that no stream map touches.

Their records reach the sink as they came, so they need not go through the SDK's maps; and
records that were settled before are told from their lines, and need not be read at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.mapper import SameRecordTransform

from target_octanist.change_recogniser import InHand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.mapper import StreamMap

    from target_octanist.change_recogniser import ChangeRecogniser
    from target_octanist.ledger.settled import SettledRecords
    from target_octanist.recogniser import Recogniser
    from target_octanist.sinks import LeadSink


class ShortWay:
    """Knows which streams take it, and what recognises their records.

    Attributes:
        in_hand: What a stream's content decides about, and is not settled yet.
        recognised_by: What looked at the lines that are being handled now, if anything did.
    """

    def __init__(self) -> None:
        self.in_hand = InHand()
        self.recognised_by: Recogniser | ChangeRecogniser | None = None
        self._sinks: dict[str, LeadSink] = {}
        self._recognisers: dict[str, Recogniser | ChangeRecogniser | None] = {}
        # That of the stream whose lines most likely come next.
        self._next: Recogniser | ChangeRecogniser | None = None

    @staticmethod
    def is_open_to(maps: Sequence[StreamMap]) -> bool:
        """Say whether records come out of a stream's maps just as they came, and nothing beside."""
        if len(maps) != 1 or maps[0].flattening_enabled:
            return False
        return isinstance(maps[0], SameRecordTransform)

    def add(self, stream: str, sink: LeadSink, settled: SettledRecords | None) -> None:
        """Let the records of a stream take it from its SCHEMA on.

        Args:
            stream: Its name.
            sink: Where they go.
            settled: Tells of records that earlier runs have settled; None if there are none.
        """
        recogniser = sink.recogniser(settled) if settled is not None else None
        self._sinks[stream] = sink
        self._next = self._recognisers[stream] = recogniser

    def sink_of(self, stream: str) -> LeadSink | None:
        """Give the sink of a record that is handled now; None if it has to go through the SDK."""
        # What comes next will most likely be of the same stream.
        self._next = self._recognisers.get(stream)
        return self._sinks.get(stream)

    def recognise(self, lines: Sequence[bytes]) -> Sequence[str | None] | None:
        """For each line the source of the record in it, if that was settled before."""
        self.recognised_by = self._next
        return None if self._next is None else self._next.recognise(lines)

    def has_looked_at(self, stream: str) -> bool:
        """Whether a record of the stream in these lines was looked at, and not recognised."""
        return self.recognised_by is not None and self.recognised_by.stream == stream
