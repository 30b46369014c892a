"""``octanist dead-letters``: what made no lead is listed, exported, tried again and given up."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import (
    Target,
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

LEADS = {"method": "POST", "path": "/leads"}

#: Looks for the e-mail address where there is none.
WRONG = {"leads": {"mapping": {"name": "name", "email": {"from": "id", "required": True}}}}
RIGHT = {"leads": {"mapping": {"name": "name", "email": "email", "phone": "phone"}}}

BAD_REQUEST = {"kind": "status", "status": 400}
RULE = {"kind": "status", "status": 403}


class Letters:
    """The command, with settings that may change from one time to the next."""

    def __init__(self, target):
        self.target = target
        self.config = target.folder / "letters.json"

    def arguments(self, name, *arguments, **settings):
        """Give the command line; settings override those of the target."""
        merged = {**self.target.settings, "streams": RIGHT, **settings}
        self.config.write_text(json.dumps(merged), encoding="utf-8")
        return ["dead-letters", name, *arguments, "--config", str(self.config)]

    def __call__(self, name, *arguments, env=None, **settings):
        told = self.arguments(name, *arguments, **settings)
        return octanist(*told, home=self.target.folder, **(env or {}))

    def start(self, name, *arguments, **settings):
        command = [SCRIPTS / "octanist", *self.arguments(name, *arguments, **settings)]
        return start_command(command, environment(self.target.folder))

    def told(self, name, *arguments, **settings):
        """Give what it says as JSON; it must go well."""
        done = self(name, *arguments, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def listed(self, *arguments):
        return self.told("list", *arguments)["dead_letters"]


@pytest.fixture
def letters(target):
    return Letters(target)


def lines(*numbers):
    return [schema(), *(record(**person(number)) for number in numbers)]


def reject(target, *numbers, **settings):
    """Let a run with a wrong mapping reject these people."""
    done = target.run(lines(*numbers), **{"streams": WRONG, "max_rejected_percent": 100} | settings)
    assert done.returncode == 0, done.stderr


def refuse(sandbox, target, action, *numbers):
    """Let the API refuse these people, as long as the rule stands."""
    sandbox.fault(action, **LEADS)
    done = target.run(lines(*numbers), streams=RIGHT, max_rejected_percent=100)
    assert done.returncode == 0, done.stderr


def emails(sandbox):
    return sorted(lead["email"] for lead in sandbox.leads())


def those_of(*numbers):
    return sorted(person(number)["email"] for number in numbers)


def outcomes(target):
    return {state: count for state, count in target.status()["outcomes"].items() if count}


def posts(sandbox):
    return [entry for entry in sandbox.requests("POST") if entry["path"] == "/leads"]


# Trying again


def test_after_the_mapping_is_mended_exactly_the_rejected_ones_are_delivered(
    sandbox, target, letters
):
    target.run(lines(1, 2), streams=RIGHT)
    reject(target, *range(3, 28))
    assert letters.told("list")["count"] == 25

    preview = letters.told("replay", "--dry-run")
    assert (preview["selected"], preview["outcomes"]) == (25, {"sent": 25})
    assert len(sandbox.leads()) == 2, "a dry run sends nothing"
    assert letters.told("list")["count"] == 25, "and writes nothing"

    told = letters.told("replay")
    assert told["selected"] == 25
    assert told["outcomes"] == {"delivered": 25}
    assert emails(sandbox) == those_of(*range(1, 28))
    assert outcomes(target) == {"delivered": 27}
    assert letters.listed() == []

    assert letters.told("replay")["selected"] == 0
    assert target.run(lines(*range(1, 28)), streams=RIGHT).returncode == 0
    assert len(posts(sandbox)) == 27, "neither a replay nor a run sends them once more"


def test_what_the_api_called_invalid_is_sent_when_it_has_changed_its_mind(sandbox, target, letters):
    refuse(sandbox, target, BAD_REQUEST, 1, 2, 3)
    told = letters.told("replay")
    assert told["outcomes"] == {"rejected": 3}
    assert told["reasons"] == [
        {
            "stream": "leads",
            "outcome": "rejected",
            "reason": "the API rejected the lead (HTTP 400)",
            "count": 3,
        }
    ]
    sandbox.clear_faults()
    assert target.run(lines(1, 2, 3), streams=RIGHT).returncode == 0
    assert sandbox.leads() == [], "a run does not send what was judged"
    assert letters.told("replay")["outcomes"] == {"delivered": 3}
    assert emails(sandbox) == those_of(1, 2, 3)


def test_what_a_rule_refused_is_sent_when_the_rule_is_gone(sandbox, target, letters):
    refuse(sandbox, target, RULE, 1, 2)
    assert letters.listed() == []
    assert len(letters.listed("--filtered")) == 2
    assert "2 filtered leads." in letters("list", "--filtered").stdout
    assert letters.told("replay", "--filtered")["outcomes"] == {"filtered": 2}
    sandbox.clear_faults()
    assert letters.told("replay")["selected"] == 0, "it was not asked for filtered ones"
    assert letters.told("replay", "--filtered")["outcomes"] == {"delivered": 2}
    assert emails(sandbox) == those_of(1, 2)
    assert letters.listed("--filtered") == []


def test_only_those_that_are_named_are_tried(sandbox, target, letters):
    reject(target, 1, 2, 3)
    first, second, _ = letters.listed()
    told = letters.told("replay", first["id"], second["id"][:6])
    assert told["outcomes"] == {"delivered": 2}
    assert len(letters.listed()) == 1
    assert letters.told("replay", "--stream", "other*")["selected"] == 0
    assert letters.told("replay", "--until", "24h")["selected"] == 0
    assert letters.told("replay", "--reason", "unmapp", "--since", "24h")["selected"] == 1
    assert len(sandbox.leads()) == 3


def test_a_person_who_was_sent_meanwhile_is_a_duplicate(sandbox, target, letters):
    reject(target, 1)
    target.run([schema(), record(**person(1) | {"id": 99})], streams=RIGHT)
    told = letters.told("replay")
    assert told["outcomes"] == {"duplicate": 1}
    assert told["reasons"][0]["reason"] == "a lead of the same person was sent before"
    assert len(sandbox.leads()) == 1
    assert letters.listed() == []


def test_two_dead_letters_of_one_person_make_one_lead(sandbox, target, letters):
    twins = [schema(), record(**person(1)), record(**person(1) | {"id": 99})]
    target.run(twins, streams=WRONG)
    assert letters.told("replay", "--dry-run")["outcomes"] == {"sent": 1, "duplicate": 1}
    assert letters.told("replay")["outcomes"] == {"delivered": 1, "duplicate": 1}
    assert len(sandbox.leads()) == 1


def test_many_that_are_refused_again_do_not_stop_it(sandbox, target, letters):
    refuse(sandbox, target, BAD_REQUEST, *range(1, 31))
    sandbox.clear_faults()
    sandbox.fault(BAD_REQUEST, **LEADS, field={"email": "canary.1*"})
    told = letters.told("replay")
    assert told["outcomes"] == {"delivered": 19, "rejected": 11}
    assert len(letters.listed()) == 11


def test_without_a_mapping_columns_are_lead_fields(sandbox, target, letters):
    reject(target, 1)
    assert letters.told("replay", streams={})["outcomes"] == {"delivered": 1}
    (lead,) = sandbox.leads()
    assert (lead["email"], lead["phone"]) == (person(1)["email"], person(1)["phone"])


def test_a_lead_of_which_only_the_payload_is_known_is_sent_as_it_is(sandbox, target, letters):
    target.env = {"OCTANIST_KILL_AT": "claim-committed"}
    assert target.run(lines(1, 2), streams=RIGHT).returncode == -signal.SIGKILL
    target.env = {}
    refuse(sandbox, target, BAD_REQUEST)  # it takes over what the first one had claimed
    letters("export", str(target.folder / "letters.jsonl"))
    rows = (target.folder / "letters.jsonl").read_text().splitlines()
    assert [json.loads(row)["record"] for row in rows] == [None, None]
    # The mapping has nothing to say any more, not even a wrong one.
    assert letters.told("replay", streams=WRONG)["outcomes"] == {"rejected": 2}
    sandbox.clear_faults()
    assert letters.told("replay", streams=WRONG)["outcomes"] == {"delivered": 2}
    assert emails(sandbox) == those_of(1, 2)


def test_what_never_got_as_far_as_the_mapping_is_left_for_the_tap(sandbox, target, letters):
    keyless = {name: value for name, value in person(2).items() if name != "id"}
    given = [schema(), record(**person(1)), record(**keyless)]
    failing = {"leads": {"email": "email.upper(1)"}}
    done = target.run(given, streams=RIGHT, stream_maps=failing, max_rejected_percent=100)
    assert {row["code"] for row in letters.listed()} == {"INVALID_RECORD"}, done.stderr
    advice = (
        "2 dead letters never got as far as the mapping, so a replay cannot help: see why, fix "
        "the source or the stream map, and run again."
    )
    assert advice in done.stderr
    assert "then replay" not in done.stderr
    assert letters("list").stdout.endswith(f"\n\n{advice}\n")
    said = octanist("status", "--config", str(letters.config), home=target.folder).stdout
    assert [line.strip() for line in said.splitlines()[-2:]] == [
        advice,
        f"octanist dead-letters list --reason INVALID_RECORD --config {letters.config}",
    ]
    for dry in ((), ("--dry-run",)):
        told = letters.told("replay", *dry)
        assert (told["selected"], told["left"], told["outcomes"]) == (2, 2, {})
    assert "never got as far as the mapping" in letters("replay").stdout
    assert len(letters.listed()) == 2

    target.run(lines(1, 2), streams=RIGHT, stream_maps={"leads": {"email": "email"}})
    assert emails(sandbox) == those_of(1, 2)
    assert len(letters.listed()) == 1, "the one without a key is another record"


# Killed, stopped, beside others

#: Replays that are killed one after the other, each where the name says.
KILLS = [
    ("claim", "claim-committed", "sending", "sending-committed", "take-over", "answer:2"),
    ("request", "settle", "take-over-committed", "settle-committed"),
    ("answer:3", "claim", "sending-committed"),
]


@pytest.mark.parametrize("kills", KILLS, ids=lambda kills: kills[0])
def test_replays_that_are_killed_lose_and_double_nothing(sandbox, target, letters, kills):
    reject(target, *range(1, 13))
    for place in kills:
        # One at a time, so that each of them leaves something for the next.
        killed = letters("replay", env={"OCTANIST_KILL_AT": place}, max_concurrency=1)
        assert killed.returncode == -signal.SIGKILL, f"{place} was not reached"
    done = letters("replay")
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == those_of(*range(1, 13))
    assert outcomes(target) == {"delivered": 12}


def test_what_a_killed_replay_left_is_ended_by_the_next_run_and_can_be_tried_again(
    sandbox, target, letters
):
    reject(target, *range(1, 7))
    killed = letters("replay", env={"OCTANIST_KILL_AT": "sending-committed"})
    assert killed.returncode == -signal.SIGKILL
    assert letters.listed() == []
    # The run knows nothing of them but their payloads, and the API refuses these.
    refuse(sandbox, target, BAD_REQUEST)
    assert outcomes(target) == {"rejected": 6}
    path = target.folder / "letters.jsonl"
    assert letters("export", str(path)).returncode == 0
    kept = [json.loads(row)["record"] for row in path.read_text().splitlines()]
    assert sorted(kept, key=lambda row: row["id"]) == [person(n) for n in range(1, 7)]
    sandbox.clear_faults()
    assert letters.told("replay")["outcomes"] == {"delivered": 6}
    assert emails(sandbox) == those_of(*range(1, 7))


@pytest.mark.parametrize("place", [None, "release", "release-committed"])
def test_what_was_not_sent_when_it_had_to_stop_is_a_dead_letter_as_before(
    sandbox, target, letters, place
):
    reject(target, *range(1, 11))
    before = letters.listed()
    sandbox.fault("401", **LEADS)  # meets the first one; with one at a time no other is sent
    env = {"OCTANIST_KILL_AT": place} if place else {}
    done = letters("replay", env=env, max_concurrency=1)
    if place is None:
        assert done.returncode == 1
        assert "the API refuses the key" in done.stderr
        assert "Not settled: 10." in done.stdout
        after = letters.listed()
        assert sum(row.pop("attempts") for row in after) == len(posts(sandbox))
        as_before = [{n: v for n, v in row.items() if n != "attempts"} for row in before]
        assert sorted(after, key=str) == sorted(as_before, key=str)
    else:
        assert done.returncode == -signal.SIGKILL
    sandbox.clear_faults()
    assert letters("replay").returncode == 0
    assert emails(sandbox) == those_of(*range(1, 11))
    assert outcomes(target) == {"delivered": 10}


def test_a_replay_that_is_told_to_stop_settles_what_is_in_flight(sandbox, target, letters):
    reject(target, *range(1, 41))
    sandbox.slow_down_after(1)
    process = letters.start("replay", max_concurrency=1)
    wait_for(sandbox.leads)
    process.terminate()
    done = finish(process)
    assert done.returncode == 143, done.stderr
    sent = len(sandbox.leads())
    assert 0 < sent < 40
    assert outcomes(target) == {"delivered": sent, "rejected": 40 - sent}
    assert len(letters.listed()) == 40 - sent
    sandbox.clear_faults()
    assert letters.told("replay")["outcomes"] == {"delivered": 40 - sent}
    assert emails(sandbox) == those_of(*range(1, 41))


def test_two_replays_at_once_send_each_lead_once(sandbox, target, letters):
    reject(target, *range(1, 61))
    processes = [letters.start("replay", "--json", batch_size_rows=5) for _ in range(2)]
    both = [finish(process) for process in processes]
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    told = [json.loads(done.stdout)["outcomes"] for done in both]
    assert sum(found.get("delivered", 0) for found in told) == 60
    assert emails(sandbox) == those_of(*range(1, 61))
    assert outcomes(target) == {"delivered": 60}


def test_a_replay_beside_a_run_over_the_same_records_sends_each_lead_once(sandbox, target, letters):
    reject(target, *range(1, 61))
    replay = letters.start("replay", batch_size_rows=5)
    run = target.start(streams=RIGHT, batch_size_rows=5)
    done = finish(run, "".join(f"{line}\n" for line in lines(*range(1, 61))).encode())
    assert done.returncode == 0, done.stderr
    assert finish(replay).returncode == 0
    assert emails(sandbox) == those_of(*range(1, 61))
    assert outcomes(target) == {"delivered": 60}


@pytest.mark.postgres
def test_with_a_journal_on_postgresql_all_is_the_same(sandbox, tmp_path, postgres_ledger):
    target = Target(tmp_path, sandbox.base_url, ledger=postgres_ledger)
    letters = Letters(target)
    reject(target, *range(1, 13))
    for place in ("claim-committed", "answer:3"):
        killed = letters("replay", env={"OCTANIST_KILL_AT": place}, batch_size_rows=3)
        assert killed.returncode == -signal.SIGKILL
    assert letters("replay", "--dry-run").returncode == 0
    done = letters("replay")
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == those_of(*range(1, 13))
    reject(target, 13, 14)
    assert len(letters.listed()) == 2
    assert letters.told("discard", "--all", "--yes") == {"discarded": 2}
    assert letters.listed() == []


# Listed, exported, discarded


def test_the_list_says_how_many_for_which_reason_and_shows_twenty(target, letters):
    reject(target, *range(1, 31))
    shown = letters("list").stdout.splitlines()
    assert shown[0] == "30 dead letters."
    assert shown[1].split() == "30 × leads: email (from id) is not a valid e-mail address.".split()
    assert shown[3].split()[:4] == ["ID", "stream", "when", "attempts"]
    assert shown[-1] == "… and 10 more (--limit shows more, --json lists all)"
    assert len(shown) == 5 + 20
    rows = letters.listed()
    assert [line.split()[0] for line in shown[4:-1]] == [row["id"] for row in rows[:20]]
    assert len(letters("list", "--limit", "2").stdout.splitlines()) == 5 + 2


def test_the_export_holds_all_and_is_for_its_owner_alone(sandbox, target, letters):
    refuse(sandbox, target, BAD_REQUEST, 1)
    reject(target, 2)
    path = target.folder / "letters.jsonl"
    assert letters.told("export", str(path)) == {"exported": 2, "file": str(path)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    refused, unmapped = (json.loads(line) for line in path.read_text().splitlines())
    assert list(refused) == [
        "id",
        "stream",
        "settled_at",
        "code",
        "reason",
        "message",
        "request_id",
        "payload",
        "record",
    ]
    assert refused["record"] == person(1)
    assert refused["payload"] == {n: person(1)[n] for n in ("name", "email", "phone")}
    assert refused["request_id"].startswith("req_")
    assert (unmapped["record"], unmapped["payload"]) == (person(2), None)
    assert [refused["id"], unmapped["id"]] == [row["id"] for row in letters.listed()]

    assert letters.told("export", str(path), unmapped["id"])["exported"] == 1
    assert len(path.read_text().splitlines()) == 1, "one of ours is written over"


def test_the_export_writes_over_nothing_else_and_prints_only_on_request(target, letters):
    reject(target, 1)
    path = target.folder / "mine.json"
    path.write_text('{"email": "mine"}')
    done = letters("export", str(path))
    assert done.returncode == 1
    assert f"FILE: {path} is there already" in done.stderr
    assert path.read_text() == '{"email": "mine"}'

    refused = letters("export", "-")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--show-values" in refused.stderr
    printed = letters("export", "-", "--show-values")
    assert json.loads(printed.stdout)["record"] == person(1)


def test_without_a_standard_input_nobody_can_be_asked(target, letters):
    reject(target, 1)
    command = [str(SCRIPTS / "octanist"), *letters.arguments("discard", "--all")]
    done = run_command(["/bin/sh", "-c", '"$0" "$@" <&-', *command], environment(target.folder))
    assert done.returncode == 1
    assert "takes --yes" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_discarded_is_gone_and_comes_back_only_when_it_changed(sandbox, target, letters):
    reject(target, 1, 2)
    refuse(sandbox, target, BAD_REQUEST, 3)
    sandbox.clear_faults()
    done = letters("discard", "--all")
    assert done.returncode == 1
    assert "3 dead letters" in done.stderr
    assert "--yes" in done.stderr
    assert letters("discard").returncode == 1, "it must be said which ones"
    assert len(letters.listed()) == 3

    assert letters("discard", "--all", "--yes").stdout == "3 dead letters discarded.\n"
    assert letters.listed() == []
    assert outcomes(target) == {"rejected": 3}
    assert b"anary" not in kept_values(target.ledger)

    reject(target, 1, 2)
    assert target.run(lines(3), streams=RIGHT).returncode == 0
    assert letters.listed() == [], "neither is a new dead letter"
    assert sandbox.leads() == []

    changed = record(**person(3) | {"name": "Another Name"})
    assert target.run([schema(), changed], streams=RIGHT).returncode == 0
    assert [lead["name"] for lead in sandbox.leads()] == ["Another Name"]


def kept_values(ledger):
    """Give all that the journal's rows hold, as the database itself says."""
    done = subprocess.run(
        [sys.executable, "-c", _DUMP, str(ledger)], capture_output=True, check=True
    )
    return done.stdout


_DUMP = """
import sqlite3, sys
for line in sqlite3.connect(sys.argv[1]).iterdump():
    print(line)
"""


# What it says


@pytest.mark.parametrize("name", ["list", "replay", "discard"])
def test_it_says_nothing_of_a_person_whatever_the_log_level(sandbox, target, letters, name):
    refuse(sandbox, target, BAD_REQUEST, 1, 2)
    reject(target, 3)
    arguments = letters.arguments(name, *(["--all", "--yes"] if name == "discard" else []))
    program = (
        "import logging, sys; logging.basicConfig(level=logging.DEBUG); "
        "from target_octanist.cli import main; main()"
    )
    for extra in ([], ["--json"]):
        done = run_command(
            [sys.executable, "-c", program, *arguments, *extra], environment(target.folder)
        )
        assert done.returncode == 0, done.stderr
        said = (done.stdout + done.stderr).lower()
        assert "canary" not in said
        assert "+3161" not in said


def test_a_reason_is_told_with_the_id_that_the_list_gives(target, letters):
    reject(target, 1)
    (row,) = letters.listed()
    done = letters("replay", streams=WRONG)
    assert done.returncode == 0
    assert f"Dead letter {row['id']}, of leads: rejected: email" in done.stderr
    assert "1 × leads: rejected: email (from id)" in done.stdout


def test_a_dry_run_does_not_replay(target, letters):
    reject(target, 1)
    done = letters("replay", dry_run=True)
    assert done.returncode == 1
    assert "dry_run" in done.stderr
    assert letters.told("replay", "--dry-run", api_key=None)["outcomes"] == {"sent": 1}


def test_a_mapping_that_cannot_be_used_is_told_before_anything_is_tried(sandbox, target, letters):
    reject(target, 1)
    done = letters("replay", streams={"leads": {"mapping": {"emial": "email"}}})
    assert done.returncode == 1
    assert "emial" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(letters.listed()) == 1


@pytest.mark.parametrize("name", ["list", "export", "replay", "discard"])
def test_each_has_help_with_an_example_and_tells_a_missing_journal(target, letters, name):
    helped = octanist("dead-letters", name, "--help", home=target.folder)
    assert f"Example: octanist dead-letters {name}" in helped.stdout
    path = target.folder / "letters.jsonl"
    more = {"export": [str(path)], "discard": ["--all", "--yes"]}.get(name, [])
    done = letters(name, *more)
    assert done.returncode == 1
    assert "there is no journal" in done.stderr
    assert not path.exists()


def test_a_time_that_is_none_is_told(target, letters):
    done = letters("list", "--since", "yesterday")
    assert done.returncode == 2
    assert "'yesterday' is not a date, time or age" in done.stderr
