"""Records that come again as they were: passed over where their content decides, and counted as ever.

A record that is mapped is told by a warning about its value.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

import pytest

from tests.support.target import Target, feed, finish, person, record, schema, state, wait_for

pytestmark = pytest.mark.e2e

COLUMNS = ("id", "contact", "stage", "amount", "remark")
STAGES = [{"is": "qualified", "to": "qualified"}, {"is": "closedwon", "to": "won"}]
MAPPING = {"status": {"from": "stage", "map": STAGES}, "value": "amount", "note": "remark"}
DEALS = {"mode": "update", "link": {"stream": "leads", "by": "contact"}, "mapping": MAPPING}
PEOPLE = {"mapping": {"email": "email", "name": "name"}}
WAS_MAPPED = "is not a number"


@pytest.fixture
def target(sandbox, tmp_path):
    found = Target(tmp_path, sandbox.base_url, streams={"leads": PEOPLE, "deals": DEALS})
    found.run([schema(), *(record(**person(n)) for n in range(1, 41))])
    return found


def deal(number, stage, *, of=None, amount="a lot", **values):
    return record("deals", id=number, contact=of or number, stage=stage, amount=amount, **values)


def deals(*records, at=1):
    return [schema("deals", COLUMNS), *records, state({"at": at})]


def patches(sandbox):
    return [r for r in sandbox.requests("PATCH") if r["committed"]]


def remember(target, given, **more):
    """Have records mapped and told."""
    done = target.run(given, **more)
    assert done.returncode == 0, done.stderr
    assert WAS_MAPPED in done.stderr


def figures(target):
    with sqlite3.connect(target.ledger) as journal:
        text = journal.execute(
            "SELECT figures FROM octanist_figures ORDER BY updated_at DESC LIMIT 1"
        ).fetchone()[0]
    found = json.loads(text)
    return {name: found[name] for name in ("records", "outcomes", "streams", "reasons", "changes")}


def test_what_is_passed_over_is_counted_as_what_is_mapped(sandbox, target):
    given = deals(
        *(deal(n, "closedwon") for n in range(1, 21)),
        *(deal(n, "appointment") for n in range(21, 31)),
        *(deal(n, "qualified") for n in range(31, 41)),
        record("deals", id=41, contact=41, stage="closedwon"),
        record("deals", id=42, stage="closedwon"),
        record("deals", contact=1, stage="closedwon"),
    )
    more = {"max_rejected_percent": 100}
    remember(target, given, **more)
    told = len(patches(sandbox))
    again = target.run(given, **more)
    assert WAS_MAPPED not in again.stderr
    assert again.states == [{"at": 1}]
    passed = figures(target)
    assert passed["streams"]["deals"] == {
        "duplicate": 30,
        "pending": 1,
        "rejected": 2,
        "skipped": 10,
    }
    read = '"metric":"record_count","value":42,"tags":{"stream":"deals"'
    assert read in again.stderr
    whole = target.run(given, validate_records=True, **more)
    assert WAS_MAPPED in whole.stderr
    assert read in whole.stderr
    assert figures(target) == passed
    assert len(patches(sandbox)) == told == 30


def test_an_upsert_that_comes_again_is_one_duplicate(sandbox, tmp_path):
    mapping = {"email": "email", "name": "name", **MAPPING, "id": "octanist"}
    del mapping["note"]
    streams = {"people": {"mode": "upsert", "mapping": mapping}}
    target = Target(tmp_path, sandbox.base_url, streams=streams)

    def upserted(number, stage, **more):
        return record("people", **(person(number) | {"stage": stage, "amount": "lots"} | more))

    given = [
        schema("people", ("id", "email", "name", "stage", "amount", "octanist")),
        *(upserted(n, "closedwon") for n in range(1, 11)),
        *(upserted(n, "new") for n in range(11, 16)),
        state({"at": 1}),
    ]
    target.run(given)
    remember(target, given)  # a journal that is new has nothing to compare with
    (first, *_) = sandbox.leads()
    given.insert(1, upserted(99, "new", octanist=first["id"]))
    target.run(given)
    assert WAS_MAPPED not in target.run(given).stderr
    passed = figures(target)
    assert passed["streams"] == {"people": {"duplicate": 15, "skipped": 1}}
    target.run(given, validate_records=True)
    assert figures(target) == passed
    assert (len(sandbox.leads()), len(patches(sandbox))) == (15, 10)


def test_a_changed_record_among_unchanged_ones_goes_out(sandbox, target):
    numbers = range(1, 41)
    remember(target, deals(*(deal(n, "qualified") for n in numbers)))
    stages = dict.fromkeys(numbers, "qualified") | {17: "closedwon"}
    given = [deal(n, stage, amount=1) for n, stage in stages.items()]
    done = target.run(deals(*given), max_changes="100%")
    assert "40 updates of leads were sent" in done.stderr, "their value is new"
    stages[23] = "closedwon"
    done = target.run(deals(*(deal(n, stage, amount=1) for n, stage in stages.items())))
    assert "1 update of a lead was sent" in done.stderr
    assert {lead["email"] for lead in sandbox.leads() if lead["status"] == "won"} == {
        person(17)["email"],
        person(23)["email"],
    }


@pytest.mark.parametrize("name", ["mapping", "phone_region", "transitions"])
def test_what_decides_how_records_are_mapped_makes_all_of_them_new(sandbox, target, name):
    given = deals(*(deal(n, "qualified", remark="a remark") for n in range(1, 31)))
    remember(target, given)
    other = {"phone_region": "NL", "transitions": "any"}
    if name == "mapping":
        mapping = {**MAPPING, "note": {"template": "about {remark}"}}
        streams = {"leads": PEOPLE, "deals": {**DEALS, "mapping": mapping}}
        done = target.run(given, streams=streams, max_changes="100%")
        notes = Counter(lead.get("note") for lead in sandbox.leads())
        assert notes == {"about a remark": 30, None: 10}
        assert len(patches(sandbox)) == 60
    else:
        done = target.run(given, **{name: other[name]})
        assert len(patches(sandbox)) == 30
    assert WAS_MAPPED in done.stderr


@pytest.mark.parametrize("between", [0, 3000])
def test_what_comes_last_counts_however_old_it_is(sandbox, target, between):
    """`max_changes` holds the new version; the old one, which is known, takes its place."""
    old, new = deal(1, "qualified", remark="old"), deal(1, "qualified", remark="new")
    others = [deal(n % 39 + 2, "appointment", filler="x" * 200) for n in range(between)]
    remember(target, deals(old))
    done = target.run(deals(new, *others, old))
    assert done.returncode == 0, done.stderr
    (lead,) = [lead for lead in sandbox.leads() if lead["email"] == person(1)["email"]]
    assert lead["note"] == "old"
    assert len(patches(sandbox)) == 1


def test_what_comes_last_counts_though_the_line_before_it_cannot_be_read_at_once(sandbox, target):
    old = deal(1, "qualified", remark="old")
    remember(target, deals(old))
    odd = deal(1, "qualified", remark="new").replace('"a lot"', "NaN")
    target.run(deals(odd, old), max_changes="100%")
    (lead,) = [lead for lead in sandbox.leads() if lead["email"] == person(1)["email"]]
    assert lead["note"] == "old"


def test_two_deals_of_one_lead_are_told_once_each(sandbox, target):
    given = deals(deal(1, "qualified", of=7), deal(2, "closedwon", of=7))
    remember(target, given)
    done = target.run(given)
    assert WAS_MAPPED not in done.stderr
    assert len(patches(sandbox)) == 2
    whole = target.run(given, validate_records=True)
    assert WAS_MAPPED in whole.stderr
    assert len(patches(sandbox)) == 2


def test_a_deal_that_waits_for_its_contact_goes_out_with_it(sandbox, target):
    given = deals(deal(77, "closedwon"))
    remember(target, given)
    done = target.run([schema(), record(**person(77)), *given])
    assert "1 update of a lead was sent" in done.stderr
    assert [lead["status"] for lead in sandbox.leads()].count("won") == 1


def test_a_killed_run_costs_nothing_but_the_way(sandbox, target):
    given = deals(*(deal(n, "qualified") for n in range(1, 41)))
    sandbox.fault(kind="delay", latency_ms=100, method="PATCH", path="/leads")
    process = target.start(max_concurrency=2)
    feed(process, given)
    wait_for(lambda: len(sandbox.requests("PATCH")) > 10)
    process.kill()
    finish(process)
    sandbox.clear_faults()
    for _ in range(2):
        assert target.run(given).returncode == 0
    done = target.run(given)
    assert "40 duplicates were left out" in done.stderr
    assert WAS_MAPPED not in done.stderr
    assert len(patches(sandbox)) == 40


def test_a_deleted_record_and_another_key_are_no_unchanged_ones(sandbox, target):
    remember(target, deals(deal(1, "qualified")))
    gone = deal(1, "qualified", _sdc_deleted_at="2026-01-01T00:00:00Z")
    assert "has deleted" in target.run(deals(gone)).stderr
    assert len(patches(sandbox)) == 1


def test_another_destination_and_a_dry_run_know_nothing(sandbox, target):
    given = deals(deal(1, "qualified"))
    remember(target, given)
    assert WAS_MAPPED in target.run(given, dry_run=True).stderr
    moved = sandbox.base_url.replace("127.0.0.1", "localhost")
    assert WAS_MAPPED in target.run(given, base_url=moved).stderr
