"""A ``map``: a closed table from the values of a source to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from target_octanist.leads.problems import Problems, type_name, yaml_text
from target_octanist.leads.text import clean_line, is_empty, plain_text

SCALARS = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Translation:
    """From source values, as folded text, to others.

    Attributes:
        table: What to put for which value.
        passes: Whether a value that is not in the table passes unchanged. With a
            ``default`` in the spec it does not: it is empty, and the default comes in.
    """

    table: Mapping[str, Any]
    passes: bool = True

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(item) for item in value if not isinstance(item, list)]
        text, _ = plain_text(value)
        if text is None:
            return value if self.passes else None
        return self.table.get(_fold(text), value if self.passes else None)


def read_map(raw: Any, where: str, problems: Problems) -> Translation | None:
    """Read a closed table of values: ``[{is: …, to: …}]``, or an object."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(raw, Mapping):
        pairs = list(raw.items())
    elif isinstance(raw, list):
        for index, entry in enumerate(raw):
            if not isinstance(entry, Mapping) or set(entry) != {"is", "to"}:
                problems.add(f"{where}[{index}]", "must be an object {is: …, to: …}")
            else:
                pairs.append((entry["is"], entry["to"]))
    else:
        problems.add(where, f"must be a list of {{is: …, to: …}}, not {type_name(raw)}")
        return None
    table: dict[str, Any] = {}
    for source, target in pairs:
        if not isinstance(source, SCALARS) or is_empty(source):
            problems.add(
                where, f'"is" must be text, a number, true or false, not {yaml_text(source)}'
            )
            continue
        if target is not None and not isinstance(target, SCALARS):
            problems.add(where, f'"to" must be a single value or null, not {type_name(target)}')
        first, *others = (_fold(text) for text in spellings(source))
        if table.get(first, target) != target:
            problems.add(where, f"says two different things for {yaml_text(source)}")
        table[first] = target
        for other in others:
            table.setdefault(other, target)
    if not raw:
        problems.add(where, "is empty")
    return Translation(table)


def _fold(text: str) -> str:
    return clean_line(text).casefold()


def spellings(value: Any) -> tuple[str, ...]:
    """How a value of the configuration may be written in a record.

    YAML reads an unquoted yes, on and true as the same thing, so whoever wrote one of them
    may mean any of them.
    """
    if value is True:
        return ("true", "yes", "on")
    if value is False:
        return ("false", "no", "off")
    text, _ = plain_text(value)
    return (str(text),)
