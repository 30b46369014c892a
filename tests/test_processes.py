"""A process that the tests have forked is like one that was started; see tests.support.processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import SCRIPTS, Process
from tests.support.target import environment, feed, finish, people, start_command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone"),
]


@pytest.fixture(autouse=True)
def _with_server(request):
    if Process.server is None:
        pytest.skip("--exec: no process is forked")


def is_forked(process):
    return b"fork_server" in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def seen_from_outside(process):
    """What the system knows of a process and of how it treats signals, and its files."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    names = ("PPid", "Umask", "SigBlk", "SigIgn", "SigCgt")
    files = {int(fd.name): fd.readlink() for fd in Path(f"/proc/{process.pid}/fd").iterdir()}
    return {
        **{name: fields[name] for name in names},
        "cwd": Path(f"/proc/{process.pid}/cwd").readlink(),
        "stderr": files[2],
        "others": sorted(str(path) for fd, path in files.items() if fd > 2 and path.is_file()),
    }


def test_it_looks_the_same_from_outside_and_says_the_same(target, monkeypatch):
    looks, said = [], []
    for server in (Process.server, None):
        monkeypatch.setattr(Process, "server", server)
        ledger = target.folder / "ledger.db"
        process = target.start(batch_size_rows=1, stderr=subprocess.DEVNULL)
        assert is_forked(process) == (server is not None)
        feed(process, people(1))
        first = process.stdout.readline()
        looks.append(seen_from_outside(process))
        process.send_signal(signal.SIGTERM)
        said.append((first, process.communicate()[0], process.returncode))
        ledger.unlink()
    assert looks[0] == looks[1]
    assert said[0] == said[1]
    assert said[0][2] == 143


@pytest.mark.parametrize(
    "arguments",
    [
        ["octanist", "--version"],
        ["octanist", "presets"],
        ["octanist", "nothing-like-this"],
        ["octanist", "status", "--ledger", "nowhere.db"],
        ["target-octanist", "--config", "nowhere.json"],
    ],
)
def test_it_ends_the_same(tmp_path, monkeypatch, arguments):
    command = [SCRIPTS / arguments[0], *arguments[1:]]
    forked = finish(start_command(command, environment(tmp_path), cwd=tmp_path))
    monkeypatch.setattr(Process, "server", None)
    started = finish(start_command(command, environment(tmp_path), cwd=tmp_path))
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    assert without_time(forked.stderr) == without_time(started.stderr)


def without_time(stderr):
    """Give the last line, without what the log puts before it."""
    return [line.split(" | ")[-1] for line in stderr.splitlines()[-1:]]


def test_it_can_be_killed(target):
    process = target.start()
    assert is_forked(process)
    assert process.poll() is None
    process.kill()
    assert finish(process).returncode == -signal.SIGKILL


def test_it_takes_the_umask_of_the_test(target):
    before = os.umask(0o027)
    try:
        process = target.start()
        status = Path(f"/proc/{process.pid}/status")
        feed(process, people(1))
        process.stdout.readline()
        assert "Umask:\t0027" in status.read_text()
    finally:
        os.umask(before)
    assert finish(process).returncode == 0


@pytest.mark.parametrize(
    "extra", [{"PYTHONWARNINGS": "error"}, {"LANG": "C.UTF-8"}, {"LD_LIBRARY_PATH": "/nowhere"}]
)
def test_what_is_read_when_python_starts_gets_a_real_start(target, extra):
    target.env = extra
    process = target.start()
    assert not is_forked(process)
    process.kill()
    finish(process)
