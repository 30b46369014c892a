"""Runs a command on a terminal of its own, and tells what a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

from tests.support.processes import Process
from tests.support.target import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PIECES = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(.)", re.DOTALL)

_STYLES = re.compile(r"\x1b\[[0-9;]*m")

CLEAR = "\r\x1b[K"


class Terminal:
    """A process whose stderr, and stdout if wanted, is a terminal.

    Attributes:
        raw: All that was written to the terminal so far.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        columns: int = 100,
        stdout: bool = False,
        given: bytes = b"",
    ) -> None:
        """Start it, and give it its whole input."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.columns = columns
        self.raw = ""
        self.process: Process[bytes] = Process(
            command,
            stdin=subprocess.PIPE,
            stdout=theirs if stdout else subprocess.DEVNULL,
            stderr=theirs,
            env={"TERM": "xterm-256color", **env},
        )
        os.close(theirs)
        assert self.process.stdin is not None
        self.process.stdin.write(given)
        self.process.stdin.flush()

    def read_until(self, text: str) -> None:
        """Read on until a text was written; AssertionError if the process ends before."""
        while text not in _STYLES.sub("", self.raw):
            assert self._read(), f"{text!r} never came:\n{self.raw}"

    def finish(self) -> int:
        """End its input, read all it has to say and give its exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(TIMEOUT_SECONDS)

    def drawings(self) -> list[str]:
        """Each line of progress as it was drawn, without its colours."""
        plain = _STYLES.sub("", self.raw)
        return [drawn.split("\r")[0] for drawn in plain.split(CLEAR) if "\n" not in drawn]

    def screen(self) -> list[str]:
        """What stands on the terminal, scrolled back to its beginning."""
        lines: list[list[str]] = [[]]
        column = 0
        for piece in _PIECES.finditer(self.raw):
            code, char = piece[2], piece[3]
            line = lines[-1]
            if code == "K":
                del line[column:]
            elif char == "\r":
                column = 0
            elif char == "\n":
                lines.append([])
            elif char is not None:
                if column == self.columns:
                    lines.append([])
                    line, column = lines[-1], 0
                line[column : column + 1] = char
                column += 1
        return ["".join(line).rstrip() for line in lines]

    def _read(self) -> bool:
        end = time.monotonic() + TIMEOUT_SECONDS
        while not select.select([self._ours], [], [], 0.5)[0]:
            assert time.monotonic() < end, f"nothing more came:\n{self.raw}"
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data.decode()
        return bool(data)
