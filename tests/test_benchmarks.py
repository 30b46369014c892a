"""The benchmarks still run; what they measure is for a quiet machine, and not for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.figures import Figure, at_least, at_most, table
from tests.support.target import environment

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]


def test_the_floors_run_and_their_leads_arrive(tmp_path):
    command = (sys.executable, "-m", "benchmarks", "--only", "floors", "--quick")
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "### The floors by themselves" in done.stdout
    assert "200 records by hand" in done.stdout


def test_a_figure_is_the_median_of_its_rounds_beside_its_goal():
    text = table(
        [
            Figure("share", [0.5, 0.9, 0.7], goal=at_least(0.6)),
            Figure("cost", [30.0, 20.0, 40.0], "µs", goal=at_most(25)),
            Figure("lost in noise", [1.0, float("nan")], goal=at_least(1)),
            Figure("rate", [1234.5]),
        ]
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    assert rows == [
        ["share", "0.70", "0.50..0.90", "≥ 0.60", "met"],
        ["cost", "30.0 µs", "20.0..40.0", "≤ 25.0 µs", "**not met**"],
        ["lost in noise", "–", "", "≥ 1.00", "not to be told"],
        ["rate", "1,234", "", "", ""],
    ]


def test_results_are_written_at_their_place_and_all_else_stays(tmp_path):
    file = tmp_path / "RESULTS.md"
    file.write_text(
        "# Results\n"
        "<!-- one: begin, written by make bench -->\nold\n<!-- one: end -->\n"
        "<!-- two: begin, written by make bench -->\n<!-- two: end -->\n"
        "## Faults\n",
        encoding="utf-8",
    )
    results.write("one", r"new \1", file)
    assert file.read_text(encoding="utf-8") == (
        "# Results\n"
        "<!-- one: begin, written by make bench -->\nnew \\1\n<!-- one: end -->\n"
        "<!-- two: begin, written by make bench -->\n<!-- two: end -->\n"
        "## Faults\n"
    )
    with pytest.raises(ValueError, match=re.escape("RESULTS.md has no place for three")):
        results.write("three", "", file)


def test_each_part_has_its_place_in_the_results():
    from benchmarks.__main__ import PARTS

    places = re.findall(r"<!-- ([a-z-]+): begin", results.RESULTS.read_text(encoding="utf-8"))
    assert places == ["machine", *PARTS]
