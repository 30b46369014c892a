"""Fixtures that all tests share: a real sandbox, and a target that is set up for it."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import browser as browsers
from tests.support.postgres import find_programs, running_server
from tests.support.processes import serve_forks
from tests.support.sandbox import Sandbox
from tests.support.target import Target

# A shell that starts the tests in the background lets them ignore Ctrl-C, and processes inherit
# that; those that the tests interrupt must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's business: a first one loads tables.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_terminal_summary(terminalreporter):
    if find_programs() is None:
        terminalreporter.write_line(
            "PostgreSQL is not installed here: the tests of a journal on it were left out.",
            yellow=True,
        )
    if browsers.find_programs() is None:
        terminalreporter.write_line(
            "chromium or chromedriver is not installed here: the tests of pages in a browser were"
            " left out.",
            yellow=True,
        )


def pytest_addoption(parser):
    group = parser.getgroup("target-octanist")
    group.addoption(
        "--fuzz", type=int, default=200, help="how much bad input tests/e2e/test_fuzz.py makes"
    )
    group.addoption("--fuzz-from", type=int, default=0, help="the number of its first case")
    group.addoption("--transport", help="the setting `transport` of all targets")
    group.addoption(
        "--exec",
        action="store_true",
        help="start each process by its installed script (slow); else most of them are forked",
    )


def pytest_configure(config):
    if transport := config.getoption("--transport"):
        Target.usual["transport"] = transport
    if not config.getoption("--exec"):
        serve_forks()


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def browser_programs():
    """Where Chromium and its driver are."""
    programs = browsers.find_programs()
    if programs is None:
        pytest.skip("chromium or chromedriver is not installed; tests of pages are left out")
    return programs


@pytest.fixture(scope="session")
def shared_browser(browser_programs):
    """A browser that all tests of a process share; `browser` is what tests ask for."""
    with browsers.running_browser(browser_programs) as running:
        yield running


@pytest.fixture
def browser(shared_browser):
    """A browser as wide as a desk, in light mode; nothing may have been logged as an error."""
    shared_browser.show()
    yield shared_browser
    errors = shared_browser.errors()
    shared_browser.open("about:blank")
    assert errors == []


@pytest.fixture
def artefacts(request, tmp_path):
    """The folder for what a test leaves to be looked at, such as screenshots."""
    root = os.environ.get("OCTANIST_TEST_ARTEFACTS")
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    return tmp_path if root is None else Path(root, name)


@pytest.fixture(scope="session")
def postgres_programs():
    """The folder of PostgreSQL's programs."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed; its tests are left out")
    return programs


@pytest.fixture(scope="session")
def postgres(postgres_programs):
    """A PostgreSQL server that all tests share."""
    with running_server(postgres_programs) as server:
        yield server


@pytest.fixture
def postgres_ledger(postgres):
    """The URL of a new, empty database."""
    return postgres.url(postgres.new_database())


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
