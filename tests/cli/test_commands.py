"""What all commands of ``octanist`` have in common: settings, JSON, help, completion, ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from target_octanist import __version__
from target_octanist.cli import COMMANDS
from target_octanist.cli import octanist as group
from tests.support.processes import SCRIPTS
from tests.support.sandbox import Sandbox
from tests.support.target import (
    environment,
    finish,
    octanist,
    person,
    record,
    run_command,
    schema,
    start_command,
    wait_for,
)

pytestmark = pytest.mark.e2e

#: Their examples need nothing but the files below. Others have tests of their own.
WITH_EXAMPLES = ("check", "completion", "load", "presets", "preview", "reconcile", "suggest")


@pytest.fixture
def folder(sandbox, target):
    """A folder with what the examples of help name."""
    target.folder.joinpath("config.json").write_text(json.dumps(target.settings))
    lines = [schema("contacts"), *(record("contacts", **person(n)) for n in (1, 2))]
    target.folder.joinpath("contacts.singer.jsonl").write_text("\n".join(lines))
    target.folder.joinpath("web_leads.csv").write_text(
        "lead_id,name,email\n1,Canary Name1,canary.1@example.com\n"
    )
    target.run([schema(), record(**person(3))])
    target.folder.joinpath("config.json").write_text(json.dumps(target.settings))
    return target.folder


def run(folder, *arguments, env=None):
    command = [SCRIPTS / "octanist", *arguments]
    done = finish(start_command(command, environment(folder, **(env or {})), cwd=folder))
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_example_of_its_help_works(folder, name):
    example = group.get_command(None, name).epilog.removeprefix("Example: ")
    assert example.startswith(f"octanist {name} ")
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        example,
        shell=True,
        cwd=folder,
        env=environment(folder) | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "canary" not in (done.stdout + done.stderr).casefold()


def test_the_example_of_the_sandbox_listens_and_says_where(tmp_path):
    command = group.get_command(None, "sandbox")
    words = shlex.split(command.epilog.removeprefix("Example: octanist "))
    with subprocess.Popen(
        [SCRIPTS / "octanist", *words], stdout=subprocess.PIPE, env=environment(tmp_path)
    ) as process:
        where = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api", where["base_url"])
    assert where["page"] == where["base_url"].removesuffix("api")


def test_alone_it_shows_its_commands(tmp_path):
    done = octanist(home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.findall(r"^  ([a-z][a-z-]*)  +[A-Z]", done.stdout, re.MULTILINE)
    assert shown == list(COMMANDS)
    assert octanist("--version", home=tmp_path).stdout == f"octanist, version {__version__}\n"


# Settings


@pytest.mark.parametrize("command", ["check", "reconcile", "preview", "load"])
def test_settings_come_from_files_or_from_the_environment_as_for_the_target(folder, command):
    more = {"preview": ["contacts.singer.jsonl"], "load": ["web_leads.csv"]}.get(command, [])
    settings = json.loads((folder / "config.json").read_text())
    env = {
        f"TARGET_OCTANIST_{name.upper()}": str(settings[name])
        for name in ("api_key", "base_url", "ledger")
    }
    assert run(folder, command, *more, env=env).returncode == 0
    assert run(folder, command, *more, "--config", "ENV", env=env).returncode == 0
    (folder / "part.json").write_text(json.dumps({"api_key": "sandbox-key"}))
    # What stands in a file is less than what the environment says.
    (folder / "other.json").write_text(json.dumps({"base_url": "http://127.0.0.1:9/api"}))
    del env["TARGET_OCTANIST_API_KEY"]
    both = ("--config", "part.json", "--config", "other.json", "--config", "ENV")
    done = run(folder, command, *more, *both, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["check", "reconcile", "preview", "load"])
@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        (None, 2, "'odd.json' does not exist"),
        ("[1]", 1, '--config: odd.json is not a JSON object; write the settings as {"name": value'),
        ("{", 1, "--config: odd.json is not a JSON object; fix it at line 1, column 2."),
        ('{"max_concurrency": 0}', 1, "max_concurrency: must be"),
    ],
)
def test_odd_settings_are_told_in_a_sentence(folder, command, text, code, told):
    more = {"preview": ["contacts.singer.jsonl"], "load": ["web_leads.csv"]}.get(command, [])
    if text is not None:
        (folder / "odd.json").write_text(text)
    done = run(folder, command, *more, "--config", "odd.json")
    assert done.returncode == code
    assert told in done.stderr


@pytest.mark.parametrize("command", ["load", "preview", "suggest"])
def test_a_file_that_is_not_there_is_told_in_a_sentence(folder, command):
    done = run(folder, command, "no-such-file")
    assert done.returncode == 2
    assert "no-such-file" in done.stderr


# JSON


def test_check_as_json(folder):
    done = run(folder, "check", "--config", "config.json", "--json")
    found = json.loads(done.stdout)
    assert found["passed"] is True
    assert {check["name"]: check["passed"] for check in found["checks"]} == {
        "settings": True,
        "journal": True,
        "key": True,
        "quota": True,
    }
    assert all(check["finding"] for check in found["checks"])

    (folder / "odd.json").write_text('{"max_concurrency": 0, "api_key": "secret"}')
    done = run(folder, "check", "--config", "odd.json", "--json")
    assert done.returncode == 1
    (check,) = json.loads(done.stdout)["checks"]
    assert (check["name"], check["passed"]) == ("settings", False)
    assert check["finding"].startswith("max_concurrency: must be")
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"stream_maps": []}, "stream_maps: must be an object, not a list"),
        ({"stream_maps": {"__leads__": None}}, "stream_maps: Option '__leads__:None' is not"),
        ({"stream_map_config": "x"}, "stream_map_config: must be an object, not text"),
        ({"faker_config": "x"}, "faker_config: must be an object, not text"),
        ({"flattening_enabled": True}, "flattening_max_depth is required"),
        ({"validate_records": "maybe"}, "validate_records: must be true or false, not text"),
        ({"max_concurrency": 0, "faker_config": []}, "faker_config: must be an object, not a list"),
    ],
)
def test_check_finds_what_a_run_would_refuse_at_its_start(target, settings, told):
    refused = target.run([], **settings)
    assert refused.returncode == 1
    assert told in refused.stderr
    done = octanist("check", "--config", str(target.folder / "config.json"), home=target.folder)
    assert done.returncode == 1
    (problem, *_) = [line for line in (done.stdout + done.stderr).splitlines() if told in line]
    assert "Traceback" not in done.stderr, problem


def test_check_names_settings_that_do_not_exist(folder):
    told = 'dry_rum: there is no such setting, so it does nothing; did you mean "dry_run"?'
    settings = json.loads((folder / "config.json").read_text()) | {"dry_rum": True}
    (folder / "odd.json").write_text(json.dumps(settings))
    done = run(folder, "check", "--config", "odd.json")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if "dry_rum" in line]
    assert line.split(maxsplit=2) == ["settings", "note", told]
    found = json.loads(run(folder, "check", "--config", "odd.json", "--json").stdout)
    assert found["passed"] is True
    assert [c["finding"] for c in found["checks"] if c["passed"] is None] == [told]


def test_suggest_as_json_goes_into_the_settings(folder):
    done = run(folder, "suggest", "contacts.singer.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["streams"] == [
        {"stream": "contacts", "mapping": {"name": "name", "email": "email", "phone": "phone"}}
    ]
    figures = found["figures"]["contacts"]
    assert (figures["records"], figures["read"], figures["leads"]) == (2, 2, 2)
    assert figures["fields"]["email"]["filled"] == 2
    assert found["left_out"] == {}
    assert "canary" not in done.stdout.casefold()
    settings = json.loads((folder / "config.json").read_text()) | {"streams": found["streams"]}
    (folder / "config.json").write_text(json.dumps(settings))
    assert run(folder, "check", "--config", "config.json").returncode == 0


def test_load_as_json(sandbox, folder):
    (folder / "web_leads.csv").write_text(
        "lead_id,name,email\n1,A,canary.11@example.com\n2,B,canary(at)x\n3,C,canary.12@example.com\n"
    )
    load = ("load", "web_leads.csv", "--key", "lead_id", "--config", "config.json", "--json")
    done = run(folder, *load)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["outcomes"] == {
        "delivered": 2,
        "duplicate": 0,
        "filtered": 0,
        "rejected": 1,
        "in_doubt": 0,
    }
    (reason,) = found["reasons"]
    assert (reason["stream"], reason["outcome"], reason["count"]) == ("web_leads", "rejected", 1)
    assert [reference["record"] for reference in reason["references"]] == [3], "row 3 of the file"
    assert found["exit_code"] == 0
    assert found["next"][0]["command"] == "octanist dead-letters list --config config.json"
    assert "canary" not in (done.stdout + done.stderr).casefold()

    sandbox.fault("401", method="POST", path="/leads")
    (folder / "web_leads.csv").write_text("lead_id,name,email\n9,D,canary.13@example.com\n")
    stopped = run(folder, *load)
    assert stopped.returncode == 1
    assert json.loads(stopped.stdout)["exit_code"] == 1


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("presets", "hubspot_contacts"), {"name", "version", "mapping"}),
        (
            ("preview", "contacts.singer.jsonl", "--config", "config.json"),
            {"records", "outcomes", "streams", "samples"},
        ),
        (("reconcile", "--config", "config.json"), {"before", "outcomes", "in_doubt"}),
        (("status", "--config", "config.json"), {"outcomes"}),
    ],
)
def test_the_others_as_json(folder, arguments, keys):
    done = run(folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert keys <= json.loads(done.stdout).keys()


# Completion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("octanist sug", "plain,suggest"),
        ("octanist load --dry", "plain,--dry-run"),
        ("octanist completion z", "plain,zsh"),
    ],
)
def test_a_shell_is_given_what_may_follow(tmp_path, words, expected):
    env = environment(
        tmp_path,
        _OCTANIST_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
        PYTHONPROFILEIMPORTTIME="1",
    )
    done = run_command([SCRIPTS / "octanist"], env)
    assert done.stdout.split() == [expected]
    assert "singer_sdk" not in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_completes_with_the_script(tmp_path):
    script = octanist("completion", "bash", home=tmp_path)
    assert script.returncode == 0, script.stderr
    (tmp_path / "octanist.bash").write_text(script.stdout)
    asks = """
    source octanist.bash
    ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _octanist_completion octanist "${COMP_WORDS[$COMP_CWORD]}"; echo "${COMPREPLY[@]}"; }
    ask octanist pre
    ask octanist check --
    """
    env = environment(tmp_path)
    env["PATH"] = f"{SCRIPTS}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", asks], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["presets preview", "--config --json --help"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(tmp_path, shell):
    done = octanist("completion", shell, home=tmp_path)
    assert done.returncode == 0
    assert "_OCTANIST_COMPLETE" in done.stdout


# Ends


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc here")
def test_a_load_that_is_interrupted_while_it_looks_at_its_file_says_so(folder):
    file = folder / "long.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as rows:
        rows.write(b"id,name,email\n")
        for _ in range(100):
            rows.write(b"1,Canary,canary.1@example.com\n" * 40_000)
    command = [SCRIPTS / "octanist", "load", file, "--config", folder / "config.json"]
    process = start_command(command, environment(folder))
    opened = Path(f"/proc/{process.pid}/fd")
    wait_for(lambda: any(one.resolve() == file for one in opened.iterdir()))
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.returncode == 130
    assert done.stderr == "Stopped.\n"


def test_a_check_that_is_interrupted_says_so(tmp_path):
    with Sandbox("--latency-ms", "60000") as slow:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"api_key": "k", "base_url": slow.base_url}))
        command = [SCRIPTS / "octanist", "check", "--config", config]
        process = start_command(command, environment(tmp_path))
        wait_for(lambda: slow.stats()["in_flight"] >= 1)
        process.send_signal(signal.SIGINT)
        assert finish(process).returncode == 130
