"""Says when the figures of a run are to be written down, so that a killed run leaves some."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from target_octanist.ledger.journal import now_ms
from target_octanist.reporting.figures import encode_figures

if TYPE_CHECKING:
    from target_octanist.reporting.figures import Figures
    from target_octanist.reporting.tally import Tally

#: They are written early, then ever less often, up to this.
_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 30.0


class Recorder:
    """Makes the figures of one run.

    Attributes:
        started_at: Milliseconds since 1970 UTC.
    """

    def __init__(self, tally: Tally, *, kind: str, dry_run: bool) -> None:
        self._tally = tally
        self._kind = kind
        self._dry_run = dry_run
        self.started_at = now_ms()
        self._wait = _FIRST_SECONDS
        self._due_at = time.monotonic() + self._wait

    def if_due(self) -> str | None:
        """Give the figures up to now as JSON, if it is time to keep them."""
        now = time.monotonic()
        if now < self._due_at:
            return None
        self._wait = min(2 * self._wait, _LONGEST_SECONDS)
        self._due_at = now + self._wait
        return encode_figures(self.figures())

    def figures(self, exit_code: int | None = None, failure: str | None = None) -> Figures:
        """Give the figures: up to now, or with an exit code those of the whole run."""
        return self._tally.figures(
            kind=self._kind,
            dry_run=self._dry_run,
            started_at=self.started_at,
            counted_at=now_ms(),
            exit_code=exit_code,
            failure=failure,
        )
