"""Looks at the API's list in a thread of its own, so that nothing waits for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from target_octanist.delivery.inquiry import Looked
from target_octanist.delivery.lookup import ListingFailed, look_up
from target_octanist.delivery.outcome import NoAnswer
from target_octanist.errors import describe_bug

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_octanist.delivery.lookup import Lister
    from target_octanist.delivery.reconcile import Comparison, Doubt


class Looker:
    """Makes one look at a time.

    Attributes:
        is_busy: Whether a look is under way, or what it brought is not settled yet: the
            next one must not ask about what this one has answered.
    """

    def __init__(self, lister: Lister, give: Callable[[Looked], None]) -> None:
        """Make one that is idle.

        Args:
            lister: The other side.
            give: Takes what a look brought; called from that look's thread.
        """
        self._lister = lister
        self._give = give
        self.is_busy = False

    def look(self, doubts: list[Doubt]) -> None:
        """Start to look for some leads."""
        self.is_busy = True
        threading.Thread(target=self._look, args=(doubts,), name="lookup", daemon=True).start()

    def _look(self, doubts: list[Doubt]) -> None:
        asked_at = time.time()
        found: list[Comparison] | ListingFailed
        try:
            found = look_up(self._lister, doubts)
        except Exception as bug:  # noqa: BLE001 - the dispatcher waits for an answer
            found = ListingFailed(NoAnswer(describe_bug(bug)))
        self._give(Looked(asked_at, found))
