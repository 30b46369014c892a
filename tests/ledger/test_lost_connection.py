"""A turn is written once, also where the database goes away in the middle of it."""

from __future__ import annotations

import psycopg
import pytest

from target_octanist.errors import LedgerError
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres):
    return postgres.new_database()


@pytest.fixture
def journal(postgres, database):
    opened = Journal.open(postgres.url(database))
    opened.begin_run(HERE, "key", now=NOW)
    yield opened
    opened.close()


@pytest.fixture
def states(postgres, database):
    def rows():
        with psycopg.connect(postgres.url(database)) as connection:
            query = "SELECT source, state FROM octanist_leads ORDER BY source"
            return connection.execute(query).fetchall()

    return rows


def claim(source):
    return Claim(source, "leads", (), 0, "digest", '{"name":"A"}')


def test_a_turn_that_was_cut_off_before_its_commit_is_done_again(
    journal, postgres, database, states
):
    calls = []

    def work(turn):
        calls.append(turn)
        verdicts = turn.claim([claim("a")], now=NOW)
        if len(calls) == 1:
            postgres.cut(database)
        return [verdict.kind for verdict in verdicts]

    assert journal.write(work) == ["send"]
    assert len(calls) == 2
    assert states() == [("a", "claimed")]


def test_a_turn_whose_commit_went_through_unheard_is_not_done_again(
    journal, postgres, database, states
):
    calls = []

    def work(turn):
        calls.append(turn)
        verdicts = turn.claim([claim("a")], now=NOW)
        # The commit arrives, and its answer does not.
        turn._connection.connection.dbapi_connection.commit()
        postgres.cut(database)
        return [verdict.kind for verdict in verdicts]

    assert journal.write(work) == ["send"]
    assert len(calls) == 1
    assert states() == [("a", "claimed")]


def test_a_run_that_was_taken_for_dead_writes_nothing(journal, postgres, database, states):
    other = Journal.open(postgres.url(database))
    other.begin_run(HERE, "key", now=NOW)
    with other.turn() as turn:
        turn.take_over(HERE, now=NOW)  # to a run of the same process, the first one is dead
    other.close()
    with pytest.raises(LedgerError, match="took this one for dead"):
        journal.write(lambda turn: turn.claim([claim("a")], now=NOW))
    assert states() == []
