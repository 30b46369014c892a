"""What a run counts is bounded, and nothing of it is lost."""

from __future__ import annotations

from datetime import datetime

import pytest

from target_octanist.reporting.figures import decode_figures
from target_octanist.reporting.frequent import FrequentValues
from target_octanist.reporting.next_steps import next_steps, step_lines
from target_octanist.reporting.timeline import MOST_BUCKETS, Durations, Timeline
from target_octanist.reporting.words import counts, lasted, when


def test_a_long_run_has_no_more_buckets_and_loses_no_lead():
    timeline = Timeline()
    for second in range(100_000):
        timeline.at(second + 0.5).settled["delivered"] += 1
    found = list(timeline)
    assert len(found) <= MOST_BUCKETS
    assert timeline.width == 512, "240 buckets of 256 s do not reach 100,000 s"
    assert sum(bucket.settled["delivered"] for _, bucket in found) == 100_000
    assert found[0][0] == 0
    assert found[1][0] == 512
    assert found[1][1].settled == {"delivered": 512}


def test_a_wider_bucket_keeps_the_most_in_flight_and_the_last_pace():
    timeline = Timeline()
    for second, in_flight, pace in ((0, 9, 10), (1, 4, 16)):
        bucket = timeline.at(second)
        bucket.in_flight, bucket.pace = in_flight, pace
        bucket.latency.add(0.1)
    timeline.at(MOST_BUCKETS)
    (start, bucket), _ = timeline
    assert (start, bucket.in_flight, bucket.pace) == (0, 9, 16)


def test_percentiles_are_right_within_the_width_of_a_step():
    durations = Durations()
    for milliseconds in range(1, 1001):
        durations.add(milliseconds / 1000)
    for percent, expected in ((50, 500), (95, 950), (99, 990)):
        assert durations.percentile(percent) == pytest.approx(expected, rel=0.05)
    assert Durations().percentile(50) is None


@pytest.mark.parametrize(
    "value",
    [
        "canary@example.com",
        "mail-canary%40example.com",
        "x0612345678",
        "call 06 12 34 56 78 now",
        "+31 (0)6-1234.5678",
    ],
)
def test_what_may_be_an_address_or_a_phone_number_is_not_kept(value):
    values = FrequentValues()
    values.add(value)
    assert values.most_common() == [("(hidden)", 1)]


@pytest.mark.parametrize("value", ["spring_sale", "2026-11-20 launch", "q4_2026", "brand/nl"])
def test_an_ordinary_campaign_is_kept(value):
    values = FrequentValues()
    values.add(value)
    assert values.most_common() == [(value, 1)]


def test_only_the_most_frequent_values_are_told_apart():
    values = FrequentValues()
    for number in range(25):
        for _ in range(100 - number):
            values.add(f"c{number:02}")
    values.add(None)
    found = values.most_common()
    assert found[0] == ("c00", 100)
    assert found[19] == ("c19", 81)
    # 80 + 79 + 78 + 77 + 76, and the one without a value
    assert found[20:] == [("(other)", 391)]


def test_a_stream_of_ever_new_values_does_not_fill_the_memory():
    values = FrequentValues()
    for number in range(30_000):
        values.add(f"v{number}")
    assert len(values._counts) <= 10_001
    assert sum(count for _, count in values.most_common()) == 30_000


def test_figures_that_a_later_version_wrote_in_another_way_are_no_figures():
    assert decode_figures('{"version": 9, "streams": []}') is None
    assert decode_figures("") is None
    assert decode_figures(None) is None


def at(text):
    return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-21T03:00", "today 03:00"),
        ("2026-11-20T23:59", "yesterday 23:59"),
        ("2026-11-19T03:00", "19 Nov 03:00"),
        ("2025-12-31T03:00", "31 Dec 2025 03:00"),
    ],
)
def test_times_are_told_as_people_say_them(moment, said):
    assert when(at(moment), at("2026-11-21T08:00")) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.26, "0.3 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (720, "12 min"),
        (3599, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_are_told_as_people_say_them(seconds, said):
    assert lasted(seconds) == said


def test_counts_leave_out_what_there_is_none_of():
    assert counts({"delivered": 1725, "in_doubt": 5}) == "1,725 delivered, 5 in doubt"
    assert counts({}) == "no record was settled"


def test_what_to_do_next_is_a_sentence_and_a_command_for_each_thing():
    steps = next_steps({"in_doubt": 5, "dead_letters": 1}, options="--config c.json")
    assert [command for _, command in steps] == [
        "octanist reconcile --config c.json",
        "octanist dead-letters list --config c.json",
    ]
    assert "5 leads are in doubt" in steps[0].sentence
    assert "1 dead letter is" in steps[1].sentence
    assert step_lines(steps)[1] == "  octanist reconcile --config c.json"


def test_what_no_mapping_has_seen_is_not_to_be_replayed():
    seen, unread = next_steps({"dead_letters": 3, "unread": 1})
    assert seen.sentence.startswith("2 dead letters are kept")
    assert unread.sentence.startswith("1 dead letter never got as far as the mapping")
    assert unread.command == "octanist dead-letters list --reason INVALID_RECORD"
    (unread,) = next_steps({"dead_letters": 1, "unread": 1})
    assert "replay cannot help" in unread.sentence


def test_where_all_is_well_there_is_nothing_to_do():
    assert next_steps({"in_doubt": 0, "dead_letters": 0}) == []


def test_a_run_that_stopped_comes_first():
    (stopped, _) = next_steps({"in_doubt": 1}, failure="api_key: the API refuses the key")
    assert stopped.sentence.startswith("The run stopped: api_key: the API refuses the key.")
    assert stopped.command is None
