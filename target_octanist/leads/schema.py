"""The fields of a lead, as the API names them.

One table, in the order of the contract. It decides the order of a payload's keys, what
may be mapped, and how the value of each field is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Contract = Literal["full", "legacy"]
Mode = Literal["create", "update", "upsert"]
MODES: tuple[Mode, ...] = get_args(Mode)
Kind = Literal["text", "email", "phone", "boolean", "url", "custom", "uuid", "number", "status"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the contract.

    Attributes:
        name: The key, spelled as the API wants it.
        group: What it belongs to: identity, free, session, page, click, campaign, consent
            or update.
        kind: How a source value is read.
        legacy: Whether the older contract of 25 keys has it too.
    """

    name: str
    group: str
    kind: Kind
    legacy: bool = True


def _table(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


_CLICK_IDS = (
    ("gclid", True),
    ("dclid", False),
    ("wbraid", False),
    ("gbraid", False),
    ("fbc", True),
    ("fbp", True),
    ("ga4cid", True),
    ("ga4sid", True),
    ("li_fat_id", True),
    ("msclkid", True),
    ("ttclid", True),
    ("twclid", True),
    ("rdt_cid", True),
    ("sccid", True),
    ("epik", False),
)

FIELDS: Mapping[str, Field] = _table(
    Field("name", "identity", "text"),
    Field("email", "identity", "email"),
    Field("phone", "identity", "phone"),
    Field("custom", "free", "custom"),
    Field("note", "free", "text"),
    Field("sessionId", "session", "uuid", legacy=False),
    Field("website", "page", "url"),
    Field("path", "page", "text"),
    *(Field(name, "click", "text", legacy) for name, legacy in _CLICK_IDS),
    Field("utm_source", "campaign", "text"),
    Field("utm_medium", "campaign", "text"),
    Field("utm_campaign", "campaign", "text"),
    Field("ad_storage", "consent", "boolean"),
    Field("ad_user_data", "consent", "boolean"),
    Field("ad_personalization", "consent", "boolean"),
    Field("analytics_storage", "consent", "boolean"),
)
"""The 30 keys of ``POST /leads``; the API documents no others."""

UPDATE_FIELDS: Mapping[str, Field] = _table(
    Field("id", "update", "text"),
    FIELDS["email"],
    FIELDS["phone"],
    Field("status", "update", "status"),
    Field("value", "update", "number"),
    FIELDS["note"],
    Field("lossReason", "update", "text"),
)
"""The keys of ``PATCH /leads``. The first three find the lead, the others change it."""

IDENTITY_KEYS = ("name", "email", "phone", "custom")
"""A lead needs at least one of these."""

MATCH_KEYS = ("id", "email", "phone")
"""A change is sent with one of these: the first of them that is there."""

CHANGE_KEYS = tuple(name for name in UPDATE_FIELDS if name not in MATCH_KEYS)
"""What a change may change."""

CONSENT_KEYS = tuple(field.name for field in FIELDS.values() if field.kind == "boolean")

CONSENT_SHORTHAND: Mapping[str, tuple[str, ...]] = {
    "analytics": ("analytics_storage",),
    "marketing": ("ad_storage", "ad_user_data", "ad_personalization"),
}
"""The two flags of the vendor's browser API, and the keys that each stands for."""


def contract_keys(contract: Contract, mode: Mode = "create") -> frozenset[str]:
    """The keys that the API of this contract accepts: of a new lead 30 of them, or 25."""
    fields = fields_of(mode).items()
    return frozenset(name for name, field in fields if contract == "full" or field.legacy)


def fields_of(mode: Mode) -> dict[str, Field]:
    """What a mapping may fill in this mode, in the order of the contract."""
    if mode == "update":
        return dict(UPDATE_FIELDS)
    return dict(FIELDS) if mode == "create" else {**FIELDS, **UPDATE_FIELDS}
