"""Fixtures that all tests share: a real sandbox, and a target that is set up for it."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from tests.support.postgres import find_programs, server
from tests.support.sandbox import Sandbox
from tests.support.target import Target


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def postgres():
    """The URL of a PostgreSQL server, with a place for the database's name."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed; its tests are left out")
    with server(programs) as url:
        yield url


@pytest.fixture
def postgres_ledger(postgres):
    """The URL of a new, empty database."""
    name = f"ledger_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.format(database=name)


@pytest.fixture
def file_ledger(tmp_path):
    """The path of a journal, and of its folder, that do not exist yet."""
    return str(tmp_path / "folder" / "ledger.db")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request):
    """A journal that does not exist yet, once for each kind of database."""
    kinds = {"sqlite": "file_ledger", "postgres": "postgres_ledger"}
    return request.getfixturevalue(kinds[request.param])


@pytest.fixture
def target(sandbox, tmp_path):
    return Target(tmp_path, sandbox.base_url)
