"""A command that is told to stop ends cleanly instead of in the middle."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def signals() -> Iterator[Callable[[], int | None]]:
    """Take SIGINT and SIGTERM until the end of the block.

    Yields:
        Tells the number of the first signal that came, or None.
    """
    came: list[int] = []

    def take(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - so it is called
        came.append(signum)

    before = {signum: signal.signal(signum, take) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came[0] if came else None
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
