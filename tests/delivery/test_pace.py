"""The rules of the pace, one by one. `test_pace_servers.py` shows what they add up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.pace import FIRST_LIMIT, Latency, Pace


def full_round(pace, now, seconds):
    """Let as many requests as allowed start now and be answered after so many seconds."""
    count = pace.limit
    for in_flight in range(1, count + 1):
        pace.started(now, in_flight)
    for _ in range(count):
        pace.answered(now + seconds, now)
    return now + seconds


def steady(limit, seconds=0.1):
    """Make a pace of which the limit is the ceiling, and the latency known; give the time too."""
    pace, now = Pace(limit), 0.0
    for _ in range(30):
        now = full_round(pace, now, seconds)
    assert pace.limit == limit
    return pace, now


def test_without_a_cap_nothing_waits():
    pace = Pace(4)
    assert pace.limit == 4
    pace.started(0.0, 1)
    assert pace.delay(0.0) == 0


def test_it_starts_with_a_few_and_doubles():
    pace, now, limits = Pace(128), 0.0, []
    for _ in range(6):
        limits.append(pace.limit)
        now = full_round(pace, now, 0.05)
    assert limits == [FIRST_LIMIT, 20, 40, 80, 128, 128]


def test_a_limit_that_is_not_reached_does_not_rise():
    pace = Pace(128)
    for second in range(100):
        pace.started(float(second), FIRST_LIMIT - 1)
        pace.answered(second + 0.05, float(second))
    assert pace.limit == FIRST_LIMIT


def test_answers_that_queue_lower_the_limit_by_what_queues():
    pace, now = steady(20)
    # 20 in flight take 0.125 s: 160 a second, for which 16 at 0.1 s are enough.
    for _ in range(2):
        now = full_round(pace, now, 0.125)
    assert pace.limit == 16


def test_a_hiccup_changes_nothing():
    pace, now = steady(16)
    for _ in range(10):
        now = full_round(pace, now, 10.0)
        assert pace.limit == 16
        now = full_round(pace, now, 0.1)


def test_slowness_lowers_the_limit_at_most_by_half_and_then_is_usual():
    pace, now = steady(16)
    for _ in range(2):
        now = full_round(pace, now, 10.0)
    assert pace.limit == 8
    for _ in range(100):
        now = full_round(pace, now, 10.0)
    assert pace.limit == 16


def test_failures_lower_the_limit_by_half_of_their_share():
    pace, now = steady(16)
    # A round of 16 is over when 8 are back: 2 of 8 failed.
    for _ in range(2):
        pace.failed(now + 0.1, now)
    for _ in range(6):
        pace.answered(now + 0.1, now)
    assert pace.limit == 14


def test_failures_of_one_wave_count_once():
    pace, now = steady(16)
    for _ in range(16):
        pace.failed(now + 30, now)
    assert pace.limit == 8


def test_a_time_out_counts_although_it_is_older_than_the_round():
    pace, now = steady(16)
    old = now
    for _ in range(10):
        now = full_round(pace, now, 0.1)
    for _ in range(8):
        pace.failed(now, old)
    assert pace.limit == 8


def test_a_refusal_pauses_everybody_and_one_goes_first():
    pace, now = steady(16)
    pace.refused(now, now - 0.1, 7.0)
    assert pace.limit == 1
    assert pace.delay(now) == 7.0
    assert pace.delay(now + 7.0) == 0


def test_after_a_refusal_the_limit_doubles_up_to_half_and_then_grows_by_one():
    pace, now = steady(16)
    pace.refused(now, now - 0.1, 1.0)
    now, limits = now + 1.0, []
    for _ in range(7):
        limits.append(pace.limit)
        now = full_round(pace, now, 0.1)
    assert limits == [1, 2, 4, 8, 9, 10, 11]


def test_what_was_refused_is_not_tried_again_soon():
    pace, refused_at = steady(16)
    pace.refused(refused_at, refused_at - 0.1, 2.0)
    now = refused_at + 2.0
    while now < refused_at + 20.0:
        assert pace.limit <= 15
        now = full_round(pace, now, 0.1)
    now = full_round(pace, now, 0.1)
    assert pace.limit == 16


def test_refusals_of_one_wave_count_once_and_the_longest_pause_holds():
    pace, now = steady(16)
    for wait in (1.0, 5.0, 2.0):
        pace.refused(now, now - 0.1, wait)
    assert pace.delay(now) == 5.0
    now += 5.0
    for _ in range(4):
        now = full_round(pace, now, 0.1)
    assert pace.limit == 9


def test_a_refusal_of_the_one_that_goes_first_only_prolongs_the_pause():
    pace, now = steady(16)
    pace.refused(now, now - 0.1, 1.0)
    pace.refused(now + 1.1, now + 1.0, 1.0)
    assert pace.delay(now + 1.1) == 1.0
    now += 2.1
    for _ in range(3):
        now = full_round(pace, now, 0.1)
    assert pace.limit == 8


def test_starts_are_spaced_by_the_cap_without_a_burst_after_idling():
    pace = Pace(16, requests_per_second=10)
    now, starts = 100.0, []
    for _ in range(30):
        now += pace.delay(now)
        starts.append(now)
        pace.started(now, 1)
    # 30 starts take 29 intervals of a tenth of a second.
    assert abs((starts[-1] - starts[0]) - 2.9) < 1e-6


def test_the_usual_is_learned_as_rfc_6298_says():
    latency = Latency()
    latency.learn(8.0)
    assert (latency.mean, latency.deviation) == (8.0, 4.0)
    latency.learn(16.0)
    # 3/4 * 4 + 1/4 * |16 - 8|, and 7/8 * 8 + 1/8 * 16.
    assert (latency.mean, latency.deviation) == (9.0, 5.0)
    assert not latency.is_slow(29.0)
    assert latency.is_slow(29.1)


SECONDS = st.floats(0, 400, allow_nan=False)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["started", "answered", "failed", "refused"]), SECONDS, SECONDS),
    max_size=200,
)


@given(st.integers(1, 1024), st.none() | st.integers(1, 1000), EVENTS)
def test_whatever_happens_the_bounds_hold(most, per_second, events):
    """However late and in whatever order things are noted down."""
    pace, now, paused_until = Pace(most, per_second), 1000.0, 0.0
    for kind, passed, other in events:
        now += passed
        if kind == "started":
            pace.started(now, int(other))
        elif kind == "answered":
            pace.answered(now, now - other)
        elif kind == "failed":
            pace.failed(now, now - other)
        else:
            pace.refused(now, now - passed, other)
            paused_until = max(paused_until, now + other)
        assert 1 <= pace.limit <= most
        assert pace.delay(now) >= max(0.0, paused_until - now)


@given(st.integers(1, 50), st.lists(st.floats(0, 2), min_size=60, max_size=150))
def test_no_second_sees_more_starts_than_the_cap(per_second, idle):
    pace, now, starts = Pace(16, per_second), 0.0, []
    for seconds in idle:
        now += seconds if seconds < 1 else 0.0
        now += pace.delay(now)
        pace.started(now, 1)
        starts.append(now)
    for first, one_too_many in zip(starts, starts[per_second:], strict=False):
        assert one_too_many - first >= 1 - 1e-9


def test_a_refusal_that_does_not_say_how_long_pauses_twice_as_long_each_time():
    pace, now = steady(20)
    pauses = []
    for _ in range(10):
        started_at = now
        pace.started(started_at, 1)
        pace.refused(now, started_at, None)
        pauses.append(pace.delay(now))
        now += pace.delay(now)
    assert [round(pause, 9) for pause in pauses] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    full_round(pace, now, 0.1)
    pace.refused(now + 1, now + 1, None)
    assert pace.delay(now + 1) == 0.25, "an answer in between ends it"


def test_refusals_of_one_volley_are_one_refusal():
    pace, now = steady(20)
    for _ in range(20):
        pace.refused(now + 1, now, None)
    assert pace.delay(now + 1) == 0.25
