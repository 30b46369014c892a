"""What is decided about an outcome."""

from __future__ import annotations

import pytest

from target_octanist.delivery.outcome import Kind, Outcome
from target_octanist.delivery.policy import (
    MAX_BACKOFF_SECONDS,
    MAX_SECONDS_PER_LEAD,
    Ask,
    GiveUp,
    Policy,
    SendAgain,
    Settle,
    Stop,
)
from target_octanist.ledger.tables import State


def policy(on_unknown="reconcile", max_attempts=3):
    return Policy(max_attempts, on_unknown, jitter=lambda ceiling: ceiling)


def decide(kind, *, attempts=1, elapsed=0.0, wait=0.0, **options):
    outcome = Outcome(kind, "why", wait_seconds=wait)
    return policy(**options).decide(outcome, attempts=attempts, elapsed=elapsed)


@pytest.mark.parametrize(
    ("kind", "decision"),
    [
        (Kind.DELIVERED, Settle(State.DELIVERED)),
        (Kind.FILTERED, Settle(State.FILTERED)),
        (Kind.REJECTED, Settle(State.REJECTED)),
        (Kind.DENIED, Stop()),
        (Kind.RETRY, SendAgain(0.5, is_attempt=True)),
    ],
)
def test_what_is_known_is_settled_and_what_was_not_sent_is_sent_again(kind, decision):
    assert decide(kind) == decision


def test_what_may_be_stored_is_never_sent_again_by_itself():
    assert decide(Kind.UNKNOWN, on_unknown="reconcile") == Ask()
    assert decide(Kind.UNKNOWN, on_unknown="hold") == Settle(State.IN_DOUBT)


def test_what_may_be_stored_is_sent_again_only_where_the_user_asked_for_it():
    again = decide(Kind.UNKNOWN, on_unknown="resend")
    assert again == SendAgain(0.5, is_attempt=True)
    assert decide(Kind.UNKNOWN, on_unknown="resend", attempts=3) == Settle(State.IN_DOUBT)


def test_attempts_are_bounded():
    assert isinstance(decide(Kind.RETRY, attempts=2), SendAgain)
    assert decide(Kind.RETRY, attempts=3) == GiveUp()


def test_time_is_bounded():
    assert decide(Kind.RETRY, elapsed=MAX_SECONDS_PER_LEAD + 1) == GiveUp()
    assert decide(Kind.THROTTLED, elapsed=MAX_SECONDS_PER_LEAD, wait=1.0) == GiveUp()


def test_a_wait_for_throttling_is_no_attempt():
    assert decide(Kind.THROTTLED, attempts=99, wait=7.0) == SendAgain(7.0, is_attempt=False)


def test_the_backoff_doubles_up_to_a_ceiling():
    waits = [policy().backoff_seconds(n) for n in range(1, 12)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(waits) == MAX_BACKOFF_SECONDS


def test_the_jitter_is_full():
    waits = {Policy(8, "hold").backoff_seconds(5) for _ in range(50)}
    assert all(0 <= wait <= 8 for wait in waits)
    assert len(waits) > 40
