"""What the reader asks the journal: the same answers in whatever order and state things are."""

from __future__ import annotations

import random

import pytest

from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.settled import SettledRecords
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

FOR_GOOD = {State.DELIVERED, State.IN_DOUBT, State.DUPLICATE}
STATES = [State.DELIVERED, State.REJECTED, State.FILTERED, State.IN_DOUBT, State.DUPLICATE]


@pytest.fixture
def settled(ledger):
    journal = Journal.open(ledger)
    journal.begin_run("http://127.0.0.1/api", "", now=1)
    found = SettledRecords(ledger)
    yield journal, found
    found.close()
    journal.close()


def source(number):
    return f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}"


def claim(number):
    return Claim(source(number), "leads", (), 0, "0" * 32, "{}")


def deliver(journal, numbers):
    """Settle records in all ways, in the order of the numbers; every sixth is left in hand."""
    with journal.turn() as turn:
        turn.claim([claim(number) for number in numbers], now=1)
        turn.settle(
            [
                Settlement(source(number), STATES[number % 6])
                for number in numbers
                if number % 6 < len(STATES)
            ],
            now=1,
        )
    return {source(n) for n in numbers if n % 6 < len(STATES) and STATES[n % 6] in FOR_GOOD}


def test_there_is_nothing_to_ask_for_at_first(settled):
    journal, found = settled
    assert not found.any_yet()
    assert found.among([source(1)]) == set()
    deliver(journal, [0])
    assert found.any_yet()
    assert found.among([source(0), source(1)]) == {source(0)}


ORDERS = {
    "as it was": lambda numbers: numbers,
    "backwards": lambda numbers: numbers[::-1],
    "shuffled": lambda numbers: random.Random(1).sample(numbers, len(numbers)),
    "with new ones": lambda numbers: [n + 10**6 * (n % 5 == 0) for n in numbers],
    "twice": lambda numbers: [n for pair in zip(numbers, numbers, strict=True) for n in pair],
}


@pytest.mark.parametrize("width", [1, 7, 400])
@pytest.mark.parametrize("order", ORDERS)
def test_the_answer_does_not_depend_on_the_order(settled, order, width):
    journal, found = settled
    numbers = list(range(1000))
    good = deliver(journal, numbers)
    asked = ORDERS[order](numbers)
    for at in range(0, len(asked), width):
        block = [source(n) for n in asked[at : at + width]]
        assert found.among(block) == set(block) & good


def test_what_is_settled_meanwhile_is_seen(settled):
    journal, found = settled
    good: set[str] = set()
    for at in range(0, 1000, 50):
        good |= deliver(journal, list(range(at, at + 50)))
        block = [source(n) for n in range(at + 100)]
        assert found.among(block) == good


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_said_to_be_settled_one_by_one_is_so(settled, order):
    journal, found = settled
    numbers = list(range(1500))
    good = deliver(journal, numbers)
    asked = ORDERS[order](numbers)
    said = {source(n) for n in asked if found.is_next(source(n))}
    assert said <= good
    if order in {"as it was", "with new ones"} and found.keeps_order:
        known = good.intersection(map(source, asked))
        assert len(said) > 0.95 * len(known)
