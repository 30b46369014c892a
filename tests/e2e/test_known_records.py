"""Records that earlier runs have settled: passed over by their keys, and counted as ever."""

from __future__ import annotations

import json
import signal
import sqlite3

import pytest

from tests.support.sandbox import Sandbox
from tests.support.target import (
    Target,
    feed,
    finish,
    octanist,
    person,
    record,
    schema,
    state,
    wait_for,
)

pytestmark = pytest.mark.e2e


def records(numbers):
    return [record(**person(number)) for number in numbers]


def noted(number):
    """A record about which there is a warning whenever it is mapped."""
    return record(**(person(number) | {"phone": "06 12345678"}))


def test_a_known_record_is_not_even_mapped(sandbox, target):
    lines = [schema(), noted(1), state({"at": 1})]
    assert "sent as digits" in target.run(lines).stderr
    again = target.run(lines)
    assert "0 delivered, 1 duplicate" in again.stderr
    assert again.states == [{"at": 1}]
    assert "sent as digits" not in again.stderr
    # The key of a record that is validated, or that a stream map may change, is known later.
    for more in ({"validate_records": True}, {"stream_maps": {"leads": {"extra": "email"}}}):
        done = target.run(lines, **more)
        assert "0 delivered, 1 duplicate" in done.stderr
        assert "sent as digits" not in done.stderr


def test_a_known_record_of_a_batch_is_not_mapped_either(sandbox, target):
    file = target.folder / "batch.jsonl"
    file.write_text(json.dumps(person(1) | {"phone": "06 12345678"}), encoding="utf-8")
    batch = {"type": "BATCH", "stream": "leads", "encoding": {"format": "jsonl"}}
    lines = [schema(), json.dumps(batch | {"manifest": [str(file)]}), state({"at": 1})]
    assert "sent as digits" in target.run(lines).stderr
    again = target.run(lines)
    assert "0 delivered, 1 duplicate" in again.stderr
    assert "sent as digits" not in again.stderr


def test_new_records_among_known_ones_arrive_and_are_named_by_their_numbers(sandbox, target):
    target.run([schema(), *records(range(1, 301)), state({"at": 300})])
    lines = [schema(), *records(range(1, 300))]
    lines[100:100] = [noted(1001), record(id=1002)]
    lines += [*records(range(1003, 1010)), state({"at": 1009})]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert len(sandbox.leads()) == 308
    assert "8 delivered, 299 duplicate, 0 filtered, 1 rejected" in done.stderr
    assert done.states[-1] == {"at": 1009}
    assert "Record 100, of leads: phone" in done.stderr
    assert "Record 101, of leads: rejected" in done.stderr


def test_a_record_is_named_by_its_place_in_the_input(sandbox, target):
    """Records that the source has deleted come, too, and known ones are there already."""
    gone = [record(**person(n), _sdc_deleted_at="2026-01-01T00:00:00Z") for n in range(1, 6)]
    target.run([schema(), *records([11, 12])])
    lines = [
        schema(),
        *gone,
        *records([11]),
        *gone,
        *records([12]),
        record(id=13),
        state({"at": 1}),
    ]
    config = str(target.folder / "config.json")
    for more in ({}, {"validate_records": True}):
        done = target.run(lines, **more)
        assert done.returncode == 0, done.stderr
        assert "Record 13, of leads: rejected" in done.stderr
        assert "record 13 (ID " in done.stderr
        told = octanist("report", "--format", "json", "--config", config, home=target.folder)
        reasons = json.loads(told.stdout)["totals"]["reasons"]
        assert {
            reason["outcome"]: [mention["record"] for mention in reason["references"]]
            for reason in reasons
        } == {"duplicate": [6, 12], "rejected": [13]}


def test_known_records_are_known_in_any_order(sandbox, target):
    numbers = list(range(1, 1001))
    target.run([schema(), *records(numbers)])
    for order in (numbers[::-1], numbers[500:] + numbers[:500], numbers[1::3] + numbers[::2]):
        done = target.run([schema(), *records(order)])
        assert f"0 delivered, {len(order):,} duplicate" in done.stderr
    assert len(sandbox.leads()) == 1000


@pytest.mark.parametrize("on", [True, False])
def test_all_is_counted_alike_whether_records_are_recognised_or_not(sandbox, target, on):
    kinds = [
        *records(range(1, 60)),
        record(id=60),
        record(id=61, _sdc_deleted_at="2026-01-01T00:00:00Z"),
        record("other", id=1, email="other@example.com"),
        record(id="x", email="text.key@example.com"),
        record(id="", email="empty.key@example.com"),
        record(id=None, email="no.key@example.com"),
    ]
    lines = [schema("other"), schema(), *kinds, state({"at": 1})]
    target.run(lines, max_rejected_percent=100)
    again = target.run(lines, max_rejected_percent=100, validate_records=not on)
    assert "0 delivered, 63 duplicate, 0 filtered, 1 rejected" in again.stderr
    assert '"metric":"record_count","value":63,"tags":{"stream":"leads"' in again.stderr
    assert again.states == [{"at": 1}]
    assert target.status()["last_run"]["outcomes"] == {"duplicate": 63, "rejected": 1}


def test_a_schema_in_between_changes_the_key(sandbox, target):
    first = json.loads(schema())
    other = json.dumps(first | {"key_properties": ["email"]})
    people = records(range(1, 6))
    target.run([schema(), *people])
    # The same people by another key, which no record had so far: known by their address.
    done = target.run([schema(), *people, other, *people])
    assert "0 delivered, 10 duplicate" in done.stderr
    with sqlite3.connect(target.ledger) as journal:
        [rows] = journal.execute("select count(*) from octanist_leads").fetchone()
    assert rows == 10


def test_a_line_that_is_no_message_is_named_by_its_number(sandbox, target):
    people = records(range(1, 51))
    target.run([schema(), *people])
    for broken in ('{"type": "RECORD", "stream": "leads", "record": {"id": 3', "[]", '{"type": 7}'):
        done = target.run([schema(), *people, broken, *people])
        assert done.returncode == 1
        assert "Line 52 of the input" in done.stderr
        assert "50 duplicate" in done.stderr


def test_a_record_without_its_key_is_rejected_among_known_ones(sandbox, target):
    people = records(range(1, 51))
    target.run([schema(), *people])
    keyless = record(email="canary.keyless@example.com")
    done = target.run([schema(), *people, keyless, state({"at": 1})])
    assert done.returncode == 0, done.stderr
    assert "50 duplicate, 0 filtered, 1 rejected" in done.stderr


def test_what_was_rejected_is_mapped_anew(sandbox, target):
    lines = [schema(), *records([1, 2]), record(id=3, phone="+31612345678")]
    mapping = {"email": "email"}
    first = target.run(lines, streams=[{"stream": "leads", "mapping": mapping}])
    assert "2 delivered, 0 duplicate, 0 filtered, 1 rejected" in first.stderr
    mended = mapping | {"phone": "phone"}
    again = target.run(lines, streams=[{"stream": "leads", "mapping": mended}])
    assert "1 delivered, 2 duplicate" in again.stderr


def test_a_signal_among_known_records_ends_the_run_in_good_order(sandbox, target):
    people = records(range(1, 201))
    target.run([schema(), *people])
    process = target.start()
    feed(process, [schema(), *people, state({"at": 200})])
    wait_for(process.stdout.peek)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 143
    assert "200 duplicate" in done.stderr


def test_another_destination_knows_nothing_of_them(sandbox, target, tmp_path):
    people = [schema(), *records(range(1, 21))]
    target.run(people)
    with Sandbox() as other:
        done = Target(tmp_path, other.base_url, ledger=str(target.ledger)).run(people)
        assert "20 delivered" in done.stderr
        assert len(other.leads()) == 20
