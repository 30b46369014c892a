"""``octanist reconcile``: what is in doubt is settled by hand."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.target import octanist, person, record, schema

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}


@pytest.fixture
def reconcile(target):
    def run(*arguments, env=None, **settings):
        config = target.folder / "reconcile.json"
        config.write_text(json.dumps(target.settings | settings), encoding="utf-8")
        told = ("reconcile", "--config", str(config), *arguments)
        return octanist(*told, home=target.folder, **(env or {}))

    return run


@pytest.fixture
def doubtful(sandbox, target):
    """Three leads in doubt: the first is stored, the others are not."""
    sandbox.fault("drop-after-commit", **LEADS, times=1, field={"email": person(1)["email"]})
    sandbox.fault("drop", **LEADS, times=2)
    done = target.run([schema(), *(record(**person(n)) for n in (1, 2, 3))], on_unknown="hold")
    assert done.returncode == 0, done.stderr
    assert target.status()["outcomes"]["in_doubt"] == 3
    assert len(sandbox.leads()) == 1
    return target


def test_what_the_api_has_is_delivered_and_what_it_has_not_is_sent(sandbox, doubtful, reconcile):
    done = reconcile("--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"before": 3, "in_doubt": [], "outcomes": {"delivered": 3}}
    assert sorted(lead["email"] for lead in sandbox.leads()) == [
        person(n)["email"] for n in (1, 2, 3)
    ]
    assert doubtful.status()["outcomes"]["delivered"] == 3


@pytest.mark.parametrize("place", ["reopen", "reopen-committed"])
def test_a_reconciliation_that_is_killed_loses_and_doubles_nothing(
    sandbox, doubtful, reconcile, place
):
    killed = reconcile(env={"OCTANIST_KILL_AT": place})
    assert killed.returncode == -signal.SIGKILL
    assert reconcile().returncode == 0
    assert doubtful.status()["outcomes"]["delivered"] == 3
    assert len(sandbox.leads()) == 3


def test_what_nobody_can_tell_is_listed_for_a_human_who_decides(sandbox, doubtful, reconcile):
    # The list cannot be had, so only a human can tell.
    sandbox.fault(kind="status", status=403, method="GET", path="/leads")
    done = reconcile()
    assert done.returncode == 0, done.stderr
    assert "3 leads were in doubt" in done.stdout
    assert "octanist reconcile --delivered" in done.stdout
    assert "canary" not in (done.stdout + done.stderr).lower()
    sources = [row["source"] for row in doubtful.status()["in_doubt"]]
    assert all(source[:12] in done.stdout for source in sources)

    by_hand = ["--delivered", sources[0][:12], "--send", sources[1][:12], "--json"]
    done = reconcile(*by_hand)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcomes"] == {"delivered": 2, "in_doubt": 1}
    assert [row["source"] for row in told["in_doubt"]] == [sources[2]]
    assert len(sandbox.leads()) == 2


def test_an_id_that_names_no_doubt_is_told(doubtful, reconcile):
    done = reconcile("--send", "ffffffffffffffffffff")
    assert done.returncode == 1
    assert "--send: ffffffffffffffffffff names no lead in doubt" in done.stderr


def test_with_nothing_in_doubt_it_says_so(target, reconcile):
    target.run([schema(), record(**person(1))])
    done = reconcile()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No lead is in doubt.\n"


def test_a_dry_run_does_not_reconcile(target, reconcile):
    target.run([schema(), record(**person(1))])
    done = reconcile(dry_run=True)
    assert done.returncode == 1
    assert "dry_run" in done.stderr
