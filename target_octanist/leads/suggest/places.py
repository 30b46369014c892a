"""Where values are in the records of a stream: each place with the path that reads it.

A SCHEMA is walked first, then what records have beyond it: objects, lists of addresses
(`emails: [{value: …}]`), lists of people, and lists of answers (`[{name: …, value: …}]`),
in which each question is a place of its own.

Nothing here keeps a value. The keys of records become part of a path only where they look
like columns: in some sources people's names are keys.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from target_octanist.leads.paths import quote_column
from target_octanist.leads.suggest.vocabulary import (
    Words,
    meaning,
    names_people,
    of_others,
    words,
)

_DEEPEST = 5
# More keys than this are not columns: then the keys are data.
_MOST_KEYS = 500
_FEW, _HALF, _MANY = 0.1, 0.5, 0.9
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_COLUMN = re.compile(r"[@\\]|[0-9]{7}|[\x00-\x1f]")
_LONGEST_NAME = 120
_UNIONS = ("anyOf", "oneOf", "allOf")

_ADDRESS_KEYS = ("value", "email", "address", "phone", "number", "phone_number", "email_address")
_FLAGS = ("primary", "is_primary", "isPrimary", "preferred", "default", "is_default", "main")
# What names the question in a list of answers, and what holds the answer.
_QUESTION_KEYS = (
    *("name", "question", "key", "field.ref", "ref", "field_name", "fieldName", "field", "label"),
    *("title", "field.title", "slug", "code", "attribute", "field.id", "question_id"),
    *("questionId", "field_id", "fieldId", "id", "type"),
)
_ANSWER_KEYS = ("values", "value", "answer", "answers", "response", "content", "text")


@dataclass(frozen=True, slots=True)
class Place:
    """A place where records may have a value.

    Attributes:
        path: Reads it.
        name: What it is called: a column, or the question of an answer.
        within: The names of the objects and lists around it, outermost first.
        person: The path of the list that the person is in; empty for the record itself.
        types: The types that the SCHEMA gives it; empty where it says nothing.
        form: The SCHEMA's ``format``, such as ``date-time``.
        is_known: Whether the SCHEMA has it.
    """

    path: str = ""
    name: str = ""
    within: tuple[str, ...] = ()
    person: str = ""
    types: frozenset[str] = frozenset()
    form: str | None = None
    is_known: bool = True

    @property
    def words(self) -> Words:
        return words(self.name)

    @property
    def long_name(self) -> Words:
        """The words of its name and of what it is in."""
        return (*words(self.within[-1]), *self.words) if self.within else self.words


def find_places(schema: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[Place]:
    """Every place, in the order of the SCHEMA and then of the records; each path once."""
    found = _in_object(Place(), schema, records, 0)
    return list({place.path: place for place in reversed(list(found))}.values())[::-1]


def _in_object(
    at: Place, schema: Any, objects: Sequence[Mapping[str, Any]], depth: int
) -> Iterator[Place]:
    known = properties_of(schema)
    for key in dict.fromkeys([*known, *_keys(objects, is_record=depth == 0)]):
        inner = known.get(key)
        values = [one[key] for one in objects if one.get(key) is not None]
        place = Place(
            path=_below(at, key),
            name=key,
            within=(*at.within, at.name) if at.name else at.within,
            person=at.person,
            types=_types(inner),
            form=_format(inner),
            is_known=at.is_known and inner is not None,
        )
        yield from _at(place, inner, values, len(objects), depth)


def _at(place: Place, schema: Any, values: list[Any], among: int, depth: int) -> Iterator[Place]:
    objects = [value for value in values if isinstance(value, Mapping)]
    lists = [value for value in values if isinstance(value, list)]
    nested = bool(objects or properties_of(schema))
    listed = [item for one in lists for item in one if isinstance(item, Mapping)]
    has_items = bool(listed or properties_of(_items(schema)))
    if not (nested or has_items) or len(values) > len(objects) + len(lists):
        yield place
    if depth == _DEEPEST or of_others(place.words):
        return
    # An object that few records have may be named by what it is about.
    if nested and (place.is_known or len(objects) >= among * _FEW):
        yield from _in_object(_container(place), schema, objects, depth + 1)
    if has_items:
        yield from _in_list(_container(place), _items(schema), lists, listed, depth)


def _in_list(
    at: Place, schema: Any, lists: list[list[Any]], items: list[Mapping[str, Any]], depth: int
) -> Iterator[Place]:
    found = meaning(words(at.name))
    if found is not None and found.field in ("email", "phone"):
        yield from _in_addresses(at, schema, items)
    elif names_people(words(at.name)):
        # One record makes one lead, so it is one of the people: the first.
        path = f"{at.path}[0]"
        firsts = [one[0] for one in lists if one and isinstance(one[0], Mapping)]
        yield from _in_object(replace(at, path=path, person=path), schema, firsts, depth + 1)
    else:
        yield from _in_answers(at, items)


def _in_addresses(at: Place, schema: Any, items: list[Mapping[str, Any]]) -> Iterator[Place]:
    """``emails: [{value: …, primary: true}]``: the primary one, else the first with a value."""
    known = properties_of(schema)
    keys = known.keys() | {key for item in items for key in item}
    value = next((key for key in _ADDRESS_KEYS if key in keys), None)
    if value is None:
        return
    flags = [
        flag
        for flag in _FLAGS
        if "boolean" in _types(known.get(flag)) or any(item.get(flag) is True for item in items)
    ]
    for condition in (*flags[:1], value):
        path = f"{at.path}[?{condition}].{value} | [0]"
        yield replace(at, path=path, types=_types(known.get(value)), form=None)


def _in_answers(at: Place, items: list[Mapping[str, Any]]) -> Iterator[Place]:
    """``[{name: email, values: […]}]``: one place for each question that recurs."""
    within = (*at.within, at.name)
    names = _questions(items)
    if names is None:
        return
    key, counts = names
    for question, count in counts.items():
        # Asked once, it might be anybody's words; unless they are those of a lead field.
        is_asked = count > 1 or meaning(words(question)) is not None
        if not is_asked or not _is_column_like(question):
            continue
        answered = [item for item in items if _dig(item, key) == question]
        value = _answer_key(answered)
        if value is not None:
            literal = question.replace("'", "\\'")
            path = f"{at.path}[?{key}=='{literal}'].{value} | [0]"
            yield Place(path, question, within, at.person, is_known=False)


def _questions(items: list[Mapping[str, Any]]) -> tuple[str, Counter[str]] | None:
    """The key that names the question of an item, and how often each question occurs."""
    best: tuple[str, Counter[str]] | None = None
    most = -1
    for key in _QUESTION_KEYS:
        counts = Counter(name for item in items if isinstance(name := _dig(item, key), str))
        if not counts or counts.total() < len(items) * _MANY or len(counts) > _MOST_KEYS:
            continue
        hits = sum(meaning(words(name)) is not None for name in counts)
        # A key that identifies items is not a question: questions repeat.
        is_id = not hits and len(counts) > len(items) * _HALF
        if hits > most and not is_id:
            best, most = (key, counts), hits
    return best


def _answer_key(items: list[Mapping[str, Any]]) -> str | None:
    """The path in an item to its answer; Typeform calls it what the item's type says."""
    keys = dict.fromkeys([*_ANSWER_KEYS, *(str(item.get("type")) for item in items)])
    answers = {key: [item[key] for item in items if key in item] for key in keys}
    plain = {
        key: values
        for key, values in answers.items()
        if values and not any(isinstance(value, Mapping) for value in values)
    }
    filled = [key for key, values in plain.items() if any(values)]
    key = next(iter(filled or plain), None)
    if key is None:
        return None
    is_list = any(isinstance(value, list) for value in plain[key])
    return f"{_step(key)}[0]" if is_list else _step(key)


def _dig(item: Mapping[str, Any], key: str) -> Any:
    value: Any = item
    for step in key.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _keys(objects: Sequence[Mapping[str, Any]], *, is_record: bool) -> list[str]:
    """The keys of these objects, as far as they may be columns."""
    counts = Counter(key for one in objects for key in one)
    if is_record:
        return list(counts)
    least = 2 if len(objects) > 1 else 1
    return [key for key, n in counts.items() if n >= least and _is_column_like(key)][:_MOST_KEYS]


def _is_column_like(name: str) -> bool:
    is_plain = _NO_COLUMN.search(name) is None or _UUID.fullmatch(name) is not None
    return bool(name.strip()) and len(name) <= _LONGEST_NAME and is_plain


def _container(place: Place) -> Place:
    # On the way to something deeper every step has to be JMESPath.
    return replace(place, path=_step(place.name)) if not place.within else place


def _below(at: Place, key: str) -> str:
    if at.path:
        return f"{at.path}.{_step(key)}"
    return quote_column(key) if key == key.strip() else _quoted(key)


def _step(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else _quoted(key)


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


# What a SCHEMA says of a place, over all the alternatives that it gives


def _alternatives(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for union in _UNIONS:
            inner = schema.get(union)
            for alternative in inner if isinstance(inner, list) else ():
                yield from _alternatives(alternative)


def properties_of(schema: Any) -> dict[str, Any]:
    """What a SCHEMA says of each key of an object."""
    found: dict[str, Any] = {}
    for alternative in _alternatives(schema):
        properties = alternative.get("properties")
        if isinstance(properties, Mapping):
            found.update(properties)
    return found


def _items(schema: Any) -> Any:
    return next((one["items"] for one in _alternatives(schema) if "items" in one), None)


def _types(schema: Any) -> frozenset[str]:
    found: set[str] = set()
    for alternative in _alternatives(schema):
        kinds = alternative.get("type")
        listed = kinds if isinstance(kinds, list) else [kinds]
        found.update(kind for kind in listed if isinstance(kind, str))
    return frozenset(found - {"null"})


def _format(schema: Any) -> str | None:
    return next((str(one["format"]) for one in _alternatives(schema) if "format" in one), None)
