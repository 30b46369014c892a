"""What is promised, with the numbers with which it is promised."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from tests.support.target import Target, finish, person, record, schema, state

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LEADS = {"method": "POST", "path": "/leads"}


@pytest.fixture
def given(tmp_path):
    """Writes an input of so many leads, with a STATE after each tenth, and gives its path."""

    def write(count):
        lines = [schema()]
        for number in range(1, count + 1):
            lines.append(record(**person(number)))
            if number % 10 == 0:
                lines.append(state({"at": number}))
        path = tmp_path / "input.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def start(target, path, **settings):
    with path.open("rb") as stdin:
        return target.start(stdin=stdin, **settings)


def stored(sandbox):
    return Counter(lead["email"] for lead in sandbox.leads())


def all_once(count):
    return Counter(person(number)["email"] for number in range(1, count + 1))


def test_1500_leads_arrive_once_through_a_server_that_does_all_it_can(sandbox, target, given):
    for every, action in (
        (7, "drop-after-commit"),
        (11, "500-after-commit"),
        (13, "drop"),
        (17, "500"),
        (19, "html-502"),
        (23, "unreadable"),
        (29, "429"),
    ):
        sandbox.fault(action, **LEADS, every=every)
    sandbox.fault("hang", **LEADS, every=97, times=5)
    sandbox.fault("hang-after-commit", **LEADS, every=101, times=5)
    # Such a server has the pace go down to one or two at a time: it takes more than a minute.
    process = start(target, given(1500), timeout_seconds=2, max_attempts=30)
    done = finish(process, seconds=240)
    assert done.returncode == 0, done.stderr
    assert stored(sandbox) == all_once(1500)
    assert target.status()["outcomes"]["delivered"] == 1500
    assert target.status()["outcomes"]["in_doubt"] == 0
    assert done.states[-1] == {"at": 1500}


def test_2000_leads_arrive_once_through_twelve_kills(sandbox, target, given):
    path = given(2000)
    chance = random.Random(12)
    kills = 0
    for _ in range(12):
        before = len(sandbox.leads())
        sandbox.clear_faults()
        sandbox.slow_down_after(150)
        process = start(target, path)
        # Somewhere in the next leads, or in the recovery that comes before them.
        least = before + chance.randint(1, 150)
        while len(sandbox.leads()) < least and process.poll() is None:
            time.sleep(chance.uniform(0.01, 0.1))
        process.kill()
        done = finish(process)
        kills += done.returncode == -signal.SIGKILL
        if done.states:
            promised = all_once(done.states[-1]["at"])
            assert promised <= stored(sandbox), "STATE is never ahead of what the server has"
    assert kills == 12
    sandbox.clear_faults()
    done = finish(start(target, path))
    assert done.returncode == 0, done.stderr
    assert stored(sandbox) == all_once(2000)
    assert target.status()["outcomes"]["in_doubt"] == 0


def test_three_processes_with_the_same_2000_records_make_2000_leads(
    sandbox, tmp_path, ledger, given
):
    path = given(2000)
    processes = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        processes.append(start(Target(tmp_path / name, sandbox.base_url, ledger=ledger), path))
    for process in processes:
        done = finish(process)
        assert done.returncode == 0, done.stderr
        assert done.states[-1] == {"at": 2000}
    assert stored(sandbox) == all_once(2000)


def test_a_signal_under_load_ends_it_and_the_next_run_completes(sandbox, target, given):
    path = given(2000)
    sandbox.slow_down_after(300)
    process = start(target, path)
    sandbox.wait_until(lambda s: len(s.leads()) >= 300)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 143, done.stderr
    assert target.status()["outcomes"]["sending"] == 0
    assert len(sandbox.leads()) < 2000
    sandbox.clear_faults()
    again = finish(start(target, path))
    assert again.returncode == 0, again.stderr
    assert stored(sandbox) == all_once(2000)
