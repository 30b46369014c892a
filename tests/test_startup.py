"""What a command does not need it does not load: so it starts as fast as it can."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import environment, person, record, run_command, schema, state

pytestmark = pytest.mark.e2e

FRAMEWORK = (sys.executable, "-c", "import singer_sdk.target_base")

#: Besides the framework and what it brings itself.
SMALL_LIBRARIES = {"msgspec", "platformdirs"}

#: What reads settings, makes leads and sends them.
OF_A_RUN = re.compile(
    r"target_octanist\.(runtime|sign_off|intake|record_text|checks|(stream_)?settings_reader|setting_values|preset_files|claim_maker"
    r"|(ledger|delivery|tables|preview|sandbox|cli|leads\.(mapping|presets|suggest))\b.*)"
)

#: Loaded only where it is asked for.
OF_FEW_RUNS = re.compile(
    r"yaml|rich|jinja2|matplotlib|pandas|pyarrow|openpyxl|prometheus_client|psycopg"
    r"|target_octanist\.(preset_files|preview|sandbox|cli|tables|leads\.(presets|suggest))\b.*"
)


def loaded(folder, *command, given=None, code=0):
    """What Python loads for a command, by name."""
    done = subprocess.run(
        command,
        input=given,
        env=environment(folder, PYTHONPROFILEIMPORTTIME="1"),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return set(re.findall(r"^import time: .*\| +([\w.]+)$", done.stderr, re.MULTILINE))


def libraries(modules):
    return {name.partition(".")[0] for name in modules} - {"target_octanist"}


@pytest.mark.parametrize("option", ["--version", "--about", "--help"])
def test_the_target_tells_about_itself_with_little_more_than_the_framework(tmp_path, option):
    found = loaded(tmp_path, SCRIPTS / "target-octanist", option)
    assert "target_octanist.target" in found
    more = libraries(found) - libraries(loaded(tmp_path, *FRAMEWORK))
    assert more - sys.stdlib_module_names <= SMALL_LIBRARIES
    assert not [name for name in found if OF_A_RUN.fullmatch(name)]


def test_settings_are_checked_without_a_journal(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"max_concurrency": 0}))
    command = (SCRIPTS / "target-octanist", "--config", tmp_path / "config.json")
    found = loaded(tmp_path, *command, given="", code=1)
    assert "target_octanist.settings_reader" in found
    assert "sqlalchemy" not in found


def test_a_run_loads_nothing_that_it_was_not_asked_for(tmp_path, sandbox):
    settings = {"base_url": sandbox.base_url, "api_key": "sandbox-key"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    given = "\n".join([schema(), record(**person(1)), state({"at": 1}), ""])
    command = (SCRIPTS / "target-octanist", "--config", tmp_path / "config.json")
    found = loaded(tmp_path, *command, given=given)
    assert "target_octanist.delivery.engine" in found
    more = found - loaded(tmp_path, *FRAMEWORK)
    assert not [name for name in more if OF_FEW_RUNS.fullmatch(name)]


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_commands_for_people_are_told_of_without_being_loaded(tmp_path, option):
    found = loaded(tmp_path, SCRIPTS / "octanist", option)
    assert "target_octanist.cli" in found
    assert not libraries(found) & {"singer_sdk", "sqlalchemy", "rich"}
    assert not [name for name in found if name.startswith("target_octanist.cli.")]


def test_nor_are_they_when_a_shell_asks_for_them(tmp_path):
    words = {"COMP_WORDS": "octanist ", "COMP_CWORD": "1", "_OCTANIST_COMPLETE": "bash_complete"}
    env = environment(tmp_path, PYTHONPROFILEIMPORTTIME="1", **words)
    done = run_command([SCRIPTS / "octanist"], env)
    assert "plain,dead-letters" in done.stdout.splitlines()
    assert not re.search(r"target_octanist\.cli\.", done.stderr)
