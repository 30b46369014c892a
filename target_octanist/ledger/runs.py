"""Whose claims they are: a run's place, its heartbeat, and whether it still lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from target_octanist.ledger.tables import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: A live run writes its heartbeat this often.
HEARTBEAT_SECONDS = 5

#: A run that nobody can look at is taken for dead after this long without a heartbeat.
#: It is longer than any transaction can be held up by another (see BUSY_TIMEOUT).
SILENCE_SECONDS = 120

#: A process that exists but was silent for this long is not the one that it was.
PID_REUSE_SECONDS = 3600

#: Asks macOS for the name of its session since it was booted.
BOOT_SESSION: Final = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")


@dataclass(frozen=True, slots=True)
class RunRow:
    """What the journal knows of a run; times are milliseconds since 1970 UTC."""

    id: str
    place: str
    pid: int
    heartbeat_at: int
    ended_at: int | None


def this_place() -> str:
    """Name the place in which this process's PID means something.

    Two containers may share a host name and a journal, and still not see each
    other's processes, so the boot and the PID namespace belong to the name.
    """
    return f"{socket.gethostname()}/{_boot_id()}/{_pid_namespace()}"


def is_alive(run: RunRow, *, now: int, place: str, pid: int) -> bool:
    """Say whether a run may still be sending.

    Where its process can be looked at, that is the answer. Elsewhere only its
    heartbeat speaks, and the benefit of the doubt is its own: taking a live run
    for dead could double a lead, the opposite only waits.
    """
    if run.ended_at is not None:
        return False
    silence = (now - run.heartbeat_at) / 1000
    if run.place == place and "?" not in place:
        # After so long a silence the PID belongs to somebody else by now.
        return run.pid != pid and _process_exists(run.pid) and silence < PID_REUSE_SECONDS
    return silence < SILENCE_SECONDS


def has_live_runs(connection: Connection) -> bool:
    """Say whether any run may be using the journal."""
    rows = connection.execute(
        select(runs.c.id, runs.c.place, runs.c.pid, runs.c.heartbeat_at, runs.c.ended_at).where(
            runs.c.ended_at.is_(None)
        )
    )
    now, place = time.time_ns() // 1_000_000, this_place()
    return any(is_alive(RunRow(*row), now=now, place=place, pid=os.getpid()) for row in rows)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it exists and belongs to somebody else
        return True
    return True


def _boot_id() -> str:
    try:
        if sys.platform == "darwin":
            told = subprocess.check_output(  # noqa: S603 - nothing in it comes from outside
                BOOT_SESSION, stderr=subprocess.DEVNULL, text=True, timeout=5
            )
            return told.strip() or "?"
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, subprocess.SubprocessError):
        return "?"


def _pid_namespace() -> str:
    if sys.platform == "darwin":
        return "all"  # there is one for all processes
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "?"
