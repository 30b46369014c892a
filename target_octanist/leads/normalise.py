"""One value of a record to one value of a lead, for each kind of field.

A normaliser takes any value and gives a `Normal`: it never raises, and its own output
comes back unchanged. What a field counts as "no value" depends on the field: ``none`` is
an empty phone number, but it may be a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from target_octanist.leads import contact
from target_octanist.leads.amount import amount, cents
from target_octanist.leads.text import (
    EMPTY,
    Normal,
    clean_block,
    clean_line,
    cut_text,
    number_text,
    parse_number,
    plain_text,
)
from target_octanist.leads.urls import web_address
from target_octanist.leads.words import NO, NOTHING, PLACEHOLDERS, YES, fold_word

if TYPE_CHECKING:
    from target_octanist.leads.schema import Field

Normalise = Callable[[Any], Normal]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_NOTHING = max(map(len, NOTHING))
_STATUSES = {
    **dict.fromkeys(("qualified",), "qualified"),
    **dict.fromkeys(("won", "closed won", "closedwon"), "won"),
    **dict.fromkeys(("lost", "closed lost", "closedlost"), "lost"),
}
# The API cannot set it: a lead is open until it is something else.
_OPEN = ("open", "new")


def normaliser(
    field: Field,
    kind: str,
    *,
    phone_region: str | None = None,
    true_values: frozenset[str] | None = None,
    false_values: frozenset[str] | None = None,
    max_length: int | None = None,
    in_cents: bool = False,
) -> Normalise:
    """The function that reads values of this kind for this field.

    Args:
        field: The lead field; it decides the shape of the result.
        kind: How to read the source: the field's own kind, or another.
        phone_region: ISO country of phone numbers without a country code.
        true_values: The only words, folded by `fold_word`, that are true.
        false_values: Words that are false, folded; together with `true_values` the only ones.
        max_length: In characters; what is longer is cut.
        in_cents: Whether a number counts cents.
    """
    if kind == "email":
        read: Normalise = contact.email
    elif kind == "phone":
        read = _phone_in(phone_region)
    elif kind == "boolean":
        ordinary = true_values is None and false_values is None
        read = boolean if ordinary else _words(true_values, false_values)
        if field.kind != "boolean":
            read = _as_word(read)
    elif field.kind == "number":
        read = cents if in_cents else amount
    elif kind == "number":
        read = number
    elif kind == "status":
        read = status
    elif kind == "uuid":
        read = uuid
    elif kind == "url":
        read = _text(web_address, NOTHING)
    else:
        nothing = NOTHING if field.group in ("click", "campaign", "update") else PLACEHOLDERS
        block = field.group == "free"
        read = _text(clean_block if block else clean_line, nothing)
    return read if max_length is None else _cut(read, max_length)


def _text(clean: Callable[[str], str], nothing: frozenset[str]) -> Normalise:
    def read(value: Any) -> Normal:
        if not isinstance(value, str):
            value, rule = plain_text(value)
            if value is None:
                return None, rule
        text = clean(value)
        if not text or (len(text) <= _LONGEST_NOTHING and text.casefold() in nothing):
            return EMPTY
        return text, None

    return read


def _phone_in(region: str | None) -> Normalise:
    return lambda value: contact.phone(value, region)


def _word(value: Any) -> str | None:
    """A yes or a no as a folded word; None if it is empty, "?" if it is not a word."""
    text, rule = plain_text(value)
    if rule is not None:
        return "?"
    if text is None:
        return None
    text = clean_line(text)
    return None if not text or text.casefold() in NOTHING else fold_word(text) or "?"


def boolean(value: Any) -> Normal:
    """A real boolean. An unknown word is false: consent is never guessed."""
    if isinstance(value, bool):
        return value, None
    word = _word(value)
    if word is None:
        return EMPTY
    if word in YES:
        return True, None
    return False, None if word in NO else "unknown_word"


def _words(yes: frozenset[str] | None, no: frozenset[str] | None) -> Normalise:
    def read(value: Any) -> Normal:
        word = _word(value)
        if word is None:
            return EMPTY
        if no is not None and word in no:
            return False, None
        if yes is None:
            return boolean(value)
        if word in yes:
            return True, None
        return False, None if no is None else "unknown_word"

    return read


def _as_word(read: Normalise) -> Normalise:
    def as_word(value: Any) -> Normal:
        flag, rule = read(value)
        return EMPTY if flag is None else (("true" if flag else "false"), rule)

    return as_word


def number(value: Any) -> Normal:
    """The exact number as text; see `parse_number` for the ways to write one."""
    text, rule = plain_text(value)
    if rule is not None:
        return None, "invalid_number"
    if text is None or not text.strip() or text.strip().casefold() in NOTHING:
        return EMPTY
    exact = None if isinstance(value, bool) else parse_number(text)
    return (None, "invalid_number") if exact is None else (number_text(exact), None)


def uuid(value: Any) -> Normal:
    """A UUID in its usual form, lower case."""
    text, rule = plain_text(value)
    if rule is not None:
        return None, "invalid_uuid"
    if text is None:
        return EMPTY
    text = clean_line(text).lower()
    if not text or text.casefold() in NOTHING:
        return EMPTY
    return (text, None) if _UUID.fullmatch(text) else (None, "invalid_uuid")


def status(value: Any) -> Normal:
    """``qualified``, ``won`` or ``lost``, in any case."""
    text, rule = plain_text(value)
    if rule is not None:
        return None, "invalid_status"
    if text is None:
        return EMPTY
    word = fold_word(clean_line(text))
    if not word or word in NOTHING:
        return EMPTY
    if word in _OPEN:
        return None, "open_status"
    found = _STATUSES.get(word)
    return (None, "invalid_status") if found is None else (found, None)


def _cut(read: Normalise, max_length: int) -> Normalise:
    def cut(value: Any) -> Normal:
        text, rule = read(value)
        if isinstance(text, str) and len(text) > max_length:
            # What is left may be a word that stands for nothing.
            return read(cut_text(text, max_length))[0], "too_long"
        return text, rule

    return cut
