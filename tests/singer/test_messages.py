"""What taps write besides plain records, and what is understood of it."""

from __future__ import annotations

import json

import pytest

from target_octanist.leads.mapping import LeadMapping
from target_octanist.preview.target import PreviewTarget
from tests.support.target import person, record, schema, state

pytestmark = pytest.mark.e2e

#: Everything that no field of its own takes.
REST = {"streams": {"*": {"mapping": {"email": "email", "custom": {"rest": True}}}}}


def custom_of(sandbox):
    return {lead["email"]: json.loads(lead["custom"]) for lead in sandbox.leads()}


def record_line(stream, values_as_json):
    return f'{{"type": "RECORD", "stream": "{stream}", "record": {values_as_json}}}'


def test_a_new_schema_counts_for_the_records_after_it(sandbox, target):
    lines = [
        schema(columns=("id", "email", "name")),
        record(id=1, email="a@example.com", name="Ann", phone="+31612345671"),
        state({"at": 1}),
        schema(columns=("id", "email", "phone")),
        record(id=2, email="b@example.com", name="Ben", phone="+31612345672"),
        state({"at": 2}),
    ]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 2}
    leads = {lead["email"]: (lead.get("name"), lead.get("phone")) for lead in sandbox.leads()}
    assert leads == {"a@example.com": ("Ann", None), "b@example.com": (None, "+31612345672")}


def test_a_new_schema_that_makes_no_leads_stops_after_what_came_before(sandbox, target):
    lines = [
        schema(),
        record(**person(1)),
        state({"at": 1}),
        schema(columns=("id", "amount")),
        record(id=2, amount=5),
    ]
    done = target.run(lines)
    assert done.returncode == 1
    assert "streams: the stream leads has no mapping" in done.stderr
    assert done.states == [{"at": 1}]
    assert len(sandbox.leads()) == 1


def test_a_schema_that_only_comes_again_changes_nothing(sandbox, target):
    lines = [line for n in range(1, 6) for line in (schema(), record(**person(n)), state(n))]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == 5
    assert len(sandbox.leads()) == 5


def test_streams_may_take_turns(sandbox, target):
    streams = ("shop", "web-forms", "public.leads")
    lines = [schema(stream) for stream in streams]
    for number in range(1, 31):
        lines += [record(streams[number % 3], **person(number)), state({"at": number})]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 30}
    assert len(sandbox.leads()) == 30
    counts = target.status()["streams"]
    assert {name: counts[name]["delivered"] for name in streams} == dict.fromkeys(streams, 10)


def test_versions_and_deletions_are_told_once_and_make_no_lead(sandbox, target):
    def deleted(number):
        return record(**person(number), _sdc_deleted_at="2026-05-01T10:00:00+00:00")

    activate = json.dumps({"type": "ACTIVATE_VERSION", "stream": "leads", "version": 1})
    lines = [
        activate,
        schema(),
        record(**person(1), _sdc_deleted_at=None),
        *(deleted(number) for number in range(2, 42)),
        activate,
        activate,
        state({"at": 41}),
    ]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 41}
    assert [lead["email"] for lead in sandbox.leads()] == [person(1)["email"]]
    assert done.stderr.count("ACTIVATE_VERSION is ignored") == 1
    assert done.stderr.count("_sdc_deleted_at") == 1
    assert "40 deleted records made no lead" in done.stderr


def test_nested_and_listed_columns_arrive_as_they_are(sandbox, target):
    value = {"id": 1, "email": "a@example.com", "tags": ["a", ["b"]], "deal": {"steps": [{"n": 1}]}}
    done = target.run([schema(columns=("id", "email", "tags", "deal")), record(**value)], **REST)
    assert done.returncode == 0, done.stderr
    assert custom_of(sandbox)["a@example.com"] == {
        "id": 1,
        "tags": ["a", ["b"]],
        "deal": {"steps": [{"n": 1}]},
    }


def test_the_taps_own_columns_are_nobodys_data(sandbox, target):
    own = dict.fromkeys(
        ("_sdc_extracted_at", "_sdc_table_version", "_sdc_lsn", "_sdc_level_0_id"), "x"
    )
    done = target.run([schema(), record(id=1, email="a@example.com", note="n", **own)], **REST)
    assert done.returncode == 0, done.stderr
    assert custom_of(sandbox)["a@example.com"] == {"id": 1, "note": "n"}


def test_a_record_of_more_than_a_megabyte_is_read(sandbox, target):
    big = record(id=1, email="a@example.com", name="Ann", unused="é" * 3_000_000)
    done = target.run([schema(), big, record(**person(2)), state({"at": 2})])
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 2}
    assert {lead["name"] for lead in sandbox.leads()} == {"Ann", "Canary Name2"}


def test_numbers_keep_every_digit(sandbox, target):
    value = (
        '{"id": 12345678901234567890123, "email": "a@example.com", "long": 9223372036854775807, '
        '"price": 1.10, "tiny": 1e-999999999999999999999, "endless": 1e999999999999999999999, '
        f'"huge": {"9" * 5000}, "nan": NaN, "inf": -Infinity}}'
    )
    near = '{"id": 12345678901234567890124, "email": "b@example.com", "long": 1}'
    lines = [schema(), record_line("leads", value), record_line("leads", near)]
    done = target.run(lines, **REST)
    assert done.returncode == 0, done.stderr
    found = custom_of(sandbox)
    assert found.keys() == {"a@example.com", "b@example.com"}, "two keys beyond 64 bits, two leads"
    assert found["a@example.com"]["long"] == 9223372036854775807
    assert found["a@example.com"]["price"] == 1.1
    assert not {"nan", "inf", "huge", "endless"} & found["a@example.com"].keys()


def test_what_json_forbids_and_taps_write_is_read(sandbox, target):
    lines = [
        "\ufeff" + schema(),
        record_line("leads", r'{"id": 1, "email": "a@example.com", "name": "A\ud83dn\u0000n"}'),
        record_line("leads", '{"id": 2, "email": "b@example.com", "name": "B\x01e\tn"}'),
        "",
        record_line("leads", r'{"id": 3, "name": "\ud83d", "email": "\u0000"}'),
        record_line("leads", '{"id": 4, "email": "d@example.com", "name": NaN}'),
        state({"at": 4}),
    ]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 4}
    leads = {lead["email"]: lead.get("name") for lead in sandbox.leads()}
    assert leads == {"a@example.com": "Ann", "b@example.com": "Be n", "d@example.com": None}
    assert target.status()["outcomes"]["rejected"] == 1


def test_what_is_nested_without_end_is_left_out_and_the_lead_is_sent(sandbox, target):
    deep = '{"id": 1, "email": "a@example.com", "tree": ' + '{"a":[' * 300 + "]}" * 300 + "}"
    # No key: the record is known by what it holds.
    keyless = schema().replace('"key_properties": ["id"]', '"key_properties": []')
    done = target.run([keyless, record_line("leads", deep), state({"at": 1})], **REST)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 1}
    assert custom_of(sandbox)["a@example.com"]["id"] == 1


def test_a_record_without_its_key_is_rejected_and_the_next_goes_on(sandbox, target):
    lines = [
        schema(),
        record(name="no key"),
        record(**person(1)),
        record(name="no key either"),
        state({"at": 3}),
    ]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 3}
    assert target.status()["outcomes"]["rejected"] == 2
    assert "rejected: the record lacks id (key_properties)" in done.stderr


def test_a_stream_in_which_no_record_has_its_key_ends_with_1(sandbox, target):
    done = target.run([schema(), record(name="no key"), state({"at": 1})])
    assert done.returncode == 1
    assert "Stream leads: no record has id" in done.stderr
    assert "Traceback" not in done.stderr
    assert target.status()["outcomes"]["rejected"] == 1


@pytest.mark.parametrize(
    "name",
    ['""', '"a\\u001b[31m"', '"a\\nb"', '"\\u202ea"', '"\\ud83d"', '"' + "a" * 501 + '"', "7"],
)
def test_what_is_no_name_of_a_stream_is_refused_without_showing_it(sandbox, target, name):
    line = schema().replace('"stream": "leads"', f'"stream": {name}')
    done = target.run([line])
    assert done.returncode == 1
    assert "Line 1 of the input is a SCHEMA whose `stream` is not a name" in done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stderr)


def test_names_of_columns_are_spelled_out_where_they_would_move_the_cursor(sandbox, target):
    done = target.run([schema("deals", ("id", "\x1b[31mE-mail"))])
    assert done.returncode == 1
    assert "\x1b" not in done.stderr


def test_a_key_with_such_a_name_is_spelled_out_too(sandbox, target):
    odd_key = schema().replace('["id"]', '["id", "\\u001b[31m\\u0000"]')
    done = target.run([odd_key, record(**person(1))], max_rejected_percent=100)
    assert done.returncode == 1
    assert r"no record has \x1b[31m\x00" in done.stderr
    assert not {"\x1b", "\x00"} & set(done.stderr)


def test_a_bug_of_ours_is_not_taken_for_one_of_a_stream_map(monkeypatch, tmp_path):
    def bug(mapping, record):
        raise KeyError("x")

    monkeypatch.setattr(LeadMapping, "apply", bug)
    config = {
        "api_key": "sandbox-key",
        "ledger": str(tmp_path / "ledger.db"),
        "stream_maps": {"leads": {"extra": "name"}},
    }
    target = PreviewTarget(config, show=0, out=None, diff=False)
    with pytest.raises(KeyError):
        target.process_lines([schema(), record(**person(1))])


def test_a_stream_map_that_fails_costs_its_own_stream_the_record_alone(sandbox, target):
    streams = {"*": {"mapping": {"email": "email"}, "dedupe_by": []}}
    maps = {
        "leads": {"extra": "name.upper()"},
        "others": {"__source__": "leads", "extra": "phone.upper()"},
    }
    lines = [schema(), record(**person(1)), record(**(person(2) | {"phone": 5})), state({"at": 2})]
    done = target.run(lines, streams=streams, stream_maps=maps, max_rejected_percent=100)
    assert done.returncode == 0, done.stderr
    assert "of others: rejected: stream_maps: an expression failed" in done.stderr
    assert "3 delivered, 0 duplicate, 0 filtered, 1 rejected" in done.stderr
    assert done.states[-1] == {"at": 2}


def test_a_stream_map_may_rename_a_stream_and_leave_one_out(sandbox, target):
    maps = {"leads": {"__alias__": "people"}, "others": None}
    streams = {"people": {"mapping": {"email": "email"}}}
    lines = [schema(), schema("others"), record("others", **person(1)), record(**person(2))]
    done = target.run([*lines, state({"at": 1})], streams=streams, stream_maps=maps)
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 1}]
    assert [lead["email"] for lead in sandbox.leads()] == [person(2)["email"]]
