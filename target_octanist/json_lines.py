"""One line of JSON, as taps write it: that is not always as JSON should be."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

#: What is nested deeper is nobody's data, and more than Python can safely walk through.
MAX_DEPTH: Final = 100

#: Python refuses to read longer texts as integers.
_MAX_INTEGER_DIGITS: Final = 4000


class LineError(ValueError):
    """What is wrong with a line: the end of a sentence, without anything of the line."""


def decode_object(line: bytes) -> dict[str, Any]:
    """Decode a JSON object; no number loses a digit, fractions become `Decimal`.

    Raises:
        LineError: It is none.
    """
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise LineError("is nested too deeply") from None
    try:
        # What msgspec is too strict for: NaN, lone surrogates, a byte order mark …
        found = json.loads(
            line.decode("utf-8-sig"), parse_float=parse_fraction, parse_int=_integer, strict=False
        )
    except UnicodeDecodeError:
        raise LineError("is not UTF-8 text") from None
    except RecursionError:
        raise LineError("is nested too deeply") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LineError("is not a JSON object (was the tap cut off?)")
    return found


def shallow(line: bytes, value: dict[str, Any]) -> dict[str, Any]:
    """Give a decoded line with null for what is nested deeper than `MAX_DEPTH`."""
    # Counting takes no time, and tells of nearly every line that there is nothing to do.
    if line.count(b"{") + line.count(b"[") <= MAX_DEPTH:
        return value
    found: dict[str, Any] = _cut(value, MAX_DEPTH)
    return found


def _cut(value: Any, levels: int) -> Any:
    if isinstance(value, dict):
        return {key: _cut(item, levels - 1) for key, item in value.items()} if levels else None
    if isinstance(value, list):
        return [_cut(item, levels - 1) for item in value] if levels else None
    return value


def parse_fraction(text: str) -> Decimal | float:
    """Give a number with a fraction without losing a digit."""
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent of twenty digits: as good as nothing, or as infinity.
        return float(text)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _MAX_INTEGER_DIGITS else Decimal(text)


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=parse_fraction).decode
