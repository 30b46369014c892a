"""The field ``custom``: the one that takes objects, and so whatever has no field of its own.

``{rest: true}`` takes the columns that nothing else in the mapping reads, ``{pick: …}``
takes chosen ones under labels. Both drop what is empty; `rest` also drops what nobody chose
to send: the tap's own columns and names that look like secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from target_octanist.leads.problems import Problems, did_you_mean, type_name
from target_octanist.leads.sensitive import is_sensitive
from target_octanist.leads.spec import SPEC_KEYS, Spec, read_spec
from target_octanist.leads.text import OBJECT, Normal, clean_block, number_text, plain_text

if TYPE_CHECKING:
    from target_octanist.leads.paths import Path
    from target_octanist.leads.plan import Fill

CUSTOM_KEYS = ("rest", "exclude", "pick", "required")

_MAX_DEPTH = 32
_INT64 = 2**63
_EXACT_FLOAT = 2**53
_NESTED = (list, tuple, *OBJECT)


@dataclass(frozen=True, slots=True)
class CustomSpec:
    """What the mapping says about an object to be put together."""

    rest: bool
    exclude: tuple[str, ...]
    pick: tuple[tuple[str, Spec], ...]
    required: bool

    @property
    def description(self) -> str:
        picked = ", ".join(label for label, _ in self.pick)
        but = f" except {', '.join(self.exclude)}" if self.exclude else ""
        rest = f"every other column{but}" if self.rest else ""
        return " and ".join(part for part in (picked, rest) if part)

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is picked."""
        return tuple(path for _, spec in self.pick for path in spec.paths)

    @property
    def columns(self) -> frozenset[str]:
        """The top-level columns that are picked."""
        return frozenset[str]().union(*(path.columns for path in self.paths))


def read_custom(raw: Any, where: str, problems: Problems) -> CustomSpec | Spec | None:
    """Read the spec of `custom`: an object put together here, or any ordinary spec."""
    if not isinstance(raw, Mapping) or {"from", "template", "const"} & raw.keys():
        return read_spec(raw, where, problems)
    known = (*CUSTOM_KEYS, *SPEC_KEYS)
    for key in raw:
        if key not in CUSTOM_KEYS:
            what = "needs from, template or const beside it" if key in SPEC_KEYS else ""
            hint = did_you_mean(key, known)
            if what:
                problems.add(where, f'"{key}" {what}')
            else:
                problems.add(where, f'there is no key "{key}" here{hint}', "mapping-key-unknown")
    for flag in ("rest", "required"):
        if not isinstance(raw.get(flag, False), bool):
            problems.add(f"{where}.{flag}", f"must be true or false, not {type_name(raw[flag])}")
    exclude = raw.get("exclude") or []
    if not isinstance(exclude, list) or not all(isinstance(name, str) for name in exclude):
        problems.add(f"{where}.exclude", "must be a list of column names")
        exclude = []
    pick = _read_pick(raw.get("pick"), f"{where}.pick", problems)
    if exclude and not raw.get("rest"):
        problems.add(f"{where}.exclude", "only works together with rest: true")
    elif not pick and raw.get("rest") is not True and raw.keys() <= set(CUSTOM_KEYS):
        problems.add(where, "takes nothing; use {rest: true}, {pick: {label: path}} or a path")
    return CustomSpec(raw.get("rest") is True, tuple(exclude), pick, raw.get("required") is True)


def _read_pick(raw: Any, where: str, problems: Problems) -> tuple[tuple[str, Spec], ...]:
    """``{label: spec}``, or a list of paths and ``{label: …, from: …}`` objects.

    The list exists because a label may hold a dot, which Meltano does not let through
    in a key.
    """
    entries: list[tuple[Any, Any, str]] = []
    if isinstance(raw, Mapping):
        entries = [(label, spec, f"{where}.{label}") for label, spec in raw.items()]
    elif isinstance(raw, list):
        for index, item in enumerate(raw):
            at = f"{where}[{index}]"
            if isinstance(item, Mapping) and isinstance(item.get("label"), str):
                spec = {key: value for key, value in item.items() if key != "label"}
                entries.append((item["label"], spec, at))
            elif isinstance(item, str):
                entries.append((item, item, at))
            else:
                problems.add(at, "must be a path or an object {label: …, from: …}")
    elif raw is not None:
        problems.add(where, f"must be an object of label: path, not {type_name(raw)}")
    picked = []
    for label, raw_spec, at in entries:
        one = read_spec(raw_spec, at, problems)
        if one is not None and one.required:
            problems.add(f"{at}.required", "only works for custom as a whole")
        elif one is not None:
            picked.append((str(label), one))
    return tuple(picked)


class ObjectReader:
    """Puts the object together."""

    def __init__(
        self, spec: CustomSpec, used: frozenset[str], fill_of: Callable[[Spec], Fill]
    ) -> None:
        """Compile the spec of an object.

        Args:
            spec: What goes in.
            used: Columns that the mapping reads anywhere; they are not part of the rest.
            fill_of: Compiles one picked spec; what it gives of a record is `jsonable`.
        """
        self._picked = tuple((label, fill_of(one)) for label, one in spec.pick)
        self._rest = spec.rest
        exclude = spec.exclude

        # The same few columns come with every record.
        @lru_cache(maxsize=4096)
        def is_rest(column: str) -> bool:
            return not (
                column in used
                or column.startswith("_sdc_")
                or is_sensitive(column)
                or any(column == name or fnmatchcase(column, name) for name in exclude)
            )

        self._is_rest = is_rest

    def read(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The object of one record; empty if there is nothing to put in it."""
        out: dict[str, Any] = {}
        for label, fill in self._picked:
            value = fill(record)[0]
            if value is not None:
                out[label] = value
        if self._rest:
            is_rest = self._is_rest
            for column, raw in record.items():
                if raw is None or not is_rest(column) or column in out:
                    continue
                value = jsonable(raw, drop=is_sensitive)
                if value is not None:
                    out[_key(column)] = value
        return out

    def origin(self, record: Mapping[str, Any]) -> str:
        """The columns that went into the object of this record."""
        out = self.read(record)
        names: list[str] = []
        for label, fill in self._picked:
            _, _, _, origin = fill(record)
            if label in out and origin is not None:
                names.append(origin(record))
        labels = {label for label, _ in self._picked}
        return ", ".join([*names, *(column for column in out if column not in labels)])


def custom(value: Any) -> Normal:
    """Objects and lists without their empty parts; anything else as text."""
    if isinstance(value, _NESTED):
        return jsonable(value), None
    text, rule = plain_text(value)
    return (None, rule) if text is None else (clean_block(text) or None, None)


def jsonable(value: Any, *, drop: Callable[[str], bool] = lambda _: False, depth: int = 0) -> Any:
    """The value as JSON that has no empty parts; None if nothing is left of it.

    Numbers stay numbers, exact: whole ones as int, where it has 64 bits, others as they
    are. What is nested deeper than 32 levels is dropped.
    """
    if isinstance(value, str):
        return clean_block(value) or None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal)):
        return _exact(value)
    if depth >= _MAX_DEPTH:
        return None
    if isinstance(value, OBJECT):
        pairs = (
            (_key(str(key)), jsonable(item, drop=drop, depth=depth + 1))
            for key, item in value.items()
            if not drop(str(key))
        )
        return {key: item for key, item in pairs if item is not None} or None
    if isinstance(value, (list, tuple)):
        items = (jsonable(item, drop=drop, depth=depth + 1) for item in value)
        return [item for item in items if item is not None] or None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else None


# The same few keys come with every record.
@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    return clean_block(key)


def _exact(number: float | Decimal) -> int | float | Decimal | None:
    if isinstance(number, int) and -_INT64 <= number < _INT64:
        return number
    text = number_text(number)
    if text is None:
        return None
    if "." not in text and abs(int(text)) < _EXACT_FLOAT:
        return int(text)
    return number if isinstance(number, float) else Decimal(text)
