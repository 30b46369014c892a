"""Opening the journal's database: a file of SQLite, or PostgreSQL, as one thing.

A SQLite file is made with mode 0600, because unsettled leads and dead letters hold
personal data, and is put in WAL mode with ``synchronous=FULL``: a commit that has
returned survives the loss of power.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from target_octanist.errors import LedgerError
from target_octanist.extras import extra_hint
from target_octanist.ledger.failures import file_error_id, place_of, readable_errors
from target_octanist.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine.interfaces import DBAPIConnection

logger = logging.getLogger("target-octanist")

#: How long one process waits for another's transaction; theirs last milliseconds.
BUSY_TIMEOUT_SECONDS = 60

#: How much of that passes before it is told.
SILENT_SECONDS = 5

#: Any fixed number serves: it names the lock that serialises claims on PostgreSQL.
_ADVISORY_LOCK = 0x0C7A_0157

#: The journal of a dry run: it is thrown away with the process.
TEMPORARY = ":temporary:"


def open_database(ledger: str, *, create: bool = True) -> Engine:
    """Open the database that ``ledger`` names.

    Args:
        ledger: A file path, a ``postgresql://`` URL, or `TEMPORARY`.
        create: Whether a missing file may be made.

    Raises:
        LedgerError: The place cannot be used; the message never holds the URL's password.
    """
    if ledger == TEMPORARY:
        # A name that is empty makes SQLite keep the database in a file that is removed as
        # soon as it is open, and that only its owner could read: it does not fill the
        # memory, and nothing of it is left however the process ends.
        engine = create_engine(
            "sqlite://",
            poolclass=StaticPool,
            hide_parameters=True,
            creator=lambda: sqlite3.connect("", check_same_thread=False),
        )
    elif "://" in ledger:
        return _open_postgresql(ledger)
    else:
        engine = _open_sqlite(Path(ledger).expanduser(), create=create)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def open_to_read(ledger: str) -> Engine:
    """Open a database that exists, in a way that cannot change it and blocks no run.

    Raises:
        LedgerError: As `open_database`; and there is no such file.
    """
    if "://" in ledger:
        return _open_postgresql(ledger).execution_options(postgresql_readonly=True)
    path = Path(ledger).expanduser()
    _must_exist(path)
    address = f"file:{quote(str(path))}?mode=ro"
    # A reader needs SQLite's two files beside the journal, and makes them. Where it may
    # not and they are missing, nobody is writing: the file can be read as it stands.
    if not (os.access(path.parent, os.W_OK) or Path(f"{path}-wal").exists()):
        address += "&immutable=1"
    return create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        hide_parameters=True,
        creator=lambda: sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_SECONDS),
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Do something in one transaction.

    Raises:
        LedgerError: The database failed (see `readable_errors`); nothing is written.
    """
    with readable_errors(engine), engine.begin() as connection:
        yield connection


def serialise(connection: Connection) -> None:
    """Let no other process decide about leads until this transaction ends.

    SQLite's transactions begin IMMEDIATE, which is this already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})


@contextmanager
def unchecked(connection: Connection) -> Iterator[None]:
    """Let SQLite not look for references to rows that are deleted, up to the end of the block.

    Where no index begins with the reference it reads a whole table for each of them.

    Args:
        connection: Not in a transaction.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = _driver(connection)
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def size(connection: Connection) -> int:
    """Give the bytes that the journal takes on disk, with its indexes."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    # A table that an earlier version did not make counts nothing.
    bytes_of = [func.pg_total_relation_size(func.to_regclass(name)) for name in metadata.tables]
    return int(sum(connection.execute(select(func.coalesce(b, 0))).scalar_one() for b in bytes_of))


def compact(connection: Connection) -> None:
    """Write a file of SQLite anew without what is free in it; PostgreSQL does so by itself.

    Args:
        connection: Not in a transaction.
    """
    if connection.dialect.name == "sqlite":
        driver = _driver(connection)
        _set_patience(driver, BUSY_TIMEOUT_SECONDS)
        driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _must_exist(path: Path) -> None:
    if not path.exists():
        message = f"ledger: there is no journal at {path}; has a run used it yet?"
        raise LedgerError(message, error_id="ledger-missing")


def _open_sqlite(path: Path, *, create: bool) -> Engine:
    if not create:
        _must_exist(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Opened here first, so that it never exists with a wider mode than 0600.
        # SQLite gives the -wal and -shm files the mode of the main file.
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        os.close(descriptor)
    except OSError as error:
        message = (
            f"ledger: the journal {path} cannot be opened for writing ({error.strerror}); "
            "set `ledger` to a file in a folder that this user may write to."
        )
        raise LedgerError(message, error_id="ledger-unwritable") from None
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    opened = _identity(path)
    log = Path(f"{path.resolve()}-wal")

    # SQLite would go on with files that nobody finds any more.
    @event.listens_for(engine, "begin")
    def _must_be_the_same(connection: Connection) -> None:
        # The log is made by a connection's first transaction at the latest, and outlives it.
        of_log = _identity(log)
        known = connection.info["log"] = connection.info.get("log") or of_log
        if (_identity(path), of_log) == (opened, known):
            return
        message = (
            f"ledger: the journal {path} (or its -wal file) was removed or replaced while it was "
            "in use, so nothing more is sent; put it back, or a backup, before you run again."
        )
        raise LedgerError(message, error_id="ledger-replaced")

    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell a file from any other of the same name; None if it is not to be found."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open_postgresql(ledger: str) -> Engine:
    try:
        url = make_url(ledger)
    except (ArgumentError, ValueError):
        message = "ledger: is neither a file path nor a postgresql:// URL."
        raise LedgerError(message, error_id="ledger-address") from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        message = "ledger: only a file path (SQLite) or a postgresql:// URL can be used."
        raise LedgerError(message, error_id="ledger-address")
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            connect_args={
                "connect_timeout": 10,
                # A cut cable is noticed in half a minute, not in hours.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 4,
                "tcp_user_timeout": 30_000,
            },
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        message = (
            "ledger: a postgresql:// journal needs the driver; "
            f"install it with: {extra_hint('postgres')}"
        )
        raise LedgerError(message, error_id="extra-missing") from None
    event.listen(engine, "connect", _set_timeouts)
    return engine


def _set_timeouts(connection: DBAPIConnection, _record: object) -> None:
    # A process that was suspended inside of a transaction must not hold up all others.
    cursor = connection.cursor()
    for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
        cursor.execute(f"SET {name} = '{BUSY_TIMEOUT_SECONDS}s'")
    cursor.close()
    connection.commit()


def _set_pragmas(connection: DBAPIConnection, _record: object) -> None:
    # The driver must not begin transactions by itself: `_begin_immediate` does.
    driver: Any = connection
    driver.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    # Digests fall on pages all over the file. The longer these wait in the log, the more
    # often one of them is copied into the file once instead of twice.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A transaction that begins by reading and writes later can fail with "database is
    # locked" at once, whatever the timeout; one that begins IMMEDIATE waits its turn.
    driver = _driver(connection)
    _set_patience(driver, SILENT_SECONDS)
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if file_error_id(str(error)) != "ledger-locked":
            raise
        place = place_of(connection.engine)
        logger.warning("ledger: another process has locked the journal %s; waiting for it.", place)
        _set_patience(driver, BUSY_TIMEOUT_SECONDS - SILENT_SECONDS)
        driver.execute("BEGIN IMMEDIATE")


def _set_patience(driver: Any, seconds: int) -> None:
    driver.execute(f"PRAGMA busy_timeout={1000 * seconds}")
