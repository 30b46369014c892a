"""What became of a lead: the part of a mapped record that one ``PATCH /leads`` carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.schema import CHANGE_KEYS, FIELDS, IDENTITY_KEYS, MATCH_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_octanist.leads.schema import Mode


@dataclass(frozen=True, slots=True)
class MappedChange:
    """What is to be changed, and which lead.

    Attributes:
        identifier: The name of the key that finds the lead, and its value. None where the
            record has none, and only its link can say which lead it is.
        fields: Of `CHANGE_KEYS` those to be sent, in the order of the contract.
    """

    identifier: tuple[str, str] | None
    fields: Mapping[str, Any]

    @property
    def status(self) -> str | None:
        """``qualified``, ``won`` or ``lost``, or None where the status stays as it is."""
        status: str | None = self.fields.get("status")
        return status

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to be sent: no error, and nobody's fault."""
        return not self.fields

    @property
    def payload(self) -> dict[str, Any]:
        """The body of the request, with one identifier, if there is any."""
        return dict([self.identifier] if self.identifier else []) | dict(self.fields)


def split(
    fields: Mapping[str, Any], mode: Mode
) -> tuple[dict[str, Any] | None, MappedChange | None]:
    """Take the mapped fields of a record apart: what makes a lead, and what changes one.

    In ``upsert`` a `note` is part of the new lead, and changes nothing. A record with an
    `id` makes none: its lead is there.

    Args:
        fields: As `LeadMapping.apply` gives them.
        mode: That of the mapping.

    Returns:
        The payload of the new lead, or None where none can be made; and the change, which
        is None in the mode ``create``.
    """
    if mode == "create":
        return dict(fields), None
    keys = [key for key in CHANGE_KEYS if mode == "update" or key not in FIELDS]
    changed = {key: fields[key] for key in keys if key in fields}
    if changed.get("status") != "lost":
        # CRMs keep the reason of a deal that was lost once and is open again.
        changed.pop("lossReason", None)
    identifier = next(((key, fields[key]) for key in MATCH_KEYS if key in fields), None)
    change = MappedChange(identifier, changed)
    if mode == "update" or "id" in fields or not any(key in fields for key in IDENTITY_KEYS):
        return None, change
    return {name: value for name, value in fields.items() if name in FIELDS}, change
