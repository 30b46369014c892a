"""What is kept of runs, on both kinds of database."""

from __future__ import annotations

import os

import pytest

from target_octanist.ledger import history
from target_octanist.ledger.claims import DISCARDED, Claim
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

HERE = "http://127.0.0.1/api"


@pytest.fixture
def journal(ledger):
    opened = Journal.open(ledger)
    yield opened
    opened.close()


def run_to_its_end(journal, now, exit_code=0):
    journal.begin_run(HERE, "", now=now)
    with journal.turn() as turn:
        turn.sign_off(now=now + 10, exit_code=exit_code, figures=f'{{"at": {now}}}')
    return journal.run


def test_figures_are_replaced_not_added(journal):
    journal.begin_run(HERE, "", now=1000)
    for number in (1, 2):
        with journal.turn() as turn:
            turn.keep_figures(f'{{"n": {number}}}', now=1000 + number)
    assert journal.figures([journal.run, "0" * 32]) == {journal.run: '{"n": 2}'}


def test_only_the_figures_of_the_last_runs_are_kept(journal, monkeypatch):
    monkeypatch.setattr(history, "KEPT", 2)
    ids = [run_to_its_end(journal, now) for now in (1000, 2000, 3000, 4000)]
    assert journal.figures(ids).keys() == set(ids[2:])
    assert [run.id for run in journal.past_runs()] == ids[::-1], "the runs themselves stay"


def test_runs_can_be_asked_for_by_time_and_by_the_start_of_their_id(journal):
    first, second, third = (run_to_its_end(journal, now) for now in (1000, 2000, 3000))
    assert [run.id for run in journal.past_runs(since=2000)] == [third, second]
    assert [run.id for run in journal.past_runs(until=2000)] == [first]
    assert [run.id for run in journal.past_runs(limit=1)] == [third]
    assert [run.id for run in journal.past_runs(prefix=second[:12].upper())] == [second]
    assert journal.past_runs(prefix="%") == []


def test_a_run_is_running_ended_or_cut_off(journal, monkeypatch):
    run_to_its_end(journal, 1000, exit_code=143)
    (ended,) = journal.past_runs()
    assert (ended.state, ended.exit_code, ended.ended_at) == ("ended", 143, 1010)

    journal.begin_run(HERE, "", now=2000)
    # The run before this one, as another process would see it: long silent.
    monkeypatch.setattr(os, "getpid", lambda: 1 << 22)
    assert journal.past_runs(limit=1)[0].state == "cut_off"
    monkeypatch.undo()

    # Who takes over writes down its end, but nobody knows its exit code.
    journal.begin_run(HERE, "", now=3000)
    with journal.turn() as turn:
        turn.take_over(HERE, now=3000)
    cut_off = journal.past_runs()[1]
    assert (cut_off.state, cut_off.exit_code, cut_off.ended_at) == ("cut_off", None, None)


def test_a_dead_letter_that_was_discarded_is_none_any_more(journal):
    journal.begin_run(HERE, "", now=1000)
    claims = [Claim(f"{n:032}", "leads", (), 0, "d", None, "why", "{}") for n in range(3)]
    with journal.turn() as turn:
        turn.claim(claims, now=1000)
        turn.settle([Settlement(f"{0:032}", State.REJECTED, code=DISCARDED)], now=1000)
    assert journal.dead_letters() == 2
