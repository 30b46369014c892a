"""Every command in the documentation does what the page says."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from tests.support.pages import PAGES, ROOT, commands, shows
from tests.support.processes import SCRIPTS
from tests.support.sandbox import Sandbox
from tests.support.target import TIMEOUT_SECONDS, environment

pytestmark = pytest.mark.e2e

#: Where `octanist sandbox` listens; here it takes a free port, as many of them run.
DOCUMENTED_ORIGIN = "http://127.0.0.1:8321"

WITH_COMMANDS = [page for page in PAGES if commands(page)]

#: All blocks that are not run, and the most that there may be. Each says why.
NOT_RUN = [block for page in PAGES for block in commands(page) if block.not_run is not None]
MOST_NOT_RUN = 12


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_do_what_it_says(page, folder):
    run = [block for block in commands(page) if block.not_run is None]
    starts = [block for block in run if block.is_sandbox]
    assert len(starts) <= 1, "a page has one sandbox"
    options = shlex.split(starts[0].text, comments=True)[2:] if starts else []
    with Sandbox(*options) as sandbox:
        for block in run:
            if not block.is_sandbox:
                done = shell(block.text.replace(DOCUMENTED_ORIGIN, sandbox.origin), folder)
                said = f"{page}:{block.line}\n{block.text}\n{done.stdout}"
                assert done.returncode == block.exit_code, said
                printed = done.stdout.replace(sandbox.origin, DOCUMENTED_ORIGIN)
                assert block.output is None or shows(block.output, printed), said


@pytest.fixture
def folder(tmp_path):
    """Where a reader would be: the samples are there, and `my-tap`, which plays one of them."""
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    shutil.copy(ROOT / "sample_data" / "web_leads.csv", tmp_path)
    tap = tmp_path / "bin" / "my-tap"
    tap.parent.mkdir()
    tap.write_text("#!/bin/sh\ncat sample_data/singer/web_leads.singer.jsonl\n", encoding="utf-8")
    tap.chmod(0o755)
    return tmp_path


def shell(script, folder):
    """Run a block as a reader would; stderr comes with stdout, as on a terminal."""
    env = environment(folder)
    env |= {
        "PATH": f"{folder / 'bin'}:{SCRIPTS}:{env['PATH']}",
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_a_sandbox_is_started_by_its_own_command_alone():
    for page in PAGES:
        for block in commands(page):
            if block.is_sandbox:
                assert shlex.split(block.text)[:2] == ["octanist", "sandbox"], page
            elif block.not_run is None:
                assert "octanist sandbox" not in block.text, f"{page}: mark it with % sandbox"


def test_no_block_of_commands_is_overlooked():
    for page in PAGES:
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
        fences = [number for number, line in enumerate(lines, 1) if line == "```sh"]
        assert [block.line for block in commands(page)] == fences, page


def test_few_commands_are_not_run():
    assert all(block.not_run.strip() for block in NOT_RUN)
    assert len(NOT_RUN) <= MOST_NOT_RUN


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a 1\n", "a 1\n", True),
        ("a 1\n", "a 2\n", False),
        ("a … c\n", "a b b c\n", True),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n", "a\nb\n", False),
        ("9 records in 0.1 s: 9\n", "9 records in 1.5 s (6 a second): 9\n", True),
        ("8 records in 0.1 s: 9\n", "9 records in 1.5 s (6 a second): 9\n", False),
        (
            "3f9c0a1b22c4  web  2026-11-21T08:00:00.000Z\n",
            "0f9c0a1b22c4  web  2027-01-01T00:00:00.100Z\n",
            True,
        ),
    ],
)
def test_output_is_compared_but_for_what_differs_from_run_to_run(expected, printed, same):
    assert shows(expected, printed) == same
