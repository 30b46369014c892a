"""What became of leads: contacts make them, deals say how they ended, each change once."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox, port_to_keep
from tests.support.target import Target, feed, finish, octanist, record, schema, state, wait_for

pytestmark = pytest.mark.e2e

PATCHES = {"method": "PATCH", "path": "/leads"}

STAGES = [
    {"is": "qualified", "to": "qualified"},
    {"is": "closedwon", "to": "won"},
    {"is": "closedlost", "to": "lost"},
]

DEAL_COLUMNS = ("id", "contact", "stage", "amount", "reason", "remark", "email")

CONTACTS = {"mapping": {"email": "email", "name": "name"}}
DEALS = {
    "mode": "update",
    "link": {"stream": "contacts", "by": "contact"},
    "mapping": {
        "status": {"from": "stage", "map": STAGES},
        "value": "amount",
        "lossReason": "reason",
        "note": "remark",
    },
}
BY_EMAIL = {"mode": "update", "mapping": {**DEALS["mapping"], "email": "email"}}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def target(sandbox, tmp_path):
    return Target(tmp_path, sandbox.base_url, streams={"contacts": CONTACTS, "deals": DEALS})


def contact(number):
    return record("contacts", id=number, name=f"Canary {number}", email=email(number))


def email(number):
    return f"canary.{number}@example.com"


def deal(number, stage, *, of=None, **values):
    """Give a deal, which names its contact as text though that names itself by a number."""
    return record("deals", id=number, contact=str(of or number), stage=stage, **values)


def lines(*records, at=1):
    """Give a stream of deals and contacts; the SCHEMA of deals comes first."""
    schemas = [schema("deals", DEAL_COLUMNS), schema("contacts", ("id", "name", "email"))]
    return [*schemas, *records, state({"at": at})]


def posts(sandbox):
    return [r for r in sandbox.requests("POST") if r["path"] == "/leads"]


def patches(sandbox, *, committed=False):
    found = sandbox.requests("PATCH")
    return [r for r in found if r["committed"]] if committed else found


def statuses(sandbox):
    return {lead["email"]: lead["status"] for lead in sandbox.leads()}


def kill(sandbox, target, given, after):
    """Start a run, and kill it when the sandbox has seen so many requests."""
    process = target.start()
    feed(process, given)
    wait_for(lambda: len(sandbox.requests()) >= after or process.poll() is not None)
    process.kill()
    finish(process)


def outcomes(target):
    return {state: count for state, count in target.status()["outcomes"].items() if count}


def test_a_deal_is_passed_on_once_whichever_comes_first(sandbox, target):
    given = lines(
        deal(1, "closedwon", amount="1234567.89"), contact(1), contact(2), deal(2, "appointment")
    )
    done = target.run(given)
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 1}]
    first, second = sorted(sandbox.leads(), key=lambda lead: lead["email"])
    assert (first["status"], first["value"]) == ("won", 1234567.89)
    assert second["status"] == "open", "the stage says nothing"
    assert len(patches(sandbox)) == 1
    assert "2 leads have arrived in Octanist. 1 update of a lead was sent." in done.stderr
    assert "1 record has nothing to update." in done.stderr

    again = target.run(given)
    assert again.returncode == 0, again.stderr
    assert len(posts(sandbox)) == 2
    assert len(patches(sandbox)) == 1, "a re-run tells nothing anew"


def test_a_deal_waits_for_its_contact_into_a_later_run(sandbox, target):
    done = target.run(lines(deal(1, "closedwon", amount=5), deal(2, "closedlost", reason="Price")))
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 1}], "what is pending is in the journal, and the tap may go on"
    assert sandbox.requests("PATCH") == []
    assert target.status()["pending"] == {"deals": 2}
    assert "2 updates wait for their leads." in done.stderr

    later = target.run(lines(contact(2), at=2))
    assert later.returncode == 0, later.stderr
    assert statuses(sandbox) == {email(2): "lost"}
    assert sandbox.leads()[0]["lossReason"] == "Price"
    assert target.status()["pending"] == {"deals": 1}

    last = target.run(lines(contact(1), at=3))
    assert last.returncode == 0, last.stderr
    assert statuses(sandbox) == {email(1): "won", email(2): "lost"}
    assert len(patches(sandbox)) == 2
    assert target.status()["pending"] == {}


def test_of_a_pending_deal_the_last_version_counts(sandbox, target):
    target.run(lines(deal(1, "qualified"), deal(1, "closedlost")))
    target.run(lines(deal(1, "closedwon"), at=2))
    target.run(lines(contact(1), at=3))
    assert statuses(sandbox) == {email(1): "won"}
    assert len(patches(sandbox)) == 1


def test_pending_deals_of_one_lead_go_out_in_the_order_in_which_they_came(sandbox, target):
    stages = ["qualified", "closedlost", "qualified", "closedlost", "closedwon"]
    target.run(lines(*(deal(n, stage, of=1, amount=n) for n, stage in enumerate(stages))))
    done = target.run(lines(contact(1), at=2))
    assert done.returncode == 0, done.stderr
    (lead,) = sandbox.leads()
    assert (lead["status"], lead["value"]) == ("won", 4)
    assert [r["status"] for r in patches(sandbox)] == [200] * 5


def test_a_deal_of_a_duplicate_contact_changes_the_lead_that_was_made(sandbox, target):
    twin = record("contacts", id=9, name="The same", email=email(1).upper())
    done = target.run(lines(contact(1), twin, deal(1, "closedwon", of=9)))
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "won"}


def test_a_deal_that_comes_while_its_contact_is_on_its_way_waits_for_it(sandbox, target):
    sandbox.fault(kind="delay", latency_ms=1000, method="POST", path="/leads")
    by_email = deal(2, "closedwon", email=email(2))
    streams = {"contacts": CONTACTS, "deals": DEALS, "orders": BY_EMAIL}
    order = by_email.replace('"deals"', '"orders"')
    given = lines(
        contact(1), contact(2), deal(1, "closedwon"), schema("orders", DEAL_COLUMNS), order
    )
    done = target.run(given, streams=streams, batch_wait_ms=0)
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "won", email(2): "won"}
    assert [r["status"] for r in patches(sandbox)] == [200, 200]


def test_changes_of_one_lead_go_out_in_their_order(sandbox, target):
    sandbox.fault(kind="delay", latency_ms=300, **PATCHES, nth=1)
    stages = ["qualified", "closedlost", "qualified", "closedwon"]
    given = lines(contact(1), *(deal(1, stage, amount=n) for n, stage in enumerate(stages)))
    done = target.run(given, batch_wait_ms=0, max_concurrency=8)
    assert done.returncode == 0, done.stderr
    (lead,) = sandbox.leads()
    assert (lead["status"], lead["value"]) == ("won", 3)


def test_a_later_version_of_a_deal_waits_as_long_as_an_earlier_one(sandbox, target):
    target.run(lines(contact(1), deal(1, "closedlost", amount=1)))
    other = deal(2, "closedlost", of=1, amount=2)
    back = [deal(1, "qualified", amount=1), deal(1, "closedlost", amount=1)]
    done = target.run(lines(other, *back, at=2))
    assert done.returncode == 0, done.stderr
    (lead,) = sandbox.leads()
    assert (lead["status"], lead["value"]) == ("lost", 2), "the first deal is as it was told"
    assert len(patches(sandbox)) == 2


def test_versions_of_a_deal_keep_their_order_beside_another_run(sandbox, target, tmp_path):
    numbers = range(1, 9)
    target.run(lines(*(contact(number) for number in numbers)))
    sandbox.fault(kind="delay", latency_ms=3000, **PATCHES, times=len(numbers))
    given = lines(*(deal(number, "qualified") for number in numbers))
    first = target.start(batch_wait_ms=0)
    feed(first, given)
    sandbox.wait_until_faulted(len(numbers))
    target.folder = tmp_path / "second"
    target.folder.mkdir()
    second = target.start(batch_wait_ms=0)
    feed(second, [*given, contact(9)])
    sandbox.wait_until(lambda s: len(s.leads()) == len(numbers) + 1)
    # It has seen all deals, and waits for the first run to settle them.
    sandbox.wait_until(lambda s: len(patches(s, committed=True)) == len(numbers))
    feed(second, [deal(number, "closedlost") for number in numbers])
    for process in (first, second):
        done = finish(process)
        assert done.returncode == 0, done.stderr
    assert Counter(statuses(sandbox).values()) == {"lost": len(numbers), "open": 1}


@pytest.mark.parametrize("on_unknown", ["reconcile", "hold"])
def test_a_lost_answer_is_looked_into_before_a_change_is_repeated(sandbox, target, on_unknown):
    lost = ["drop", "500", "half", "drop-after-commit", "500-after-commit", "unreadable"]
    numbers = range(1, len(lost) + 1)
    target.run(lines(*(contact(number) for number in numbers)))
    for number, action in zip(numbers, lost, strict=True):
        sandbox.fault(action, **PATCHES, field={"note": f"remark {number}"}, times=1)
    given = lines(*(deal(number, "closedwon", remark=f"remark {number}") for number in numbers))
    done = target.run(given, on_unknown=on_unknown)
    assert done.returncode == 0, done.stderr
    if on_unknown == "hold":
        assert outcomes(target)["in_doubt"] == len(lost)
        assert len(patches(sandbox)) == len(lost), "nothing is repeated"
        config = str(target.folder / "config.json")
        settled = octanist("reconcile", "--config", config, home=target.folder)
        assert settled.returncode == 0, settled.stderr
    assert set(statuses(sandbox).values()) == {"won"}
    assert outcomes(target) == {"delivered": 2 * len(lost)}
    assert len(patches(sandbox, committed=True)) == len(lost), "each change was carried out once"
    again = target.run(given)
    assert again.returncode == 0
    assert len(patches(sandbox, committed=True)) == len(lost)


def test_a_lost_answer_of_a_change_by_email_is_looked_for(sandbox, tmp_path):
    target = Target(tmp_path, sandbox.base_url, streams={"contacts": CONTACTS, "deals": BY_EMAIL})
    target.run(lines(contact(1), contact(2)))
    sandbox.fault("drop-after-commit", **PATCHES, times=1)
    sandbox.fault("drop", **PATCHES, field={"email": email(2)}, times=1)
    given = lines(deal(1, "closedwon", email=email(1)), deal(2, "closedlost", email=email(2)))
    done = target.run(given, max_concurrency=1)
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "won", email(2): "lost"}
    assert len(patches(sandbox, committed=True)) == 2


def test_what_the_api_refuses_is_a_dead_letter(sandbox, tmp_path):
    target = Target(tmp_path, sandbox.base_url, streams={"contacts": CONTACTS, "deals": BY_EMAIL})
    target.run(lines(contact(1)))
    sandbox.fault(kind="status", status=400, **PATCHES, field={"note": "bad"})
    sandbox.fault(kind="status", status=409, **PATCHES, field={"note": "several"})
    given = lines(
        deal(1, "closedwon", email=email(1), remark="bad"),
        deal(2, "closedwon", email=email(1), remark="several"),
        deal(3, "closedwon", email=email(3)),
    )
    done = target.run(given)
    assert done.returncode == 0, done.stderr
    found = {(row["code"], row["reason"]) for row in target.status()["rejected"]}
    assert {reason for _, reason in found} == {
        "the API rejected the change (HTTP 400)",
        "several leads match, and the organisation does not let them all be changed (HTTP 409)",
        "the API has no such lead (HTTP 404)",
    }
    assert "NOT_FOUND" in {code for code, _ in found}
    sandbox.clear_faults()
    target.run(lines(contact(3), at=2))
    again = target.run(given)
    assert again.returncode == 0, again.stderr
    assert statuses(sandbox)[email(3)] == "won", "a lead that was not there may be there now"
    assert statuses(sandbox)[email(1)] == "open", "what was judged is not sent again by itself"


def test_a_change_of_several_leads_at_once_is_told(tmp_path):
    with Sandbox("--bulk-updates") as sandbox:
        streams = {"contacts": CONTACTS | {"dedupe_by": []}, "deals": BY_EMAIL}
        target = Target(tmp_path, sandbox.base_url, streams=streams)
        twin = record("contacts", id=9, name="Another", email=email(1))
        target.run(lines(contact(1), twin))
        done = target.run(lines(deal(1, "closedwon", email=email(1))))
        assert done.returncode == 0, done.stderr
        assert "one change went to 2 leads" in done.stderr
        assert email(1) not in done.stderr


def test_a_lead_that_is_won_stays_won_unless_that_is_allowed(sandbox, target):
    target.run(lines(contact(1), deal(1, "closedwon", amount=10)))
    back = lines(deal(1, "closedlost"), at=2)
    done = target.run(back)
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "won"}
    assert "the lead is won, and with `transitions: forward` it stays won" in done.stderr
    more = target.run(lines(deal(1, "closedwon", amount=12), at=3))
    assert more.returncode == 0, more.stderr
    assert sandbox.leads()[0]["value"] == 12, "what does not go back is passed on"
    allowed = target.run(back, transitions="any")
    assert allowed.returncode == 0, allowed.stderr
    assert statuses(sandbox) == {email(1): "lost"}


def test_a_stage_map_that_would_touch_every_lead_is_stopped(sandbox, target):
    numbers = range(1, 41)
    given = lines(
        *(contact(number) for number in numbers), *(deal(number, "qualified") for number in numbers)
    )
    assert target.run(given).returncode == 0
    assert set(statuses(sandbox).values()) == {"qualified"}
    before = len(patches(sandbox))
    wrong = [{"is": "qualified", "to": "won"}]
    mapping = DEALS["mapping"] | {"status": {"from": "stage", "map": wrong}}
    streams = {"contacts": CONTACTS, "deals": DEALS | {"mapping": mapping}}

    stopped = target.run(given, streams=streams)
    assert stopped.returncode == 1
    assert "max_changes: this run would change more than 20 of the 40 leads" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert len(patches(sandbox)) == before, "nothing was sent"
    assert stopped.states == [], "and the tap will send them again"

    meant = target.run(given, streams=streams, max_changes=40)
    assert meant.returncode == 0, meant.stderr
    assert set(statuses(sandbox).values()) == {"won"}
    assert len(patches(sandbox)) == before + 40


def test_a_first_run_with_the_history_of_its_deals_is_not_stopped(sandbox, target):
    numbers = range(1, 31)
    given = lines(
        *(contact(number) for number in numbers),
        *(deal(number, "qualified") for number in numbers),
        *(deal(number, "closedwon") for number in numbers),
    )
    for _ in range(2):
        done = target.run(given)
        assert done.returncode == 0, done.stderr
        assert set(statuses(sandbox).values()) == {"won"}
        assert len(patches(sandbox)) == 60, "a re-run brings nothing new"


def test_changes_of_what_was_told_before_go_out_at_the_end(sandbox, target):
    numbers = range(1, 31)
    target.run(
        lines(
            *(contact(number) for number in numbers),
            *(deal(number, "qualified") for number in numbers),
        )
    )
    history = [
        record
        for number in range(1, 11)
        for record in (deal(number, "qualified", amount=1), deal(number, "closedwon", amount=2))
    ]
    done = target.run(lines(*history, deal(11, "closedlost"), deal(11, "qualified")))
    assert done.returncode == 0, done.stderr
    assert len(patches(sandbox)) == 40, "of each the last version, and none that changes nothing"
    assert list(statuses(sandbox).values()).count("won") == 10
    assert statuses(sandbox)[email(11)] == "qualified"


def run(target, *records, at):
    done = target.run(lines(*records, at=at))
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": at}


def replay(target):
    config = str(target.folder / "config.json")
    done = octanist("dead-letters", "replay", "--config", config, home=target.folder)
    assert done.returncode == 0, done.stderr
    return done


def test_a_deal_that_changes_its_contact_takes_no_status_along(sandbox, target):
    run(target, contact(1), contact(2), deal(1, "closedwon", of=1), at=1)
    run(target, deal(1, None, of=2, amount=5), at=2)
    run(target, deal(2, "qualified", of=2), at=3)
    assert statuses(sandbox) == {email(1): "won", email(2): "qualified"}


def test_a_lead_stays_won_when_its_deal_has_changed_its_contact(sandbox, target):
    run(target, contact(1), contact(2), deal(1, "closedwon", of=1), at=1)
    run(target, deal(1, "qualified", of=2), at=2)
    run(target, deal(3, "closedlost", of=1), at=3)
    assert statuses(sandbox) == {email(1): "won", email(2): "qualified"}
    run(target, deal(1, "closedwon", of=1), at=4)
    assert len(patches(sandbox)) == 2, "the first lead was told so before"


def test_a_change_that_is_held_does_not_hide_a_later_one_that_is_pending(sandbox, target):
    run(target, contact(1), deal(1, "qualified", of=1), at=1)
    run(target, deal(1, "closedwon", of=1), deal(1, "closedwon", of=2), at=2)
    assert target.status()["pending"] == {"deals": 1}
    run(target, contact(2), at=3)
    assert statuses(sandbox) == {email(1): "qualified", email(2): "won"}


def test_a_later_version_that_says_nothing_takes_nothing_back(sandbox, target):
    run(target, contact(1), deal(1, "qualified"), at=1)
    run(target, deal(1, "closedwon"), deal(1, "invoiced"), at=2)
    assert statuses(sandbox) == {email(1): "won"}, "it was held up to the end"
    run(target, deal(2, "closedwon"), deal(2, "invoiced"), at=3)
    run(target, contact(2), at=4)
    assert statuses(sandbox) == {email(1): "won", email(2): "won"}, "it was pending"


def test_a_pending_change_does_not_outlast_a_later_one_of_the_same_batch(sandbox, target):
    run(target, contact(1), at=1)
    run(target, deal(1, "closedwon", of=2), deal(1, "qualified", of=1), at=2)
    assert target.status()["pending"] == {}
    run(target, contact(2), at=3)
    assert statuses(sandbox) == {email(1): "qualified", email(2): "open"}


def test_what_a_later_version_has_replaced_does_not_count_as_pending(sandbox, target):
    done = target.run(lines(contact(1), *(deal(1, "qualified", of=n) for n in (7, 8, 1))))
    assert done.returncode == 0, done.stderr
    assert "2 delivered, 2 duplicate, 0 filtered, 0 rejected, 0 in doubt." in done.stderr
    assert "a later record replaces it" in done.stderr
    done = target.run(lines(deal(2, "qualified"), deal(2, "closedwon"), at=2))
    assert done.returncode == 0, done.stderr
    assert "0 delivered, 1 duplicate, 0 filtered, 0 rejected, 0 in doubt, 1 pending." in done.stderr
    assert target.status()["pending"] == {"deals": 1}


def test_a_replay_does_not_put_an_old_change_in_the_place_of_a_later_one(sandbox, target):
    run(target, contact(1), at=1)
    sandbox.fault({"kind": "status", "status": 400}, **PATCHES)
    run(target, deal(1, "qualified", of=1), at=2)
    sandbox.clear_faults()
    run(target, deal(1, "closedwon", of=2), at=3)
    done = replay(target)
    assert "1 × deals: duplicate: a later record replaces it" in done.stdout
    assert target.status()["pending"] == {"deals": 1}
    run(target, contact(2), at=4)
    assert statuses(sandbox) == {email(1): "open", email(2): "won"}


def test_upsert_makes_a_lead_and_says_what_became_of_it(sandbox, tmp_path):
    mapping = {**CONTACTS["mapping"], **DEALS["mapping"]}
    mapping.pop("note")
    target = Target(
        tmp_path, sandbox.base_url, streams={"people": {"mode": "upsert", "mapping": mapping}}
    )
    columns = ("id", "name", "email", "stage", "amount", "reason")

    def person(number, stage, **values):
        return record("people", id=number, name="N", email=email(number), stage=stage, **values)

    given = [
        schema("people", columns),
        person(1, "qualified"),
        person(2, "new"),
        person(3, "closedwon", amount=7),
    ]
    done = target.run([*given, state({"at": 1})])
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "qualified", email(2): "open", email(3): "won"}
    assert (len(posts(sandbox)), len(patches(sandbox))) == (3, 2)
    again = target.run([*given, person(1, "closedlost", reason="Price"), state({"at": 2})])
    assert again.returncode == 0, again.stderr
    assert statuses(sandbox)[email(1)] == "lost"
    assert (len(posts(sandbox)), len(patches(sandbox))) == (3, 3)


class People(Target):
    """A target of one stream that makes leads and says what became of them."""

    def __init__(self, folder, base_url, **settings):
        stream = {"mode": "upsert", "mapping": {"email": "email", "status": "stage"}}
        super().__init__(folder, base_url, streams={"people": stream}, **settings)


def upserts(*people):
    """Give a stream of people: of each the e-mail address and the stage, numbered from 1."""
    records = (
        record("people", id=number, email=address, stage=stage)
        for number, (address, stage) in enumerate(people, start=1)
    )
    return [schema("people", ("id", "email", "stage")), *records, state({"at": len(people)})]


def test_an_upsert_counts_each_record_once_and_names_it_by_its_place(sandbox, tmp_path):
    target = People(tmp_path, sandbox.base_url)
    good = [(email(number), "won") for number in range(1, 10)]
    done = target.run(upserts(*good, ("nobody", "won")))
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 10}]
    assert "10 records in" in done.stderr
    assert "9 delivered, 0 duplicate, 0 filtered, 1 rejected, 0 in doubt." in done.stderr
    assert "9 leads have arrived in Octanist. 9 updates of leads were sent." in done.stderr
    assert "record 10 (ID " in done.stderr
    assert '"metric":"record_count","value":10,"tags":{"stream":"people"' in done.stderr

    again = target.run(upserts(*good, (email(11), "new")))
    assert "9 duplicates were left out because this record was settled before." in again.stderr
    assert "1 delivered, 9 duplicate, 0 filtered, 0 rejected, 0 in doubt." in again.stderr


def test_an_upsert_is_stopped_by_its_share_of_rejected_records(sandbox, tmp_path):
    """16 of 100 records cannot be mapped; of the requests that they ask for it would be 9 %."""
    target = People(tmp_path, sandbox.base_url)
    people = [("nobody" if n % 6 == 0 else email(n), "won") for n in range(1, 101)]
    done = target.run(upserts(*people))
    assert done.returncode == 1
    assert "max_rejected_percent" in done.stderr


def test_an_upsert_counts_as_what_somebody_has_to_look_into(sandbox, tmp_path):
    """Lead and change come to different things: a new lead is told of, and a refusal first."""
    target = People(tmp_path, sandbox.base_url)
    target.run(upserts((email(1), "new"), (email(2), "new"), (email(3), "won")))
    sandbox.fault(kind="status", status=400, **PATCHES, field={"status": "lost"})
    given = upserts(
        (email(1), "won"),  # the lead is there, its outcome is new
        (email(2), "lost"),  # the lead is there, its outcome is refused
        (email(3), "won"),  # nothing is new
        (email(4), "won"),  # both are new
        (email(5), "lost"),  # the lead is new, its outcome is refused
    )
    done = target.run(given, max_rejected_percent=100)
    assert done.returncode == 0, done.stderr
    assert "5 records in" in done.stderr
    assert "2 delivered, 1 duplicate, 0 filtered, 2 rejected, 0 in doubt." in done.stderr
    assert "2 leads have arrived in Octanist. 2 updates of leads were sent." in done.stderr
    assert "record 2 (ID " in done.stderr
    assert ", record 5 (ID " in done.stderr


def test_two_upserts_of_one_person_are_two_records(sandbox, tmp_path):
    """The second one's change waits in the journal until it is known whose lead it is about."""
    target = People(tmp_path, sandbox.base_url)
    done = target.run(upserts((email(1), "qualified"), (email(1).upper(), "won")))
    assert done.returncode == 0, done.stderr
    assert done.states == [{"at": 2}]
    assert "2 records in" in done.stderr
    assert "2 delivered, 0 duplicate, 0 filtered, 0 rejected, 0 in doubt." in done.stderr
    assert "1 lead has arrived in Octanist. 2 updates of leads were sent." in done.stderr
    assert statuses(sandbox) == {email(1): "won"}


def test_contacts_and_deals_in_any_order_through_kills_and_lost_answers(sandbox, target, ledger):
    target.settings["ledger"] = target.ledger = ledger
    random_ = random.Random("://" in ledger)
    numbers = range(1, 61)
    final = {n: random_.choice(["qualified", "closedwon", "closedlost"]) for n in numbers}
    records = [contact(n) for n in numbers] + [deal(n, final[n], amount=n) for n in numbers]
    random_.shuffle(records)
    given = lines(*records)
    lost = ["drop", "drop-after-commit", "500", "500-after-commit", "half", "unreadable"]
    for action in lost:
        sandbox.fault(action, **PATCHES, every=random_.randint(7, 11), times=3)
        sandbox.fault(action, method="POST", path="/leads", every=random_.randint(9, 13), times=2)
    sandbox.fault(kind="delay", latency_ms=60, path="/leads")
    for after in sorted(random_.sample(range(5, 110), 4)):
        kill(sandbox, target, given, after)
    sandbox.clear_faults()
    for _ in range(2):
        done = target.run(given)
        assert done.returncode == 0, done.stderr
    words = {stage["is"]: stage["to"] for stage in STAGES}
    assert statuses(sandbox) == {email(n): words[final[n]] for n in numbers}
    assert len(sandbox.leads()) == len(numbers), "every lead once"
    assert len(patches(sandbox, committed=True)) == len(numbers), "each change once"
    assert target.status()["pending"] == {}


def test_a_lead_that_octanist_has_is_looked_up_and_changed(sandbox, tmp_path):
    elsewhere = Target(tmp_path, sandbox.base_url, ledger=str(tmp_path / "other.db"))
    elsewhere.run([schema(), record(id=1, name="N", email=email(1).upper(), phone=None)])
    mapping = {**CONTACTS["mapping"], "status": DEALS["mapping"]["status"]}
    streams = {"people": {"mode": "upsert", "lookup": True, "mapping": mapping}}
    target = Target(tmp_path, sandbox.base_url, streams=streams)
    people = [
        record("people", id=number, name="N", email=email(number), stage="closedwon")
        for number in (1, 2)
    ]
    given = [schema("people", ("id", "name", "email", "stage")), *people, state({"at": 1})]
    done = target.run(given)
    assert done.returncode == 0, done.stderr
    assert [lead["status"] for lead in sandbox.leads()] == ["won", "won"]
    assert outcomes(target) == {"delivered": 3, "duplicate": 1}
    assert "1 lead has arrived in Octanist. 2 updates of leads were sent." in done.stderr
    assert target.run(given).returncode == 0
    assert (len(sandbox.leads()), len(patches(sandbox))) == (2, 2)


def test_a_replay_of_an_upsert_also_says_what_became_of_the_lead(sandbox, tmp_path):
    mapping = {"name": "name", "status": DEALS["mapping"]["status"]}
    streams = {"people": {"mode": "upsert", "mapping": mapping | {"email": "mail"}}}
    target = Target(tmp_path, sandbox.base_url, streams=streams)
    columns = ("id", "name", "mail", "email", "stage")
    one = record("people", id=1, mail="nobody", email=email(1), stage="closedwon")
    assert target.run([schema("people", columns), one]).returncode == 0
    assert outcomes(target) == {"rejected": 1}
    target.settings["streams"]["people"]["mapping"]["email"] = "email"
    assert target.run([schema("people", columns)]).returncode == 0
    config = str(target.folder / "config.json")
    done = octanist("dead-letters", "replay", "--config", config, home=target.folder)
    assert done.returncode == 0, done.stderr
    assert statuses(sandbox) == {email(1): "won"}
    assert outcomes(target) == {"delivered": 2}


def test_a_replay_of_an_upsert_tells_the_last_that_its_record_said(sandbox, tmp_path):
    target = People(tmp_path, sandbox.base_url)
    sandbox.fault({"kind": "status", "status": 400}, method="POST", path="/leads")
    for stage in ("qualified", "won"):
        done = target.run(upserts((email(1), stage)))
        assert done.returncode == 0, done.stderr
    assert outcomes(target) == {"rejected": 1}
    sandbox.clear_faults()
    assert "1 delivered" in replay(target).stdout
    assert statuses(sandbox) == {email(1): "won"}
    assert len(patches(sandbox)) == 1
    assert target.status()["pending"] == {}


def test_a_lookup_that_is_denied_stops_the_run_and_sends_nothing(sandbox, tmp_path):
    sandbox.fault("401", method="GET", path="/leads")
    streams = {"people": {"mode": "upsert", "lookup": True, "mapping": CONTACTS["mapping"]}}
    target = Target(tmp_path, sandbox.base_url, streams=streams)
    people = [schema("people"), record("people", id=1, name="N", email=email(1))]
    done = target.run(people)
    assert done.returncode == 1
    assert "api_key" in done.stderr
    assert "Traceback" not in done.stderr
    assert posts(sandbox) == []


def test_an_upsert_of_a_lead_by_its_id_that_changes_nothing_is_skipped(sandbox, tmp_path):
    mapping = {"id": "lead", "email": "email", "status": DEALS["mapping"]["status"]}
    streams = {"people": {"mode": "upsert", "mapping": mapping}}
    target = Target(tmp_path, sandbox.base_url, streams=streams)
    one = record("people", id=1, lead="lead_1", email=email(1), stage="new")
    done = target.run([schema("people", ("id", "lead", "email", "stage")), one])
    assert done.returncode == 0, done.stderr
    assert "0 rejected" in done.stderr
    assert "1 skipped" in done.stderr
    assert sandbox.requests("PATCH") == []


#: Runs that are killed one after the other, each where the name says.
KILLS = (
    *("claim", "claim-committed", "sending", "sending-committed"),
    *("request", "answer:3", "settle", "settle-committed"),
)


def test_changes_of_a_run_that_is_killed_at_a_boundary_are_passed_on_once(sandbox, target):
    numbers = range(1, 41)
    assert target.run(lines(*(contact(number) for number in numbers))).returncode == 0
    given = lines(*(deal(number, "closedwon", amount=number) for number in numbers))
    for place in KILLS:
        target.env = {"OCTANIST_KILL_AT": place}
        done = target.run(given, batch_size_rows=5, batch_wait_ms=0, max_concurrency=4)
        assert done.returncode == -9, f"{place} was reached"
        assert done.states == []
    target.env = {}
    done = target.run(given)
    assert done.returncode == 0, done.stderr
    assert {lead["email"]: lead["value"] for lead in sandbox.leads()} == {
        email(number): number for number in numbers
    }
    assert set(statuses(sandbox).values()) == {"won"}
    assert len(patches(sandbox, committed=True)) == len(numbers), "each change once"


CRMS = [
    ("hubspot_contacts", "hubspot_deals", ["associations.associatedVids[0]"]),
    ("pipedrive_persons", "pipedrive_deals", ["person_id.value", "person_id"]),
]


@pytest.mark.parametrize(("people", "deals", "by"), CRMS, ids=["hubspot", "pipedrive"])
def test_the_sample_streams_of_a_crm_in_any_order_end_alike(tmp_path, people, deals, by):
    """Contacts first and deals first, whole or shuffled, twice: leads and outcomes are the same."""
    of_people, of_deals = sample(people), sample(deals)
    names = [json.loads(given[0])["stream"] for given in (of_people, of_deals)]
    streams = {
        names[0]: {"preset": people},
        names[1]: {"preset": deals, "link": {"stream": names[0], "by": by}},
    }
    mixed = of_people[1:] + of_deals[1:]
    random.Random(1).shuffle(mixed)
    ends = []
    for number, given in enumerate(
        [of_people + of_deals, of_deals + of_people, [of_people[0], of_deals[0], *mixed]]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Sandbox() as sandbox:
            target = Target(folder, sandbox.base_url, streams=streams, phone_region="NL")
            assert target.run(given).returncode == 0
            changed = len(patches(sandbox))
            again = target.run(given)
            assert again.returncode == 0, again.stderr
            assert len(patches(sandbox)) == changed, "nothing is told anew"
            found = [(lead.get("email"), lead.get("phone")) for lead in sandbox.leads()]
            ends.append((sorted(map(str, found)), outcome_counts(sandbox)))
    assert ends[0] == ends[1]
    assert len(ends[2][0]) == len(ends[0][0])


def sample(name):
    path = Path(__file__).parents[2] / "sample_data" / "singer" / f"{name}.singer.jsonl"
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]


def outcome_counts(sandbox):
    return Counter(lead["status"] for lead in sandbox.leads())


def test_a_change_that_meets_no_server_is_sent_by_the_next_run(tmp_path):
    """Also one that was kept until its lead came, and that no tap sends again."""
    port = port_to_keep()
    with Sandbox("--port", port) as sandbox:
        streams = {"contacts": CONTACTS, "deals": DEALS}
        target = Target(tmp_path, sandbox.base_url, streams=streams)
        assert target.run(lines(deal(1, "closedwon"))).returncode == 0
        sandbox.fault(kind="status", status=429, retry_after=60, **PATCHES)
        throttled = target.start()
        feed(throttled, lines(contact(1)))
        wait_for(lambda: patches(sandbox))
        throttled.terminate()
        assert finish(throttled).returncode == 143
    away = target.run(lines(), max_attempts=1)
    assert away.returncode == 1
    assert "cannot be reached" in away.stderr
    with Sandbox("--port", port) as back:
        target.run(lines())
        assert len(patches(back)) == 1


def test_changes_go_out_where_the_quota_has_no_room_for_leads(tmp_path):
    with Sandbox("--leads-limit", "2") as full:
        streams = {"contacts": CONTACTS, "deals": DEALS}
        target = Target(tmp_path, full.base_url, streams=streams, check_quota="fail")
        first = target.run(lines(contact(1), contact(2)))
        assert first.returncode == 0, first.stderr
        told = target.run(lines(deal(1, "closedwon"), deal(2, "closedlost")))
        assert told.returncode == 0, told.stderr
        assert sorted(statuses(full).values()) == ["lost", "won"]
        more = target.run(lines(contact(3), deal(1, "closedlost")))
        assert more.returncode == 1
        assert "check_quota" in more.stderr
        assert len(full.leads()) == 2
