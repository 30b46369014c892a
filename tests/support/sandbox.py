"""Starts and stops the sandbox as a process of its own, and looks inside it.

::

    with Sandbox("--leads-limit", "10") as sandbox:
        sandbox.fault("drop-after-commit", method="POST", nth=1)
        ...  # point the code under test at sandbox.base_url
        assert len(sandbox.leads()) == 1
"""

from __future__ import annotations

import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from requests import Response, Session

from tests.support.processes import SANDBOX, STARTED_WITH, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

API_KEY = "sandbox-key"
"""A key to use where any will do."""

#: Long enough for a loaded machine; no test's meaning depends on it.
PATIENCE_SECONDS = 60

_MATCH = ("method", "path", "field", "nth", "every", "per_second_over")


class Sandbox:
    """A running sandbox, started with options of ``octanist sandbox`` besides the address.

    Attributes:
        base_url: where the API is, such as ``http://127.0.0.1:40123/api``.
        origin: the same without the path; the page and the admin endpoints are below it.
        process: the server's process.
    """

    base_url: str
    origin: str
    process: subprocess.Popen[str]

    def __init__(self, *options: str) -> None:
        """Start it and wait until it takes requests. RuntimeError with its stderr if it cannot."""
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.process = Process(
            [sys.executable, "-m", SANDBOX, "--port", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            # No proxies, and no settings of the developer's own.
            env={"PATH": os.environ.get("PATH", ""), **STARTED_WITH},
            text=True,
        )
        self._http = Session()
        self._http.trust_env = False  # No proxy may stand between a test and the loopback address.
        try:
            self.base_url = self._ready_line().removeprefix("Sandbox ready: ")
        except BaseException:
            self.stop()
            raise
        self.origin = self.base_url.removesuffix("/api")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def leads(self) -> list[dict[str, Any]]:
        """Every lead stored, of every key, in the order of arrival; columns that are set."""
        leads: list[dict[str, Any]] = self._get("leads")
        return leads

    def requests(self, method: str | None = None) -> list[dict[str, Any]]:
        """The log of the requests that have ended, oldest first; of one method, if given.

        An entry has number, at, method, path, key_present, status (None: no answer), code,
        lead_id, fault (the kind of action), committed and duration_ms.
        """
        entries: list[dict[str, Any]] = self._get("requests")
        return [entry for entry in entries if method in {None, entry["method"]}]

    def stats(self) -> dict[str, Any]:
        """Counts: leads, duplicates_by_payload, duplicates_by_email, requests, max_in_flight, …"""
        stats: dict[str, Any] = self._get("stats")
        return stats

    def clear(self) -> None:
        """Forget leads, log and fault rules; sessions stay."""
        for what in ("leads", "requests", "faults"):
            self._admin("DELETE", what)

    def fault(
        self,
        action: str | Mapping[str, Any] | None = None,
        /,
        *,
        times: int | None = None,
        **parts: Any,
    ) -> None:
        """Append a fault rule.

        Args:
            action: the name of a ready-made action, or an action object; without one, ``parts``
                hold its keys.
            times: how often the rule works; by default always.
            **parts: keys of ``match`` (method, path, field, nth, every, per_second_over) and,
                beside a missing ``action``, of the action: ``fault(kind="status", status=503)``.
        """
        match = {key: parts.pop(key) for key in _MATCH if key in parts}
        if action is not None and parts:
            unknown = ", ".join(sorted(parts))
            raise TypeError(f"not parts of a match: {unknown}")
        rule: dict[str, Any] = {"match": match, "action": parts if action is None else action}
        if times is not None:
            rule["times"] = times
        self._admin("POST", "faults", rule)

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, each with ``matched`` and ``used`` counts."""
        rules: list[dict[str, Any]] = self._get("faults")
        return rules

    def wait_until_faulted(self, times: int = 1) -> None:
        """Wait until rules have worked on so many requests; AssertionError after a minute.

        `stats` cannot tell: a run's first request, which is in flight too, asks for its quota.
        """
        self.wait_until(lambda s: sum(rule["used"] for rule in s.faults()) >= times)

    def slow_down_after(self, leads: int) -> None:
        """Take so many leads fast, and then each one in a second.

        So what a test does in the middle of a run may come late, and is still in the middle.
        """
        self.fault(kind="delay", latency_ms=20, method="POST", path="/leads", times=leads)
        self.fault(kind="delay", latency_ms=1000, method="POST", path="/leads")

    def clear_faults(self) -> None:
        """Go back to good behaviour."""
        self._admin("DELETE", "faults")

    def add_session(self, session_id: str | None = None, **attribution: Any) -> str:
        """Register a pixel session with attribution fields; returns its id."""
        given = attribution if session_id is None else {"sessionId": session_id, **attribution}
        answer: dict[str, str] = self._admin("POST", "sessions", given).json()
        return answer["sessionId"]

    def wait_until(self, true: Callable[[Self], Any]) -> None:
        """Ask again and again until ``true(sandbox)``; AssertionError after a minute."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not true(self):
            if time.monotonic() > end:
                raise AssertionError(f"Waited a minute in vain; stats: {self.stats()}")
            time.sleep(0.01)

    def stop(self) -> int:
        """End the process if it still runs; returns its exit code (0 where it went well)."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._http.close()
        if not self._stderr.closed:
            self._last_words = self.stderr()
            self._stderr.close()
        return code

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self.process.kill()
        self.stop()

    def stderr(self) -> str:
        """What the process has written to stderr so far."""
        if self._stderr.closed:
            return self._last_words
        self._stderr.seek(0)
        return self._stderr.read()

    def _ready_line(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
        line = self.process.stdout.readline().strip() if readable else ""
        if not line.startswith("Sandbox ready: "):
            raise RuntimeError(f"The sandbox did not start: {self.stderr()}")
        return line

    def _get(self, what: str) -> Any:
        return self._admin("GET", what).json()

    def _admin(self, method: str, what: str, body: Any = None) -> Response:
        url = f"{self.origin}/_sandbox/{what}"
        answer = self._http.request(method, url, json=body, timeout=PATIENCE_SECONDS)
        if not answer.ok:
            raise ValueError(answer.text)
        return answer


def port_to_keep() -> str:
    """Find a port for a sandbox that is to come back to it after a stop.

    It is none of those that the system gives to whoever asks for any free one.
    """
    for port in random.sample(range(20_000, 30_000), 100):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return str(port)
    raise RuntimeError("No port is free")
