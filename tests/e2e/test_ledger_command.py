"""``octanist ledger prune``: asks before it forgets leads, and lets runs go on meanwhile."""

from __future__ import annotations

import json
import os
import pty
import sqlite3

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import (
    environment,
    feed,
    finish,
    octanist,
    people,
    person,
    record,
    schema,
    start_command,
    wait_for,
)

pytestmark = pytest.mark.e2e

DAY = 24 * 60 * 60 * 1000

#: What prune says of a journal in which there was nothing to forget.
NOTHING = {"details": 0, "kept": 0, "leads": {}, "persons": 0, "runs": 0}


class Prune:
    """The command, with settings that may change from one time to the next."""

    def __init__(self, target):
        self.target = target
        self.config = target.folder / "prune.json"

    def arguments(self, *arguments, **settings):
        self.config.write_text(json.dumps(self.target.settings | settings), encoding="utf-8")
        return ["ledger", "prune", *arguments, "--config", str(self.config)]

    def __call__(self, *arguments, **settings):
        return octanist(*self.arguments(*arguments, **settings), home=self.target.folder)

    def told(self, *arguments, **settings):
        """Give what it says as JSON; it must go well."""
        done = self(*arguments, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def prune(target):
    return Prune(target)


@pytest.fixture
def aged(target):
    """Three leads that were delivered a year ago."""
    done = target.run(people(3))
    assert done.returncode == 0, done.stderr
    grow_old(target)
    return target


def grow_old(target):
    connection = sqlite3.connect(target.ledger)
    with connection:
        connection.execute("UPDATE octanist_leads SET settled_at = settled_at - ?", (365 * DAY,))
    connection.close()


def forgotten(told):
    return {name: told[name] for name in NOTHING}


def test_without_an_option_no_lead_is_forgotten(sandbox, aged, prune):
    assert forgotten(prune.told()) == NOTHING | {"details": 3}
    assert aged.run(people(3)).returncode == 0
    assert len(sandbox.leads()) == 3


def test_leads_are_forgotten_when_they_are_asked_to_be(sandbox, aged, prune):
    arguments = ("--leads-older-than", "100d")
    counted = prune.told(*arguments, "--dry-run")
    pruned = prune.told(*arguments, "--yes")
    assert counted["dry_run"]
    assert counted["bytes_before"] == counted["bytes_after"]
    assert not pruned["dry_run"]
    assert pruned["not_compacted"] is None
    assert forgotten(counted) == forgotten(pruned)
    assert forgotten(pruned) == NOTHING | {"leads": {"delivered": 3}, "persons": 6}
    assert aged.run(people(3)).returncode == 0
    assert len(sandbox.leads()) == 6


def test_persons_are_forgotten_and_their_leads_are_not(sandbox, aged, prune):
    assert prune.told("--persons-older-than", "100d", "--yes")["persons"] == 6
    same_person = record(**person(1) | {"id": 99})
    assert aged.run([*people(3), same_person], dedupe_window_days=0).returncode == 0
    assert len(sandbox.leads()) == 4


def test_it_says_in_words_what_it_did(aged, prune):
    done = prune("--leads-older-than", "100d", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Would be forgotten:\n  leads: 3 delivered\n  digests of persons: 6\n" in done.stdout
    assert "Nothing was changed." in done.stdout
    done = prune("--leads-older-than", "100d", "--yes")
    assert "Forgotten:\n  leads: 3 delivered\n" in done.stdout


@pytest.mark.parametrize("option", ["--leads-older-than", "--persons-older-than"])
def test_where_nobody_can_be_asked_it_takes_yes(aged, prune, option):
    done = prune(option, "100d")
    assert done.returncode == 1
    assert "where nobody can be asked it takes --yes" in done.stderr
    assert prune.told(option, "100d", "--dry-run")["persons"] == 6


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 3), (b"y\n", 0)])
def test_on_a_terminal_it_asks(aged, prune, answer, left):
    ours, theirs = pty.openpty()
    command = [SCRIPTS / "octanist", *prune.arguments("--leads-older-than", "100d")]
    process = start_command(command, environment(aged.folder), stdin=theirs)
    os.write(ours, answer)
    done = finish(process)
    os.close(theirs)
    os.close(ours)
    assert "leads: 3 delivered" in done.stderr
    assert "A record that comes again after that makes a new lead" in done.stderr
    assert done.returncode == (1 if left else 0), done.stderr
    assert aged.status()["outcomes"]["delivered"] == left


@pytest.mark.parametrize(
    ("age", "settings", "says"),
    [
        ("29d", {}, "30 days"),
        ("100d", {"dedupe_window_days": 365}, "365 days"),
        ("100d", {"dedupe_window_days": 0}, "for ever"),
        ("100d", {"streams": {"contacts": {"dedupe_window_days": 180}}}, "180 days"),
        ("400d", {"streams": {"contacts": {"dedupe_window_days": 0}}}, "for ever"),
    ],
)
def test_no_person_is_forgotten_who_counts_as_already_sent(aged, prune, age, settings, says):
    for option in ("--leads-older-than", "--persons-older-than"):
        done = prune(option, age, "--yes", **settings)
        assert done.returncode == 1
        assert f"{option}: `dedupe_window_days` says" in done.stderr
        assert says in done.stderr
    assert aged.status()["outcomes"]["delivered"] == 3


def test_a_run_goes_on_while_it_prunes(sandbox, aged, prune):
    run = aged.start()
    feed(run, [schema(), record(**person(4))])
    wait_for(lambda: len(sandbox.leads()) == 4)
    told = prune.told("--leads-older-than", "100d", "--yes")
    assert told["leads"] == {"delivered": 3}
    assert "a run is under way" in told["not_compacted"]
    feed(run, [record(**person(n)) for n in (3, 4, 5)])
    done = finish(run)
    assert done.returncode == 0, done.stderr
    assert len(sandbox.leads()) == 6, "the fourth was not sent again"


def test_a_journal_that_is_not_there_is_not_made(target, prune):
    for option in ("--dry-run", "--no-compact"):
        done = prune(option)
        assert done.returncode == 1
        assert "there is no journal" in done.stderr
    assert not target.ledger.exists()
