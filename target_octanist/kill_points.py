"""Named places at which a test may kill this process, to see what the next run makes of it.

They do nothing unless ``OCTANIST_KILL_AT`` names one when the first of them is reached:
``OCTANIST_KILL_AT=settle-committed:3`` ends the process as ``kill -9`` does, the third time
that it gets there.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a turn of the journal does; each also has a place ``…-committed`` after its commit.
IN_A_TURN: Final = (
    "take-over",
    "reopen",
    "settle",
    "not-stored",
    "claim",
    "sending",
    "release",
    "sign-off",
)

#: Around the turns: before a request goes out, when its answer is here, after a STATE line.
BETWEEN_TURNS: Final = ("request", "answer", "state")

KILL_POINTS: Final = (*IN_A_TURN, *(f"{name}-committed" for name in IN_A_TURN), *BETWEEN_TURNS)


def reached(name: str) -> None:
    """Say that a place was reached; does not return if that is where this process is to end."""
    _killer()(name)


@cache
def _killer() -> Callable[[str], None]:
    wanted = os.environ.get("OCTANIST_KILL_AT")
    if wanted is None:
        return lambda _: None
    place, _, number = wanted.partition(":")
    if place not in KILL_POINTS:
        message = f"OCTANIST_KILL_AT: there is no {place!r}; there are {', '.join(KILL_POINTS)}"
        raise ValueError(message)
    times = count(1)

    def kill_at(name: str) -> None:
        if name == place and next(times) == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return kill_at
