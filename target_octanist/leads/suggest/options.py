"""The entries of a spec: a column, or a parameter in the address of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.paths import compile_path
from target_octanist.leads.suggest.evidence import filled_rows
from target_octanist.leads.urls import query_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_octanist.leads.suggest.candidates import Candidate

# How many entries to try one after the other: more would hide which one it is.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Option:
    """One place to read a field from.

    Attributes:
        entry: As a spec or one of a list has it.
        candidate: The column.
        rows: The positions of the records in which it has a value.
    """

    entry: Any
    candidate: Candidate
    rows: frozenset[int]


def from_column(candidate: Candidate, records: Sequence[Mapping[str, Any]]) -> Option:
    """The value of a column."""
    return Option(candidate.path, candidate, filled_rows(candidate.path, records))


def from_page(candidate: Candidate, name: str, records: Sequence[Mapping[str, Any]]) -> Option:
    """A query parameter of the address in a column."""
    read = compile_path(candidate.path).read
    rows = frozenset(row for row, one in enumerate(records) if query_value(read(one), name))
    return Option({"from": candidate.path, "query": name}, candidate, rows)


def that_add_something(options: Iterable[Option]) -> list[Option]:
    """The first of them, and each that has a value where those before it have none."""
    chosen: list[Option] = []
    covered: frozenset[int] = frozenset()
    # What has no values at all is the last choice, and none if there is another.
    for option in sorted(options, key=lambda option: not option.rows):
        if (not chosen or option.rows - covered) and len(chosen) < _MOST:
            chosen.append(option)
            covered |= option.rows
    return chosen


def that_differ(options: Iterable[Option]) -> list[Option]:
    """Without records to go by: all that are not one column at two places."""
    chosen: list[Option] = []
    for option in options:
        if not is_mirror(option, chosen) and len(chosen) < _MOST:
            chosen.append(option)
    return chosen


def is_mirror(option: Option, others: Iterable[Option]) -> bool:
    """Whether it is one of the others once more: some taps write each column at two places."""
    return any(option.candidate.is_mirror_of(other.candidate) for other in others)


def spec_of(options: Sequence[Option]) -> Any:
    """One entry, or a list of them."""
    entries = [option.entry for option in options]
    return entries if len(entries) > 1 else entries[0]
