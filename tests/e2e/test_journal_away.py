"""A journal that cannot be written: nothing is sent that cannot be written down first."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest

from tests.support.postgres import running_server
from tests.support.target import Target, feed, finish, people, person

LEADS = {"method": "POST", "path": "/leads"}

pytestmark = pytest.mark.e2e


def emails(sandbox):
    return sorted(lead["email"] for lead in sandbox.leads())


def emails_of(count):
    return sorted(person(n)["email"] for n in range(1, count + 1))


@pytest.fixture
def database(postgres):
    return postgres.new_database()


@pytest.fixture
def shared_target(sandbox, tmp_path, postgres, database):
    return Target(tmp_path, sandbox.base_url, ledger=postgres.url(database))


def test_a_journal_that_is_locked_is_waited_for_and_the_wait_is_told(sandbox, target):
    assert target.run(people(1)).returncode == 0
    with closing(sqlite3.connect(target.ledger, isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        process = target.start()
        feed(process, people(3))
        told = f"ledger: another process has locked the journal {target.ledger}; waiting for it."
        while told not in (line := process.stderr.readline().decode()):
            assert line, "the run ended without a word of it"
        browser.execute("ROLLBACK")
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == emails_of(3)


@pytest.mark.postgres
def test_connections_that_are_cut_again_and_again_cost_no_lead(
    sandbox, shared_target, postgres, database
):
    sandbox.fault(kind="delay", latency_ms=20, **LEADS)
    process = shared_target.start(max_concurrency=4)
    feed(process, people(300))
    for arrived in range(10, 290, 20):
        sandbox.wait_until(lambda s, least=arrived: len(s.leads()) >= least)
        postgres.cut(database)
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert "Waiting for it to come back" in done.stderr
    assert emails(sandbox) == emails_of(300)
    assert done.states[-1] == {"at": 300}


@pytest.mark.postgres
def test_a_server_that_crashes_is_waited_for(sandbox, tmp_path, postgres_programs):
    with running_server(postgres_programs) as server:
        target = Target(tmp_path, sandbox.base_url, ledger=server.url(server.new_database()))
        sandbox.fault(kind="delay", latency_ms=20, **LEADS)
        process = target.start(max_concurrency=4)
        feed(process, people(200))
        sandbox.wait_until(lambda s: len(s.leads()) >= 40)
        server.stop()
        # What was marked as sending before may still go out, and no more than that.
        before = len(sandbox.leads())
        sandbox.wait_until(lambda s: s.stats()["in_flight"] == 0)
        assert len(sandbox.leads()) <= before + 8
        server.start()
        done = finish(process)
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == emails_of(200)
    assert done.states[-1] == {"at": 200}


@pytest.mark.postgres
def test_a_signal_ends_the_wait_for_a_journal(sandbox, tmp_path, postgres_programs):
    with running_server(postgres_programs) as server:
        target = Target(tmp_path, sandbox.base_url, ledger=server.url(server.new_database()))
        sandbox.fault(kind="delay", latency_ms=20, **LEADS)
        process = target.start(max_concurrency=4)
        feed(process, people(200))
        sandbox.wait_until(lambda s: len(s.leads()) >= 40)
        server.stop()
        process.send_signal(signal.SIGTERM)
        done = finish(process)
        assert done.returncode == 143, done.stderr
        assert "Traceback" not in done.stderr
        promised = done.states[-1]["at"] if done.states else 0
        assert promised <= len(sandbox.leads())
        server.start()
        sandbox.clear_faults()
        again = target.run(people(200))
    assert again.returncode == 0, again.stderr
    assert emails(sandbox) == emails_of(200)


@pytest.mark.postgres
def test_a_journal_that_becomes_read_only_stops_the_run(sandbox, shared_target, postgres, database):
    sandbox.slow_down_after(40)
    process = shared_target.start(max_concurrency=4)
    feed(process, people(200))
    sandbox.wait_until(lambda s: len(s.leads()) >= 40)
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    postgres.cut(database)
    done = finish(process)
    assert done.returncode == 1
    assert "ledger: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(sandbox.leads()) < 200

    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = off")
    sandbox.clear_faults()
    again = shared_target.run(people(200))
    assert again.returncode == 0, again.stderr
    assert emails(sandbox) == emails_of(200)


def test_a_full_disk_stops_the_run(sandbox, target):
    sandbox.fault(kind="delay", latency_ms=20, **LEADS)
    process = target.start(max_concurrency=4)
    feed(process, people(50))
    sandbox.wait_until(lambda s: len(s.leads()) == 50)
    # No file of this process may grow any more: to SQLite, a disk without room.
    size = max(path.stat().st_size for path in target.folder.glob("ledger.db*"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    done = finish(process, "".join(f"{line}\n" for line in people(2000)[1:]).encode())
    assert done.returncode == 1
    assert "ledger: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(sandbox.leads()) < 2000

    sandbox.clear_faults()
    again = target.run(people(2000))
    assert again.returncode == 0, again.stderr
    assert emails(sandbox) == emails_of(2000)


@pytest.mark.parametrize("becomes", ["removed", "replaced", "moved"])
def test_without_the_file_of_its_journal_a_run_sends_nothing_more(sandbox, target, becomes):
    assert target.run(people(1)).returncode == 0
    backup = target.ledger.with_name("backup.db")
    shutil.copy(target.ledger, backup)
    process = target.start()
    feed(process, people(5))
    sandbox.wait_until(lambda s: len(s.leads()) == 5)
    match becomes:
        case "removed":
            target.ledger.unlink()
        case "replaced":
            backup.replace(target.ledger)
        case "moved":
            target.ledger.rename(target.ledger.with_name("elsewhere.db"))
    rest = people(50)[11:]
    done = finish(process, "".join(f"{line}\n" for line in rest).encode())
    assert done.returncode == 1
    assert f"the journal {target.ledger} (or its -wal file) was removed or replaced" in done.stderr
    assert "Traceback" not in done.stderr
    assert emails(sandbox) == emails_of(5)
    assert done.states[-1:] in [[{"at": n}] for n in range(1, 6)] + [[]]


def test_without_the_log_of_its_journal_a_run_stops_before_the_log_is_lost(sandbox, target):
    link = target.folder / "by another name.db"
    link.symlink_to(target.ledger)
    process = target.start(ledger=str(link))
    feed(process, people(5))
    sandbox.wait_until(lambda s: len(s.leads()) == 5)
    target.ledger.with_name("ledger.db-wal").unlink()
    done = finish(process, "".join(f"{line}\n" for line in people(50)[11:]).encode())
    assert done.returncode == 1
    assert "-wal file) was removed or replaced" in done.stderr
    assert emails(sandbox) == emails_of(5)

    again = target.run(people(10))
    assert again.returncode == 0, again.stderr
    assert emails(sandbox) == emails_of(10)


def test_a_journal_that_is_reached_by_a_link_is_one(sandbox, target):
    link = target.folder / "by another name.db"
    link.symlink_to(target.ledger)
    process = target.start()
    feed(process, people(5))
    sandbox.wait_until(lambda s: len(s.leads()) == 5)
    again = target.run(people(10), ledger=str(link))
    assert again.returncode == 0, again.stderr
    done = finish(process, "".join(f"{line}\n" for line in people(10)[11:]).encode())
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == emails_of(10)
