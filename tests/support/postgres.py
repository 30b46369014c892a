"""A PostgreSQL server of the tests' own, on a socket in a temporary folder; needs no root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_programs() -> Path | None:
    """Give the folder with ``initdb`` and ``postgres``, or None where there is no server."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """A server with a new, empty cluster; it may be stopped and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._owner = _owner()
        if self._owner is not None:
            os.chown(folder, self._owner, -1)
        self._data = str(folder / "data")
        self._call(
            "initdb", "--auth=trust", "--username=tests", "--encoding=UTF8", "-D", self._data
        )

    def url(self, database: str = "postgres") -> str:
        """Give the URL of one of its databases."""
        return f"postgresql://tests@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-w", "-D", self._data, "-o", options, "-l", log, "start")

    def stop(self) -> None:
        """Stop it as if it had crashed: connections are cut, and nothing is tidied up."""
        self._call("pg_ctl", "-w", "-m", "immediate", "-D", self._data, "stop")

    def new_database(self) -> str:
        """Make an empty database and give its name."""
        name = f"ledger_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, statement: str) -> None:
        """Run a statement as the owner of everything."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def cut(self, database: str) -> None:
        """Cut all connections to a database."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            user=self._owner,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            check=False,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """Run a server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        server = PostgresServer(programs, Path(name))
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):  # a test may have stopped it
                server.stop()


def _owner() -> int | None:
    """PostgreSQL does not run as root: give another user's number then."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return users.get("postgres", users.get("nobody", 65534))
