"""Where in a record a value is: column names, dotted paths and JMESPath.

A path is compiled once. Column names and dotted paths become direct look-ups; JMESPath
runs only for what needs it (filters, functions, projections). A column whose name is
literally the path's text always wins, so names with dots, dashes or spaces just work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from target_octanist.leads.path_words import path_words
from target_octanist.leads.text import OBJECT

Read = Callable[[Mapping[str, Any]], Any]
Steps = tuple[str | int, ...]

# A text that is not JMESPath is the name of a column, unless it has one of these: then
# it was meant as an expression, and calling it a name would hide the mistake.
_MEANT_AS_EXPRESSION = frozenset("[](){}|`'\"")

_FUNCTIONS: Mapping[str, Mapping[str, Any]] = Functions.FUNCTION_TABLE


class PathError(ValueError):
    """A text that is neither a column, nor a dotted path, nor JMESPath."""


@dataclass(frozen=True, slots=True)
class Path:
    """One compiled path.

    Attributes:
        text: The path, as the mapping spells it.
        words: The path in words, for people; its text, where that says it as plainly.
        read: Gives the value in a record; None where it is missing. Never raises.
        columns: The top-level columns that the value can come from.
        steps: Keys and list positions, where the path is a plain chain of them.
    """

    text: str
    words: str
    read: Read
    columns: frozenset[str]
    steps: Steps | None


def compile_path(text: str) -> Path:
    """Compile one path.

    Raises:
        PathError: The text is empty, or a malformed expression.
    """
    if not text.strip():
        msg = "is empty"
        raise PathError(msg)
    try:
        expression = jmespath.compile(text)
    except JMESPathError as error:
        if _MEANT_AS_EXPRESSION & set(text):
            raise PathError(_explain(text, str(error).splitlines()[0])) from None
        return _chain(text, _split(text))
    tree: Mapping[str, Any] = expression.parsed
    for name, count in _calls(tree):
        _check_call(text, name, count)
    steps = _plain_steps(tree)
    if steps is not None:
        return _chain(text, steps)
    search = expression.search

    def read(record: Mapping[str, Any]) -> Any:
        if text in record:
            return record[text]
        try:
            return search(record)
        # The types in a record are the source's business: `sort_by` over a list with a
        # null in it raises, and that is a missing value, not a failed run.
        except Exception:  # noqa: BLE001
            return None

    return Path(text, path_words(tree) or text, read, frozenset({text, *_roots(tree)}), None)


def quote_column(name: str) -> str:
    """A path that reads the column of this name, quoted only where it has to be."""
    try:
        path = compile_path(name)
    except PathError:
        return json.dumps(name, ensure_ascii=False)
    # The name of an existing column wins over its reading as an expression.
    return path.text


def _chain(text: str, steps: Steps) -> Path:
    if steps == (text,):
        return Path(text, text, lambda record: record.get(text), frozenset({text}), steps)

    def read(record: Mapping[str, Any]) -> Any:
        if text in record:
            return record[text]
        value: Any = record
        for step in steps:
            if isinstance(step, str):
                if not isinstance(value, OBJECT):
                    return None
                value = value.get(step)
            else:
                # A position outside the list is a missing value; so is one in no list.
                if not isinstance(value, list) or not -len(value) <= step < len(value):
                    return None
                value = value[step]
        return value

    return Path(text, text, read, frozenset({text, str(steps[0])}), steps)


def _split(text: str) -> Steps:
    parts = text.split(".")
    return tuple(parts) if all(parts) else (text,)


def _plain_steps(tree: Mapping[str, Any]) -> Steps | None:
    """The keys and positions of a tree that is nothing but a chain of them."""
    match tree["type"]:
        case "field":
            return (tree["value"],)
        case "index":
            return (tree["value"],)
        case "subexpression" | "index_expression":
            steps: Steps = ()
            for child in tree["children"]:
                part = _plain_steps(child)
                if part is None:
                    return None
                steps += part
            return steps if isinstance(steps[0], str) or tree["type"] == "index" else None
        case _:
            return None


def _roots(tree: Mapping[str, Any]) -> Iterator[str]:
    """The top-level columns that an expression reads, as far as its text tells."""
    children = tree["children"]
    match tree["type"]:
        case "field":
            yield tree["value"]
        case (
            "subexpression"
            | "index_expression"
            | "pipe"
            | "projection"
            | "filter_projection"
            | "value_projection"
            | "flatten"
        ):
            # What stands on the right is looked up in what the left gives.
            on_left = children[0]["type"] in ("current", "identity") and len(children) > 1
            yield from _roots(children[1] if on_left else children[0])
        case "expref":
            return
        case _:
            for child in children:
                yield from _roots(child)


def _calls(tree: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if tree["type"] == "function_expression":
        yield tree["value"], len(tree["children"])
    for child in tree["children"]:
        yield from _calls(child)


def _check_call(text: str, name: str, count: int) -> None:
    if name not in _FUNCTIONS:
        raise PathError(_explain(text, f"there is no function {name}()"))
    signature = _FUNCTIONS[name]["signature"]
    variadic = bool(signature) and signature[-1].get("variadic", False)
    if count < len(signature) if variadic else count != len(signature):
        what = f"{name}() takes {len(signature)} argument(s), not {count}"
        raise PathError(_explain(text, what))


def _explain(text: str, problem: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return (
        f"{text!r} is not a valid JMESPath expression ({problem.rstrip(':. ')}); "
        f"if it is the name of a column, put it in double quotes: {quoted!r}"
    )
