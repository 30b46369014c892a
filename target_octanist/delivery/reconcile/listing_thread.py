"""Fetches the API's list in a thread of its own, so that nothing waits for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from target_octanist.delivery.outcome import NoAnswer
from target_octanist.delivery.reconcile.listing import ListingFailed, compare_with_list
from target_octanist.delivery.reconcile.reconciler import Listed
from target_octanist.errors import describe_bug

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_octanist.delivery.reconcile.comparison import Comparison, Doubt
    from target_octanist.delivery.reconcile.listing import Lister


class ListingThread:
    """Makes one listing at a time.

    Attributes:
        is_busy: Whether one is under way, or what it brought is not settled yet: the
            next one must not ask about what this one has answered.
    """

    def __init__(self, lister: Lister, give: Callable[[Listed], None]) -> None:
        """Make one that is idle.

        Args:
            lister: The other side.
            give: Takes what a listing brought; called from its thread.
        """
        self._lister = lister
        self._give = give
        self.is_busy = False

    def start(self, doubts: list[Doubt]) -> None:
        """Start to look for some leads."""
        self.is_busy = True
        threading.Thread(target=self._list, args=(doubts,), name="listing", daemon=True).start()

    def _list(self, doubts: list[Doubt]) -> None:
        asked_at = time.time()
        found: list[Comparison] | ListingFailed
        try:
            found = compare_with_list(self._lister, doubts)
        except Exception as bug:  # noqa: BLE001 - the dispatcher waits for an answer
            found = ListingFailed(NoAnswer(describe_bug(bug)))
        self._give(Listed(asked_at, found))
