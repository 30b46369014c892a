"""Two runs at the same time on one journal: each lead once, and nobody waits for ever."""

from __future__ import annotations

import signal

import pytest

from tests.support.target import Target, finish, person, record, schema, state

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}


def lines_of(numbers):
    return [schema(), *(record(**person(n)) for n in numbers), state({"at": max(numbers)})]


def give(process, lines):
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.close()
    process.stdin = None


@pytest.fixture
def targets(sandbox, tmp_path, ledger):
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    for folder in folders:
        folder.mkdir()
    return [Target(folder, sandbox.base_url, ledger=ledger) for folder in folders]


def test_overlapping_runs_send_each_lead_once(sandbox, targets):
    sandbox.fault(kind="delay", latency_ms=10, **LEADS)
    ranges = [range(1, 201), range(200, 0, -1), range(101, 301)]
    processes = [target.start() for target in targets]
    for process, numbers in zip(processes, ranges, strict=True):
        give(process, lines_of(numbers))
    done = [finish(process) for process in processes]
    for finished, numbers in zip(done, ranges, strict=True):
        assert finished.returncode == 0, finished.stderr
        assert finished.states == [{"at": max(numbers)}]
    found = sorted(lead["email"] for lead in sandbox.leads())
    assert found == sorted(person(n)["email"] for n in range(1, 301))


def test_a_run_waits_for_what_another_is_sending_and_takes_over_when_it_dies(sandbox, targets):
    sandbox.fault("hang", **LEADS, field={"email": "canary.1@*"}, times=1)
    first, second = targets[0].start(), targets[1].start()
    first.stdin.write("".join(f"{line}\n" for line in lines_of([1])).encode())
    first.stdin.flush()
    sandbox.wait_until_faulted()
    give(second, lines_of([1, 2]))
    sandbox.wait_until(lambda s: len(s.leads()) == 1)
    assert [lead["email"] for lead in sandbox.leads()] == [person(2)["email"]]
    first.send_signal(signal.SIGKILL)
    finish(first)
    done = finish(second)
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 2}]
    assert sorted(lead["name"] for lead in sandbox.leads()) == [
        person(1)["name"],
        person(2)["name"],
    ]
