"""A journal that an earlier version made goes on as it is: what it knows stays known."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.prune import Ages, Pruned, Pruner
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"

#: As the first versions made it: the table of persons has row numbers, and there are no
#: tables of figures, changes and what is pending.
FIRST_LAYOUT = """
PRAGMA journal_mode=WAL;
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
    ('b', 'leads', 'sending', 'first', 'p1', '{"name":"B"}', 1, 300, 310, NULL, NULL, NULL);
INSERT INTO octanist_persons VALUES ('jane', 'a'), ('joe', 'b');
"""


@pytest.fixture
def first_layout(tmp_path):
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST_LAYOUT)
    connection.close()
    return str(path)


def claim(source, *persons):
    return Claim(source, "leads", persons, 0, "p1", '{"name":"A"}')


def claimed(journal, *claims):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=NOW)]


def test_runs_go_on_with_it(first_layout):
    with closing(Journal.open(first_layout)) as journal:
        assert journal.salt == bytes(range(16))
        journal.begin_run(HERE, "key", now=NOW)
        with journal.turn() as turn:
            assert [lead.source for lead in turn.take_over(HERE, now=NOW)] == ["b"]
            turn.settle([Settlement("b", State.DELIVERED)], now=NOW)
        new = claimed(journal, claim("a", "anne"), claim("c", "jane"), claim("d", "jim"))
        assert new == ["duplicate", "duplicate", "send"]
        with journal.turn() as turn:
            turn.start_sending(["d"], now=NOW)
            turn.settle([Settlement("d", State.DELIVERED)], now=NOW)
            turn.sign_off(now=NOW, exit_code=0, figures="{}")
        assert claimed(journal, claim("e", "jim"), claim("f", "joe")) == ["duplicate", "duplicate"]
        assert journal.totals() == [("leads", "delivered", 3), ("leads", "duplicate", 3)]


def test_it_can_be_pruned(first_layout):
    ages = Ages(details=NOW, leads=NOW)
    forgotten = Pruned(leads={"delivered": 1}, persons=1, runs=1)
    with closing(Journal.open_to_read(first_layout)) as journal:
        assert Pruner(journal, ages).count() == forgotten
    with closing(Journal.open(first_layout)) as journal:
        assert Pruner(journal, ages).prune() == forgotten
        journal.compact()
        assert claimed_by_a_new_run(journal, claim("a", "jane")) == ["send"]


def claimed_by_a_new_run(journal, *claims):
    journal.begin_run(HERE, "key", now=NOW)
    return claimed(journal, *claims)
