"""``octanist load``: a file through the target's own way, whole or in pieces."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import signal
import subprocess

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import (
    Finished,
    environment,
    finish,
    octanist,
    person,
    start_command,
)

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}


class Loader:
    """Loads files with ``octanist load`` and a configuration of its own."""

    def __init__(self, folder, sandbox):
        self.folder = folder
        self.sandbox = sandbox
        self.ledger = folder / "ledger.db"
        self.settings = {
            "api_key": "sandbox-key",
            "base_url": sandbox.base_url,
            "ledger": str(self.ledger),
            "max_concurrency": 4,
        }

    def start(self, file, *options, stderr=subprocess.PIPE, **settings):
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.settings | settings), encoding="utf-8")
        command = [SCRIPTS / "octanist", "load", file, "--config", config, *options]
        return start_command(command, environment(self.folder), stderr=stderr)

    def run(self, file, *options, **settings) -> Finished:
        return finish(self.start(file, *options, **settings))

    def notes(self):
        return list(self.folder.glob("ledger.db.load-*"))

    def outcomes(self):
        done = octanist("status", "--json", "--ledger", str(self.ledger), home=self.folder)
        assert done.returncode == 0, done.stderr
        return {k: v for k, v in json.loads(done.stdout)["outcomes"].items() if v}


@pytest.fixture
def loader(sandbox, tmp_path):
    return Loader(tmp_path, sandbox)


@pytest.fixture
def people(tmp_path):
    """Write a CSV file of made-up people, and give its path."""

    def write(count, name="leads.csv"):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, person(0))
            writer.writeheader()
            writer.writerows(person(number) for number in range(1, count + 1))
        return path

    return write


def emails(sandbox):
    return [lead["email"] for lead in sandbox.leads()]


def all_of(count):
    return sorted(person(number)["email"] for number in range(1, count + 1))


def test_every_row_becomes_a_lead_and_a_second_load_sends_nothing(sandbox, loader, people):
    file = people(250)
    done = loader.run(file, "--key", "id")
    assert done.returncode == 0, done.stderr
    assert "250 delivered" in done.stderr
    assert done.stdout == "", "STATE is for targets"
    assert sorted(emails(sandbox)) == all_of(250)
    again = loader.run(file, "--key", "id")
    assert again.returncode == 0, again.stderr
    assert "0 delivered, 250 duplicate" in again.stderr
    assert len(sandbox.leads()) == 250
    assert loader.notes() == [], "a load that is done leaves no note"
    assert "canary" not in (done.stderr + again.stderr).casefold()
    assert "METRIC" not in done.stderr


@pytest.mark.parametrize("options", [(), ("--key", "id")], ids=["no key", "key"])
def test_a_row_that_was_loaded_before_is_not_mapped(loader, tmp_path, options):
    file = tmp_path / "leads.csv"
    file.write_text("id,name,email,phone\n1,Canary,canary@example.com,06 12345678\n")
    assert "sent as digits" in loader.run(file, *options).stderr
    again = loader.run(file, *options)
    assert "0 delivered, 1 duplicate" in again.stderr
    assert "sent as digits" not in again.stderr


def test_a_row_that_was_loaded_before_is_named_by_its_number(loader, people):
    """Its header is row 1."""
    file = people(2)
    assert loader.run(file).returncode == 0
    again = loader.run(file, "--json")
    assert again.returncode == 0, again.stderr
    (reason,) = json.loads(again.stdout)["reasons"]
    assert reason["outcome"] == "duplicate"
    assert [reference["record"] for reference in reason["references"]] == [2, 3]


@pytest.mark.parametrize("after", [1, 150])
def test_a_killed_load_and_its_repetition_send_each_row_once(sandbox, loader, people, after):
    file = people(300)
    sandbox.slow_down_after(after)
    process = loader.start(file, "--key", "id", max_concurrency=4)
    sandbox.wait_until(lambda s: len(s.leads()) >= after)
    process.send_signal(signal.SIGKILL)
    assert finish(process).returncode == -signal.SIGKILL

    sandbox.clear_faults()
    again = loader.run(file, "--key", "id")
    assert again.returncode == 0, again.stderr
    assert sorted(emails(sandbox)) == all_of(300)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_load_that_is_told_to_stop_goes_on_where_it_was(sandbox, loader, people, signum, code):
    file = people(300)
    sandbox.slow_down_after(150)
    process = loader.start(file, "--key", "id", batch_size_rows=20, max_concurrency=4)
    sandbox.wait_until(lambda s: len(s.leads()) >= 150)
    process.send_signal(signum)
    done = finish(process)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (note,) = loader.notes()
    assert note.stat().st_mode & 0o777 == 0o600
    row = json.loads(note.read_text())["row"]
    assert f"All rows up to row {row} are settled" in done.stderr
    # Row 1 is the header, so row n is person n - 1.
    assert set(all_of(row - 1)) <= set(emails(sandbox))

    sandbox.clear_faults()
    again = loader.run(file, "--key", "id", batch_size_rows=20)
    assert again.returncode == 0, again.stderr
    assert f"settled all rows up to row {row}" in again.stderr
    assert f"{301 - row} records" in again.stderr, "what was settled is passed over"
    assert sorted(emails(sandbox)) == all_of(300)
    assert loader.notes() == []


def test_a_note_counts_for_the_same_file_settings_and_journal_only(sandbox, loader, people):
    file = people(20)
    first = loader.run(file, "--key", "id", "--limit", "5")
    assert first.returncode == 0, first.stderr
    assert len(sandbox.leads()) == 5
    assert "5 records" in loader.run(file, "--key", "id", "--limit", "5").stderr
    assert sorted(emails(sandbox)) == all_of(10), "the next five"
    assert "10 records" in loader.run(file, "--key", "id", "--restart", "--limit", "10").stderr
    assert len(sandbox.leads()) == 10

    other_settings = loader.run(file, "--key", "id", phone_region="NL")
    assert "20 records" in other_settings.stderr
    other_journal = loader.run(
        file, "--key", "id", "--limit", "3", ledger=str(loader.folder / "other.db")
    )
    assert "3 records" in other_journal.stderr
    file.write_text(file.read_text() + "21,Canary Name21,canary.21@example.com,+31610000021\n")
    assert "21 records" in loader.run(file, "--key", "id").stderr
    assert all("leads" not in note.name for note in loader.notes())


@pytest.mark.postgres
def test_with_a_journal_on_a_server_the_note_lies_in_the_users_own_folder(
    sandbox, loader, people, postgres_ledger
):
    file = people(10)
    for loaded in (4, 8):
        done = loader.run(file, "--key", "id", "--limit", "4", ledger=postgres_ledger)
        assert done.returncode == 0, done.stderr
        assert sorted(emails(sandbox)) == all_of(loaded)
    (note,) = loader.folder.glob("octanist-ledger.db.load-*")
    assert note.stat().st_mode & 0o777 == 0o600
    assert json.loads(note.read_text()) == {"row": 9}


def test_a_row_that_is_too_long_is_kept_as_a_dead_letter(sandbox, loader, people):
    file = people(30)
    lines = file.read_text().splitlines()
    lines[10] += ",too,much"
    file.write_text("\n".join(lines))
    done = loader.run(file, "--key", "id")
    assert done.returncode == 0, done.stderr
    assert "Row 11, of leads: rejected: the row has more fields than the header" in done.stderr
    assert loader.outcomes() == {"delivered": 29, "rejected": 1}


def test_a_broken_end_loses_nothing_of_what_came_before(sandbox, loader, people):
    file = people(3000)
    with file.open("a") as text:
        text.write('3001,"never closed,')
    done = loader.run(file, "--key", "id", max_concurrency=32)
    assert done.returncode == 1
    assert "row 3002 is never closed" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(sandbox.leads()) >= 2000
    assert loader.outcomes() == {"delivered": len(sandbox.leads())}


def test_the_stream_is_the_files_name_and_finds_its_mapping(sandbox, loader, tmp_path):
    file = tmp_path / "form.export.csv"
    file.write_text("nr;naam;mail\n1;NA;jan@example.com\n", encoding="utf-8")
    streams = {"form.*": {"mapping": {"name": "naam", "email": "mail"}, "key": ["nr"]}}
    done = loader.run(file, streams=streams)
    assert done.returncode == 0, done.stderr
    (lead,) = sandbox.leads()
    assert (lead["name"], lead["email"]) == ("NA", "jan@example.com")
    refused = loader.run(file, "--stream", "other", streams=streams)
    assert refused.returncode == 1
    assert "streams: the stream other has no mapping" in refused.stderr


def test_stream_maps_apply_also_from_the_environment(sandbox, loader, people):
    file = people(4)
    env = {
        "TARGET_OCTANIST_API_KEY": "sandbox-key",
        "TARGET_OCTANIST_BASE_URL": sandbox.base_url,
        "TARGET_OCTANIST_STREAM_MAPS": '{"leads": {"__filter__": "id != \'2\'"}}',
    }
    done = octanist("load", str(file), "--key", "id", home=loader.folder, **env)
    assert done.returncode == 0, done.stderr
    assert sorted(emails(sandbox)) == [e for e in all_of(4) if e != person(2)["email"]]
    assert not list(loader.folder.glob("*.load-*"))


def test_a_dry_run_shows_some_sends_nothing_and_leaves_nothing(sandbox, loader, people):
    file = people(150)
    done = loader.run(file, "--key", "id", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Would send: ") == 100
    assert "150 would be delivered" in done.stderr
    assert "canary" not in done.stderr.casefold()
    assert sandbox.requests() == []
    assert {path.name for path in loader.folder.iterdir()} == {"config.json", "leads.csv"}


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        (["--key", "nr"], {}, "--key: leads.csv has no column nr; it has id, name, email, phone"),
        (["--key", "name"], {"streams": {"leads": {"key": ["id"]}}}, "--key: the settings name"),
        (["--sheet", "x"], {}, "--sheet: means nothing"),
        (["--encoding", "x-y"], {}, "--encoding"),
        ([], {"api_key": None}, "api_key: is missing"),
        ([], {"streams": {"leads": {"mapping": {"emial": "email"}}}}, "email"),
        ([], {"stream_maps": {"leads": {"x": "1 +"}}}, ""),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(loader, people, options, settings, told):
    done = loader.run(people(3), *options, **settings)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert loader.sandbox.leads() == []


def test_a_terminal_gets_a_live_line_and_last_words(sandbox, loader, people):
    file = people(60)
    sandbox.fault(kind="delay", latency_ms=500, **LEADS)
    ours, theirs = pty.openpty()
    process = loader.start(file, "--key", "id", stderr=theirs)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(ours, 65536):
            seen += data
    os.close(ours)
    process.stdout.close()
    assert process.wait() == 0
    assert b"\r\x1b[K" in seen
    assert "━".encode() in seen, "there is a bar, for the number of rows is known"
    assert b"60 delivered" in seen
    *_, arrived, last = seen.decode().split("\r\n")[:-1]
    assert arrived == "60 leads have arrived in Octanist."
    assert last.endswith(" ended with exit code 0.")
