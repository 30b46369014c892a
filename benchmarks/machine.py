"""What the figures were measured on, and with."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import sqlite3
from pathlib import Path
from typing import Final

PACKAGES: Final = ("target-octanist", "singer-sdk", "msgspec", "requests", "SQLAlchemy")


def machine(folder: Path) -> str:
    """Describe this machine and its versions, as lines of Markdown.

    Args:
        folder: Where the journals are.
    """
    system = f"{platform.system()} {platform.release()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    versions = ", ".join([python, *packages, f"SQLite {sqlite3.sqlite_version}"])
    disk = f"journals on {file_system(folder)}"
    return f"- {processor()}, {os.cpu_count()} cores; {system}; {disk}.\n- {versions}."


def today() -> str:
    """Give the date."""
    return dt.datetime.now(tz=dt.timezone.utc).date().isoformat()


def load_average() -> str:
    """Give how many processes wanted a core in the last minute, as far as it can be told."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"


def processor() -> str:
    """Give the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def file_system(folder: Path) -> str:
    """Give the type of the file system that a folder is on."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "an unknown file system"
    found = [(where, kind) for _, where, kind, *_ in map(str.split, mounts)]
    path = folder.resolve()
    # The last of those mounted at the same place lies over the others.
    return max(
        (len(where), at, kind)
        for at, (where, kind) in enumerate(found)
        if path.is_relative_to(where)
    )[2]
