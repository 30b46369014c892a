"""What stops a run.

Trouble with one record is a value, never an exception (see ``delivery/outcome.py``
and ``leads/problems.py``). What is here makes going on pointless::

    OctanistError
    ├── SettingsError      the configuration cannot be used
    ├── InputError         what came on stdin is not a Singer stream
    │   └── FileError      a file that is to be loaded cannot be read
    ├── LedgerError        the journal cannot be opened, read or written
    │   └── LedgerAway     not now: its database may come back
    └── RunStopped         the run was ended on purpose, with STATE behind the cause
        ├── Denied         the API, or something before it, refuses every lead
        ├── Unreachable    base_url cannot be reached
        └── BudgetExceeded too many leads were rejected

Each message is one sentence in the user's terms that says what, where and what to
do. It never holds a value of a record or the API key, so it is safe to print and log.
Each has an id, by which `catalogue` explains it at length.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from target_octanist.leads.problems import Problem

__all__ = [
    "BudgetExceeded",
    "Denied",
    "FileError",
    "InputError",
    "LedgerAway",
    "LedgerError",
    "OctanistError",
    "RunStopped",
    "SettingsError",
    "Unreachable",
    "describe_bug",
    "printable",
    "with_id",
]

#: A longer one is cut.
_LONGEST_SHOWN = 4000


class OctanistError(Exception):
    """The root of all that ends a run with exit code 1.

    Attributes:
        error_id: Its entry in the catalogue; a class has one for what is not told apart.
    """

    error_id = "command-refused"

    def __init__(self, message: str, *, error_id: str | None = None) -> None:
        super().__init__(message)
        self.error_id = error_id or self.error_id

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong, each mistake with its own id."""
        return (Problem(str(self), self.error_id),)


class SettingsError(OctanistError):
    """The configuration cannot be used; all mistakes are reported at once."""

    error_id = "settings-value"

    def __init__(
        self, problems: list[str] | tuple[str, ...], *, error_id: str | None = None
    ) -> None:
        """Take one sentence for each mistake; a `Problem` among them keeps its own id."""
        super().__init__("; ".join(problems), error_id=error_id)
        self._problems = tuple(
            one if isinstance(one, Problem) else Problem(one, self.error_id) for one in problems
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong, each mistake with its own id."""
        return self._problems


class InputError(OctanistError):
    """What came on stdin is not a Singer stream that can be used."""

    error_id = "input-line"


class FileError(InputError):
    """A file that is to be loaded cannot be read as a table."""

    error_id = "file-unreadable"


class LedgerError(OctanistError):
    """The journal cannot be opened, read or written."""

    error_id = "ledger-failed"


class LedgerAway(LedgerError):  # noqa: N818 - it names what happened
    """The journal's database is not there just now; it may come back."""

    error_id = "ledger-away"


class RunStopped(OctanistError):  # noqa: N818 - it names what happened
    """The run was ended on purpose; the STATE that was written is behind the cause."""


class Denied(RunStopped):
    """The API, or something before it, refuses every lead."""

    error_id = "api-denied"


class Unreachable(RunStopped):
    """``base_url`` cannot be reached."""

    error_id = "api-unreachable"


class BudgetExceeded(RunStopped):
    """More leads were rejected than ``max_rejected_percent`` allows."""

    error_id = "too-many-rejected"


def describe_bug(bug: BaseException) -> str:
    """Say what an unforeseen exception was and where, without its text.

    The text may quote a record or a setting, and this sentence is logged.
    """
    frames = traceback.extract_tb(bug.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"Internal failure ({type(bug).__name__}{where}); please report it with this line."


def with_id(problem: Problem) -> str:
    """Give a sentence for people, with its id at the end.

    What follows in further lines is an example to copy, which the id would spoil.
    """
    first, end, rest = printable(problem).partition("\n")
    return f"{first} ({problem.error_id}){end}{rest}"


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
