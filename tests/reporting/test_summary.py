"""The last words of a run, compared with texts that were written by hand."""

from __future__ import annotations

import json

import pytest

from target_octanist.reporting.calls import as_called, config_options
from target_octanist.reporting.next_steps import Step, next_steps
from target_octanist.reporting.summary import Summary, alarm, lines, plain
from target_octanist.reporting.tally import Group, Reference

RECORD = "this record was settled before"
PERSON = "a lead of the same person was sent before"


def group(count, *references):
    return Group(count, [Reference(*reference) for reference in references])


def source(digit):
    return digit * 64


MIXED = Summary(
    outcomes={"delivered": 1725, "duplicate": 200, "filtered": 30, "rejected": 40, "in_doubt": 5},
    recovered={},
    reasons={
        ("leads", "duplicate", RECORD): group(150, (1, source("0"), None)),
        ("leads", "duplicate", PERSON): group(50, (2, source("1"), None)),
        ("leads", "filtered", "refused by the organisation's filter rules"): group(
            30, (4, source("2"), "req_1")
        ),
        ("leads", "rejected", "the API rejected the lead (HTTP 400)"): group(
            1, (1005, source("3"), "req_2")
        ),
        ("leads", "rejected", "email (from mail) is not a valid e-mail address."): group(
            39, (17, source("4"), None), (18, source("5"), None)
        ),
        ("leads", "in_doubt", "HTTP 500: it may have been stored"): group(
            5, (44, source("6"), "two words"), (None, source("7"), None)
        ),
    },
    seconds=12.345,
    made=1725,
    steps=next_steps({"in_doubt": 5, "dead_letters": 40}, options="--config config.json"),
)


def test_a_run_says_what_arrived_what_did_not_and_why_and_what_next():
    assert list(lines(MIXED)) == [
        (
            "2,000 records in 12.3 s (162 a second): 1,725 delivered, 200 duplicate, 30 filtered, "
            "40 rejected, 5 in doubt."
        ),
        (
            "1,725 leads have arrived in Octanist. 200 duplicates were left out: "
            "150 because this record was settled before, "
            "50 because a lead of the same person was sent before."
        ),
        "40 records were rejected and are kept as dead letters:",
        (
            "      39  leads: email (from mail) is not a valid e-mail address; "
            "record 17 (ID 444444444444), record 18 (ID 555555555555), …"
        ),
        (
            "       1  leads: the API rejected the lead (HTTP 400); "
            "record 1,005 (ID 333333333333, request req_2)"
        ),
        "5 leads are in doubt: they were sent, but it is unknown whether they arrived:",
        (
            "       5  leads: HTTP 500: it may have been stored; "
            "record 44 (ID 666666666666, request unreadable), ID 777777777777, …"
        ),
        "30 leads were filtered:",
        (
            "      30  leads: refused by the organisation's filter rules; "
            "record 4 (ID 222222222222, request req_1), …"
        ),
        *[line for step in MIXED.steps for line in (step.sentence, f"  {step.command}")],
    ]


def test_as_json_it_says_the_same_and_more():
    found = json.loads(json.dumps(plain(MIXED)))
    assert found.keys() == {
        *("records", "seconds", "exit_code", "dry_run", "outcomes", "recovered"),
        *("made", "changes", "reasons", "next"),
    }
    assert found["records"] == 2000
    assert found["outcomes"] == MIXED.outcomes
    assert {row["reason"]: row["count"] for row in found["reasons"]}[RECORD] == 150
    (row,) = [row for row in found["reasons"] if row["outcome"] == "in_doubt"]
    assert row["references"][0] == {
        "record": 44,
        "id": "666666666666",
        "request_id": "two words",
    }
    assert [step["command"].split()[:2] for step in found["next"]] == [
        ["octanist", "reconcile"],
        ["octanist", "dead-letters"],
    ]


def test_a_run_in_which_all_is_well_takes_two_lines():
    well = Summary({"delivered": 1}, {}, {}, seconds=0.4, made=1)
    assert list(lines(well)) == [
        ("1 record in 0.4 s: 1 delivered, 0 duplicate, 0 filtered, 0 rejected, 0 in doubt."),
        "1 lead has arrived in Octanist.",
    ]
    again = Summary(
        {"duplicate": 1100}, {}, {("leads", "duplicate", RECORD): group(1100)}, seconds=2
    )
    assert list(lines(again))[1:] == [
        (
            "No new lead has arrived in Octanist. "
            "1,100 duplicates were left out because this record was settled before."
        )
    ]
    assert len(list(lines(Summary({}, {}, {}, seconds=0.1)))) == 1


def test_a_dry_run_says_what_would_be():
    summary = Summary(
        {"delivered": 7, "rejected": 1},
        {},
        {("leads", "rejected", "no e-mail address"): group(1, (3, source("a"), None))},
        seconds=1,
        dry_run=True,
        noun="row",
        made=7,
    )
    assert list(lines(summary)) == [
        (
            "8 records in 1.0 s (8 a second): 7 would be delivered, 0 duplicate, 0 filtered, "
            "1 rejected, 0 in doubt; nothing was sent."
        ),
        "7 leads would be sent.",
        "1 row would be rejected:",
        "       1  leads: no e-mail address; row 3 (ID aaaaaaaaaaaa)",
    ]


def test_what_an_earlier_run_left_behind_is_told_apart_and_counted_with_its_reason():
    reasons = {("leads", "in_doubt", "no answer"): group(2, (None, source("b"), None))}
    summary = Summary({}, {"delivered": 10, "in_doubt": 2}, reasons, seconds=1)
    assert list(lines(summary))[1:] == [
        (
            "In addition, 12 leads left unsettled by an earlier run were settled: "
            "10 delivered, 2 in doubt."
        ),
        "2 leads are in doubt: they were sent, but it is unknown whether they arrived:",
        "       2  leads: no answer; ID bbbbbbbbbbbb, …",
    ]


def test_however_many_reasons_there_are_the_last_words_stay_few():
    reasons = {
        (f"stream{number}", outcome, f"reason {number}"): group(
            number, *[(n, source("c"), None) for n in range(1, 6)]
        )
        for number in range(1, 31)
        for outcome in ("rejected", "in_doubt", "filtered", "duplicate")
    }
    outcomes = dict.fromkeys(("delivered", "duplicate", "filtered", "rejected", "in_doubt"), 465)
    steps = next_steps({"in_doubt": 465, "dead_letters": 465})
    summary = Summary(outcomes, {}, reasons, seconds=9, steps=steps)
    said = list(lines(summary))
    assert len(said) == 25
    assert said[3].startswith("      30  stream30: reason 30; record 1 (ID cccccccccccc), ")
    assert "          … and 20 more reasons" in said
    assert "          … and 28 more reasons" in said


@pytest.mark.parametrize(
    ("records", "begins"),
    [(1, "The only record could not be"), (1200, "Not one of the 1,200 records could be")],
)
def test_a_run_of_which_nothing_is_good_is_an_alarm(records, begins):
    assert str(alarm({"rejected": records})).startswith(begins)
    assert alarm({"rejected": records, "delivered": 1}) is None


def test_a_command_is_given_as_it_has_to_be_typed():
    assert config_options(["--config", "my config.json", "--config=b.json", "--limit", "5"]) == (
        "--config 'my config.json' --config=b.json"
    )
    command = "octanist dead-letters list"
    assert as_called(command, {}) == command
    meltano = {"MELTANO_PROJECT_ROOT": "/project"}
    assert as_called(command, meltano) == "meltano invoke target-octanist:dead-letters list"
    other = meltano | {"MELTANO_LOADER_NAME": "target-octanist--shop"}
    assert as_called(command, other) == "meltano invoke target-octanist--shop:dead-letters list"


def test_a_step_without_a_command_is_a_sentence_alone():
    summary = Summary({}, {}, {}, seconds=0, steps=[Step("Look at the source.", None)])
    assert list(lines(summary))[1:] == ["Look at the source."]
