"""Amounts of money: exact, and never guessed.

A value a thousand times too high is worse than none, so text counts only where it can be
read in one way.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

from target_octanist.leads.text import EMPTY, Normal, number_text, plain_text
from target_octanist.leads.words import NOTHING

# As programs write it: a lone dot is a decimal point.
_PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_CURRENCY = r"(?:[€$£¥]|[A-Z]{3})?"
# As people write it: with thousands in groups of three, and a currency before or behind.
_WRITTEN = re.compile(
    rf"{_CURRENCY}\s*(?P<sign>[-+]?)\s*{_CURRENCY}\s*"
    r"(?P<whole>[1-9][0-9]{0,2}(?P<between>[.,'’ ])[0-9]{3}(?:(?P=between)[0-9]{3})*|[0-9]+)"
    rf"(?:(?P<point>[.,])(?P<part>[0-9]+|--?))?\s*{_CURRENCY}"
)
_WITH_ONE_SEPARATOR = 2
_LONGEST = 500


def amount(value: Any) -> Normal:
    """The exact number: from a number, or from text that can be read in one way.

    ``1250.5``, ``1.250,50``, ``1,250,000``, ``€ 1 250`` and ``12,-`` are clear. ``1,250`` is
    not: it may be 1250, or 1.25 with a nought.
    """
    if isinstance(value, (bool, list, tuple)):
        return None, "invalid_number"
    text, rule = plain_text(value)
    if rule is not None:
        return None, "invalid_number"
    if text is None:
        return EMPTY
    text = unicodedata.normalize("NFKC", text).strip()
    if not text or text.casefold() in NOTHING:
        return EMPTY
    if len(text) > _LONGEST:
        return None, "invalid_number"
    if _PLAIN.fullmatch(text):
        return _finite(Decimal(text))
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None, "invalid_number"
    between, point = written["between"], written["point"]
    groups = written["whole"].split(between) if between else [written["whole"]]
    if between and between == point:
        return None, "invalid_number"
    # A lone dot or comma before three digits separates thousands, or decimals.
    if between in (".", ",") and point is None and len(groups) == _WITH_ONE_SEPARATOR:
        return None, "unclear_number"
    part = (written["part"] or "").strip("-")
    return _finite(Decimal(f"{written['sign']}{''.join(groups)}.{part or 0}"))


def cents(value: Any) -> Normal:
    """As `amount`, of a number that counts cents: 45678 is 456.78."""
    exact, rule = amount(value)
    if exact is None:
        return None, rule
    # Not by arithmetic, which would round to the digits that a context has.
    sign, digits, exponent = exact.as_tuple()
    return _finite(Decimal((sign, digits, exponent - 2)))


def _finite(number: Decimal) -> Normal:
    text = number_text(number)
    return (None, "lost_number") if text is None else (Decimal(text), None)
