"""Reads Singer messages as bytes, and can be told to stop while it waits for more.

Two things differ from the SDK's reader: a line that cannot be used is told by its
number and never repeated (it is full of personal data), and a signal ends the
reading as the end of the input would, instead of interrupting what is going on.
"""

from __future__ import annotations

import os
import select
import sys
from collections import Counter
from contextlib import suppress
from itertools import repeat
from typing import IO, TYPE_CHECKING, Any, Protocol

from singer_sdk.singerlib.encoding.base import GenericSingerReader

from target_octanist.errors import InputError
from target_octanist.json_lines import LineError, decode_object, shallow

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

_CHUNK_BYTES = 256 * 1024

#: How often the listener is called while no input comes.
IDLE_SECONDS = 0.25


class StopReading(Exception):  # noqa: N818 - it is not an error: it ends the reading cleanly
    """Raised by a callback that takes no more messages."""


class Listener(Protocol):
    """What the reader tells its owner."""

    def breathe(self) -> None:
        """There is time to do other things; called often, also while no input comes."""

    def abandon(self) -> None:
        """The input cannot be read on; settle what was accepted."""

    def recognise(self, lines: Sequence[bytes]) -> Sequence[str | None] | None:
        """For each line the source of the record in it, if nothing is to be done about that.

        None if that is so of none of them.
        """

    def pass_over(self, sources: Sequence[str]) -> None:
        """These records come next, one after the other, and were recognised."""


class _Silent:
    def breathe(self) -> None:
        pass

    def abandon(self) -> None:
        pass

    def recognise(self, lines: Sequence[bytes]) -> None:
        pass

    def pass_over(self, sources: Sequence[str]) -> None:
        pass


class InterruptibleReader(GenericSingerReader[bytes]):
    """Reads messages line by line from a pipe, a file or any object with lines."""

    def __init__(self, listener: Listener | None = None) -> None:
        super().__init__()
        self._listener = listener or _Silent()
        self._stop_asked = False
        self._wake_read, self._wake_write = -1, -1
        self._counts: Counter[str] = Counter()
        self.line_number = 0
        #: The line that the last message was in.
        self.line = b""

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, asked for when it is needed so that it can be replaced.

        Raises:
            InputError: It was closed before this process began.
        """
        if sys.stdin is None:
            message = (
                "There is no standard input; let a tap write to it, or name a file with --input."
            )
            raise InputError(message)
        return sys.stdin.buffer

    def stop(self) -> None:
        """End the reading as if the input had ended; safe in a signal handler."""
        self._stop_asked = True
        if self._wake_write >= 0:
            os.write(self._wake_write, b"x")

    def _stopped(self) -> bool:
        # A plain flag: a lock could be held by the very thread that the signal interrupts.
        return self._stop_asked

    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read to the end of the input and hand each message to its callback.

        Raises:
            InputError: A line is not a Singer message; it is named by its number.
        """
        counts = self._counts
        try:
            for message in self.messages(file_input):
                kind = message.get("type")
                callback = callbacks.get(kind) if isinstance(kind, str) else None
                if callback is None:
                    raise self.bad_line("has no `type` that Singer knows")
                callback(message)
                counts[str(kind)] += 1
        except StopReading:
            pass
        except BaseException:
            self._listener.abandon()
            raise
        return counts

    def messages(self, file_input: IO[Any] | None) -> Iterator[dict[str, Any]]:
        """Give the messages of an input, one from each line that is not blank.

        Records that are recognised are passed over in their turn.
        """
        for block in self._blocks(file_input or self.default_input):
            at = 0
            while at < len(block):
                lines = block[at:]
                at += yield from self._messages_of(lines, self._listener.recognise(lines))

    def _messages_of(
        self, lines: Sequence[bytes], recognised: Sequence[str | None] | None
    ) -> Generator[dict[str, Any], None, int]:
        """Give the messages of some lines up to a SCHEMA; what follows may be recognised by it.

        Returns:
            The number of lines that are done with.
        """
        passed: list[str] = []
        if recognised is not None and None not in recognised:
            self._pass_over([source for source in recognised if source is not None])
            return len(lines)
        sources = recognised if recognised is not None else repeat(None)
        for number, (line, source) in enumerate(zip(lines, sources, strict=False), start=1):
            if source is not None:
                passed.append(source)
                continue
            self._pass_over(passed)
            if self._stopped():
                return len(lines)
            self.line_number += 1
            if line.strip():
                self.line = line
                message = self.deserialize_json(line)
                yield message
                if message.get("type") == "SCHEMA":
                    return number
        self._pass_over(passed)
        return len(lines)

    def _pass_over(self, sources: list[str]) -> None:
        if sources:
            self._listener.pass_over(sources)
            self.line_number += len(sources)
            self._counts["RECORD"] += len(sources)
            sources.clear()

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one line; see `decode_object`.

        Raises:
            InputError: It is not a JSON object.
        """
        try:
            message = decode_object(line)
        except LineError as error:
            raise self.bad_line(str(error)) from None
        limited = shallow(line, message)
        # A record can do without its depths; a SCHEMA or STATE would be another one.
        if message.get("type") != "RECORD" and limited != message:
            raise self.bad_line("is nested too deeply")
        return limited

    @staticmethod
    def assert_line_requires(line_dict: dict[str, Any], requires: set[str]) -> None:
        """Check that a message has what it must, without repeating it.

        Raises:
            InputError: Names what is missing.
        """
        if missing := requires - line_dict.keys():
            kind = line_dict.get("type", "message")
            message = f"A {kind} in the input lacks {', '.join(sorted(missing))}."
            raise InputError(message)

    def bad_line(self, what: str) -> InputError:
        """Name the line that is being read in a sentence about it."""
        return InputError(f"Line {self.line_number} of the input {what}.")

    def drain(self, file_input: IO[Any] | None) -> None:
        """Read to the end and throw away, so that a tap is not met by a broken pipe."""
        try:
            source = file_input or self.default_input
            if source.isatty():
                return
            for _ in self._blocks(source):
                pass
        except (OSError, ValueError, InputError):
            return

    def _blocks(self, source: IO[Any]) -> Iterator[list[bytes]]:
        """Give the lines of an input, as many at a time as have come."""
        raw = getattr(source, "buffer", source)
        try:
            descriptor = raw.fileno()
        except (OSError, AttributeError, ValueError):
            return self._blocks_of_object(source)
        # Windows can select on sockets alone; there, signals wait for the next line.
        if os.name == "nt":
            return self._blocks_of_object(raw)
        return self._blocks_of_descriptor(descriptor)

    def _blocks_of_object(self, lines: Iterable[str | bytes]) -> Iterator[list[bytes]]:
        for line in lines:
            if self._stopped():
                return
            yield [line.encode(errors="surrogatepass") if isinstance(line, str) else line]
            self._listener.breathe()

    def _blocks_of_descriptor(self, descriptor: int) -> Iterator[list[bytes]]:
        if self._wake_read < 0:
            self._wake_read, self._wake_write = os.pipe()
        _widen(descriptor)
        rest: list[bytes] = []
        while not self._stopped():
            readable, _, _ = select.select([descriptor, self._wake_read], [], [], IDLE_SECONDS)
            if self._stopped():
                return
            if descriptor in readable:
                chunk = os.read(descriptor, _CHUNK_BYTES)
                if not chunk:
                    break
                *lines, tail = chunk.split(b"\n")
                if lines:
                    lines[0] = b"".join((*rest, lines[0]))
                    rest.clear()
                    yield lines
                rest.append(tail)
            self._listener.breathe()
        last = b"".join(rest)
        if last and not self._stopped():
            yield [last]


def _widen(descriptor: int) -> None:
    """Let a pipe hold a chunk, so that tap and target need not take turns all the time."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl  # on POSIX alone, and the rest on Linux alone

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CHUNK_BYTES)
