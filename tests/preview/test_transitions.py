"""What ``octanist preview`` says of changes, held against real runs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.support.target import octanist, record, schema

pytestmark = pytest.mark.e2e

STREAMS = {
    "contacts": {"mapping": {"email": "email", "name": "name"}},
    "deals": {
        "mode": "update",
        "link": {"stream": "contacts", "by": "contact"},
        "mapping": {"status": "stage", "value": "amount"},
    },
}


@pytest.fixture
def preview(target):
    """Preview some lines with the target's own settings."""

    def run(lines, *options, code=0, **settings):
        file, config = target.folder / "stream.jsonl", target.folder / "preview.json"
        file.write_text("".join(f"{line}\n" for line in lines))
        config.write_text(json.dumps(target.settings | {"streams": STREAMS} | settings))
        command = ("preview", str(file), "--config", str(config), *options)
        done = octanist(*command, home=target.folder)
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


@pytest.fixture
def report(preview):
    return lambda lines, *options, **settings: json.loads(
        preview(lines, "--json", *options, **settings)
    )


def lines(*records):
    schemas = [schema("deals", ("id", "contact", "stage", "amount"))]
    return [*schemas, schema("contacts", ("id", "name", "email")), *records]


def contact(number):
    return record("contacts", id=number, name="Canary", email=f"canary.{number}@example.com")


def deal(number, stage, *, of=None, **values):
    return record("deals", id=number, contact=of or number, stage=stage, **values)


def told(found, stream="deals"):
    changes = found["streams"][stream]["changes"]
    moves = {(one["from"], one["to"]): one["count"] for one in changes["transitions"]}
    return {name: number for name, number in changes["outcomes"].items() if number}, moves


MIXED = [
    deal(1, "won", amount=5),
    contact(1),
    contact(2),
    deal(2, None, amount=3),
    deal(3, None),
    deal(4, "lost"),
    record("deals", id=5, stage="won"),
    deal(6, "qualified", of=1),
    deal(7, "won", of=2),
    deal(7, "won", of=2),
    record("contacts", id=8, name="The same", email="canary.1@example.com"),
    deal(8, "won", amount=5),
]


@pytest.mark.parametrize("rows", [1, 3, 500])
def test_contacts_and_deals_of_one_input_are_held_against_each_other(sandbox, target, report, rows):
    found = report(lines(*MIXED), batch_size_rows=rows, max_rejected_percent=100)
    assert sandbox.requests() == []
    assert found["outcomes"] == {"sent": 2, "duplicate": 1, "rejected": 0}
    outcomes, moves = told(found)
    assert (outcomes["pending"], outcomes["skipped"], outcomes["rejected"]) == (1, 1, 1)
    assert moves[("?", "–")] == 1
    ran = target.run(lines(*MIXED), streams=STREAMS, batch_size_rows=rows)
    assert ran.returncode == 0, ran.stderr
    assert f"{outcomes['sent']} updates of leads were sent" in ran.stderr
    assert "1 update waits for its lead" in ran.stderr


def test_it_shows_which_status_would_become_which(target, report):
    before = [
        *(contact(number) for number in range(1, 8)),
        *(deal(number, "qualified") for number in (1, 2, 3)),
        *(deal(number, "won", amount=number) for number in (4, 5)),
    ]
    assert target.run(lines(*before), streams=STREAMS).returncode == 0
    journal = target.ledger.read_bytes()
    after = [
        deal(1, "qualified"),
        deal(2, "won", amount=2),
        deal(3, "lost"),
        deal(4, "lost"),
        deal(5, "won", amount=50),
        deal(6, "qualified"),
        deal(7, "won"),
        deal(9, "won"),
    ]
    found = report(lines(*after), "--diff")
    assert told(found) == (
        {"sent": 5, "duplicate": 1, "pending": 1, "filtered": 1},
        {
            ("qualified", "won"): 1,
            ("qualified", "lost"): 1,
            ("won", "won"): 1,
            ("?", "qualified"): 1,
            ("?", "won"): 1,
        },
    )
    assert found["max_changes_stops"] is False
    assert found["told_anew"] == (
        "3 leads would be updated again, and 20 may be (max_changes is 20%; 5 were updated before)."
    )
    assert target.ledger.read_bytes() == journal
    assert told(report(lines(*after), "--diff", transitions="any"))[0]["sent"] == 6
    ran = target.run(lines(*after), streams=STREAMS)
    assert "5 delivered, 1 duplicate, 1 filtered, 0 rejected" in ran.stderr


def test_it_tells_that_max_changes_would_stop_a_run(target, report, preview):
    numbers = range(1, 4)
    given = [*map(contact, numbers), *(deal(number, "qualified") for number in numbers)]
    assert target.run(lines(*given), streams=STREAMS).returncode == 0
    wrong = lines(*(deal(number, "won") for number in numbers))
    found = report(wrong, "--diff", max_changes=2)
    assert found["max_changes_stops"] is True
    assert told(found) == ({"sent": 3}, {("qualified", "won"): 3})
    said = (
        "A run would stop: 3 leads would be updated again, and 2 may be "
        "(max_changes is 2; 3 were updated before)."
    )
    assert said in preview(wrong, "--diff", max_changes=2).splitlines()
    stopped = target.run(wrong, streams=STREAMS, max_changes=2)
    assert stopped.returncode == 1
    assert "changes-over-limit" in stopped.stderr


def test_of_what_was_told_before_the_last_version_counts(target, report):
    assert target.run(lines(contact(1), deal(1, "qualified")), streams=STREAMS).returncode == 0
    given = lines(deal(1, "lost"), deal(1, "won"), deal(1, "won"))
    outcomes, moves = told(report(given, "--diff"))
    assert (outcomes, moves) == ({"sent": 1, "duplicate": 2}, {("qualified", "won"): 1})


def test_a_journal_from_before_there_were_changes_can_be_asked(target, report):
    assert target.run(lines(contact(1)), streams=STREAMS).returncode == 0
    with closing(sqlite3.connect(target.ledger)) as connection, connection:
        connection.execute("DROP TABLE octanist_changes")
        connection.execute("DROP TABLE octanist_pending")
    found = report(lines(contact(1), contact(2), deal(2, "won")), "--diff")
    assert found["journal"]["known"] == 1
    assert told(found)[0] == {"sent": 1}


def test_the_text_says_what_would_become_of_changes(preview):
    shown = preview(lines(contact(1), deal(1, "won"), deal(2, "lost")), "--records", "0")
    assert (
        shown
        == """\
contacts: 1 records
       1  would be sent
       0  duplicate
       0  rejected
  filled:
           1  100 %  name   from name
           1  100 %  email  from email

deals: 2 records
  updates of leads:
       1  would be sent
           1  ?          →  won
       1  would wait for their leads
           1  no record of the input makes their leads; --diff asks the journal, too
  filled:
           2  100 %  status  from stage
           0    0 %  value   from amount

In all: 3 records
       1  would be sent
       0  duplicate
       0  rejected
  updates of leads:
       1  would be sent
       1  would wait for their leads

Nothing was sent.
"""
    )


def test_samples_say_what_would_become_of_them(report):
    found = report(lines(deal(1, "won"), contact(1), deal(2, "lost"), deal(3, None)))
    assert [(one["number"], one["outcome"]) for one in found["samples"]] == [
        (1, "sent"),
        (2, "sent"),
        (3, "pending"),
        (4, "skipped"),
    ]


def test_with_upsert_a_record_is_one_and_may_be_both(report):
    mapping = {"email": "email", "status": "stage"}
    given = [
        schema("people", ("id", "email", "stage")),
        record("people", id=1, email="canary.1@example.com", stage="won"),
        record("people", id=2, email="canary.2@example.com"),
    ]
    found = report(given, streams={"people": {"mode": "upsert", "mapping": mapping}})
    assert (found["records"], found["outcomes"]["sent"]) == (2, 2)
    assert told(found, "people") == ({"sent": 1}, {("?", "won"): 1})
    assert found["streams"]["people"]["fields"]["status"]["filled"] == 1


def test_a_dry_run_shows_changes_by_their_shape(sandbox, target):
    done = target.run(lines(*MIXED), streams=STREAMS, dry_run=True)
    assert done.returncode == 0, done.stderr
    assert sandbox.requests() == []
    assert 'Would change: {"id": "xxx-xxx-9", "status": "won", "value": "9"}' in done.stderr
    assert "canary" not in done.stderr.lower()
    assert "rejected: NOTHING" not in done.stderr


def test_a_version_that_says_nothing_takes_nothing_back(report):
    given = lines(deal(1, "won"), deal(1, None), contact(1))
    found = report(given, batch_size_rows=1)
    assert told(found)[0] == {"sent": 1, "skipped": 1}
