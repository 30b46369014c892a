"""A journal that an earlier version made is brought to this one: what it knows stays known."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from sqlalchemy import inspect

from target_octanist.errors import LedgerError
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.database import open_database
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.preview import look
from target_octanist.ledger.prune import Ages, Pruned, Pruner
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"

#: As the first versions made it: the table of persons has row numbers, and there are no
#: tables of figures, changes and what is pending.
FIRST_LAYOUT = """
CREATE TABLE octanist_meta (name VARCHAR(40) NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE octanist_runs (
    id VARCHAR(32) NOT NULL, destination TEXT NOT NULL, key_digest VARCHAR(32) NOT NULL,
    place TEXT NOT NULL, pid INTEGER NOT NULL, started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL, turns BIGINT NOT NULL, ended_at BIGINT, exit_code INTEGER,
    PRIMARY KEY (id)
);
CREATE TABLE octanist_leads (
    source VARCHAR(32) NOT NULL, stream TEXT NOT NULL, state VARCHAR(12) NOT NULL,
    run VARCHAR(32) NOT NULL, payload_digest VARCHAR(32) NOT NULL, payload TEXT, record TEXT,
    attempts INTEGER NOT NULL, claimed_at BIGINT NOT NULL, sent_at BIGINT, settled_at BIGINT,
    lead_id TEXT, request_id TEXT, code TEXT, reason TEXT, message TEXT, twin VARCHAR(32),
    PRIMARY KEY (source),
    CONSTRAINT octanist_leads_state CHECK (state IN ('claimed', 'sending', 'delivered',
        'duplicate', 'filtered', 'rejected', 'in_doubt')),
    FOREIGN KEY (run) REFERENCES octanist_runs (id)
);
CREATE INDEX octanist_leads_by_state ON octanist_leads (state, run);
CREATE INDEX octanist_leads_by_lead_id ON octanist_leads (lead_id);
CREATE TABLE octanist_persons (
    digest VARCHAR(32) NOT NULL, source VARCHAR(32) NOT NULL, PRIMARY KEY (digest, source),
    FOREIGN KEY (source) REFERENCES octanist_leads (source)
);
CREATE INDEX octanist_persons_by_source ON octanist_persons (source);

INSERT INTO octanist_meta VALUES ('version', '1'), ('salt', '000102030405060708090a0b0c0d0e0f');
INSERT INTO octanist_runs VALUES
    ('idle', 'http://127.0.0.1/api', 'key', 'host', 1, 100, 200, 3, 200, 0),
    ('first', 'http://127.0.0.1/api', 'key', 'host', 1, 300, 400, 3, 400, 0);
INSERT INTO octanist_leads
    (source, stream, state, run, payload_digest, payload, attempts, claimed_at, sent_at,
     settled_at, lead_id, request_id)
VALUES
    ('a', 'leads', 'delivered', 'first', 'p1', NULL, 1, 300, 310, 320, 'lead_a', 'req_a'),
    ('b', 'leads', 'sending', 'first', 'p1', '{"name":"B"}', 1, 300, 310, NULL, NULL, NULL),
    ('z', 'leads', 'claimed', 'first', 'p1', '{"name":"Z"}', 0, 300, NULL, NULL, NULL, NULL),
    ('n', 'leads', 'rejected', 'first', 'p1', NULL, 0, 300, NULL, 320, NULL, NULL);
INSERT INTO octanist_persons VALUES ('jane', 'a'), ('joe', 'b'), ('tel', 'b'), ('zoe', 'z');
"""

#: Later ones of version 1 had the persons in one tree less, on SQLite.
LATER_LAYOUT = FIRST_LAYOUT.replace(
    "REFERENCES octanist_leads (source)\n)", "REFERENCES octanist_leads (source)\n) WITHOUT ROWID"
)

PERSONS = "SELECT digest, source FROM octanist_persons ORDER BY digest"


LAYOUTS = {
    "first": ("file_ledger", FIRST_LAYOUT),
    "later": ("file_ledger", LATER_LAYOUT),
    "postgres": ("postgres_ledger", FIRST_LAYOUT),
}


@pytest.fixture(params=["first", "later", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request):
    """A journal of version 1."""
    place, layout = LAYOUTS[request.param]
    path = request.getfixturevalue(place)
    run_sql(path, layout)
    return path


def run_sql(ledger, script):
    engine = open_database(ledger)
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    engine.dispose()


def tables_of(ledger):
    """What the database itself says of the journal's tables."""
    engine = open_database(ledger)
    seen = inspect(engine)
    found = {
        table: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)),
            sorted((i["name"], i["column_names"]) for i in seen.get_indexes(table)),
            sorted(key["constrained_columns"] for key in seen.get_foreign_keys(table)),
            seen.get_pk_constraint(table)["constrained_columns"],
        )
        for table in seen.get_table_names()
    }
    engine.dispose()
    return found


def claim(source, *persons):
    return Claim(source, "leads", persons, 0, "p1", '{"name":"A"}')


def claimed(journal, *claims):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=NOW)]


def test_it_is_as_if_this_version_had_made_it(ledger, look, tmp_path, request):
    Journal.open(ledger).close()
    new = str(tmp_path / "new.db")
    if "://" in ledger:
        postgres = request.getfixturevalue("postgres")
        new = postgres.url(postgres.new_database())
    Journal.open(new).close()
    assert tables_of(ledger) == tables_of(new)
    assert look("SELECT value FROM octanist_meta WHERE name = 'version'") == [("2",)]


def test_runs_go_on_with_it(ledger, look):
    with closing(Journal.open(ledger)) as journal:
        assert journal.salt == bytes(range(16))
        journal.begin_run(HERE, "key", now=NOW)
        with journal.turn() as turn:
            assert [lead.source for lead in turn.take_over(HERE, now=NOW)] == ["b", "z"]
            turn.settle([Settlement("b", State.DELIVERED)], now=NOW)
            turn.release(["z"])
        assert look(PERSONS) == [("jane", "a"), ("joe", "b"), ("tel", "b")]
        new = claimed(journal, claim("a", "anne"), claim("c", "jane"), claim("d", "jim"))
        assert new == ["duplicate", "duplicate", "send"]
        with journal.turn() as turn:
            turn.start_sending(["d"], now=NOW)
            turn.settle([Settlement("d", State.DELIVERED)], now=NOW)
            turn.sign_off(now=NOW, exit_code=0, figures="{}")
        again = claimed(journal, claim("e", "jim"), claim("f", "tel"), claim("z", "zoe"))
        assert again == ["duplicate", "duplicate", "send"]
        assert journal.totals() == [
            ("leads", "claimed", 1),
            ("leads", "delivered", 3),
            ("leads", "duplicate", 3),
            ("leads", "rejected", 1),
        ]


def test_it_can_be_pruned(ledger, look):
    ages = Ages(details=NOW, leads=NOW)
    forgotten = Pruned(leads={"delivered": 1}, persons=1, runs=1)
    with closing(Journal.open_to_read(ledger)) as journal:
        assert Pruner(journal, ages).count() == forgotten
    with closing(Journal.open(ledger)) as journal:
        assert Pruner(journal, ages).prune() == forgotten
        journal.compact()
        assert look(PERSONS) == [("joe", "b"), ("tel", "b"), ("zoe", "z")]
        journal.begin_run(HERE, "key", now=NOW)
        assert claimed(journal, claim("a", "jane")) == ["send"]


def test_who_reads_it_leaves_it_as_it_is(ledger):
    before = tables_of(ledger)
    with closing(Journal.open_to_read(ledger)) as journal:
        ((row, verdict),) = look(journal, [claim("c", "jane")])
        assert (row, verdict.kind, verdict.other) == (None, "duplicate", "a")
        assert journal.totals()[1] == ("leads", "delivered", 1)
        assert [lead["source"] for lead in journal.in_state(State.REJECTED)] == ["n"]
        assert len(journal.past_runs()) == 2
    assert tables_of(ledger) == before


def test_a_run_of_the_earlier_version_is_waited_for(ledger):
    before = tables_of(ledger)
    now = time.time_ns() // 1_000_000
    run_sql(
        ledger,
        "INSERT INTO octanist_runs VALUES"
        f" ('live', 'http://127.0.0.1/other', 'key', 'elsewhere', 1, {now}, {now}, 3, NULL, NULL)",
    )
    with pytest.raises(LedgerError, match="a run of an earlier version may still be using"):
        Journal.open(ledger)
    assert tables_of(ledger) == before
    run_sql(ledger, "UPDATE octanist_runs SET ended_at = 1 WHERE id = 'live'")
    Journal.open(ledger).close()


def test_a_run_of_the_earlier_version_that_was_suspended_has_to_stop(ledger, look):
    run_sql(
        ledger,
        "INSERT INTO octanist_runs VALUES"
        " ('suspended', 'http://127.0.0.1/other', 'key', 'elsewhere', 1, 7, 8, 3, NULL, NULL)",
    )
    Journal.open(ledger).close()
    # Its turns begin by a sign of life in the row of a run that is not over.
    assert look("SELECT id FROM octanist_runs WHERE ended_at IS NULL") == []


def test_all_of_it_is_changed_or_nothing(ledger, look):
    # This stops the last statement: the version is to be 2.
    run_sql(ledger, "CREATE UNIQUE INDEX stop ON octanist_meta (value)")
    run_sql(ledger, "INSERT INTO octanist_meta VALUES ('stop', '2')")
    before = tables_of(ledger)
    with pytest.raises(LedgerError):
        Journal.open(ledger)
    assert tables_of(ledger) == before
    assert look("SELECT value FROM octanist_meta WHERE name = 'version'") == [("1",)]
