"""``octanist preview`` as a process of its own, held against real runs."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess

import pytest

from tests.support.processes import SCRIPTS
from tests.support.samples import MAPPINGS, PRESET_SAMPLES, SAMPLES
from tests.support.target import (
    Target,
    environment,
    finish,
    octanist,
    person,
    record,
    schema,
    start_command,
    wait_for,
)
from tests.support.wire import Wire

pytestmark = pytest.mark.e2e


@pytest.fixture
def preview(target):
    """Preview some lines with the target's own settings."""

    def run(lines, *options, **settings):
        given = lines if isinstance(lines, bytes) else "".join(f"{x}\n" for x in lines).encode()
        file, config = target.folder / "stream.jsonl", target.folder / "preview.json"
        file.write_bytes(given)
        config.write_text(json.dumps(target.settings | settings), encoding="utf-8")
        return octanist("preview", str(file), "--config", str(config), *options, home=target.folder)

    return run


@pytest.fixture
def report(preview):
    """Preview some lines, and give what was found as plain values."""

    def run(lines, *options, code=0, **settings):
        done = preview(lines, "--json", *options, **settings)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run


def streams():
    """Give every stream that real taps wrote, with the settings for it."""
    for path in SAMPLES:
        name = path.name.removesuffix(".singer.jsonl")
        yield pytest.param(path, {"mapping": MAPPINGS[name]}, id=name)
    for path in PRESET_SAMPLES:
        name = path.name.removesuffix(".singer.jsonl")
        yield pytest.param(path, {"preset": name.split(".")[0]}, id=f"preset-{name}")


@pytest.mark.parametrize(("path", "settings"), list(streams()))
def test_the_payloads_are_those_that_a_run_posts_byte_for_byte(sandbox, tmp_path, path, settings):
    with Wire(sandbox.base_url) as wire:
        target = Target(
            tmp_path,
            wire.base_url,
            streams=[{"stream": "*", **settings}],
            phone_region="NL",
            max_rejected_percent=100,
        )
        config, out = tmp_path / "preview.json", tmp_path / "payloads.jsonl"
        config.write_text(json.dumps(target.settings), encoding="utf-8")
        command = ("preview", str(path), "--config", str(config), "--json", "--out", str(out))
        shown = octanist(*command, home=tmp_path)
        assert shown.returncode == 0, shown.stderr
        assert wire.posted == sandbox.requests() == [], "a preview makes no request"
        assert not target.ledger.exists(), "and no journal"

        ran = target.run(path.read_bytes())
        assert ran.returncode == 0, ran.stderr
    promised = out.read_bytes().splitlines()
    assert promised
    assert sorted(promised) == sorted(wire.posted)

    found = json.loads(shown.stdout)["outcomes"]
    assert found["sent"] == len(promised)
    said = "{sent} delivered, {duplicate} duplicate, 0 filtered, {rejected} rejected"
    assert said.format(**found) in ran.stderr


def test_it_shows_a_record_before_and_after(report):
    mapping = {
        "name": {"template": "{first} {last}"},
        "email": "mail",
        "phone": ["mobile", "office", "phone"],
        "utm_source": {"const": "crm"},
        "consent": {"marketing": "optin"},
        "gclid": "click",
    }
    columns = ("id", "first", "last", "mail", "mobile", "office", "phone", "optin", "click")
    given = {
        "id": 1,
        "first": "Ada",
        "last": "Canary",
        "mail": "ADA@Example.com",
        "mobile": "",
        "office": "06 1234 5678",
        "phone": "+31 20 123 4567",
        "optin": "ja",
        "click": None,
    }
    found = report(
        [schema(columns=columns), record(**given)],
        "--show-values",
        streams={"leads": {"mapping": mapping}},
        phone_region="NL",
    )
    (sample,) = found["samples"]
    assert (sample["number"], sample["stream"], sample["outcome"]) == (1, "leads", "sent")
    fields = {entry["field"]: (entry["before"], entry["after"]) for entry in sample["fields"]}
    assert fields == {
        "name": ({"first": "Ada", "last": "Canary"}, "Ada Canary"),
        "email": ({"mail": "ADA@Example.com"}, "ada@example.com"),
        "phone": ({"office": "06 1234 5678", "phone": "+31 20 123 4567"}, "+31612345678"),
        "utm_source": ({}, "crm"),
        "ad_storage": ({"optin": "ja"}, True),
        "ad_user_data": ({"optin": "ja"}, True),
        "ad_personalization": ({"optin": "ja"}, True),
    }
    (phone,) = (entry for entry in sample["fields"] if entry["field"] == "phone")
    assert phone["from"] == "office"


def test_it_counts_every_record_and_says_why(report):
    people = [person(number) for number in range(1, 6)]
    people[1]["phone"] = None
    people[2]["email"] = None
    people[3]["email"] = "canary"
    lines = [
        schema(),
        *(record(**one) for one in people),
        record(**people[0]),
        record(id=6, email=person(2)["email"]),
        record(id=7),
        record(id=8, email="canary again"),
    ]
    found = report(lines, "--records", "0")
    assert found["samples"] == []
    assert (found["records"], found["outcomes"]) == (
        9,
        {"sent": 5, "duplicate": 2, "rejected": 2},
    )
    (stream,) = found["streams"].values()
    assert {(entry["outcome"], entry["count"]) for entry in stream["reasons"]} == {
        ("duplicate", 1),
        ("rejected", 1),
    }
    assert {entry["reason"] for entry in stream["reasons"]} == {
        "the same record came before in the input",
        "the same person came before in the input",
        "lead has none of name, email, phone and custom, and needs one.",
        "email (from email) is not a valid e-mail address.",
    }
    (note,) = stream["notes"]
    assert note == {"note": "email (from email) is not a valid e-mail address.", "count": 1}
    assert {name: entry["filled"] for name, entry in stream["fields"].items()} == {
        "name": 6,
        "email": 5,
        "phone": 5,
    }


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_what_comes_twice_is_found_within_a_batch_and_across_batches(report, rows):
    lines = [schema()]
    lines += [record(**person(number)) for number in (1, 2, 1, 3, 2)]
    lines += [record(**(person(3) | {"id": 4}))]
    found = report(lines, batch_size_rows=rows)
    assert [sample["outcome"] for sample in found["samples"]] == [
        "sent",
        "sent",
        "duplicate",
        "sent",
        "duplicate",
        "duplicate",
    ]


def test_it_holds_the_records_against_the_journal(target, report):
    unsettled = [schema(), record(**person(1)), record(**person(2)), record(id=3)]
    assert target.run(unsettled, max_rejected_percent=100).returncode == 0
    before = target.ledger.read_bytes()
    lines = [
        schema(),
        record(**person(1)),
        record(**(person(2) | {"name": "Canary Else"})),
        record(id=3),
        record(**person(4)),
        record(**(person(1) | {"id": 5})),
        record(**(person(4) | {"id": 6})),
    ]
    found = report(lines, "--diff")
    assert found["journal"] == {
        "new": 2,
        "known": 1,
        "changed": 1,
        "person": 1,
        "again": 1,
        "busy": 0,
    }
    assert found["outcomes"] == {"sent": 1, "duplicate": 4, "rejected": 1}
    assert [sample["outcome"] for sample in found["samples"]] == [
        "duplicate",
        "duplicate",
        "rejected",
        "sent",
        "duplicate",
        "duplicate",
    ]
    assert target.ledger.read_bytes() == before

    ran = target.run(lines, max_rejected_percent=100)
    assert "1 delivered, 4 duplicate, 0 filtered, 1 rejected" in ran.stderr


def test_a_record_whose_person_was_known_stays_out_whoever_it_names_later(target, report):
    target.run([schema(), record(**person(1))])
    lines = [schema(), record(**(person(1) | {"id": 2})), record(**person(2))]
    assert report(lines, "--diff")["outcomes"] == {"sent": 0, "duplicate": 2, "rejected": 0}
    assert "0 delivered, 2 duplicate" in target.run(lines, batch_size_rows=1).stderr


def test_it_reads_the_journal_of_a_run_that_is_going_on(sandbox, target, report):
    sandbox.fault("hang", method="POST", path="/leads")
    process = target.start()
    process.stdin.write(f"{schema()}\n{record(**person(1))}\n".encode())
    process.stdin.flush()
    sandbox.wait_until_faulted()
    writer = sqlite3.connect(target.ledger, timeout=60)
    try:
        writer.execute("BEGIN IMMEDIATE")
        found = report([schema(), record(**person(1)), record(**person(2))], "--diff")
        writer.execute("ROLLBACK")
    finally:
        writer.close()
        process.kill()
        finish(process)
    assert (found["journal"]["busy"], found["journal"]["new"]) == (1, 1)
    assert found["outcomes"] == {"sent": 1, "duplicate": 1, "rejected": 0}


def test_without_a_journal_there_is_nothing_to_hold_them_against(target, preview):
    done = preview([schema(), record(**person(1))], "--diff")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no journal" in done.stderr
    assert not target.ledger.exists()


def test_people_are_shown_by_their_shape_unless_asked_for(preview):
    mapping = {"email": "email", "custom": {"rest": True}, "analytics_storage": "email"}
    lines = [
        schema(),
        record(**person(1)),
        record(id=2, email="canary.broken"),
        record(id=3, name="canary"),
    ]
    settings = {"streams": {"leads": {"mapping": mapping}}}
    for options in ([], ["--json"]):
        done = preview(lines, *options, **settings)
        assert done.returncode == 0, done.stderr
        assert "canary" not in (done.stdout + done.stderr).lower()
        assert "xxxxxx.9@xxxxxxx.xxx" in done.stdout
    shown = preview(lines, "--show-values", **settings)
    assert "canary.1@example.com" in shown.stdout


def test_what_is_no_character_is_shown_all_the_same(preview):
    lines = [schema(), record(id=1, name="Canary \udcff", email="canary@example.com")]
    for option in ("--json", "--records=1"):
        done = preview(lines, "--show-values", option)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Canary" in done.stdout


def test_a_pipe_gets_plain_lines_that_no_value_can_break(preview):
    done = preview([schema(), record(id=1, name="Canary\x1b[31m\u2028Two")], "--show-values")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "Canary [31m Two" in done.stdout.splitlines()[1]


def test_the_text_says_what_would_become_of_the_records(preview):
    lines = [schema(), record(**person(1)), record(**person(1)), record(id=2)]
    done = preview(lines, "--records", "1")
    assert (
        done.stdout
        == """\
Record 1, of leads: would be sent
  name   xxxxxx xxxx9          →  name   xxxxxx xxxx9
  email  xxxxxx.9@xxxxxxx.xxx  →  email  xxxxxx.9@xxxxxxx.xxx
  phone  +99999999999          →  phone  +99999999999

leads: 3 records
       1  would be sent
       1  duplicate
           1  the same record came before in the input
       1  rejected
           1  lead has none of name, email, phone and custom, and needs one.
  filled:
           2   66 %  name   from name
           2   66 %  email  from email
           2   66 %  phone  from phone

Nothing was sent.
"""
    )


def test_what_was_read_before_a_broken_line_is_shown(preview):
    done = preview([schema(), record(**person(1)), '{"type": "RECO'])
    assert done.returncode == 1
    assert "leads: 1 records" in done.stdout
    assert "Line 3 of the input" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("lines", "settings", "told"),
    [
        ([schema()], {"streams": {"leads": {"mapping": {"emial": "x"}}}}, "email"),
        ([schema()], {"base_url": "ftp://example.com"}, "base_url: is not a web address"),
        ([schema("deals", ("id", "amount"))], {}, "the stream deals has no mapping"),
        ([record(**person(1))], {}, "before a corresponding schema"),
        ([schema(), record(name="no key")], {}, "key_properties"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(preview, lines, settings, told):
    done = preview(lines, **settings)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_it_tells_where_a_run_would_stop(report):
    lines = [schema(), *(record(**person(n)) for n in range(1, 19))]
    lines += [record(id=100), record(id=101), record(id=102), record(**person(20))]
    assert report(lines, max_rejected_percent=10)["stops_at"] == 21
    assert report(lines, max_rejected_percent=20)["stops_at"] is None


def test_stream_maps_and_checks_are_those_of_a_run(report):
    lines = [
        schema(columns=("id", "name", "email", "kind")),
        record(id=1, name="Canary", email="canary@example.com", kind="lead"),
        record(id=2, name="Canary", email="other@example.com", kind="test"),
        record(id=3, name={"an": "object"}, email="third@example.com", kind="lead"),
    ]
    found = report(
        lines,
        "--show-values",
        stream_maps={"leads": {"__filter__": "kind == 'lead'", "note": "kind.upper()"}},
        validate_records=True,
    )
    assert (found["records"], found["outcomes"]) == (2, {"sent": 1, "duplicate": 0, "rejected": 1})
    (note,) = (f for f in found["samples"][0]["fields"] if f["field"] == "note")
    assert note["after"] == "LEAD"


def test_it_asks_for_nothing_and_needs_no_key(sandbox, preview):
    done = preview([schema("meltano_test_stream"), record("meltano_test_stream", id=1)])
    assert (done.returncode, done.stdout) == (0, "There is no record to be sent.\n")
    done = preview([schema(), record(**person(1))], api_key=None)
    assert done.returncode == 0, done.stderr
    assert sandbox.requests() == []


def test_settings_may_come_from_the_environment_and_the_records_from_a_pipe(tmp_path):
    process = start_command(
        [SCRIPTS / "octanist", "preview", "-", "--json"],
        stdin=subprocess.PIPE,
        env=environment(
            tmp_path,
            TARGET_OCTANIST_STREAMS='[{"stream": "leads", "mapping": {"email": "mail"}}]',
            TARGET_OCTANIST_STREAM_MAPS='{"leads": {"mail": "email"}}',
        ),
    )
    done = finish(process, f"{schema()}\n{record(**person(1))}\n".encode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"]["sent"] == 1


def test_interrupted_it_shows_what_it_has_read(tmp_path):
    out = tmp_path / "payloads.jsonl"
    process = start_command(
        [SCRIPTS / "octanist", "preview", "-", "--out", out],
        stdin=subprocess.PIPE,
        env=environment(tmp_path, TARGET_OCTANIST_BATCH_SIZE_ROWS="1"),
    )
    for number in range(1, 400):
        process.stdin.write(f"{schema()}\n{record(**person(number))}\n".encode())
    process.stdin.flush()
    # The first payloads are in the file as soon as there is a block of them.
    wait_for(lambda: out.exists() and out.stat().st_size)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.returncode == 130
    assert "would be sent" in done.stdout


def test_records_are_numbered_by_their_place_in_the_input_as_in_a_run(target, report):
    gone = {"_sdc_deleted_at": "2026-11-20T03:00:00Z"}
    nobody = {"id": 4, "name": "", "email": "none"}
    lines = [
        schema(),
        record(**person(1)),
        record(**person(2), **gone),
        record(**person(3)),
        record(**nobody),
    ]
    found = report(lines, max_rejected_percent=100)
    assert [sample["number"] for sample in found["samples"]] == [1, 3, 4]
    assert found["records"] == 3
    ran = target.run(lines, max_rejected_percent=100)
    assert "Record 4, of leads: rejected" in ran.stderr
