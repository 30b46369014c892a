"""What the values of a place look like: counts, and never a value."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from target_octanist.leads.paths import compile_path
from target_octanist.leads.schema import FIELDS
from target_octanist.leads.text import clean_line, plain_text
from target_octanist.leads.words import NO, NOTHING, YES, fold_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Looser than what a lead may have: a broken address still says what its column is for.
_EMAIL = re.compile(r"[^@]+@[^@]+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}")
_PHONE = re.compile(r"[0-9+() ./-]{5,25}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?", re.IGNORECASE)
# Nobody writes an id or an amount like this.
_SURE_PHONE = re.compile(r"(?:\+|00)[1-9][0-9 ().-]{6,20}|\(?0[1-9][0-9 ().-]{7,16}")
_MOST_NATIONAL_DIGITS = 11

CLICK_ID_LOOKS = {
    "gclid": re.compile(r"(?:EAIaIQob|Cj0KCQ|CjwKCA)[\w-]{8,}"),
    "fbclid": re.compile(r"(?:IwAR|IwY2xjaw|IwZXh0bg|PAZXh0bg|PAY2xjaw)[\w-]{6,}"),
    "fbp": re.compile(r"fb\.[0-9]\.[0-9]{13}\.[0-9]{5,}"),
    "fbc": re.compile(r"fb\.[0-9]\.[0-9]{10,13}\.[\w.-]{8,}"),
    "ga4cid": re.compile(r"GA1\.[0-9]\.[0-9]+\.[0-9]+"),
    "ttclid": re.compile(r"E\.C\.P\.[\w-]{10,}"),
    "twclid": re.compile(r"2-[0-9a-z]{20,}"),
}
"""The click ids that can be recognised by their form alone."""

_PARAMETERS = frozenset(
    name for name, one in FIELDS.items() if one.group in ("click", "campaign")
) | {"fbclid"}


@dataclass(slots=True)
class Evidence:
    """How many values of a place look like what.

    Attributes:
        filled: Values that say something.
        looks: Of these: email, phone, sure_phone, url, uuid, time, number, flag (true or
            false), word (a yes or a no), and click ids by their name.
        parameters: The query parameters that URLs have, as far as a lead can use them.
    """

    filled: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    parameters: Counter[str] = field(default_factory=Counter)

    def share(self, *looks: str) -> float:
        """How much of what is filled looks like one of these; 0 where nothing is filled."""
        return sum(self.looks[look] for look in looks) / self.filled if self.filled else 0.0


def examine(path: str, records: Iterable[Mapping[str, Any]]) -> Evidence:
    """Look at what a path reads."""
    read = compile_path(path).read
    evidence = Evidence()
    for record in records:
        _look_at(read(record), evidence)
    return evidence


def filled_rows(path: str, records: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The positions of the records in which a path reads something."""
    read = compile_path(path).read
    return frozenset(row for row, one in enumerate(records) if _text(_first(read(one))))


def _look_at(raw: Any, evidence: Evidence) -> None:
    value = _first(raw)
    text = _text(value)
    if not text:
        return
    evidence.filled += 1
    if isinstance(value, bool):
        evidence.looks["flag"] += 1
        return
    evidence.looks.update(_looks(text, is_text=isinstance(value, str)))
    if _URL.fullmatch(text) and "?" in text:
        evidence.parameters.update(_PARAMETERS.intersection(_query(text)))


def _first(value: Any) -> Any:
    return next(iter(value), None) if isinstance(value, list) else value


def _text(value: Any) -> str:
    text, _ = plain_text(value)
    text = clean_line(text) if text else ""
    return "" if text.casefold() in NOTHING else text


def _looks(text: str, *, is_text: bool) -> Iterable[str]:
    if not is_text or text.isdecimal():
        yield "number"
    folded = fold_word(text)
    if folded in YES or folded in NO:
        yield "word"
    if _URL.fullmatch(text):
        yield "url"
    elif _EMAIL.fullmatch(text):
        yield "email"
    elif _UUID.fullmatch(text):
        yield "uuid"
    elif _TIME.fullmatch(text):
        yield "time"
    elif not is_text:
        yield "phone"
    elif _PHONE.fullmatch(text):
        yield "phone"
        digits = sum(char.isdecimal() for char in text)
        if _SURE_PHONE.fullmatch(text) and (
            text.startswith(("+", "00")) or digits <= _MOST_NATIONAL_DIGITS
        ):
            yield "sure_phone"
    for name, pattern in CLICK_ID_LOOKS.items():
        if pattern.fullmatch(text):
            yield name
            return


def _query(url: str) -> set[str]:
    try:
        return {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
    except ValueError:
        return set()
