"""The organisation's filtering rules: which leads are refused with 403. Pure.

What real rules can say is unknown; here one rule is a lead field and a glob, without case.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from target_octanist.sandbox.contract import CREATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class FilterRule:
    """Refuses leads whose ``field`` matches ``glob``."""

    field: str
    glob: str

    @classmethod
    def parse(cls, text: str) -> FilterRule:
        """Read ``FIELD=GLOB``. ValueError says what is wrong."""
        field, equals, glob = text.partition("=")
        if not equals or not glob or field not in CREATE_KEYS:
            msg = f"{text!r} is not FIELD=GLOB with a field of a lead"
            raise ValueError(msg)
        return cls(field, glob.lower())

    @classmethod
    def email_domain(cls, domain: str) -> FilterRule:
        """Refuse every address at one domain."""
        return cls("email", f"*@{domain.lower()}")

    @classmethod
    def name_contains(cls, text: str) -> FilterRule:
        """Refuse every name that contains a text."""
        return cls("name", f"*{text.lower()}*")

    def refuses(self, payload: Mapping[str, object]) -> bool:
        """Tell whether a new lead is refused."""
        value = payload.get(self.field)
        return isinstance(value, str) and fnmatchcase(value.lower(), self.glob)
