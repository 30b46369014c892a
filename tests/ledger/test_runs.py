"""Whether a run still lives, by the place in which its process was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from target_octanist.ledger import runs
from target_octanist.ledger.runs import RunRow, is_alive, this_place

NOW = 1_800_000_000_000


def alive(place, pid):
    """Ask about a run that was alive a second ago, from a process of the same place."""
    run = RunRow("run", place, pid, heartbeat_at=NOW - 1000, ended_at=None)
    return is_alive(run, now=NOW, place=place, pid=os.getpid())


@pytest.fixture
def gone():
    """The PID of a process that is over."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_here_a_process_that_is_gone_is_dead_at_once(gone):
    assert not alive(this_place(), gone)
    assert alive(this_place(), os.getppid())


def test_on_a_mac_the_place_is_the_session_since_it_was_booted(monkeypatch, gone):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(runs, "BOOT_SESSION", ("echo", "4B3C-77"))
    assert this_place().split("/")[1:] == ["4B3C-77", "all"]
    assert not alive(this_place(), gone)


@pytest.mark.parametrize("command", [("false",), ("true",), ("/nowhere/sysctl",)])
def test_where_nobody_can_tell_the_place_only_silence_counts(monkeypatch, gone, command):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(runs, "BOOT_SESSION", command)
    assert alive(this_place(), gone)
