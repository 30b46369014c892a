"""Fixtures that all tests share: a real sandbox, and a target that is set up for it."""

from __future__ import annotations

import pytest

from tests.support.sandbox import Sandbox
from tests.support.target import Target


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def target(sandbox, tmp_path):
    return Target(tmp_path, sandbox.base_url)
