"""The settings that the SDK adds and reads by itself, without a look at what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_octanist.leads.problems import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: Final[dict[str, tuple[type, str]]] = {
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "string": (str, "text"),
    "object": (dict, "an object"),
}


def wrong_types(config: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[str]:
    """Give a sentence for each setting that is not what it has to be.

    Args:
        config: The settings as they were given.
        properties: JSON Schema of those to be checked, by name.
    """
    for name in config.keys() & properties.keys():
        value, (kind, *_) = config[name], properties[name]["type"]
        expected, words = _TYPES[kind]
        if value is not None and type(value) is not expected:
            yield f"{name}: must be {words}, not {type_name(value)}"
