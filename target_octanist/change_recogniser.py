"""Recognises records that come again just as they were, where their content decides.

What a record says of a lead can change while its key stays, so the key alone tells nothing. But
if its bytes are those of the last time, and so is all that decides how they are mapped, it asks
the same of the journal as then. Where nothing of that is left to do it need not be mapped again.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_octanist.errors import LedgerError
from target_octanist.json_lines import parse_fraction
from target_octanist.leads.identity import DIGEST_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_octanist.ledger.fingerprints import Done
    from target_octanist.record_key import RecordKey

#: Messages besides the records of a stream that change nothing about these.
_HARMLESS: Final = frozenset({"RECORD", "STATE"})


class Fingerprinted(NamedTuple):
    """A record as it came: the source that names it, and its fingerprint."""

    source: str
    fingerprint: str


class UnclearError(ValueError):
    """A line may hold a record of the stream, and it cannot be told which."""


class InHand:
    """Names the records that the run took and that may not be settled yet.

    What the journal has of them is not the last word, so none of them is recognised.
    """

    def __init__(self) -> None:
        self._older: set[str] = set()
        self._newer: set[str] = set()
        self._accepted = 0

    def add(self, source: str) -> None:
        """Take note of a record that is handed over."""
        self._newer.add(source)

    def __contains__(self, source: str) -> bool:
        return source in self._newer or source in self._older

    def forget(self, *, accepted: int, settled_through: int) -> None:
        """Forget those that are settled by now.

        Args:
            accepted: How many records the run has taken.
            settled_through: The number of the last one up to which every one is settled.
        """
        if settled_through >= self._accepted:
            self._older, self._newer, self._accepted = self._newer, set(), accepted


class ChangeRecogniser:
    """Recognises the records of one stream; it needs what a `Recogniser` needs."""

    def __init__(
        self,
        key: RecordKey,
        *,
        salt: bytes,
        mapped_by: str,
        done_among: Callable[[Collection[str]], dict[str, Done]],
        in_hand: InHand,
    ) -> None:
        """Prepare to read keys.

        Args:
            key: That of the stream.
            salt: That of the journal.
            mapped_by: All that decides how a record is mapped, as one text.
            done_among: Says what some records came to of which nothing is left to do.
            in_hand: The records that the run has in hand.
        """
        self.stream = key.stream
        line = msgspec.defstruct(
            "Line",
            [("type", str, ""), ("stream", str, ""), ("record", msgspec.Raw, msgspec.Raw(b""))],
            gc=False,
        )
        self._decode_line: Callable[[bytes], Any] = msgspec.json.Decoder(line).decode
        self._decode: Callable[[Any], Any] = msgspec.json.Decoder(
            key.record, float_hook=parse_fraction
        ).decode
        self._name_of = key.name
        self._begun = blake2b(digest_size=DIGEST_SIZE, key=salt)
        self._begun.update(blake2b(mapped_by.encode("utf-8", "surrogatepass")).digest())
        self._done_among = done_among
        self._in_hand = in_hand
        self._done: dict[str, Done] = {}

    def fingerprint(self, line: bytes, source: str) -> str | None:
        """Give the fingerprint of a record, if it is the one in this line."""
        try:
            known = self.read(line)
        except UnclearError:
            return None
        return known.fingerprint if known is not None and known.source == source else None

    def recognise(self, lines: Sequence[bytes]) -> list[str | None]:
        """For each line the source of the record in it, if nothing of that is left to do."""
        read: list[Fingerprinted | None] = []
        with suppress(UnclearError):  # what comes behind such a line may be older than it
            for line in lines:
                read.append(self.read(line))  # noqa: PERF401 - those before it count
        self._done = self._ask({known.source for known in read if known is not None})
        sources: list[str | None] = []
        ahead: set[str] = set()
        for known in read:
            source = None if known is None else known.source
            if known is not None and not self._is_done(known, ahead):
                # If it comes once more, that is to be the last word.
                ahead.add(known.source)
                source = None
            sources.append(source)
        return sources + [None] * (len(lines) - len(sources))

    def done(self, source: str) -> Done:
        """Say what a record came to that was recognised in the last lines."""
        return self._done[source]

    def _is_done(self, known: Fingerprinted, ahead: Collection[str]) -> bool:
        done = self._done.get(known.source)
        if done is None or done.fingerprint != known.fingerprint:
            return False
        return known.source not in ahead and known.source not in self._in_hand

    def _ask(self, sources: Collection[str]) -> dict[str, Done]:
        try:
            return self._done_among(sources) if sources else {}
        except LedgerError:
            # Whoever writes to the journal waits for it to come back, or tells what is wrong.
            return {}

    def read(self, line: bytes) -> Fingerprinted | None:
        """Read the record of the stream in a line; None if it has none.

        Raises:
            UnclearError: It may have one.
        """
        try:
            message = self._decode_line(line)
            if message.type not in _HARMLESS:
                raise UnclearError
            if message.type != "RECORD" or message.stream != self.stream:
                return None
            source = self._name_of(self._decode(message.record))
        except (msgspec.DecodeError, RecursionError):
            raise UnclearError from None
        if source is None:
            raise UnclearError
        digest = self._begun.copy()
        digest.update(message.record)
        return Fingerprinted(source, digest.hexdigest())
