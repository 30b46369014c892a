"""Runs a command on a stream, as a process of its own, and says what that took."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[1]

#: As long as one run may take, unless more is asked for.
RUN_SECONDS: Final = 300

#: Linux counts resident memory in KiB, macOS in bytes.
_RSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024


class FailedError(Exception):
    """A command did not do all that it should; says what happened."""


@dataclass(frozen=True)
class Usage:
    """What a run took.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: user and system time of all its processes.
        peak_mb: the largest resident size, in millions of bytes.
        said_seconds: from its start to the last that it wrote to standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    said_seconds: float

    def without(self, start: Usage) -> Usage:
        """Take off what a run without records takes; NaN where nothing is left to tell."""
        return Usage(
            above_zero(self.seconds - start.seconds),
            above_zero(self.cpu_seconds - start.cpu_seconds),
            self.peak_mb,
            above_zero(self.said_seconds - start.seconds),
        )


def above_zero(value: float) -> float:
    """Give a value, or NaN if what was to be told is smaller than what disturbs it."""
    return value if value > 0 else math.nan


def run(
    command: Sequence[str | Path], stream: Path, folder: Path, *, seconds: float = RUN_SECONDS
) -> Usage:
    """Run a command with a stream as its standard input.

    Args:
        command: What to run.
        stream: A file; all of it is there when the run begins.
        folder: Its home; what it says goes to the files ``out`` and ``log`` there.
        seconds: As long as it may take.

    Raises:
        FailedError: It ended with another exit code than 0.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "OCTANIST_HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(ROOT),
    }
    out, log = folder / "out", folder / "log"
    with stream.open("rb") as given, out.open("wb") as said, log.open("wb") as told:
        began, began_at = time.monotonic(), time.time()
        process = subprocess.Popen(
            command, stdin=given, stdout=said, stderr=told, cwd=folder, env=environment
        )
        limit = threading.Timer(seconds, process.kill)
        limit.start()
        _, status, used = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        lines = [line for path in (out, log) for line in _lines(path)]
        raise FailedError(f"exit code {process.returncode}: {lines[-1] if lines else ''}")
    return Usage(
        took,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * _RSS_BYTES / 1e6,
        out.stat().st_mtime - began_at,
    )


def own_peak_mb() -> float:
    """Give the largest resident size of this process, in millions of bytes.

    A child's counts from before it was another program, so it is never less than this.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_BYTES / 1e6


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", "replace").strip().splitlines()
