"""The demo reads what a run says, so the two have to agree on the words."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.support.target import people

pytestmark = pytest.mark.e2e

DEMO = Path(__file__).parents[1] / "scripts" / "demo.py"


def test_the_demo_can_read_the_counts_of_a_run(target):
    counts = runpy.run_path(str(DEMO))["SUMMARY"]
    for delivered, duplicate in ((3, 0), (0, 3)):
        done = target.run(people(3))
        (found,) = counts.findall(done.stderr)
        assert found.startswith(f"{delivered} delivered, {duplicate} duplicate")
