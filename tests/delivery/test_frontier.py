"""STATE may never be ahead of what is settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.budget import ErrorBudget
from target_octanist.delivery.frontier import Frontier


@given(st.integers(1, 60).flatmap(lambda n: st.permutations(range(1, n + 1))))
def test_the_frontier_is_the_longest_settled_run(order):
    frontier, settled = Frontier(ErrorBudget(100)), set()
    for number in order:
        frontier.settle([(number, False)])
        frontier.settle([(number, False)])
        settled.add(number)
        expected = next(n for n in range(len(order) + 1) if n + 1 not in settled)
        assert frontier.settled_through == expected


@given(
    st.lists(st.booleans(), min_size=1, max_size=80).flatmap(
        lambda rejected: st.tuples(
            st.just(rejected), st.permutations(range(1, len(rejected) + 1)), st.integers(0, 50)
        )
    )
)
def test_the_budget_breaks_at_the_same_record_in_whatever_order_they_settle(case):
    rejected, order, percent = case
    in_order, shuffled = Frontier(ErrorBudget(percent)), Frontier(ErrorBudget(percent))
    for number in range(1, len(rejected) + 1):
        in_order.settle([(number, rejected[number - 1])])
    for number in order:
        shuffled.settle([(number, rejected[number - 1])])
    assert shuffled.settled_through == in_order.settled_through
    assert shuffled.is_broken == in_order.is_broken


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


@given(
    st.lists(st.integers(1, 30) | st.sampled_from([True, False])),
    st.integers(0, 100),
)
def test_many_at_once_come_to_what_one_after_the_other_does(steps, percent):
    """A number stands for so many good records at once, a truth value for a record that is (not) rejected."""
    many, single = Frontier(ErrorBudget(percent)), Frontier(ErrorBudget(percent))
    number = 1
    for step in steps:
        if step is True or step is False:
            many.settle([(number, step)])
            single.settle([(number, step)])
            number += 1
        else:
            many.settle_next(number, step)
            for one in range(number, number + step):
                single.settle([(one, False)])
            number += step
        assert many.settled_through == single.settled_through
        assert many.is_broken == single.is_broken
