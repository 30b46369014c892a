"""The main job, as a user runs it: the installed command, real HTTP, a real journal."""

from __future__ import annotations

import json

import pytest

from tests.support.sandbox import Sandbox
from tests.support.target import Target, octanist, person, record, schema, state

pytestmark = pytest.mark.e2e


def thousand_with_repeats():
    """A thousand people; every tenth record is sent again, right after or much later."""
    lines = [schema()]
    for number in range(1, 1001):
        lines.append(record(**person(number)))
        if number % 10 == 0:
            again = number if number % 20 == 0 else number - 9
            lines.append(record(**person(again)))
        if number % 100 == 0:
            lines.append(state({"bookmarks": {"leads": {"id": number}}}))
    return lines


def test_a_thousand_leads_with_repeats_arrive_once_and_again_never(sandbox, target):
    lines = thousand_with_repeats()
    first = target.run(lines)
    assert first.returncode == 0, first.stderr
    assert len(sandbox.leads()) == 1000
    assert sorted(lead["email"] for lead in sandbox.leads()) == sorted(
        person(number)["email"] for number in range(1, 1001)
    )
    assert first.states[-1] == {"bookmarks": {"leads": {"id": 1000}}}
    assert "1,100 records" in first.stderr
    assert "1,000 delivered, 100 duplicate" in first.stderr

    second = target.run(lines)
    assert second.returncode == 0, second.stderr
    assert len(sandbox.leads()) == 1000
    assert second.states[-1] == {"bookmarks": {"leads": {"id": 1000}}}
    assert "0 delivered, 1,100 duplicate" in second.stderr


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_log_line_names_a_person_or_the_key(sandbox, target, level):
    target.env["LOGLEVEL"] = level
    sandbox.fault(kind="status", status=400, message="canary", method="POST", path="/leads", nth=3)
    lines = [
        schema(),
        *(record(**person(number)) for number in range(1, 30)),
        record(id=99, name="Canary Broken", email="canary.broken at example", phone="n/a"),
        state({"at": 1}),
    ]
    maps = {"leads": {"name": "name + str(id)", "note": "phone[0] + 1", "__filter__": "id != 7"}}
    for more in ({}, {"dry_run": True}, {"validate_records": True}, {"stream_maps": maps}):
        done = target.run(lines, **more)
        told = (done.stdout + done.stderr).lower()
        for secret in ("canary", "3161000", "sandbox-key", "example.com"):
            assert secret not in told, done.stderr
    status = json.dumps(target.status()).lower()
    assert "canary" not in status


def test_the_person_is_the_same_across_records_streams_and_spellings(sandbox, target):
    lines = [
        schema(),
        record(id=1, name="A", email="Jane.Doe@Example.com "),
        record(id=2, name="B", email="jane.doe@example.com"),
        schema("other"),
        record("other", id=1, name="C", phone="+31 6 12345678"),
        record("other", id=2, name="D", phone="0031612345678", email="d@example.com"),
        record("other", id=3, name="E", phone="06-12345678", email="e@example.com"),
    ]
    done = target.run(lines, phone_region="NL")
    assert done.returncode == 0, done.stderr
    assert [lead["name"] for lead in sorted(sandbox.leads(), key=lambda x: x["name"])] == ["A", "C"]
    assert "2 delivered, 3 duplicate" in done.stderr


def test_a_slow_tap_is_delivered_and_its_state_moves_while_it_is_silent(sandbox, target):
    process = target.start()
    process.stdin.write("\n".join([schema(), record(**person(1)), state({"at": 1}), ""]).encode())
    process.stdin.flush()
    # The line comes while the tap is still there and says nothing.
    assert json.loads(process.stdout.readline()) == {"at": 1}
    assert len(sandbox.leads()) == 1
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    process.stderr.close()


def test_a_float_in_a_state_comes_out_as_it_went_in(sandbox, target):
    done = target.run([schema(), '{"type":"STATE","value":{"at":1.10,"big":12345678901234567890}}'])
    assert done.stdout == '{"at":1.10,"big":12345678901234567890}\n'


def test_stream_maps_of_the_sdk_come_before_the_mapping(sandbox, target):
    maps = {"leads": {"name": "first + '!'", "__filter__": "id != 2", "first": "__NULL__"}}
    lines = [
        schema(columns=("id", "first", "email")),
        record(id=1, first="A", email="a@example.com"),
        record(id=2, first="B", email="b@example.com"),
        record(id=3, first=None, email="c@example.com"),
        state({"at": 3}),
    ]
    done = target.run(lines, stream_maps=maps)
    assert done.returncode == 0, done.stderr
    assert [lead["name"] for lead in sandbox.leads()] == ["A!"]
    assert done.states == [{"at": 3}]
    assert "1 delivered, 0 duplicate, 0 filtered, 1 rejected" in done.stderr


def test_a_changed_mapping_sends_nothing_again(sandbox, target):
    lines = [schema(), record(**person(1))]
    target.run(lines)
    mapped = {"leads": {"mapping": {"email": "email", "custom": {"rest": True}}}}
    done = target.run(lines, streams=mapped)
    assert "0 delivered, 1 duplicate" in done.stderr
    assert len(sandbox.leads()) == 1


def test_columns_beyond_the_older_contract_are_not_sent(sandbox, target):
    lines = [
        schema(columns=("id", "email", "gclid", "gbraid", "sessionId")),
        record(id=1, email="a@example.com", gclid="g", gbraid="b", sessionId="s"),
    ]
    done = target.run(lines, strict_contract="legacy")
    assert done.returncode == 0, done.stderr
    (lead,) = sandbox.leads()
    assert (lead["email"], lead["gclid"]) == ("a@example.com", "g")
    assert not {"gbraid", "sessionId"} & lead.keys()


def test_a_key_that_the_stream_does_not_have_is_told(sandbox, target):
    done = target.run([schema(), record(**person(1))], streams={"leads": {"key": ["nmae"]}})
    assert done.returncode == 0, done.stderr
    told = 'streams.leads.key: the stream has no column "nmae"; did you mean "name"?'
    assert told in done.stderr


def test_a_setting_of_the_framework_that_is_of_another_kind_is_told(target):
    done = target.run([schema()], flattening_enabled=True, flattening_max_depth="x", maping={})
    assert done.returncode == 1
    assert "flattening_max_depth: must be a whole number, not text" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_does_not_exist_is_told(sandbox, target):
    done = target.run([schema()], dry_rum=True, stream_maps={})
    assert done.returncode == 0, done.stderr
    told = 'dry_rum: there is no such setting, so it does nothing; did you mean "dry_run"?'
    assert told in done.stderr
    assert done.stderr.count("no such setting") == 1


def test_a_dry_run_sends_nothing_and_promises_nothing(sandbox, target):
    done = target.run(thousand_with_repeats()[:50], dry_run=True, api_key=None)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert sandbox.requests() == []
    assert not target.ledger.exists()
    assert "would be delivered" in done.stderr


def test_a_quota_that_is_used_up_stops_the_run_before_it_is_exceeded(tmp_path):
    with Sandbox("--leads-limit", "30") as sandbox:
        target = Target(tmp_path, sandbox.base_url, check_quota="fail")
        lines = [schema()]
        for number in range(1, 61):
            lines += [record(**person(number)), state({"at": number})]
        done = target.run(lines)
        assert done.returncode == 1
        assert "check_quota" in done.stderr
        assert len(sandbox.leads()) == 30
        assert done.states[-1]["at"] <= 30
        warned = target.run(lines, check_quota="warn")
        assert warned.returncode == 0, warned.stderr
        assert "check_quota" in warned.stderr
        assert len(sandbox.leads()) == 60


def test_the_test_of_meltano_sends_no_lead(sandbox, target):
    lines = [schema("meltano_test_stream"), record("meltano_test_stream", id=1, name="Test")]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert sandbox.leads() == []
    assert not any(word in done.stderr.lower() for word in ("error", "exception"))
    assert target.run(lines, base_url="http://127.0.0.1:9/api").returncode == 1


def test_check_tells_what_is_wrong_and_sends_no_lead(sandbox, target, tmp_path):
    config = tmp_path / "check.json"
    config.write_text(json.dumps(target.settings))
    good = octanist("check", "--config", str(config), home=tmp_path)
    assert good.returncode == 0, good.stderr
    config.write_text(json.dumps(target.settings | {"base_url": "http://127.0.0.1:9/api"}))
    bad = octanist("check", "--config", str(config), home=tmp_path)
    assert bad.returncode == 1
    assert "base_url" in bad.stdout
    assert sandbox.leads() == []


def test_status_counts_what_the_journal_knows(sandbox, target):
    target.run(thousand_with_repeats()[:100])
    found = target.status()
    assert found["outcomes"]["delivered"] == len(sandbox.leads()) == 90
    assert found["streams"] == {"leads": {"delivered": 90}}


def test_nobody_else_may_read_the_journal(sandbox, target):
    target.run([schema(), record(**person(1))])
    assert {path.stat().st_mode & 0o777 for path in target.folder.glob("ledger.db*")} == {0o600}


def test_two_destinations_on_one_journal_do_not_know_each_other(sandbox, target, tmp_path):
    target.run([schema(), record(**person(1))])
    elsewhere = Target(tmp_path, sandbox.base_url.replace("127.0.0.1", "localhost"))
    done = elsewhere.run([schema(), record(**person(1))], ledger=str(target.ledger))
    assert "1 delivered" in done.stderr, done.stderr
