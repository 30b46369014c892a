"""A PostgreSQL server of the tests' own, on a socket in a temporary folder; needs no root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_programs() -> Path | None:
    """Give the folder with ``initdb`` and ``postgres``, or None where there is no server."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """Run a server and give the start of its URLs; a database's name completes one."""
    owner = _owner()
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if owner is not None:
            os.chown(folder, owner, -1)

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [programs / program, *arguments],
                capture_output=True,
                text=True,
                user=owner,
                cwd=folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                check=False,
            )
            assert done.returncode == 0, done.stderr

        data = str(folder / "data")
        call("initdb", "--auth=trust", "--username=tests", "--encoding=UTF8", data)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        log = str(folder / "log")
        call("pg_ctl", "-w", "-D", data, "-o", options, "-l", log, "start")
        try:
            yield f"postgresql://tests@/{{database}}?host={folder}"
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "-D", data, "stop")


def _owner() -> int | None:
    """PostgreSQL does not run as root: give another user's number then."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return users.get("postgres", users.get("nobody", 65534))
