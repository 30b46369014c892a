"""What stops a run.

Trouble with one record is a value, never an exception (see ``delivery/outcome.py``
and ``leads/problems.py``). What is here makes going on pointless::

    OctanistError
    ├── SettingsError      the configuration cannot be used
    ├── InputError         what came on stdin is not a Singer stream
    ├── LedgerError        the journal cannot be opened, read or written
    │   └── LedgerAway     not now: its database may come back
    └── RunStopped         the run was ended on purpose, with STATE behind the cause
        ├── Denied         the API, or something before it, refuses every lead
        ├── Unreachable    nothing answers at base_url
        └── BudgetExceeded too many leads were rejected

Each message is one sentence in the user's terms that says what, where and what to
do. It never holds a value of a record or the API key, so it is safe to print and log.
"""

from __future__ import annotations

import traceback
from pathlib import Path

__all__ = [
    "BudgetExceeded",
    "Denied",
    "InputError",
    "LedgerAway",
    "LedgerError",
    "OctanistError",
    "RunStopped",
    "SettingsError",
    "Unreachable",
    "describe_bug",
    "printable",
]

#: More of a sentence is no sentence.
_LONGEST_SHOWN = 4000


class OctanistError(Exception):
    """The root of all that ends a run with exit code 1."""


class SettingsError(OctanistError):
    """The configuration cannot be used.

    Attributes:
        problems: One sentence for each mistake; all are reported at once.
    """

    def __init__(self, problems: list[str] | tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class InputError(OctanistError):
    """What came on stdin is not a Singer stream that can be used."""


class LedgerError(OctanistError):
    """The journal cannot be opened, read or written."""


class LedgerAway(LedgerError):  # noqa: N818 - it names what happened
    """The journal's database is not there just now; it may come back."""


class RunStopped(OctanistError):  # noqa: N818 - it names what happened
    """The run was ended on purpose; the STATE that was written is behind the cause."""


class Denied(RunStopped):
    """The API, or something before it, refuses every lead."""


class Unreachable(RunStopped):
    """Nothing answers at ``base_url``."""


class BudgetExceeded(RunStopped):
    """More leads were rejected than ``max_rejected_percent`` allows."""


def describe_bug(bug: BaseException) -> str:
    """Say what an unforeseen exception was and where, without its text.

    The text may quote a record or a setting, and this sentence is logged.
    """
    frames = traceback.extract_tb(bug.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"Internal failure ({type(bug).__name__}{where}); please report it with this line."


def printable(name: str) -> str:
    """Give a name that came with the input so that it can be shown.

    What would move a cursor, turn the writing round or fill the screen is spelled out
    or cut. A line end stays: it does no more than a long line.
    """
    shown = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in name[:_LONGEST_SHOWN]
    )
    return shown + "…" if len(name) > _LONGEST_SHOWN else shown
