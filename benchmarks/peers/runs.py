"""Sets peers up, runs them against the load server, and measures them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.import_api import ImportApi
from benchmarks.peers.pins import PINS
from benchmarks.processes import ROOT, FailedError, Usage, run
from benchmarks.rows import Row
from benchmarks.server import LoadServer
from benchmarks.streams import write_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.systems import System

#: Virtual environments of peers; kept from run to run, and no part of the project.
CACHE = ROOT / ".bench"


class UnavailableError(Exception):
    """A system cannot be had here; says why."""


def measure(system: System, python: Path, leads: int, latency_ms: float) -> Row:
    """Let a system deliver so many leads, and see that each arrived once.

    Raises:
        FailedError: It did not.
    """
    # The start and the end are measured apart: they are for a run and not for a lead.
    empty = deliver(system, python, 0, latency_ms)
    full = deliver(system, python, leads, latency_ms)
    return Row(
        system.name,
        f"{latency_ms:g} ms",
        leads,
        max(full.seconds - empty.seconds, 1e-6),
        (full.cpu_seconds - empty.cpu_seconds) / leads * 1e6,
        system.note,
    )


def deliver(system: System, python: Path, leads: int, latency_ms: float) -> Usage:
    """Let a system deliver so many leads once."""
    with (
        tempfile.TemporaryDirectory() as name,
        api_for(system, latency_ms) as (addresses, count),
    ):
        folder = Path(name)
        settings = {"api_key": "sandbox-key", **system.settings, **addresses}
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        with (folder / "stream.jsonl").open("wb") as stream:
            write_stream(stream, leads)
        command: list[str | Path] = (
            [system.program]
            if isinstance(system.program, Path)
            else [python, "-m", f"benchmarks.peers.{system.program}"]
        )
        usage = run([*command, "--config", folder / "config.json"], folder / "stream.jsonl", folder)
        if count() != leads:
            raise FailedError(f"{system.name}: of {leads} leads {count()} arrived")
    return usage


@contextmanager
def api_for(
    system: System, latency_ms: float
) -> Iterator[tuple[dict[str, str], Callable[[], int]]]:
    """Run what the system sends to; gives the settings with its address, and a count of leads."""
    if "import_url" in system.settings:
        with ImportApi() as imports:
            yield {"import_url": imports.url}, lambda: imports.leads
        return
    with LoadServer(latency_ms) as server:
        # All leads differ, so what arrived twice is not counted twice.
        yield {"base_url": server.base_url}, lambda: server.count().distinct


def prepare(system: System) -> Path:
    """Install what a system needs; gives the Python that runs it.

    Raises:
        UnavailableError: It cannot be had here.
    """
    for command in system.needs:
        if shutil.which(command) is None:
            raise UnavailableError(f"{command} is not installed")
    if system.pins is None:
        return Path(sys.executable)
    pins = PINS[system.pins]
    folder = CACHE / f"{system.pins}-{sha256(repr(pins).encode()).hexdigest()[:8]}"
    python = folder / "bin" / "python"
    ready = folder / ".installed"
    if not ready.exists():
        print(f"Installing {', '.join(pins)} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        done = subprocess.run(
            [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *pins],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = map(str.strip, done.stderr.splitlines())
            why = [line for line in lines if line.startswith(("fatal: ", "ERROR: "))]
            raise UnavailableError(f"pip cannot install it: {why[-1] if why else done.stderr}")
        ready.touch()
    return python
