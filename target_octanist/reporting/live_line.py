"""A line at the foot of a terminal that writes over itself; what is logged goes above it.

The cursor is never hidden, so nothing has to be put right after a run that is killed.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO, cast

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

_CLEAR = "\r\x1b[K"


class LiveLine:
    """Draws one line on a terminal.

    Log lines come from other threads, too: what is written and the line never mix.
    """

    def __init__(self, stream: TextIO) -> None:
        """Take over the terminal; `close` gives it back."""
        self._stream = stream
        self._console = Console(file=stream)
        self._lock = threading.RLock()
        self._shown = ""
        self._handlers = _handlers_on(stream)
        for handler in self._handlers:
            handler.setStream(cast("TextIO", _Above(self, stream)))
        self._stdout = sys.stdout
        if sys.stdout.isatty():
            sys.stdout = cast("TextIO", _Above(self, sys.stdout))

    @property
    def width(self) -> int:
        """How many columns there are; the last one stays empty, so that nothing wraps."""
        return self._console.width - 1

    def draw(self, *parts: RenderableType) -> None:
        """Show these in one line; they must fit."""
        with self._console.capture() as capture:
            for part in parts:
                self._console.print(part, end="", soft_wrap=True)
        with self._lock:
            self._shown = capture.get()
            self._stream.write(_CLEAR + self._shown)
            self._stream.flush()

    def put_above(self, stream: TextIO, text: str) -> int:
        """Write whole lines to a stream on the same terminal."""
        with self._lock:
            self._stream.write(_CLEAR)
            self._stream.flush()
            written = stream.write(text)
            stream.flush()
            self._stream.write(self._shown)
            self._stream.flush()
        return written

    def close(self) -> None:
        """Leave the line empty for what comes next."""
        with self._lock:
            self._shown = ""
            self._stream.write(_CLEAR)
            self._stream.flush()
        for handler in self._handlers:
            handler.setStream(self._stream)
        sys.stdout = self._stdout


class _Above:
    """A stream to the terminal whose text is put above the line."""

    def __init__(self, line: LiveLine, stream: TextIO) -> None:
        self._line = line
        self._stream = stream

    def write(self, text: str) -> int:
        return self._line.put_above(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _handlers_on(stream: TextIO) -> list[logging.StreamHandler[TextIO]]:
    return [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
