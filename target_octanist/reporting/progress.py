"""A line that tells a person at a terminal how far things are; a pipe gets nothing."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, Final

from target_octanist.reporting.summary import counts_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS_BETWEEN: Final = 0.5

_CLEAR_LINE = "\r\x1b[K"


class ProgressLine:
    """Writes over itself, at most twice a second."""

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
