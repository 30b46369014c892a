"""Starts the project's commands as processes, most of them without the price of a start.

A start of ``target-octanist`` is more than a second of imports, and the tests start thousands.
`Process` is `subprocess.Popen`. Once `serve_forks` was called it has a process of its own
forked by one that has imported everything (`tests.support.fork_server`), which takes a few
hundredths of a second. It is a process like any other: a child of this one with its own id, that
can be waited for, stopped and killed.

What differs from a start is the start itself: what is read from the environment while Python
starts or modules are imported. So a process is forked only if it is one of our commands, and
its environment has nothing but what is read later; else it is started as ever.
"""

from __future__ import annotations

import atexit
import ctypes
import inspect
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, AnyStr, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCRIPTS = Path(sys.executable).parent

SANDBOX = "target_octanist.sandbox"

#: The environment of the server. Whoever asks for another value of these gets a real start.
STARTED_WITH = {
    "LANG": "C",
    # Each home would have its fonts looked up anew, which takes seconds.
    "MPLCONFIGDIR": str(SCRIPTS.parent / ".matplotlib"),
}

#: Variables that nothing reads while it is imported; anything goes for these.
_READ_LATE = re.compile(
    r"HOME|PATH|TERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|NO_PROXY|HTTPS_PROXY|REQUESTS_CA_BUNDLE"
    r"|LOGLEVEL|SINGER_SDK_LOG_CONFIG|(TARGET_)?OCTANIST_\w+|MELTANO_\w+"
)

#: Options of `subprocess.Popen` that the server knows nothing of, with their defaults.
_PLAIN: dict[str, Any] = {
    "executable": None,
    "preexec_fn": None,
    "pass_fds": (),
    "shell": False,
    "restore_signals": True,
    "gid": None,
    "gids": None,
    "uid": None,
    "umask": -1,
    "start_new_session": False,
    "process_group": -1,
}

_PR_SET_CHILD_SUBREAPER = 36


class Process(subprocess.Popen[AnyStr]):
    """`subprocess.Popen`, which may have the process forked by a server."""

    server: ClassVar[ForkServer | None] = None

    def _execute_child(self, *arguments: Any) -> None:
        start = super()._execute_child  # type: ignore[misc] # no public place has the same effect
        given = inspect.signature(start).bind(*arguments).arguments
        request = _request(given) if self.server else None
        if self.server is None or request is None:
            start(*arguments)
            return
        streams = (given["p2cread"], given["c2pwrite"], given["errwrite"])
        self.pid = self.server.fork(
            request, [own if other == -1 else other for own, other in enumerate(streams)]
        )
        self._child_created = True
        self._close_pipe_fds(  # type: ignore[attr-defined]
            *(given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite")),
            *(given[name] for name in ("errread", "errwrite")),
        )


def serve_forks() -> None:
    """From now on, let a server fork what it can; it starts with the first process.

    Only Linux lets a process take over the children of another one. Elsewhere nothing changes.
    """
    if sys.platform == "linux":
        Process.server = ForkServer()


class ForkServer:
    """The other end of `tests.support.fork_server`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)

    def fork(self, request: Mapping[str, Any], streams: Sequence[int]) -> int:
        """Have a process forked that is a child of this one; gives its id.

        Args:
            request: What `tests.support.fork_server.become` reads.
            streams: The files that become its standard streams.
        """
        with self._lock:
            if self._socket is None:
                self._socket = self._start()
            # Orphans become children of the nearest ancestor that asks for them. Those of other
            # processes, such as a database server's, stay with whom they would have been.
            self._reap_orphans(1)
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
                answer = self._socket.recv(20)
            finally:
                self._reap_orphans(0)
        if not answer:
            raise RuntimeError("The server that forks processes has ended; see stderr.")
        pid = int(answer)
        # `Popen` takes a process that is not a child of this one for one that ended well.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return pid

    def stop(self) -> None:
        """End it, and with it whatever it has forked and is still there."""
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("fork_server.py"), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                # Nothing of the developer's, and a home in which there is nothing to be found.
                # numpy would start threads, and a process with threads cannot be forked safely.
                env=STARTED_WITH | {"HOME": os.devnull, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                # It kills its group at its end, and Ctrl-C is for the tests alone.
                start_new_session=True,
            )
        atexit.register(self.stop)
        return ours

    def _reap_orphans(self, yes: int) -> None:
        if self._libc.prctl(_PR_SET_CHILD_SUBREAPER, yes, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def _request(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to ask the server for; None if the process has to be started."""
    if any(given[name] != usual for name, usual in _PLAIN.items() if name in given):
        return None
    env = os.environ if given["env"] is None else given["env"]
    if any(STARTED_WITH.get(k) != v and not _READ_LATE.fullmatch(k) for k, v in env.items()):
        return None
    if not STARTED_WITH.keys() <= env.keys():
        return None
    command, module, arguments = _parse([os.fspath(part) for part in given["args"]])
    if not command and not module:
        return None
    umask = os.umask(0)
    os.umask(umask)
    return {
        "command": command,
        "module": module,
        "argv": arguments,
        "env": dict(env),
        "cwd": os.fspath(given["cwd"] or Path.cwd()),
        "umask": umask,
    }


def _parse(command: list[str]) -> tuple[str, str, list[str]]:
    """Find out which script, or else which module, a command is; neither is not ours."""
    if command[0] in {str(SCRIPTS / name) for name in ("octanist", "target-octanist")}:
        return Path(command[0]).name, "", command
    if command[:3] == [sys.executable, "-m", SANDBOX]:
        return "", SANDBOX, command[2:]
    return "", "", []
