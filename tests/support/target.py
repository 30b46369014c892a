"""Runs ``target-octanist`` as a process of its own, as Meltano does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, ClassVar

from tests.support.processes import SCRIPTS, STARTED_WITH, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

#: Long enough for a loaded machine; no test's meaning depends on it.
TIMEOUT_SECONDS = 90


@dataclass(frozen=True)
class Finished:
    """A process that is over."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def states(self) -> list[Any]:
        """Each line of stdout; it holds STATE lines and nothing else."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Give an environment in which nothing of the developer's is left."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "OCTANIST_HOME": str(home),
        "NO_PROXY": "*",
        **STARTED_WITH,
    } | extra


def schema(stream: str = "leads", columns: Iterable[str] = ("id", "name", "email", "phone")) -> str:
    """Give a SCHEMA line with the key ``id``."""
    properties = {column: {"type": ["null", "string", "integer"]} for column in columns}
    return json.dumps(
        {
            "type": "SCHEMA",
            "stream": stream,
            "schema": {"type": "object", "properties": properties},
            "key_properties": ["id"],
        }
    )


def record(stream: str = "leads", **values: Any) -> str:
    """Give a RECORD line."""
    return json.dumps({"type": "RECORD", "stream": stream, "record": values})


def state(value: Any) -> str:
    """Give a STATE line."""
    return json.dumps({"type": "STATE", "value": value})


def person(number: int) -> dict[str, Any]:
    """Give a made-up person who is like no other."""
    return {
        "id": number,
        "name": f"Canary Name{number}",
        "email": f"canary.{number}@example.com",
        "phone": f"+3161{number:07d}",
    }


def people(count: int) -> list[str]:
    """Give the lines of a stream with so many people, and a STATE after each one."""
    lines = [schema()]
    for number in range(1, count + 1):
        lines += [record(**person(number)), state({"at": number})]
    return lines


def feed(process: subprocess.Popen[bytes], lines: Iterable[str]) -> None:
    """Write lines to a process that goes on waiting for more."""
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.flush()


class Target:
    """A configured target; `start` and `run` may be called any number of times."""

    #: Settings of every target that does not have others: see the option ``--transport``.
    usual: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path, base_url: str, **settings: Any) -> None:
        self.folder = folder
        self.env: dict[str, str] = {}
        self.ledger = folder / "ledger.db"
        self.settings = {
            "api_key": "sandbox-key",
            "base_url": base_url,
            "ledger": str(self.ledger),
            **self.usual,
            **settings,
        }

    def start(
        self,
        *,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        **settings: Any,
    ) -> subprocess.Popen[bytes]:
        """Start the process; its standard streams are pipes unless others are given."""
        config = self.folder / "config.json"
        merged = {k: v for k, v in (self.settings | settings).items() if v is not None}
        config.write_text(json.dumps(merged), encoding="utf-8")
        return Process(
            [SCRIPTS / "target-octanist", "--config", config],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(self.folder, **self.env),
        )

    def run(self, lines: Iterable[str] | bytes, **settings: Any) -> Finished:
        """Run it over some lines to its end."""
        process = self.start(**settings)
        given = lines if isinstance(lines, bytes) else "".join(f"{x}\n" for x in lines).encode()
        return finish(process, given)

    def has_records(self) -> bool:
        """Say whether the journal is there, ready, and has a record."""
        done = octanist("status", "--json", "--ledger", str(self.ledger), home=self.folder)
        return done.returncode == 0 and any(json.loads(done.stdout)["outcomes"].values())

    def status(self) -> dict[str, Any]:
        """Give what ``octanist status --json`` says."""
        done = octanist("status", "--json", "--ledger", str(self.ledger), home=self.folder)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def start_command(
    command: Sequence[str | Path], env: dict[str, str], **options: Any
) -> Process[bytes]:
    """Start any command; its standard streams are pipes, and its input is empty, unless given."""
    pipes = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    return Process(command, env=env, **(pipes | options))


def finish(
    process: subprocess.Popen[bytes], given: bytes | None = None, seconds: float = TIMEOUT_SECONDS
) -> Finished:
    """Give a process the rest of its input and wait for its end."""
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        message = f"still running after {seconds} s; stderr:\n{err.decode()}"
        raise AssertionError(message) from None
    return Finished(process.returncode, out.decode(), err.decode())


def octanist(*arguments: str, home: Path, **extra: str) -> Finished:
    """Run ``octanist`` to its end."""
    return run_command([SCRIPTS / "octanist", *arguments], environment(home, **extra))


def run_command(command: Sequence[str | Path], env: dict[str, str]) -> Finished:
    """Run any command to its end."""
    return finish(start_command(command, env))


def wait_for(true: Callable[[], Any]) -> None:
    """Ask again and again until it is true; AssertionError when time is up."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
