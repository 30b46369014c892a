"""Named places at which a test may kill this process, to see what the next run makes of it.

They do nothing unless ``OCTANIST_KILL_AT`` names one when the process starts:
``OCTANIST_KILL_AT=settle-committed:3`` ends it as ``kill -9`` does, the third time that
it gets there.
"""

from __future__ import annotations

import os
import signal
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


def _pass(name: str) -> None:
    """Go on: nobody wants this process dead."""


def _killer(wanted: str) -> Callable[[str], None]:
    place, _, number = wanted.partition(":")
    if place not in KILL_POINTS:
        message = f"OCTANIST_KILL_AT: there is no {place!r}; there are {', '.join(KILL_POINTS)}"
        raise ValueError(message)
    times = count(1)

    def kill_at(name: str) -> None:
        if name == place and next(times) == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return kill_at


#: To be called with the name of a place that was reached.
reached: Callable[[str], None] = (
    _killer(os.environ["OCTANIST_KILL_AT"]) if "OCTANIST_KILL_AT" in os.environ else _pass
)
