"""Text and numbers: what any value of a record becomes before it is anything else.

Every function here is total (it takes any value and never raises) and idempotent
(its own output comes back unchanged).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from html.entities import html5
from typing import Any
from uuid import UUID

Normal = tuple[Any, "str | None"]
"""A value and a rule: ``(value, None)`` is fine, ``(None, None)`` is empty, ``(None, rule)``
is invalid and ``(value, rule)`` is a value with something to say about it."""

EMPTY: Normal = (None, None)

OBJECT = (dict, Mapping)
"""What a JSON object is in Python; to ask for the abstract class alone takes ten times as long."""

# C0 and C1 controls except line ends and tabs, lone surrogates (they are not text and
# cannot be sent as UTF-8), the byte order mark and the zero-width space.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\ufeff\ud800-\udfff]+")
_LINE_END = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_LINE_ENDS = re.compile("[ \t]*(?:[\n\r\v\f\x85\u2028\u2029]+[ \t]*)+")
# With its semicolon, so that `AT&T;` may be one but `?a=1&copy=2` is not.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Beyond this a number without exponent was not written by a person.
_MAX_DIGITS = 400


def is_empty(value: object) -> bool:
    """Whether a raw value says nothing; False and 0 do say something."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, (list, dict, tuple)) and not value)


def clean_line(text: str) -> str:
    """One line: NFC, no control characters, line ends to spaces, entities decoded."""
    # Out of nearly every text nothing has to be taken.
    if text.isprintable() and "&" not in text:
        return _tidy(text)
    return _settle(text, one_line=True)


def clean_block(text: str) -> str:
    """As `clean_line`, but line ends stay, as line feeds."""
    if "&" not in text and text.replace("\n", "").isprintable():
        return _tidy(text)
    return _settle(text, one_line=False)


def clean_url(text: str) -> str:
    """As `clean_line`, but of the entities only ``&amp;``: a query may hold the others."""
    if text.isprintable() and "&amp;" not in text:
        return _tidy(text)
    text = _settle(text, one_line=True, entities=False)
    while "&amp;" in text:
        text = text.replace("&amp;", "&")
    return text


def _tidy(text: str) -> str:
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _settle(text: str, *, one_line: bool, entities: bool = True) -> str:
    # Each pass can make work for the next (`&amp;amp;`, or an entity with a control
    # character inside), and stopping early would make the result depend on how often a
    # value went through here. It ends, because nothing but NFC ever makes text longer.
    while True:
        last = text
        if entities and "&" in text:
            text = _ENTITY.sub(_decode, text)
        text = unicodedata.normalize("NFC", _DROPPED.sub("", text))
        text = _LINE_ENDS.sub(" ", text) if one_line else _LINE_END.sub("\n", text)
        text = text.replace("\t", " ").strip()
        if text == last:
            return text


def _decode(match: re.Match[str]) -> str:
    entity = match.group()
    if entity[1] == "#" or entity[1:] in html5:
        return html.unescape(entity)
    return entity


def number_text(number: float | Decimal) -> str | None:
    """The exact number as text, without exponent and idle zeros; None if it is not finite.

    ``50001.0`` and ``Decimal("50001")`` are both ``50001``.
    """
    if isinstance(number, int):
        return str(int(number)) if number.bit_length() < _MAX_DIGITS * 3 else None
    # repr is the shortest text that means this float, which is what the source wrote.
    exact = Decimal(repr(float(number))) if isinstance(number, float) else number
    if not exact.is_finite():
        return None
    if not exact:
        return "0"
    if abs(exact.adjusted()) > _MAX_DIGITS:
        return None
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_lost_number(value: object) -> bool:
    """Whether this is a number that no text can stand for."""
    return (
        isinstance(value, (int, float, Decimal))
        and not isinstance(value, bool)
        and number_text(value) is None
    )


_JOINER = "\u200d"
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")
_ALWAYS_JOINED = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")


def cut_text(text: str, length: int) -> str:
    """At most this many characters, without cutting what is seen as one: é, 👩‍💻, 🇳🇱."""
    if len(text) <= length:
        return text
    end = length
    while end and _joins(text, end):
        end -= 1
    # One sign that is longer than all the room there is comes to its beginning.
    return text[: end or length].rstrip()


def _joins(text: str, at: int) -> bool:
    """Whether the characters before and after this position belong together."""
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or _ALWAYS_JOINED.match(after):
        return True
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    # Flags are pairs of letters, counted from where the flags begin.
    flags = _FLAG_LETTERS.search(text[:at]) if _FLAG_LETTERS.match(after) else None
    return flags is not None and len(flags.group()) % 2 == 1


def plain_text(value: object) -> Normal:
    """Any value as text, not yet cleaned: lists joined with ``, ``, objects invalid."""
    if value is None:
        return EMPTY
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    if isinstance(value, (int, float, Decimal)):
        return number_text(value), None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat(), None
    if isinstance(value, UUID):
        return str(value), None
    if isinstance(value, (list, tuple)):
        return _joined(value)
    return None, "invalid_text"


def _joined(values: list[Any] | tuple[Any, ...]) -> Normal:
    parts: list[str] = []
    # Forms send one level of lists; a list in a list was not typed by a person.
    for value in values:
        if isinstance(value, (list, tuple)):
            return None, "invalid_text"
        text, rule = plain_text(value)
        if rule is not None:
            return None, rule
        if text is not None and not is_empty(text):
            parts.append(text.strip())
    return (", ".join(parts) or None), None


def parse_number(value: object) -> Decimal | None:
    """A number from a number or from text as people write it: ``€ 1.250,50``, ``1,250.5``.

    The last of two different separators is the decimal one. A separator that occurs more
    than once separates thousands. A lone dot is a decimal point, and so is a lone comma
    unless exactly three digits follow it. None if it is not a number.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        text = number_text(value)
        return None if text is None else Decimal(text)
    if not isinstance(value, str):
        return None
    match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", value).strip())
    if match is None:
        return None
    sign, digits = match["sign"], _SPACING.sub("", match["digits"])
    dots, commas = digits.count("."), digits.count(",")
    if dots and commas:
        decimal = max(".,", key=digits.rfind)
    elif dots == 1:
        decimal = "."
    elif commas == 1 and len(digits) - digits.index(",") != _THOUSANDS_TAIL:
        decimal = ","
    else:
        decimal = ""
    if decimal and digits.count(decimal) > 1:
        return None
    whole, _, part = digits.rpartition(decimal) if decimal else (digits, "", "")
    whole = whole.replace(".", "").replace(",", "")
    return Decimal(f"{'-' if sign == '-' else ''}{whole or '0'}.{part or '0'}")


_NUMBER = re.compile(
    r"(?:[€$£¥]|[A-Z]{3})?\s*(?P<sign>[-+]?)\s*(?:[€$£¥]|[A-Z]{3})?\s*"
    r"(?P<digits>[.,]?[0-9](?:[0-9.,'’ _]{0,60}[0-9])?)\s*(?:[€$£¥%]|[A-Z]{3})?"
    r"(?:,-|,--|\.-)?"
)
_SPACING = re.compile(r"['’ _]")
_THOUSANDS_TAIL = 4  # a comma and three digits
