"""Failures of the journal's database, as sentences: what went wrong, where, and what to do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from target_octanist.errors import LedgerAway, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

#: What SQLite says to what went wrong.
_FILE_ERRORS = {
    "is locked": "ledger-locked",
    "disk is full": "ledger-full",
    "disk I/O error": "ledger-full",
    "not a database": "ledger-damaged",
    "malformed": "ledger-damaged",
    "readonly database": "ledger-unwritable",
    "unable to open": "ledger-unwritable",
}

_REMEDIES = {
    "ledger-locked": "close what holds it (a database browser, a backup), and run again",
    "ledger-full": "make room on its disk, and run again",
    "ledger-damaged": "see that `ledger` names the journal, else put a backup back",
    "ledger-unwritable": "set `ledger` to a file in a folder that this user may write to",
    "ledger-away": "see that it answers and takes the login, and run again",
    "ledger-failed": "see that the database is there, writable and has room",
}


@contextmanager
def readable_errors(engine: Engine) -> Iterator[None]:
    """Turn a failure of a database into one sentence without SQL, values or passwords.

    Raises:
        LedgerAway: It may come back: it restarts, fails over, or the network was cut.
        LedgerError: It will not.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        # SQLite's own messages are short and name no value; other drivers' may.
        is_file = type(cause).__module__.startswith("sqlite3")
        if not is_file and _is_away(error):
            remedy = _REMEDIES["ledger-away"]
            message = f"ledger: the journal {place_of(engine)} cannot be reached; {remedy}."
            raise LedgerAway(message) from None
        what = str(cause) if is_file else type(cause).__name__
        error_id = file_error_id(what) if is_file else "ledger-failed"
        message = (
            f"ledger: the journal {place_of(engine)} cannot be used ({what}); "
            f"{_REMEDIES[error_id]}."
        )
        raise LedgerError(message, error_id=error_id) from None


def place_of(engine: Engine) -> str:
    """Name a journal: its file, or its URL without user, password and options."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return url.database or "in a temporary file"
    return str(URL.create("postgresql", host=url.host, port=url.port, database=url.database))


def file_error_id(what: str) -> str:
    """Tell SQLite's failures apart by its own words."""
    known = (error_id for words, error_id in _FILE_ERRORS.items() if words in what)
    return next(known, "ledger-failed")


def _is_away(error: Exception) -> bool:
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OperationalError)
