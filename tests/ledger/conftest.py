"""A journal with a run on it, and a second connection to what is on disk."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy import Engine, event

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
def usual_limits():
    """Let SQLite take as many parameters as by default; some systems build it to take more."""

    def lower(connection, _record):
        # Python 3.10 has no way to do it.
        if hasattr(connection, "setlimit"):
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)

    event.listen(Engine, "connect", lower)
    yield
    event.remove(Engine, "connect", lower)


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
