"""Python's garbage collector, which costs a command more than it gives."""

from __future__ import annotations

import atexit
import gc
from typing import Final

#: Allocations before the collector runs.
_NEW_OBJECTS: Final = 10_000


def spare_collector() -> None:
    """Let the collector look less often, and not at all at the end of the process.

    It frees what refers to itself in a circle, of which there is little here. But libraries
    are a hundred thousand objects that stay: it looks at them again and again while they are
    imported, and once more before the process ends, which takes longer than a short run.

    To be called first of all, by a command and never by a library: it holds for the process.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)


def keep_what_is_there() -> None:
    """Never look again at what is there by now; to be called when all that stays is loaded.

    Else the collector goes through it once in a while, and everything stands still meanwhile,
    for as long as a server takes to answer a few times.
    """
    gc.freeze()
