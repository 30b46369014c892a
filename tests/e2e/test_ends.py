"""How a run can end before its input does: killed, told to stop, or out of sense."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import (
    environment,
    feed,
    finish,
    octanist,
    people,
    person,
    record,
    run_command,
    schema,
    start_command,
    state,
)

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}


def emails(sandbox):
    return [lead["email"] for lead in sandbox.leads()]


@pytest.mark.parametrize("after", [1, 40, 150])
def test_a_killed_run_and_its_repetition_send_nothing_twice(sandbox, target, after):
    sandbox.fault(kind="delay", latency_ms=20, **LEADS)
    process = target.start(max_concurrency=4)
    feed(process, people(300))
    sandbox.wait_until(lambda s: len(s.leads()) >= after)
    process.send_signal(signal.SIGKILL)
    killed = finish(process)
    assert killed.returncode == -signal.SIGKILL
    promised = killed.states[-1]["at"] if killed.states else 0
    arrived = len(sandbox.leads())
    assert promised <= arrived

    sandbox.clear_faults()
    again = target.run(people(300))
    assert again.returncode == 0, again.stderr
    assert sorted(emails(sandbox)) == sorted(person(n)["email"] for n in range(1, 301))
    assert again.states[-1] == {"at": 300}


def test_a_lead_is_found_however_long_its_request_took(sandbox, target):
    target.env = {"OCTANIST_KILL_AT": "answer"}
    killed = target.run(people(1))
    assert killed.returncode == -signal.SIGKILL
    hour_ms = 60 * 60 * 1000
    with closing(sqlite3.connect(target.ledger)) as ledger, ledger:
        ledger.execute("UPDATE octanist_leads SET sent_at = sent_at - ?", (hour_ms,))
    target.env = {}
    again = target.run(people(1), timeout_seconds=3600)
    assert again.returncode == 0, again.stderr
    assert len(sandbox.leads()) == 1
    assert target.status()["outcomes"]["delivered"] == 1


def test_where_nobody_is_to_be_asked_a_killed_run_leaves_what_was_on_its_way_in_doubt(
    sandbox, target
):
    sandbox.fault(kind="delay", latency_ms=20, **LEADS)
    process = target.start(max_concurrency=4)
    feed(process, people(300))
    sandbox.wait_until(lambda s: len(s.leads()) >= 40)
    process.send_signal(signal.SIGKILL)
    finish(process)
    again = target.run(people(300), on_unknown="hold")
    assert again.returncode == 0, again.stderr
    found = emails(sandbox)
    doubtful = target.status()["outcomes"]["in_doubt"]
    assert len(found) == len(set(found)), "no lead twice"
    assert len(found) + doubtful >= 300, "no lead lost: each one arrived or is in doubt"
    assert doubtful <= 8, "no more than were on their way"


@pytest.mark.parametrize("said", [schema(), state({"at": 0})], ids=["schema", "state"])
def test_what_a_killed_run_had_claimed_goes_out_even_if_the_tap_is_silent(sandbox, target, said):
    sandbox.fault("hang", **LEADS)
    process = target.start(max_concurrency=2)
    feed(process, people(40))
    sandbox.wait_until_faulted(2)
    process.send_signal(signal.SIGKILL)
    finish(process)
    left = sum(target.status()["outcomes"].values())
    assert left >= 2
    sandbox.clear_faults()
    done = target.run([said])
    assert done.returncode == 0, done.stderr
    assert sorted(emails(sandbox)) == sorted(person(n)["email"] for n in range(1, left + 1))
    assert target.status()["outcomes"]["delivered"] == left


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGTERM], 143),
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGTERM], 130),
        ([signal.SIGTERM, signal.SIGTERM], 143),
    ],
)
def test_a_signal_ends_it_in_good_order(sandbox, target, signals, code):
    sandbox.slow_down_after(20)
    process = target.start(max_concurrency=4)
    feed(process, people(300))
    sandbox.wait_until(lambda s: len(s.leads()) >= 20)
    for signum in signals:
        process.send_signal(signum)
    done = finish(process)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    arrived = emails(sandbox)
    assert len(arrived) < 300
    promised = done.states[-1]["at"] if done.states else 0
    assert {person(number)["email"] for number in range(1, promised + 1)} <= set(arrived)
    assert target.status()["outcomes"]["sending"] == 0, "what was in flight is settled"

    sandbox.clear_faults()
    again = target.run(people(300))
    assert again.returncode == 0, again.stderr
    assert sorted(emails(sandbox)) == sorted(person(n)["email"] for n in range(1, 301))


def test_a_signal_while_the_tap_is_silent_writes_the_state(sandbox, target):
    process = target.start()
    feed(process, people(3))
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 143
    assert ([first, *done.states])[-1] == {"at": 3}


def test_a_process_without_a_standard_input_says_so(sandbox, target):
    assert target.run([]).returncode == 0
    command = '"$0" --config "$1" <&-'
    arguments = [str(SCRIPTS / "target-octanist"), str(target.folder / "config.json")]
    done = run_command(["/bin/sh", "-c", command, *arguments], environment(target.folder))
    assert done.returncode == 1
    assert "There is no standard input" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_frozen_server_does_not_hold_the_end_up_for_ever(sandbox, target):
    sandbox.fault("hang", **LEADS)
    process = target.start()
    feed(process, people(3))
    sandbox.wait_until_faulted(3)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 143
    assert "what is in flight has 10 seconds to be answered" in done.stderr
    assert done.states == [], "no STATE for what is unknown"
    assert target.status()["outcomes"]["sending"] == 3

    step = (
        "3 leads were under way when a run ended. Run again: it first settles them, "
        "and sends nothing twice."
    )
    ledger = ("--ledger", str(target.ledger))
    assert step in octanist("status", *ledger, home=target.folder).stdout
    told = octanist("report", "--format", "json", *ledger, home=target.folder).stdout
    assert json.loads(told)["next_steps"] == [{"sentence": step, "command": None}]
    sandbox.clear_faults()
    assert target.run(people(3)).returncode == 0
    assert sorted(emails(sandbox)) == [person(number)["email"] for number in (1, 2, 3)]
    assert "What to do next" not in octanist("status", *ledger, home=target.folder).stdout


def test_a_broken_line_ends_it_after_what_came_before_is_settled(sandbox, target):
    lines = [*people(30), '{"type": "RECORD", "stream": "leads", "rec', *people(5)]
    done = target.run(lines)
    assert done.returncode == 1
    assert "Line 62 of the input" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.states[-1] == {"at": 30}
    assert len(sandbox.leads()) == 30


def test_the_tap_is_read_to_its_end_before_a_failure_is_told_to_meltano(sandbox, target):
    """More than a pipe holds: a target that just went away would break it."""
    process = target.start(api_key=None)
    filler = (record(id=1, text="x" * 1000) + "\n").encode() * 1000
    done = finish(process, filler)
    assert done.returncode == 1
    assert "api_key: is missing" in done.stderr


def test_a_reader_of_state_that_goes_away_is_told_and_costs_no_lead(sandbox, target):
    process = target.start()
    process.stdout.close()
    process.stdout = None
    done_lines = [*people(30), *people(30)]
    process.stdin.write("".join(f"{line}\n" for line in done_lines).encode())
    process.stdin.close()
    process.stdin = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err.decode()
    assert "STATE cannot be written" in err.decode()
    assert "Traceback" not in err.decode()
    assert len(sandbox.leads()) == 30
    assert target.status()["outcomes"]["sending"] == 0


def test_a_terminal_gets_a_line_of_progress_and_a_pipe_does_not(sandbox, target):
    ours, theirs = pty.openpty()
    process = target.start(stderr=theirs)
    os.close(theirs)
    feed(process, people(3))
    seen = b""
    while b"\x1b[K" not in seen:
        seen += os.read(ours, 65536)
    process.stdin.close()
    process.stdin = None
    while process.poll() is None:
        with contextlib.suppress(OSError):
            seen += os.read(ours, 65536)
    os.close(ours)
    process.stdout.close()
    assert process.returncode == 0
    assert "\x1b[K" not in target.run(people(3)).stderr


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ([record("unknown", id=1)], "unknown"),
        (['{"type": "RECORD", "stream": "leads"}'], "lacks record"),
        (['{"type": "RECORD", "stream": "leads", "record": 5}'], "Line 4"),
        (['{"type": "SCHEMA", "stream": "x", "schema": 5}'], "Line 4"),
        (['{"type": "SCHEMA", "stream": "x", "schema": {}}'], "properties"),
        (['{"type": "NEW", "stream": "x"}'], "Line 4"),
        (['{"type": "BATCH", "stream": "leads"}'], "BATCH"),
        (["[1]"], "Line 4"),
        ([schema("deals", ("id", "amount"))], "deals"),
    ],
)
def test_bad_input_gets_a_clear_sentence_and_loses_nothing(sandbox, target, bad, told):
    done = target.run([schema(), record(**person(1)), state({"at": 1}), *bad, state({"at": 2})])
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.states == [{"at": 1}]
    assert len(sandbox.leads()) == 1


def test_a_stream_without_a_mapping_is_refused_with_a_suggestion(sandbox, target):
    columns = ("Id", "Email", "FirstName", "MobilePhone")
    done = target.run([schema("Lead", columns).replace('["id"]', '["Id"]')])
    assert done.returncode == 1
    assert "streams:" in done.stderr
    assert "email: Email" in done.stderr


def test_a_stream_that_lacks_what_is_required_is_refused(sandbox, target):
    mapping = {"email": {"from": "emial", "required": True}, "name": "name"}
    done = target.run([schema(), record(**person(1))], streams={"*": {"mapping": mapping}})
    assert done.returncode == 1
    assert 'email: is required, but the stream has no column "emial"; did you' in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.leads() == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"base_url": "ftp://example.com"}, "base_url: is not a web address"),
        ({"base_url": "http://example.com/api"}, "base_url: plain http"),
        ({"api_key": None}, "api_key: is missing"),
        ({"streams": {"a": {"mapping": {"emial": "x"}}}}, "email"),
        ({"streams": {"a": {"mapping": {"email": {"form": "x"}}}}}, "from"),
        ({"streams": {"a": {"maping": {}}}}, '"mapping"'),
        ({"on_unknown": "resent"}, '"resend"'),
        ({"max_concurrency": 0}, "max_concurrency: must be"),
        ({"ledger": "/proc/no/such/ledger.db"}, "ledger: the journal"),
        ({"dedupe_by": ["emial"]}, "email"),
        ({"stream_maps": {"leads": {"name": "name +"}}}, "stream_maps: Failed to parse"),
        ({"stream_maps": {"leads": {"id": None}}}, "stream_maps: Removing key property 'id'"),
    ],
)
def test_a_mistake_in_the_settings_is_told_in_the_users_words(sandbox, target, settings, told):
    done = target.run([schema(), record(**person(1))], **settings)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.leads() == []
    assert "sandbox-key" not in done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory); name a JSON file with the settings"),
        ("a folder", "cannot be read (Is a directory); name a JSON file with the settings"),
        (b'{"api_key": "secret",}', "is not a JSON object; fix it at line 1, column 22."),
        (b"", "is not a JSON object; fix it at line 1, column 1."),
        (b'[["api_key", "secret"]]', 'is not a JSON object; write the settings as {"name": value'),
        (b'{"api_key": "secret\xff"}', "is not a JSON object; write the settings as"),
        (b"[" * 100_000, "is not a JSON object; write the settings as"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_told_in_a_sentence(tmp_path, content, told):
    good, odd = tmp_path / "good.json", tmp_path / "odd.json"
    good.write_text('{"dry_run": true}')
    if content == "a folder":
        odd.mkdir()
    elif content is not None:
        odd.write_bytes(content)
    command = [SCRIPTS / "target-octanist", "--config", good, "--config", odd]
    process = start_command(command, environment(tmp_path), stdin=subprocess.PIPE)
    done = finish(process, b"\n" * 1_000_000)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"--config: {odd} {told}" in line
    assert line.endswith("(settings-unreadable)")
    assert "secret" not in line


def test_all_files_of_settings_that_cannot_be_used_are_told_at_once(tmp_path):
    files = ["--config", tmp_path / "first.json", "--config", tmp_path / "second.json"]
    done = run_command([SCRIPTS / "target-octanist", *files], environment(tmp_path))
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "first.json cannot be read" in first
    assert "second.json cannot be read" in second


def test_settings_come_from_files_of_which_later_ones_win_and_from_the_environment(tmp_path):
    (tmp_path / "first.json").write_text('{"dry_run": true, "max_concurrency": 0}')
    (tmp_path / "second.json").write_text('{"max_concurrency": 2}')
    files = [f"--config={name}" for name in ("first.json", "second.json", "ENV")]
    env = environment(tmp_path, TARGET_OCTANIST_ON_UNKNOWN="nonsense")
    done = finish(start_command([SCRIPTS / "target-octanist", *files], env, cwd=tmp_path))
    assert done.returncode == 1
    assert "on_unknown: " in done.stderr
    assert "max_concurrency" not in done.stderr
    assert "dry_run" not in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("MAX_CONCURRENCY", "1.5", "max_concurrency: must be a whole number, not text."),
        ("DRY_RUN", "maybe", "dry_run: must be true or false, not text."),
        ("STREAMS", "contacts", "TARGET_OCTANIST_STREAMS: is not JSON."),
    ],
)
def test_what_is_wrong_in_the_environment_is_told(tmp_path, name, text, expected):
    env = environment(tmp_path, **{f"TARGET_OCTANIST_{name}": text})
    done = run_command([SCRIPTS / "target-octanist", "--config=ENV"], env)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Internal failure" not in done.stderr


def test_a_journal_that_is_read_only_sends_nothing(sandbox, target):
    target.run([schema(), record(**person(1))])
    if os.geteuid() == 0:
        # Root may write to any file, so the file is made unusable instead.
        for path in target.folder.glob("ledger.db*"):
            path.unlink()
        target.ledger.write_bytes(b"no database at all" * 1000)
    else:
        target.ledger.chmod(0o400)
    done = target.run([schema(), record(**person(2))])
    assert done.returncode == 1
    assert "ledger: " in done.stderr
    assert len(sandbox.leads()) == 1
