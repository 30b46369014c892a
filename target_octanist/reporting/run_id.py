"""The id of a run, by which its log, its row in the journal and its report are joined."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: People are shown this many of its digits.
SHOWN_DIGITS: Final = 8

_make_plain: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()

# The id that the log has already, and no run yet.
_waiting: list[str] = []


def begin_log() -> None:
    """Stamp what is logged from now on with the id of the run that is about to begin."""
    _waiting[:] = [_stamp(uuid.uuid4().hex)]


def new_run_id() -> str:
    """Give a run its id, 32 hexadecimal digits; every log record has it from now on."""
    return _waiting.pop() if _waiting else _stamp(uuid.uuid4().hex)


def shown(run: str) -> str:
    """Give an id as people are shown it."""
    return run[:SHOWN_DIGITS]


def _stamp(run: str) -> str:
    """Let every log record of this process, the framework's too, have the field ``run_id``."""

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = _make_plain(*args, **kwargs)
        record.run_id = run
        return record

    logging.setLogRecordFactory(make)
    return run
