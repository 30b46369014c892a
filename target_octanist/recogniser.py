"""Recognises records that were settled before, by their keys and without reading the rest.

A nightly sync of a full table brings a million records of which a thousand are new. Once a
record is settled it makes no lead again, whatever it says by now; so it need not even be
decoded, let alone mapped. What is not recognised goes the whole way, which decides alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_octanist.errors import LedgerError
from target_octanist.json_lines import parse_fraction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_octanist.record_key import RecordKey


class Recogniser:
    """Recognises the records of one stream.

    It needs a key, and records that reach the mapping as they came: a stream map could
    change the key.
    """

    def __init__(
        self, key: RecordKey, settled_among: Callable[[Collection[str]], set[str]]
    ) -> None:
        """Prepare to read nothing but keys.

        Args:
            key: That of the stream.
            settled_among: Says which of some records are settled for good.
        """
        self.stream = key.stream
        line = msgspec.defstruct(
            "Line",
            [("type", str, ""), ("stream", str, ""), ("record", key.record | None, None)],
            gc=False,
        )
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(
            line, float_hook=parse_fraction
        ).decode
        self._name_of = key.name
        self._settled_among = settled_among

    def recognise(self, lines: Sequence[bytes]) -> list[str | None]:
        """For each line the source of the record in it, if that is settled for good."""
        sources = self._sources(lines)
        asked = [source for source in sources if source is not None]
        if not asked:
            return sources
        try:
            settled = self._settled_among(asked)
        except LedgerError:
            # Whoever writes to the journal waits for it to come back, or tells what is wrong.
            settled = set()
        if len(asked) == len(sources) and settled.issuperset(sources):
            return sources
        return [source if source in settled else None for source in sources]

    def _sources(self, lines: Sequence[bytes]) -> list[str | None]:
        """For each line the source of the record in it, if it has one by its key."""
        # One loop with short names: it runs for every line of the input.
        decode, name_of, stream = self._decode, self._name_of, self.stream
        sources: list[str | None] = []
        for line in lines:
            source = None
            try:
                message = decode(line)
            except (msgspec.DecodeError, RecursionError):
                message = None  # whoever reads all of it says what is wrong
            if message is None:
                pass
            elif (
                message.record is not None and message.stream == stream and message.type == "RECORD"
            ):
                source = name_of(message.record)
            elif message.type == "SCHEMA":
                break  # from here on the key may be another
            sources.append(source)
        return sources + [None] * (len(lines) - len(sources))
