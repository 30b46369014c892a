"""A journal with a run on it, and a second connection to what is on disk."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from target_octanist.ledger.journal import Journal

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"


@pytest.fixture
def journal(ledger):
    opened = Journal.open(ledger)
    opened.begin_run(HERE, "key", now=NOW)
    yield opened
    opened.close()


@pytest.fixture
def look(ledger):
    """Ask the database itself, through a connection of its own."""
    connect = psycopg.connect if "://" in ledger else sqlite3.connect

    def rows(sql):
        connection = connect(ledger)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return rows
