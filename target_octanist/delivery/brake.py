"""Does a run change more leads than somebody can have meant? It then sends none of it.

A changed stage map can update every lead again, and each status fires a
conversion. So changes of what was told before are held until all of them are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_octanist.errors import OctanistError
from target_octanist.ledger.changes import Holding
from target_octanist.ledger.journal import now_ms

if TYPE_CHECKING:
    from target_octanist.delivery.job import Candidate

#: A share of fewer leads than this says nothing.
LEAST: Final = 20


class Brake:
    """Holds changes of what was told before; it belongs to the dispatcher.

    Attributes:
        is_on: Whether changes are still to be held.
        most: How many leads may be updated again.
    """

    def __init__(self, max_changes: str, known: int) -> None:
        """Put it on.

        Args:
            max_changes: The setting: a number, or a share such as ``20%``.
            known: Of how many records a change was delivered before.
        """
        self._setting = max_changes
        self._known = known
        number = int(max_changes.rstrip("%"))
        self.most = max(number * known // 100, LEAST) if max_changes.endswith("%") else number
        self._held: dict[str, Candidate] = {}
        self._began = now_ms()
        self.is_on = True
        self._leads: set[str] = set()

    @classmethod
    def off(cls) -> Brake:
        """Give one that holds nothing."""
        brake = cls("0", 0)
        brake.is_on = False
        return brake

    @property
    def holding(self) -> Holding | None:
        """What the journal is to hold, of what was told before this run began."""
        return Holding(self._leads, self._began) if self.is_on else None

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_broken(self) -> bool:
        """Whether more is held than may be changed."""
        return len(self._held) > self.most

    def hold(self, candidate: Candidate, lead: str | None) -> Candidate | None:
        """Hold a change; gives an older one of the same record, which is not to be sent."""
        source = candidate.claim.source
        older = self.drop(source)
        self._held[source] = candidate
        if lead is not None:
            self._leads.add(lead)
        return older

    def drop(self, source: str) -> Candidate | None:
        """Give back what is held of a record, if anything is: it is not to be sent."""
        return self._held.pop(source, None)

    def release(self) -> list[Candidate]:
        """Take it off: all may go out, in the order in which they came."""
        self.is_on = False
        held, self._held = list(self._held.values()), {}
        return held

    def stopped(self) -> OctanistError:
        """Say why the run ends."""
        return OctanistError(
            f"max_changes: this run would change more than {self.most:,} of the "
            f"{self._known:,} leads whose outcome was already sent (max_changes is "
            f"{self._setting}), so it stopped and updated none of them again. Was a stage map "
            "changed? Look with `octanist preview`; if it is meant, set max_changes higher for "
            "one run.",
            error_id="changes-over-limit",
        )
