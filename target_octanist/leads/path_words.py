"""What a JMESPath expression reads, in words: for people who know their columns, not JMESPath."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONDITIONS = ("comparator", "and_expression")


def path_words(tree: Mapping[str, Any]) -> str | None:
    """Put an expression into words, such as ``value in emails where primary``.

    Args:
        tree: The expression, as jmespath parses it.

    Returns:
        The words; None for an expression that cannot be put plainly.
    """
    parts = [path_words(child) for child in tree["children"]]
    known = [part for part in parts if part is not None]
    return _join(tree, known) if len(known) == len(parts) else None


def _join(tree: Mapping[str, Any], parts: Sequence[str]) -> str | None:
    """The words of an expression, given those of its parts; none for what is not named."""
    kind, value = tree["type"], tree.get("value")
    match kind, parts:
        case "field", _:
            return str(value)
        case "literal", _:
            return json.dumps(value, ensure_ascii=False)
        case "identity" | "current", _:
            return ""
        case "index", _:
            # The first of what a filter finds is what anybody expects.
            return "" if value == 0 else None
        case "subexpression" | "index_expression", _:
            return ".".join(part for part in parts if part)
        case "flatten" | "multi_select_list", [part]:
            return part
        case "projection" | "pipe", [outer, inner]:
            return _in(inner, outer)
        case "filter_projection", [outer, inner, condition] if condition:
            return f"{_in(inner, outer)} where {condition}"
        case "or_expression", _ if all(parts):
            return " or ".join(parts)
        case "and_expression", [left, right]:
            is_condition = tree["children"][1]["type"] in _CONDITIONS
            return f"{left} and {right}" if is_condition else f"{right} if {left}"
        case "comparator", [left, right] if value == "eq" and left and right:
            return f"{left} is {right}"
        case "function_expression", _ if value == "not_null":
            return " or ".join(_outermost(parts))
        case "function_expression", [part] if value == "to_string":
            return part
        case _:
            return None


def _in(inner: str, outer: str) -> str:
    return f"{inner} in {outer}" if inner and outer else inner or outer


def _outermost(names: Sequence[str]) -> list[str]:
    """Without what lies inside another: ``email.value`` and ``email`` are one column."""
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
