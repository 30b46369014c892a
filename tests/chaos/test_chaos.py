"""The short version of ``make chaos``: every kill point, and some storms."""

from __future__ import annotations

import pytest

from target_octanist.kill_points import KILL_POINTS
from tests.chaos.storm import Plan, make_plan, rule, weather

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Runs that are killed one after the other, each where the name says.
CUT_OFF = ("claim", "claim-committed", "sending", "sending-committed", "request", "answer:3")
TAKEN_OVER = ("settle", "take-over", "take-over-committed", "settle-committed:2", "state")
REFUSED = ("not-stored", "not-stored-committed")
STOPPED = ("release", "sign-off")
STOPPED_COMMITTED = ("release-committed", "sign-off-committed")

#: What a run must meet so that it gets to these places.
FAULTS = {
    REFUSED: [rule("POST", "429-retry-after", every=2, times=2)],
    STOPPED: [rule("POST", "401", every=7, times=2)],
    STOPPED_COMMITTED: [rule("POST", "401", every=7, times=2)],
}
KILLS = (CUT_OFF, TAKEN_OVER, REFUSED, STOPPED, STOPPED_COMMITTED)

#: These are for ``octanist reconcile``, whose own tests have them.
ELSEWHERE = {"reopen", "reopen-committed"}


def test_every_kill_point_has_its_test():
    tested = {name.partition(":")[0] for kills in KILLS for name in kills}
    assert tested | ELSEWHERE == set(KILL_POINTS)


@pytest.mark.parametrize("kills", KILLS, ids=lambda kills: kills[0])
def test_a_run_that_is_killed_at_a_boundary_loses_and_doubles_nothing(kills):
    toll = weather(Plan(seed=1, kills=list(kills), faults=FAULTS.get(kills, [])))
    for name in kills:
        assert toll.injected[f"kill -9 {name.partition(':')[0]}"] == 1, "the place was reached"
    assert toll.harm == 0, toll


@pytest.mark.parametrize("seed", [3, 8])
def test_a_storm_loses_and_doubles_nothing(seed):
    toll = weather(make_plan(seed, cuts=False))
    assert toll.injected.total() >= 10
    assert toll.harm == 0, toll


#: Few, for each answer that is lost takes some seconds, and so does each kill.
FAULTS_OF_CHANGES = (
    rule("POST", "drop-after-commit", nth=4),
    rule("PATCH", "drop", every=6, times=2),
    rule("PATCH", "500-after-commit", every=5, times=2),
    rule("PATCH", "hang-after-commit", every=8),
    rule("PATCH", "429-retry-after", every=9),
)


@pytest.mark.parametrize(("mode", "seed"), [("update", 4), ("upsert", 3)])
def test_a_storm_over_changes_loses_and_doubles_nothing(mode, seed):
    kills: list[str | float] = ["sending-committed:2", "answer:5"]
    toll = weather(Plan(seed, 20, list(FAULTS_OF_CHANGES), kills, processes=2, mode=mode))
    assert toll.injected.total() >= 7
    assert toll.harm == 0, toll


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [4, 6])
def test_a_storm_on_postgresql_loses_and_doubles_nothing(seed, postgres):
    toll = weather(make_plan(seed, cuts=True), postgres)
    assert toll.injected.total() >= 10
    assert toll.harm == 0, toll
