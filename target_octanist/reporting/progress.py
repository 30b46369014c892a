"""What tells a person how far things are."""

from __future__ import annotations

import itertools
import logging
import time
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, TextIO

import click

from target_octanist.reporting.summary import counts_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("target-octanist")

_SECONDS_BETWEEN: Final = 0.5

#: A log is read later, by nobody who waits.
_SECONDS_BETWEEN_LOG_LINES: Final = 30.0

_CLEAR_LINE = "\r\x1b[K"

_SHOW_CURSOR = "\x1b[?25h"  # click hides it


class Progress(Protocol):
    """Shows a person how far a run is."""

    def show(self, outcomes: Mapping[str, int]) -> None:
        """Show the outcomes so far, if it is time to."""

    def clear(self) -> None:
        """Make room for what is said next."""


class ProgressLine:
    """A line on a terminal that writes over itself; a pipe gets nothing."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream if stream.isatty() else None
        self._shown_at = float("-inf")

    def show(self, outcomes: Mapping[str, int]) -> None:
        """Show the outcomes so far, if it is time to."""
        now = time.monotonic()
        if self._stream is None or now - self._shown_at < _SECONDS_BETWEEN:
            return
        self._shown_at = now
        self._stream.write(f"{_CLEAR_LINE}{counts_sentence(outcomes)} …")
        self._stream.flush()

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if self._stream is not None:
            self._stream.write(_CLEAR_LINE)
            self._stream.flush()


class ProgressBar:
    """A bar on a terminal, with the time that is left; else a line in the log now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._expected = 0
        self._settled = 0
        self._words = ""
        self._bar: Any = None
        self._shown_at = time.monotonic()

    def expect(self, records: int) -> None:
        """Begin, with about this many records to come; 0 if nobody can tell."""
        self._expected = records
        if self._stream.isatty():
            self._bar = click.progressbar(
                itertools.count(),
                length=records or None,
                item_show_func=lambda _: self._words,
                file=self._stream,
            )

    def show(self, outcomes: Mapping[str, int]) -> None:
        """Show the outcomes so far, if it is time to."""
        now = time.monotonic()
        if now - self._shown_at < (_SECONDS_BETWEEN if self._bar else _SECONDS_BETWEEN_LOG_LINES):
            return
        self._shown_at = now
        settled, self._settled = self._settled, sum(outcomes.values())
        self._words = counts_sentence(outcomes)
        if self._bar is not None:
            self._bar.update(self._settled - settled)
        else:
            of = f" of about {self._expected}" if self._expected else ""
            logger.info("%d%s rows are settled: %s.", self._settled, of, self._words)

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if self._bar is not None:
            self._stream.write(_CLEAR_LINE + _SHOW_CURSOR)
            self._stream.flush()
