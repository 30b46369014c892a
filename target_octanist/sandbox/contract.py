"""What the API accepts: keys, types and rules for request bodies. Pure: no I/O, no clock.

The sandbox is stricter than anybody knows the API to be: where the documentation is silent
(null, empty strings, unknown keys) it refuses, so that a client which relies on luck finds out.
"""

from __future__ import annotations

import json
import re
from math import inf
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Contract = Literal["full", "legacy"]

IDENTITY = ("name", "email", "phone")
PAGE = ("website", "path")
CLICK_IDS = (
    "gclid",
    "dclid",
    "wbraid",
    "gbraid",
    "fbc",
    "fbp",
    "ga4cid",
    "ga4sid",
    "li_fat_id",
    "msclkid",
    "ttclid",
    "twclid",
    "rdt_cid",
    "sccid",
    "epik",
)
CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign")
CONSENT = ("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage")

ATTRIBUTION = (*PAGE, *CLICK_IDS, *CAMPAIGN, *CONSENT)
"""What a pixel session owns: in a request with a sessionId these are ignored."""

CREATE_KEYS = (*IDENTITY, "custom", "note", "sessionId", *ATTRIBUTION)
_NOT_LEGACY = frozenset({"sessionId", "dclid", "wbraid", "gbraid", "epik"})
_KEYS: dict[Contract, frozenset[str]] = {
    "full": frozenset(CREATE_KEYS),
    "legacy": frozenset(CREATE_KEYS) - _NOT_LEGACY,
}
_REQUIRED_ONE_OF = (*IDENTITY, "custom")
_CONSENT = frozenset(CONSENT)

MATCH_KEYS = ("id", "email", "phone")
"""How an update names its lead, in order of priority."""
SETTABLE_STATUS = ("qualified", "won", "lost")
_UPDATE_KEYS = frozenset({*MATCH_KEYS, "status", "changedTo", "value", "note", "lossReason"})

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


class ApiError(Exception):
    """An answer that is an error: HTTP status, code of the contract, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep the three parts of the answer."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> ApiError:
    """Build the 400 that says what is wrong with a request."""
    return ApiError(400, "VALIDATION_ERROR", message)


def read_object(content_type: str, body: bytes) -> dict[str, object]:
    """Parse a request body that must be a JSON object sent as ``application/json``."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise invalid("Content-Type must be application/json")
    try:
        payload = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("Request body is not valid JSON") from None
    if not isinstance(payload, dict):
        raise invalid("Request body must be a JSON object")
    return payload


def check_create(payload: Mapping[str, object], contract: Contract) -> None:
    """Refuse a new lead that is not within the contract; says which key and why."""
    known = _KEYS[contract]
    for key, value in payload.items():
        if key not in known:
            raise invalid(f"Unknown field: {key}")
        if value is None:
            raise invalid(f"{key} must not be null")
        if value == "":
            raise invalid(f"{key} must not be empty")
        if key in _CONSENT:
            if not isinstance(value, bool | str):
                raise invalid(f"{key} must be a boolean or a string")
        elif key == "custom":
            if not isinstance(value, str | dict | list):
                raise invalid("custom must be a string, an object or an array")
        elif not isinstance(value, str):
            raise invalid(f"{key} must be a string")
    if not any(key in payload for key in _REQUIRED_ONE_OF):
        raise invalid("At least one of name, email, phone or custom is required")


def stored_fields(
    payload: Mapping[str, object], session: Mapping[str, object] | None
) -> dict[str, object]:
    """Turn an accepted payload into what is stored: attribution settled, custom as text.

    ``session`` is the attribution of the linked pixel session, or None where there is no link.
    """
    fields = dict(payload)
    if session is not None:
        for key in ATTRIBUTION:
            fields.pop(key, None)
        fields.update(session)
    custom = fields.get("custom")
    if custom is not None and not isinstance(custom, str):
        fields["custom"] = json.dumps(custom, ensure_ascii=False, separators=(",", ":"))
    for key in CONSENT:
        fields[key] = is_granted(fields.get(key, False))
    return fields


def is_granted(value: object) -> bool:
    """Read a consent value: the boolean, or the text "true" in any case. All else is a denial."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID in its usual 8-4-4-4-12 form."""
    return _UUID.fullmatch(text) is not None


def check_session(session_id: object, attribution: Mapping[str, object]) -> str:
    """Check a pixel session that is to be registered; returns its id. ValueError says why not."""
    if not isinstance(session_id, str) or not is_uuid(session_id):
        msg = "sessionId must be a UUID"
        raise ValueError(msg)
    for key, value in attribution.items():
        if key not in ATTRIBUTION:
            msg = f"{key} is not an attribution field"
            raise ValueError(msg)
        if not (isinstance(value, str) or (key in _CONSENT and isinstance(value, bool))):
            msg = f"{key} has the wrong type"
            raise ValueError(msg)
    return session_id.lower()


class Update:
    """A checked update: how the lead is named, and what changes."""

    def __init__(self, payload: Mapping[str, object], *, value_required: bool) -> None:
        """Check ``payload``; ``value_required``: older servers want it with won and qualified."""
        for key, value in payload.items():
            if key not in _UPDATE_KEYS:
                raise invalid(f"Unknown field: {key}")
            if value is None or value == "":
                raise invalid(f"{key} must not be null or empty")
            if key != "value" and not isinstance(value, str):
                raise invalid(f"{key} must be a string")
        match_key = next((key for key in MATCH_KEYS if key in payload), None)
        if match_key is None:
            raise invalid("One of id, email or phone is required")
        self.match_key = match_key
        self.match_value = str(payload[match_key])
        self.changes = _changes(payload)
        status = self.changes.get("status")
        if not self.changes:
            raise invalid("Nothing to update: give status, value, note or lossReason")
        if value_required and status in {"won", "qualified"} and "value" not in self.changes:
            raise invalid(f"value is required with status {status}")
        if "lossReason" in self.changes and status not in {None, "lost"}:
            raise invalid("lossReason is only allowed with status lost")


def _changes(payload: Mapping[str, object]) -> dict[str, object]:
    status = payload.get("status", payload.get("changedTo"))
    if payload.get("changedTo", status) != status:
        raise invalid("status and changedTo differ; changedTo is only an alias")
    changes: dict[str, object] = {}
    if status is not None:
        if status not in SETTABLE_STATUS:
            raise invalid(f"status must be one of {', '.join(SETTABLE_STATUS)}")
        changes["status"] = status
    if "value" in payload:
        changes["value"] = read_number(payload["value"])
    changes.update({key: payload[key] for key in ("note", "lossReason") if key in payload})
    return changes


def read_number(value: object) -> int | float:
    """Read a number or a numeric text (``12``, ``-3.50``); anything else is a 400."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf:
        return value
    raise invalid("value must be a number or a numeric string")


def _no_constant(name: str) -> object:
    # Python reads NaN and Infinity, which are not JSON.
    raise ValueError(name)
