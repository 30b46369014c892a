"""STATE may never be ahead of what is settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.budget import ErrorBudget
from target_octanist.delivery.frontier import Frontier


@given(st.integers(1, 60).flatmap(lambda n: st.permutations(range(1, n + 1))))
def test_the_frontier_is_the_longest_settled_run(order):
    frontier, settled = Frontier(), set()
    for number in order:
        frontier.settle(number)
        frontier.settle(number)
        settled.add(number)
        expected = next(n for n in range(len(order) + 1) if n + 1 not in settled)
        assert frontier.settled_through == expected


def test_the_budget_says_nothing_before_twenty_records():
    budget = ErrorBudget(10)
    assert not any(budget.count(rejected=True) for _ in range(19))
    assert budget.count(rejected=True)


def test_the_budget_is_exceeded_by_more_than_the_share_and_not_by_the_share():
    budget = ErrorBudget(10)
    outcomes = [n % 10 == 0 for n in range(1, 101)]
    assert not any(budget.count(rejected=rejected) for rejected in outcomes)
    assert budget.count(rejected=True)


def test_a_budget_of_a_hundred_percent_is_never_exceeded():
    budget = ErrorBudget(100)
    assert not any(budget.count(rejected=True) for _ in range(100))
