"""A journal that is opened to be read is not changed, and holds nobody up."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import psycopg
import pytest

from target_octanist.errors import LedgerError
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.preview import look
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000


def claim(source, *persons, digest="p1"):
    return Claim(source, "leads", persons, 0, digest, '{"name":"A"}')


@pytest.fixture
def journal(ledger):
    opened = Journal.open(ledger)
    opened.begin_run("http://127.0.0.1/api", "key", now=NOW)
    with opened.turn() as turn:
        turn.claim([claim("a", "jane"), claim("b")], now=NOW)
        turn.settle([Settlement("a", State.DELIVERED)], now=NOW)
    yield opened
    opened.close()


@pytest.fixture
def reader(journal, ledger):
    opened = Journal.open_to_read(ledger)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["what?.db", "100%25.db", "a#b.db", "?mode=memory"])
def test_a_file_may_have_any_name(tmp_path, name):
    path = tmp_path / name
    journal = Journal.open(str(path))
    reader = Journal.open_to_read(str(path))
    assert reader.salt == journal.salt
    reader.close()
    journal.close()
    assert [(p.name, p.stat().st_mode & 0o777) for p in tmp_path.iterdir()] == [(name, 0o600)]


def test_it_says_what_the_journal_has_of_a_record_and_would_decide(journal, reader):
    claims = [claim("a"), claim("b"), claim("c", "jane"), claim("d", "joe"), claim("d", "joe")]
    found = [
        (row and row.state, verdict.kind, verdict.other) for row, verdict in look(reader, claims)
    ]
    assert found == [
        ("delivered", "duplicate", None),
        ("claimed", "busy", "b"),
        (None, "duplicate", "a"),
        (None, "send", None),
        (None, "send", None),
    ]
    assert reader.salt == journal.salt
    assert reader.totals() == [("leads", "claimed", 1), ("leads", "delivered", 1)]


def test_it_sees_what_is_committed_while_it_is_open(journal, reader):
    with journal.turn() as turn:
        turn.claim([claim("c")], now=NOW)
        assert [row for row, _ in look(reader, [claim("c")])] == [None], "and waits for nobody"
    ((row, _),) = look(reader, [claim("c")])
    assert row.state == "claimed"


def test_nothing_can_be_written_to_it(reader):
    with pytest.raises(LedgerError), reader.turn() as turn:
        turn.claim([claim("c")], now=NOW)


def test_the_file_stays_as_it_is(file_ledger):
    Journal.open(file_ledger).close()
    before = Path(file_ledger).read_bytes()
    reader = Journal.open_to_read(file_ledger)
    look(reader, [claim("a")])
    reader.close()
    assert Path(file_ledger).read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_it_may_be_in_a_folder_that_cannot_be_written_to(file_ledger):
    Journal.open(file_ledger).close()
    folder = Path(file_ledger).parent
    folder.chmod(0o500)
    try:
        reader = Journal.open_to_read(file_ledger)
        assert reader.totals() == []
        reader.close()
    finally:
        folder.chmod(0o700)


def test_a_place_without_a_journal_is_told_and_left_alone(tmp_path):
    empty, other = tmp_path / "empty.db", tmp_path / "other.db"
    empty.touch()
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE something (else_ TEXT)")
    connection.close()
    for place in (tmp_path / "none.db", empty, other, tmp_path):
        with pytest.raises(LedgerError, match="ledger: "):
            Journal.open_to_read(str(place))
    assert not (tmp_path / "none.db").exists()
    assert empty.read_bytes() == b""


@pytest.mark.postgres
def test_a_database_without_a_journal_is_left_alone(postgres_ledger):
    with pytest.raises(LedgerError, match="ledger: "):
        Journal.open_to_read(postgres_ledger)
    with psycopg.connect(postgres_ledger) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(tables).fetchone() == (0,)
