"""The process that `tests.support.processes` asks for others: it has imported all of the project.

It is started as a script, with the number of its end of a socket. For each request it forks
twice, so that the new process becomes a child of the tests' own, and answers with its process
id. The new process takes what was asked for (arguments, environment, folder, umask, standard
streams), and goes the way of the installed command from there: in by its entry point, and out
as the interpreter ends, but for the last step (see `End`).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: More than any request has; a longer one is an error.
MOST_BYTES = 1 << 20

#: What the project imports late, because not every run needs it. None of it starts a thread.
LATE = (
    "httptools",
    "jinja2",
    "matplotlib.backends.backend_svg",
    "psycopg",
    "requests",
    "rich.console",
    "rich.progress_bar",
    "rich.table",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "uvicorn",
)


def main() -> None:
    """Serve requests; what comes after that happens in the processes that were asked for."""
    end = End()
    preload()
    # The garbage collector would write into every object that is there already, in every
    # process, only to find that it is still in use.
    gc.freeze()
    tests = socket.socket(fileno=int(sys.argv[1]))
    request, streams = serve(tests)
    tests.close()
    with end:
        sys.exit(become(request, streams)())


class End(contextlib.AbstractContextManager["End"]):
    """Lets a process end without tearing down its modules, which takes longer than most runs.

    All that comes before is done as ever: threads are waited for, the functions registered
    with `atexit` are called, what was written is flushed. If the process does not end by
    `SystemExit` with a number, or cannot flush, the interpreter does it all.
    """

    def __init__(self) -> None:
        """To be made before anything else is registered with `atexit`: so this is called last."""
        self._code: object = self
        atexit.register(self._leave)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, SystemExit):
            self._code = error.code or 0

    def _leave(self) -> None:
        if isinstance(self._code, int):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._code & 0xFF)


def preload() -> None:
    """Import what processes of the project import."""
    import target_octanist

    own = pkgutil.walk_packages(target_octanist.__path__, "target_octanist.")
    for name in (*(module.name for module in own), *LATE):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # an extra that is not installed
                import_module(name)


def serve(tests: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request; returns in the new processes alone.

    Returns:
        The request, and the files that become its standard streams.
    """
    while True:
        message, streams, _, _ = socket.recv_fds(tests, MOST_BYTES, 3)
        if not message:  # The tests are over, or dead; what they have left ends with them.
            os.killpg(0, signal.SIGKILL)
        # A lock that another thread holds would be held for ever in the new process.
        assert len([*Path("/proc/self/task").iterdir()]) == 1, (
            "only one thread may be there to fork"
        )
        pid = fork_orphan()
        if pid is None:
            return json.loads(message), streams
        for stream in streams:
            os.close(stream)
        tests.send(str(pid).encode())


def fork_orphan() -> int | None:
    """Fork a process whose parent has ended; gives its id, and None in itself."""
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid != 0:
            os.write(writer, str(pid).encode())
            os._exit(0)
        os.close(reader)
        os.close(writer)
        return None
    os.waitpid(between, 0)
    pid = int(os.read(reader, 20))
    os.close(reader)
    os.close(writer)
    return pid


def become(request: dict[str, Any], streams: list[int]) -> Callable[[], Any]:
    """Make this process what was asked for; gives what it is to call."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = standard_stream(sys.stdin, "r")
    sys.stdout = standard_stream(sys.stdout, "w")
    sys.stderr = standard_stream(sys.stderr, "w")
    # Python itself sets this one when it starts, where LANG is C (PEP 538).
    coerced = {k: v for k, v in os.environ.items() if k == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update(coerced | request["env"])
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    sys.argv = request["argv"]
    if request["module"]:
        return lambda: runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    (command,) = entry_points(group="console_scripts", name=request["command"])
    return command.load()  # type: ignore[no-any-return] # it can be anything


def standard_stream(old: Any, mode: str) -> IO[str]:
    """Open one of the standard streams again, as the interpreter does when it starts."""
    number: int = old.fileno()
    return open(
        number,
        mode,
        # stderr, and whatever is a terminal, is written line by line.
        buffering=1 if mode == "w" and (number == 2 or os.isatty(number)) else -1,
        encoding=old.encoding,
        errors=old.errors,
        newline="\n",
        closefd=False,
    )


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # as in the installed scripts
    main()
