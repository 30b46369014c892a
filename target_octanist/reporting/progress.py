"""Tells a person how far a run is: in a line on a terminal, else in the log now and then."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from target_octanist.reporting.outcomes import OUTCOMES
from target_octanist.reporting.summary import count, counts_sentence
from target_octanist.reporting.words import lasted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_octanist.reporting.live_line import LiveLine

logger = logging.getLogger("target-octanist")

_SECONDS_BETWEEN_DRAWINGS: Final = 0.25

#: A log is read later, by nobody who waits.
_SECONDS_BETWEEN_LOG_LINES: Final = 30.0

#: How far back to look for how fast things go.
_RECENT_SECONDS: Final = 30.0

_SEPARATOR: Final = " · "


class Part(NamedTuple):
    """A part of the line; those of the highest rank are the first to be left out."""

    text: str
    rank: int


_RANKS: Final = {"duplicate": 5, "filtered": 5, "rejected": 1, "in_doubt": 1}

#: Stands for the bar in the line, and is as long.
_BAR: Final = Part(" " * 12, 4)


class Snapshot(NamedTuple):
    """How far a run is.

    Attributes:
        outcomes: Outcome to number of settled records.
        recovered: Number of settled leads that an earlier run had left behind.
        accepted: Number of records that were read.
        in_flight: Number of requests under way.
        pace: How many may be under way just now.
    """

    outcomes: Mapping[str, int]
    recovered: int
    accepted: int
    in_flight: int
    pace: int

    @property
    def settled(self) -> int:
        """Number of records that have an outcome."""
        return sum(self.outcomes.values())


class Progress:
    """Shows how far a run is, as often as is of use; `close` ends it."""

    def __init__(
        self,
        stream: TextIO,
        *,
        noun: str = "record",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it; nothing is shown before the first `show` that is due.

        Args:
            stream: Where the log goes; a line is drawn on it if it is a terminal.
            noun: What the input consists of.
            clock: Gives seconds.
        """
        self._stream = stream
        self._noun = noun
        self._clock = clock
        self._is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._line: LiveLine | None = None
        self._expected = 0
        self._closed = False
        self._shown_at = float("-inf") if self._is_terminal else clock()
        self._logged: Snapshot | None = None
        self._history: deque[tuple[float, int]] = deque([(clock(), 0)])

    def expect(self, records: int) -> None:
        """Say how many records there are in all, or about; 0 if unknown."""
        self._expected = records

    def show(self, snapshot: Snapshot) -> None:
        """Show how far things are, if it is time to."""
        now = self._clock()
        every = _SECONDS_BETWEEN_DRAWINGS if self._is_terminal else _SECONDS_BETWEEN_LOG_LINES
        if self._closed or now - self._shown_at < every:
            return
        self._shown_at = now
        rate = self._rate(now, snapshot.settled)
        if self._is_terminal:
            self._draw(snapshot, rate)
        elif snapshot != self._logged:
            self._logged = snapshot
            logger.info("%s", self._sentence(snapshot, rate))

    def close(self) -> None:
        """Show nothing more, and leave no trace on the terminal."""
        self._closed = True
        if self._line is not None:
            self._line.close()
            self._line = None

    def _rate(self, now: float, settled: int) -> float:
        """Give the records that were settled a second, of late."""
        history = self._history
        history.append((now, settled))
        while history[1][0] <= now - _RECENT_SECONDS:
            history.popleft()
        since, before = history[0]
        return (settled - before) / (now - since) if now > since else 0.0

    def _seconds_left(self, settled: int, rate: float) -> float | None:
        if rate <= 0 or settled >= self._expected:
            return None
        return (self._expected - settled) / rate

    def _sentence(self, snapshot: Snapshot, rate: float) -> str:
        settled = snapshot.settled
        of = f" of about {self._expected:,}" if self._expected else ""
        left = self._seconds_left(settled, rate)
        ahead = f", about {lasted(left)} left" if left is not None else ""
        noun = self._noun if settled == 1 and not of else f"{self._noun}s"
        return (
            f"{settled:,}{of} {noun}: {counts_sentence(snapshot.outcomes)}; "
            f"{snapshot.in_flight} in flight, {rate:.0f} a second{ahead}."
        )

    def _draw(self, snapshot: Snapshot, rate: float) -> None:
        # It takes a while to load, which a pipe need not wait for.
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        from target_octanist.reporting.live_line import LiveLine

        if self._line is None:
            self._line = LiveLine(self._stream)
        width = self._line.width
        kept = fitting(self._parts(snapshot, rate), width)
        text = Text(_SEPARATOR.join(part.text for part in kept if part is not _BAR))
        text.highlight_regex(r"\d[\d,.]*", "bold")
        text.highlight_regex(r"[\d,]+ rejected", "red")
        text.highlight_regex(r"[\d,]+ in doubt", "yellow")
        text.truncate(width, overflow="ellipsis")
        if _BAR in kept:
            bar = ProgressBar(self._expected, snapshot.settled, width=len(_BAR.text))
            self._line.draw(bar, Text(_SEPARATOR) + text)
        else:
            self._line.draw(text)

    def _parts(self, snapshot: Snapshot, rate: float) -> list[Part]:
        of = f" of {self._expected:,}" if self._expected > snapshot.accepted else ""
        left = self._seconds_left(snapshot.settled, rate)
        delivered, *others = OUTCOMES
        parts = [
            *([_BAR] if self._expected else []),
            Part(f"{snapshot.accepted:,}{of} read", 2),
            Part(f"{snapshot.outcomes.get(delivered, 0):,} delivered", 0),
        ]
        parts += [
            Part(count(number, name), _RANKS[name])
            for name in others
            if (number := snapshot.outcomes.get(name, 0))
        ]
        if snapshot.recovered:
            parts.append(Part(f"{snapshot.recovered:,} of an earlier run", 6))
        parts.append(Part(f"{snapshot.in_flight} of {snapshot.pace} in flight", 8))
        parts.append(Part(f"{rate:.0f} a second", 7))
        if left is not None:
            parts.append(Part(f"{lasted(left)} left", 3))
        return parts


def fitting(parts: Sequence[Part], width: int) -> list[Part]:
    """Leave out parts until the others fit into a line; one always stays."""
    kept = list(parts)
    while len(kept) > 1 and len(_SEPARATOR.join(part.text for part in kept)) > width:
        kept.remove(max(kept, key=lambda part: part.rank))
    return kept
