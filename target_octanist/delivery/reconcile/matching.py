"""Rows of the API's list by what they hold, so that a lead is compared with few of them.

A row is the *same* as a lead if it holds exactly what was sent. It *resembles* the lead if
it could be that after some tidying by the API.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from target_octanist.leads.schema import CONSENT_KEYS, IDENTITY_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Lead = Mapping[str, Any]

#: What a lead and a row that resembles it have in common, at least one of these.
Sign = tuple[object, ...]

#: Stands for a key that a row does not have at all.
_MISSING: Final = object()


class ListedRows:
    """The rows of a list; each is read once, however many leads are compared with them."""

    def __init__(self, rows: Iterable[Lead]) -> None:
        """Take the rows, each of which must have an ``id``."""
        self._marked: dict[tuple[str, object], list[Lead]] = defaultdict(list)
        self._signed: dict[Sign, list[str]] = defaultdict(list)
        for row in rows:
            for key in IDENTITY_KEYS:
                mark = _mark(key, row[key]) if key in row else _MISSING
                self._marked[key, mark].append(row)
            for sign in _signs(row):
                self._signed[sign].append(row["id"])

    def same_as(self, payload: Lead) -> list[str]:
        """Give the ids of the rows that are the same as a lead."""
        # They agree with it in each of these keys, or lack the key; the rarest value will do.
        candidates = (
            [self._marked.get((key, mark), []) for mark in (_mark(key, payload[key]), _MISSING)]
            for key in IDENTITY_KEYS
            if key in payload
        )
        fewest = min(candidates, key=lambda some: sum(map(len, some)), default=[])
        return [row["id"] for row in chain(*fewest) if is_same(payload, row)]

    def like(self, payload: Lead) -> dict[Sign, list[str]]:
        """Give the ids of the rows that resemble a lead, by what they have in common."""
        return {sign: self._signed[sign] for sign in _signs_like(payload) if sign in self._signed}


def is_same(payload: Lead, row: Lead) -> bool:
    """Say whether a row holds all that was sent, exactly.

    A key that the row does not have at all says nothing. With a sessionId the API takes
    attribution from the session, so those keys say nothing either.
    """
    asked = IDENTITY_KEYS if "sessionId" in payload else payload.keys()
    told = [key for key in asked if key in payload and key in row and key != "sessionId"]
    if not any(key in told for key in IDENTITY_KEYS):
        return False
    return all(_same_value(key, payload[key], row[key]) for key in told)


def _same_value(key: str, mine: object, theirs: object) -> bool:
    if key == "custom":
        return _custom(mine) == _custom(theirs)
    if key in CONSENT_KEYS:
        return _consent(mine) == _consent(theirs)
    return mine == theirs


def _custom(value: object) -> object:
    """Give custom as the value that its text stands for; the API returns it as text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _consent(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _mark(key: str, value: object) -> object:
    """Give what a value is looked up by: equal for all that are the same, and hashable."""
    value = _custom(value) if key == "custom" else value
    if isinstance(value, dict):
        # Only the outermost scalars: others may be as deep as a stranger likes.
        return frozenset(item for item in value.items() if not isinstance(item[1], dict | list))
    return None if isinstance(value, list) else value


def _signs(row: Lead) -> Iterator[Sign]:
    """Give the signs of a row."""
    name, email, phone = _loosely(row)
    if name:
        yield "name", name, bool(email), bool(phone)
    yield from _signs_beside_name(name, email, phone)


def _signs_like(payload: Lead) -> Iterator[Sign]:
    """Give the signs of all rows that resemble a lead.

    One address in common is enough. The name says something only where no address can be
    compared with one, and custom alone only where both have nothing else.
    """
    name, email, phone = _loosely(payload)
    if name:
        for has_email in {False, not email}:
            for has_phone in {False, not phone}:
                yield "name", name, has_email, has_phone
    yield from _signs_beside_name(name, email, phone)


def _signs_beside_name(name: str, email: str, phone: str) -> Iterator[Sign]:
    """Give the signs of which a row and a lead that resembles it have the very same."""
    if email:
        yield "email", email
    if phone:
        yield "phone", phone
    if not (name or email or phone):
        yield ("nameless",)


def _loosely(lead: Lead) -> tuple[str, str, str]:
    """Give name, e-mail address and phone number without what tidying may change."""
    # The last digits: a country code or a trunk zero may have come or gone.
    digits = re.sub(r"\D", "", _text(lead.get("phone")))[-8:]
    return _folded(lead.get("name")), _folded(lead.get("email")), digits


def _folded(value: object) -> str:
    return " ".join(_text(value).split()).casefold()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
