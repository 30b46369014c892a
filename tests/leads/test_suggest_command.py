"""``octanist suggest``: what it prints goes into the settings as it is, and leads arrive."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.processes import SCRIPTS
from tests.support.target import (
    environment,
    finish,
    octanist,
    person,
    record,
    schema,
    start_command,
    state,
)

pytestmark = pytest.mark.e2e

STREAMS = Path(__file__).parent / "streams"


def write(folder, *lines):
    path = folder / "stream.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "name", ["close-leads", "facebook-leads", "hubspot-contacts-legacy-v1", "pipedrive-persons"]
)
def test_what_is_printed_makes_leads_of_the_stream(sandbox, target, tmp_path, name):
    path = STREAMS / f"{name}.singer.jsonl"
    done = octanist("suggest", str(path), home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    settings = yaml.safe_load(done.stdout)
    assert settings.keys() == {"streams"}
    records = sum('"RECORD"' in line for line in path.read_text(encoding="utf-8").splitlines())
    run = target.run(path.read_bytes(), **settings, dedupe_by=[], phone_region="NL")
    assert run.returncode == 0, run.stderr
    leads = sandbox.leads()
    assert len(leads) == records
    assert sum("email" in lead for lead in leads) > records / 2
    assert sum("phone" in lead for lead in leads) > records / 2
    assert all("name" in lead for lead in leads)


def test_several_streams_in_one_file_make_several_entries(tmp_path):
    people = [record("people", **person(number)) for number in range(3)]
    path = write(
        tmp_path,
        schema("people"),
        *people,
        schema("deals", ["id", "email"]),
        record("deals", id=1, email="a@example.com"),
        schema("sign_ups", ["id", "e_mail"]),
        state({"at": 1}),
    )
    done = octanist("suggest", path, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [entry["stream"] for entry in yaml.safe_load(done.stdout)["streams"]] == [
        "people",
        "sign_ups",
    ]
    assert "# Left out: deals: these are deals" in done.stdout
    assert "  # No records: this is from the SCHEMA alone.\n" in done.stdout


def test_a_tap_can_be_piped_into_it(tmp_path):
    command = [SCRIPTS / "octanist", "suggest", "-"]
    process = start_command(command, environment(tmp_path), stdin=subprocess.PIPE)
    done = finish(process, f"{schema()}\n{record(**person(1))}\n".encode())
    assert done.returncode == 0, done.stderr
    (entry,) = yaml.safe_load(done.stdout)["streams"]
    assert entry["mapping"] == {"name": "name", "email": "email", "phone": "phone"}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "The input holds no stream."),
        (
            (schema("deals"), record("deals", id=1)),
            "No mapping for the stream deals: these are deals; the people in them come in",
        ),
        (
            (schema("things", ["id"]), record("things", id=1)),
            "No mapping for the stream things: it has neither e-mail addresses nor phone numbers.",
        ),
        ((schema(), "name,email"), "Line 2 of the input is not a JSON object"),
        ((json.dumps(person(1)),), "Line 1 of the input has no `type` that Singer knows."),
        (('{"type": "RECORD"}',), "Line 1 of the input is a RECORD without a usable `stream`."),
    ],
)
def test_without_a_lead_it_says_why_and_fails(tmp_path, lines, told):
    done = octanist("suggest", write(tmp_path, *lines), home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr
    assert "Canary" not in done.stderr


def test_a_stream_that_is_refused_is_shown_a_mapping_that_can_be_used(target):
    refused = target.run([schema("people", ["id", "voornaam", "achternaam", "e-mail"])])
    assert refused.returncode == 1
    shown = refused.stderr[refused.stderr.index("streams:\n") :]
    assert yaml.safe_load(shown) == {
        "streams": [
            {
                "stream": "people",
                "mapping": {"name": {"template": "{voornaam} {achternaam}"}, "email": "e-mail"},
            }
        ]
    }
