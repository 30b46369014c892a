"""What to do about an outcome: pure decisions, from an outcome and what was tried before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import backoff
from msgspec import Struct

from target_octanist.delivery.outcome import Kind, Outcome
from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_octanist.settings import OnUnknown

#: No lead is tried for longer than this, waits included.
MAX_SECONDS_PER_LEAD: Final = 900.0

FIRST_BACKOFF_SECONDS: Final = 0.5
MAX_BACKOFF_SECONDS: Final = 60.0


# Created once per request; a Struct is ten times cheaper than a dataclass.
class Settle(Struct, frozen=True, gc=False):
    """This is how the lead ended."""

    state: State


class SendAgain(Struct, frozen=True, gc=False):
    """The API surely did not store it; send it again after so many seconds."""

    wait_seconds: float
    is_attempt: bool


class Ask(Struct, frozen=True, gc=False):
    """It may be stored: ask the API before anything else."""


class GiveUp(Struct, frozen=True, gc=False):
    """It could not be delivered in the attempts or the time that it has."""


class Stop(Struct, frozen=True, gc=False):
    """Nothing more is sent in this run."""


Decision = Settle | SendAgain | Ask | GiveUp | Stop


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds within which a lead is tried.

    Attributes:
        max_attempts: Waits for throttling do not count.
        jitter: Gives a random part of a number of seconds; full jitter by default.
        look_after_seconds: How soon the API is asked about a lead without an answer, and
            how often.
        absent_after_seconds: A lead that is not in the API's list counts as not stored
            only if the list was asked for this long after its request was given up: the
            API may still have been at it.
    """

    max_attempts: int
    on_unknown: OnUnknown
    jitter: Callable[[float], float] = backoff.full_jitter
    look_after_seconds: float = 1.0
    absent_after_seconds: float = 5.0

    def decide(self, outcome: Outcome, *, attempts: int, elapsed: float) -> Decision:
        """Decide what becomes of a lead.

        Args:
            outcome: What its last request came to.
            attempts: How many requests counted as attempts, the last one included.
            elapsed: Seconds since its first request.
        """
        match outcome.kind:
            case Kind.DELIVERED:
                return Settle(State.DELIVERED)
            case Kind.KNOWN:
                return Settle(State.DUPLICATE)
            case Kind.FILTERED:
                return Settle(State.FILTERED)
            case Kind.REJECTED:
                return Settle(State.REJECTED)
            case Kind.DENIED:
                return Stop()
            case Kind.THROTTLED:
                # Where the server does not say how long, the pace decides.
                wait = outcome.wait_seconds or 0.0
                if elapsed + wait > MAX_SECONDS_PER_LEAD:
                    return GiveUp()
                return SendAgain(wait, is_attempt=False)
            case Kind.UNKNOWN if self.on_unknown == "reconcile":
                return Ask()
            case Kind.UNKNOWN if self.on_unknown == "hold":
                return Settle(State.IN_DOUBT)
            case Kind.UNKNOWN if attempts >= self.max_attempts:
                return Settle(State.IN_DOUBT)
            case Kind.RETRY if attempts >= self.max_attempts or elapsed > MAX_SECONDS_PER_LEAD:
                return GiveUp()
        return SendAgain(self.backoff_seconds(attempts), is_attempt=True)

    def after_asking(self, outcome: Outcome, *, attempts: int, elapsed: float) -> Decision:
        """Decide what becomes of a change after the API was asked if it was carried out.

        Args:
            outcome: What that came to, as `lead_search.carried_out` gives it.
            attempts: How many requests counted as attempts.
            elapsed: Seconds since its first request.
        """
        match outcome.kind:
            case Kind.DELIVERED:
                return Settle(State.DELIVERED)
            case Kind.REJECTED:
                return Settle(State.REJECTED)
            case Kind.RETRY if outcome.status is not None:
                return self.decide(outcome, attempts=attempts, elapsed=0.0)
            case Kind.FILTERED | Kind.DENIED:
                return Settle(State.IN_DOUBT)
            case _:
                return Ask() if elapsed <= MAX_SECONDS_PER_LEAD else Settle(State.IN_DOUBT)

    def backoff_seconds(self, attempts: int) -> float:
        """Give the wait after so many failed attempts: exponential, with full jitter."""
        ceiling = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempts - 1, 20))
        return self.jitter(ceiling)
