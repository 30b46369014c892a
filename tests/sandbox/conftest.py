from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.client import SESSION, Client
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox("--session", SESSION) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    assert running.process.poll() is None
    assert not running.stderr()
    running.clear()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox)
    yield client
    client.close()
