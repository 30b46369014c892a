"""STATE is a promise: it is written only when all that came before it is settled."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

from singer_sdk.singerlib.json import serialize_json

from target_octanist.errors import OctanistError
from target_octanist.kill_points import reached

#: Whoever reads the STATE lines may write each one to a database.
SECONDS_BETWEEN_LINES: Final = 1.0


class StateWriter:
    """Holds back STATE messages until the records before them are settled."""

    def __init__(self, *, silent: bool = False) -> None:
        """Make a writer.

        Args:
            silent: Never write: a dry run delivers nothing that STATE could promise.
        """
        self._silent = silent
        self._waiting: deque[tuple[int, Any]] = deque()
        self._promised: Any = None
        self._written: str | None = None
        self._written_at = float("-inf")

    def received(self, value: Any, *, after: int) -> None:
        """Take a STATE message that came after record number `after`."""
        if self._waiting and self._waiting[-1][0] == after:
            self._waiting.pop()  # a later one for the same records replaces it
        self._waiting.append((after, value))

    def advance(self, settled_through: int, *, last: bool = False) -> None:
        """Write the newest STATE that may be written.

        Args:
            settled_through: Every record up to this number is settled.
            last: Write it now, even if a line was written a moment ago.

        Raises:
            OctanistError: Nobody reads stdout any more.
        """
        while self._waiting and self._waiting[0][0] <= settled_through:
            self._promised = self._waiting.popleft()[1]
        if self._promised is None or self._silent:
            return
        now = time.monotonic()
        if not last and now - self._written_at < SECONDS_BETWEEN_LINES:
            return
        line = serialize_json(self._promised)
        self._promised = None
        if line != self._written:
            self._write(line)
            self._written, self._written_at = line, now

    def _write(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            reached("state")
        except OSError:
            # Told once; what is in hand is still settled. What Python still holds for
            # stdout goes nowhere, or it would end the process with a code of its own.
            self._silent = True
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            message = "STATE cannot be written: whoever read stdout has gone. Run again."
            raise OctanistError(message, error_id="state-unwritable") from None
