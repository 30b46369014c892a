"""The name of a person, from one column or from the parts of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.suggest.evidence import filled_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.leads.suggest.candidates import Candidate

_BRACES = frozenset("{}")
# If the first name has one of these names, `name` next to it is the last name.
_FIRST_NAMES_BESIDE_NAME = frozenset(("vorname", "voornaam", "prenom", "imie"))


@dataclass(frozen=True, slots=True)
class NameChoice:
    """What to read a name from: one path, or a template of several."""

    spec: Any
    used: tuple[Candidate, ...]


def choose_name(
    found: Mapping[str, Candidate], records: Sequence[Mapping[str, Any]]
) -> NameChoice | None:
    """Choose between a column for the whole name and columns for its parts.

    Args:
        found: The best candidate for each of name, bare_name, first_name, middle_name
            and last_name.
        records: The records that decide which of the two fills more.
    """
    full, parts = _whole_and_parts(found)
    # A brace in a path cannot be distinguished from one of the template.
    parts = tuple(part for part in parts if not _BRACES & set(part.path))
    if full is None:
        return _from_parts(parts) if parts else None
    by_full = filled_rows(full.path, records)
    by_parts = frozenset[int]().union(*(filled_rows(part.path, records) for part in parts))
    # Forms of one account ask for either; where no record has both, each has its own.
    if by_full and by_parts and not by_full & by_parts and not _BRACES & set(full.path):
        return _from_parts((full, *parts))
    if len(by_parts) > len(by_full):
        return _from_parts(parts)
    return NameChoice(full.path, (full,))


def _whole_and_parts(
    found: Mapping[str, Candidate],
) -> tuple[Candidate | None, tuple[Candidate, ...]]:
    full, bare = found.get("name"), found.get("bare_name")
    first, middle, last = (found.get(f"{part}_name") for part in ("first", "middle", "last"))
    if bare is not None:
        if first is None and last is not None:
            first = bare
        elif first is not None and last is None:
            last = bare
        elif first is None and full is None:
            full = bare
    joined = "".join(first.place.words) if first is not None else ""
    if full is not None and last is None and joined in _FIRST_NAMES_BESIDE_NAME:
        full, last = None, full
    parts = (first, middle, last) if first or last else ()
    return full, tuple(part for part in parts if part is not None)


def _from_parts(parts: tuple[Candidate, ...]) -> NameChoice:
    if len(parts) == 1:
        return NameChoice(parts[0].path, parts)
    template = " ".join(f"{{{part.path}}}" for part in parts)
    return NameChoice({"template": template}, parts)
