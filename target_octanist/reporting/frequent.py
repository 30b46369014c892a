"""Counts of free text, such as campaigns: bounded, and with nothing in it that names a person."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

#: How many values are counted separately, and how many are shown.
_MOST_VALUES: Final = 10_000
_SHOWN: Final = 20

_LONGEST: Final = 100

OTHER: Final = "(other)"
HIDDEN: Final = "(hidden)"
NONE: Final = "(none)"

#: An e-mail address, also as it stands in a link; 7 digits in a row; or 9 that are only
#: set apart the way that phone numbers are (a date has 8).
_PERSONAL: Final = re.compile(r"@|＠|%40|\d{7}|(?:\d[\s().\-–/]*){9}", re.IGNORECASE)


class FrequentValues:
    """Counts values, and gives the most frequent ones."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, value: object) -> None:
        """Count one; what may hold an address or a phone number is counted as hidden."""
        name = value[:_LONGEST] if isinstance(value, str) and value else NONE
        if name not in self._counts:
            if _PERSONAL.search(str(value)):
                name = HIDDEN
            elif len(self._counts) >= _MOST_VALUES:
                name = OTHER
        self._counts[name] += 1

    def most_common(self) -> list[tuple[str, int]]:
        """Give the most frequent values, most frequent first, and at the end all others as one."""
        counts = self._counts.copy()
        rest = counts.pop(OTHER, 0)
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        rest += sum(count for _, count in ranked[_SHOWN:])
        return ranked[:_SHOWN] + ([(OTHER, rest)] if rest else [])
