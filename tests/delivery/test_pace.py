"""The pace in simulated time."""

from __future__ import annotations

from target_octanist.delivery.pace import Pace


def test_without_a_cap_nothing_waits():
    pace = Pace(4)
    assert pace.limit == 4
    pace.started(0.0)
    assert pace.delay(0.0) == 0


def test_a_refusal_halves_the_limit_and_pauses_everybody():
    pace = Pace(16)
    pace.throttled(now=10.0, started_at=9.0, wait=7.0)
    assert pace.limit == 8
    assert pace.delay(10.0) == 7.0
    assert pace.delay(17.0) == 0


def test_refusals_of_one_wave_count_once():
    pace = Pace(16)
    for _ in range(10):
        pace.throttled(now=10.0, started_at=9.9, wait=0.0)
    assert pace.limit == 8


def test_the_limit_never_falls_below_one_and_comes_back():
    pace = Pace(8)
    for second in range(20):
        pace.throttled(now=second + 0.5, started_at=second + 0.5, wait=0.0)
    assert pace.limit == 1
    for _ in range(200):
        pace.succeeded()
    assert pace.limit == 8


def test_starts_are_spaced_by_the_cap_without_a_burst_after_idling():
    pace = Pace(16, requests_per_second=10)
    now, starts = 100.0, []
    for _ in range(30):
        now += pace.delay(now)
        starts.append(now)
        pace.started(now)
    # 30 starts take 29 intervals of a tenth of a second.
    assert abs((starts[-1] - starts[0]) - 2.9) < 1e-6
