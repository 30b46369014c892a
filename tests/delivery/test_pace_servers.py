"""What the pace makes of servers of many kinds: simulations, in simulated time.

The kinds are those against which adaptive limits are usually tried: a constant link, a
jittery one, a slow sender, a server that slows down, refuses, fails or changes. What is
expected comes from each server's model, mostly by Little's law: as many are answered a
second as are in flight, divided by the seconds that each takes.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from target_octanist.delivery.pace import Pace


class Answer(NamedTuple):
    """What a server does with a request: it takes so long, and comes to this."""

    seconds: float
    kind: str = "answered"
    wait: float = 0.0


#: Gives the answer to a request, from its time and how many are in flight with it.
Server = Callable[[float, int], Answer]


class Trace:
    """What happened in a simulation.

    Attributes:
        starts: The times at which requests started.
        ends: What requests came to: time and kind.
        levels: From when on how many were in flight, and the limit then.
    """

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.ends: list[tuple[float, str]] = []
        self.levels: list[tuple[float, int, int]] = []

    def count(self, kind: str, since: float, until: float) -> int:
        return Counter(kind for at, kind in self.ends if since < at <= until)[kind]

    def rate(self, since: float, until: float) -> float:
        """Give the answers a second."""
        return self.count("answered", since, until) / (until - since)

    def in_flight(self, since: float, until: float) -> float:
        """Give the mean number of requests in flight over a time."""
        area = 0.0
        for (at, level, _), (end, _, _) in itertools.pairwise(self.levels):
            area += level * max(0.0, min(end, until) - max(at, since))
        return area / (until - since)

    def limits(self, since: float, until: float) -> list[int]:
        return [limit for at, _, limit in self.levels if since <= at <= until]


def simulate(pace: Pace, server: Server, *, seconds: float, leads_every: float = 0.0) -> Trace:
    """Send as much as the pace allows for so many seconds, or a lead every so often."""
    trace, now, lead_at = Trace(), 0.0, 0.0
    ticket = itertools.count()
    under_way: list[tuple[float, int, float, Answer]] = []
    while now <= seconds:
        if len(under_way) < pace.limit and pace.delay(now) <= 0 and now >= lead_at:
            lead_at += leads_every
            pace.started(now, len(under_way) + 1)
            answer = server(now, len(under_way) + 1)
            heapq.heappush(under_way, (now + answer.seconds, next(ticket), now, answer))
            trace.starts.append(now)
        else:
            later = [end for end, *_ in under_way[:1]]
            if len(under_way) < pace.limit:
                # The rounding of a sum must not make time stand still.
                later.append(max(math.nextafter(now, math.inf), now + pace.delay(now), lead_at))
            now = min(later)
            if under_way and under_way[0][0] <= now <= seconds:
                _, _, started_at, answer = heapq.heappop(under_way)
                note(pace, now, started_at, answer)
                trace.ends.append((now, answer.kind))
        trace.levels.append((now, len(under_way), pace.limit))
    return trace


def note(pace: Pace, now: float, started_at: float, answer: Answer) -> None:
    if answer.kind == "answered":
        pace.answered(now, started_at)
    elif answer.kind == "failed":
        pace.failed(now, started_at)
    else:
        pace.refused(now, started_at, answer.wait)


# Servers


def always(answer: Answer) -> Server:
    return lambda now, in_flight: answer


def constant(latency: float) -> Server:
    return always(Answer(latency))


def queueing(latency: float, capacity: int, jitter: float = 0.0) -> Server:
    """Work on so many at a time: with more in flight, each one waits in proportion."""
    chance = random.Random(1)
    return lambda now, in_flight: Answer(
        latency * max(1.0, in_flight / capacity) * math.exp(chance.gauss(0, jitter))
    )


def lognormal(low: float, high: float, seed: int) -> tuple[Server, float]:
    """Take between low and high nine times of ten; gives the mean as well."""
    chance = random.Random(seed)
    middle, sigma = math.log(low * high) / 2, math.log(high / low) / 2 / 1.645
    return (
        lambda now, in_flight: Answer(chance.lognormvariate(middle, sigma)),
        math.exp(middle + sigma**2 / 2),
    )


def refusing_above(most: int, latency: float, wait: float) -> Server:
    def answer(now: float, in_flight: int) -> Answer:
        return Answer(latency) if in_flight <= most else Answer(latency / 10, "refused", wait)

    return answer


def refusing_faster_than(per_second: int, latency: float, wait: float) -> Server:
    """Count by the second of the clock, as many rate limits do."""
    seen: Counter[int] = Counter()

    def answer(now: float, in_flight: int) -> Answer:
        seen[int(now)] += 1
        if seen[int(now)] <= per_second:
            return Answer(latency)
        return Answer(latency / 10, "refused", wait)

    return answer


def failing_at_random(latency: float, share: float) -> Server:
    chance = random.Random(1)
    return lambda now, in_flight: Answer(
        latency, "failed" if chance.random() < share else "answered"
    )


def changing(at: float, before: Server, after: Server, until: float = math.inf) -> Server:
    return lambda now, in_flight: (after if at <= now < until else before)(now, in_flight)


# A server that can take it all


@pytest.mark.parametrize("most", [1, 4, 16, 128, 512])
def test_a_constant_link_is_filled(most):
    trace = simulate(Pace(most), constant(0.05), seconds=4)
    assert trace.in_flight(1, 4) >= 0.99 * most
    assert trace.rate(1, 4) >= 0.98 * most / 0.05


@pytest.mark.parametrize(
    ("leads", "most", "round_trips"),
    # Starting at full strength it would be 7, 63 and 8.
    [(100, 16, 8), (1000, 16, 64), (1000, 128, 11)],
)
def test_a_short_run_pays_a_few_round_trips_for_starting_softly(leads, most, round_trips):
    trace = simulate(Pace(most), constant(0.05), seconds=5)
    last = trace.ends[leads - 1][0]
    assert last <= (round_trips + 0.01) * 0.05


@pytest.mark.parametrize("most", [16, 128])
@pytest.mark.parametrize("seed", range(5))
def test_jitter_is_not_taken_for_strain(most, seed):
    server, mean = lognormal(0.02, 0.2, seed)
    trace = simulate(Pace(most), server, seconds=20)
    assert trace.in_flight(5, 20) >= 0.95 * most
    assert trace.rate(5, 20) >= 0.9 * most / mean
    assert min(trace.limits(5, 20)) >= most / 4


@pytest.mark.parametrize("jitter", [0.1, 0.5, 1.0])
def test_a_link_with_exponential_jitter_is_filled(jitter):
    chance = random.Random(1)
    trace = simulate(
        Pace(16),
        lambda now, in_flight: Answer(0.1 * (1 + jitter * chance.expovariate(1))),
        seconds=30,
    )
    assert trace.rate(2, 30) >= 0.9 * 16 / (0.1 * (1 + jitter))


def test_a_server_that_stalls_now_and_then_keeps_its_share():
    """It answers nothing for the first 0.3 s of every other second, and then all at once."""
    trace = simulate(
        Pace(16),
        lambda now, in_flight: Answer(max(0.05, 0.3 - now % 2)),
        seconds=60,
    )
    # In two seconds each of 16 gets 1.7 / 0.05 answers, and the one after the stall.
    assert trace.in_flight(2, 60) >= 0.97 * 16
    assert trace.rate(2, 60) >= 0.97 * (1.7 / 0.05 + 1) / 2 * 16


def test_a_sender_slower_than_the_link_raises_nothing():
    trace = simulate(Pace(128), constant(0.05), seconds=20, leads_every=0.1)
    assert trace.in_flight(1, 20) == pytest.approx(0.05 / 0.1, rel=0.01)
    assert set(trace.limits(0, 20)) == {10}


def test_a_sender_four_times_as_fast_as_the_link_keeps_four_in_flight():
    trace = simulate(Pace(128), constant(0.1), seconds=20, leads_every=0.025)
    assert trace.in_flight(1, 20) == pytest.approx(4, rel=0.01)
    assert set(trace.limits(0, 20)) == {10}


# A server that slows down


@pytest.mark.parametrize("capacity", [4, 8, 16, 24])
@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_a_queue_at_the_server_is_kept_short_at_no_cost(capacity, jitter):
    trace = simulate(Pace(128), queueing(0.05, capacity, jitter), seconds=10)
    # No more than so many can be answered; at 128 it would be thrice that latency and more.
    assert trace.rate(1, 10) >= 0.97 * capacity / 0.05
    assert trace.in_flight(1, 10) <= 4 * capacity


def test_a_server_that_loses_capacity_gets_less_and_loses_nothing_more():
    server = changing(10, queueing(0.05, 32), queueing(0.05, 8))
    trace = simulate(Pace(128), server, seconds=20)
    assert trace.rate(11, 20) >= 0.97 * 8 / 0.05
    assert trace.in_flight(11, 20) <= 0.6 * trace.in_flight(1, 10)


def test_a_server_that_gains_capacity_gets_more():
    server = changing(10, queueing(0.05, 4), queueing(0.05, 64))
    trace = simulate(Pace(32), server, seconds=30)
    assert trace.rate(15, 30) >= 0.97 * 32 / 0.05


def test_a_lasting_change_of_latency_becomes_usual():
    trace = simulate(Pace(16), changing(10, constant(0.05), constant(0.2)), seconds=60)
    assert trace.rate(40, 60) >= 0.97 * 16 / 0.2


def test_a_server_that_must_warm_up_is_not_held_to_it():
    trace = simulate(
        Pace(128),
        lambda now, in_flight: Answer(0.05 + max(0.0, 0.5 - now / 6)),
        seconds=10,
    )
    assert trace.rate(5, 10) >= 0.97 * 128 / 0.05


# A server that refuses


@pytest.mark.parametrize(("wait", "share"), [(0.0, 0.9), (1.0, 0.8), (5.0, 0.65)])
def test_a_limit_of_requests_at_once_is_found_and_kept(wait, share):
    trace = simulate(Pace(16), refusing_above(5, 0.05, wait), seconds=120)
    assert trace.rate(20, 120) >= share * 5 / 0.05
    # It is risked again after ten waits, of a second at least. Until the refusal of the sixth
    # is known, another sixth may start for each of the five that are answered meanwhile.
    tries = 100 / (10 * max(wait, 1.0)) + 1
    assert trace.count("refused", 20, 120) <= 6 * tries


def test_a_limit_of_requests_a_second_is_mostly_used():
    trace = simulate(Pace(16), refusing_faster_than(100, 0.05, wait=1.0), seconds=60)
    assert 70 <= trace.rate(0, 60) <= 100


def test_with_the_cap_below_it_nothing_is_refused():
    pace = Pace(16, requests_per_second=90)
    trace = simulate(pace, refusing_faster_than(100, 0.05, wait=1.0), seconds=60)
    assert trace.count("refused", 0, 60) == 0
    assert trace.rate(0, 60) == pytest.approx(90, rel=0.01)


def test_a_pause_is_for_all_and_the_end_of_it_is_gentle():
    closed = always(Answer(0.01, "refused", 2.0))
    trace = simulate(Pace(16), changing(10, constant(0.05), closed, until=12.5), seconds=30)
    first = next(at for at, kind in trace.ends if kind == "refused")
    # After the pause one is refused again, two seconds later one is answered.
    again = [at for at in trace.starts if at > first]
    assert again[0] == pytest.approx(first + 2, abs=1e-6)
    assert again[1] == pytest.approx(again[0] + 0.01 + 2, abs=1e-6)
    began = again[1]
    volleys = [
        sum(began + n * 0.05 - 0.02 < at <= began + n * 0.05 + 0.03 for at in again)
        for n in range(4)
    ]
    assert volleys == [1, 2, 4, 8]


def test_a_short_trouble_leaves_no_trace():
    trouble = always(Answer(0.05, "refused", 1.0))
    trace = simulate(Pace(128), changing(10, constant(0.05), trouble, until=10.02), seconds=30)
    assert trace.rate(25, 30) >= 0.97 * 128 / 0.05


# A server that fails


@pytest.mark.parametrize(("most", "share"), [(16, 0.001), (16, 0.01), (128, 0.001)])
def test_odd_failures_cost_little(most, share):
    trace = simulate(Pace(most), failing_at_random(0.05, share), seconds=20)
    assert trace.in_flight(1, 20) >= 0.95 * most


def test_a_server_that_fails_every_time_gets_one_at_a_time():
    trace = simulate(Pace(128), failing_at_random(0.05, 1.0), seconds=5)
    assert set(trace.limits(1, 5)) == {1}


def test_after_an_outage_the_limit_is_back_soon():
    no_connection = always(Answer(0.001, "failed"))
    trace = simulate(Pace(16), changing(10, constant(0.05), no_connection, until=12), seconds=20)
    assert max(trace.limits(10.5, 12)) == 1
    # It rises by one a round, and a round takes one or two round trips.
    assert min(trace.limits(12 + 16 * 2 * 0.05, 20)) == 16


@pytest.mark.parametrize(("seconds", "limit"), [(39, 16), (69, 8), (99, 4)])
def test_requests_that_hang_halve_the_limit_once_a_time_out(seconds, limit):
    hanging = always(Answer(30.0, "failed"))
    trace = simulate(Pace(16), changing(10, constant(0.05), hanging), seconds=seconds)
    assert trace.levels[-1][2] == limit
