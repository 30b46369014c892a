"""Who a lead is: the digests by which the journal knows it again.

Digests are keyed, so that a journal that gets out does not give its people away to whoever
tries all phone numbers. What goes in is written down canonically first: equal things give
equal digests whatever the order of keys or the type of a number, and nothing else does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw

from target_octanist.leads.problems import MappingError, Problem, did_you_mean
from target_octanist.leads.schema import FIELDS

DIGEST_SIZE = 16
"""In bytes; a digest is their 32 hexadecimal digits."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_quote: Callable[[str], str] = json.encoder.encode_basestring
_MAX_DEPTH = 200


def source_digest(
    salt: bytes,
    destination: str,
    stream: str,
    key: Mapping[str, Any] | None,
    record: Mapping[str, Any],
) -> str:
    """The identity of a source record, for ever.

    Args:
        salt: The secret of the journal, at most 64 bytes.
        destination: What the leads are sent to; the same record may go to two.
        stream: The stream's name.
        key: The values that name the record. Without any, the whole record names itself,
            apart from the tap's own ``_sdc_*`` columns, which change with every run.
        record: The record, as it came.
    """
    if key and any(value is not None and value != "" for value in key.values()):
        return _digest(salt, ("source", destination, stream, "key"), key)
    own = {name: value for name, value in record.items() if not name.startswith("_sdc_")}
    return _digest(salt, ("source", destination, stream, "record"), own)


def key_namer(
    salt: bytes, destination: str, stream: str, names: Sequence[str]
) -> Callable[[Sequence[Any]], str | None]:
    """What names the records of one stream by their key, as `source_digest` does, in a third of its time.

    Args:
        salt: As of `source_digest`.
        destination: As of `source_digest`.
        stream: As of `source_digest`.
        names: The columns of the key.

    Returns:
        A function from the values of these columns, in the same order, to the digest; or to
        None if they are all empty, for then it is the whole record that names itself.
    """
    begun = _begun(salt, ("source", destination, stream, "key")).copy()
    if len(names) == 1:
        begun.update(f"{{{_quote(names[0])}:".encode("utf-8", "surrogatepass"))

        def name_one(values: Sequence[Any]) -> str | None:
            (value,) = values
            if value is None or value == "":
                return None
            is_plain = type(value) is int and -_PLAIN < value < _PLAIN
            text = value if is_plain else _canonical(value)
            digest = begun.copy()
            digest.update(f"{text}}}]".encode("utf-8", "surrogatepass"))
            return digest.hexdigest()

        return name_one

    def name_many(values: Sequence[Any]) -> str | None:
        if not any(value is not None and value != "" for value in values):
            return None
        key = dict(zip(names, values, strict=True))
        return _end(begun, _canonical_bytes(key))

    return name_many


def person_digests(
    salt: bytes, destination: str, payload: Mapping[str, Any], dedupe_by: Sequence[str]
) -> tuple[str, ...]:
    """The identities of a person, one for each entry of which all fields are there.

    An entry is a field, or fields joined with ``+``, in any order.
    """
    return person_namer(salt, destination, dedupe_by)(payload)


def person_namer(
    salt: bytes, destination: str, dedupe_by: Sequence[str]
) -> Callable[[Mapping[str, Any]], tuple[str, ...]]:
    """What names the people of many payloads, as `person_digests` does."""
    entries = [
        (names, _begun(salt, ("person", destination, "+".join(names))))
        for names in (sorted({name.strip() for name in entry.split("+")}) for entry in dedupe_by)
    ]

    def names_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
        digests: dict[str, None] = {}
        for names, begun in entries:
            # They are texts, and so plain already.
            values = [_identifying(name, payload.get(name)) for name in names]
            if "" not in values:
                digests[_end(begun, _encode(values))] = None
        return tuple(digests)

    return names_of


def payload_digest(salt: bytes, encoded: bytes) -> str:
    """The identity of a lead that is sent, as `encode_payload` gives it.

    A mapping writes a value in one way only, so equal leads have equal digests.
    """
    return _end(_begun(salt, ("payload",)), encoded)


def change_digest(salt: bytes, change: Mapping[str, Any]) -> str:
    """The identity of a change: which lead it is about, and what becomes of it."""
    return _digest(salt, ("payload",), change)


def check_dedupe_by(entries: Iterable[Any], where: str) -> None:
    """Check a `dedupe_by` setting.

    Raises:
        MappingError: An entry names no lead field.
    """
    problems = []
    if isinstance(entries, str) or not isinstance(entries, Iterable):
        raise MappingError(
            [f'{where}: must be a list such as ["email", "phone"].'], "settings-value"
        )
    for entry in entries:
        if not isinstance(entry, str):
            problems.append(f"{where}: each entry must be the name of a lead field.")
            continue
        for name in entry.split("+"):
            if name.strip() not in FIELDS:
                hint = did_you_mean(name.strip(), FIELDS)
                sentence = f'{where}: "{name.strip()}" is not a field of a lead{hint}'
                problems.append(Problem(sentence, "mapping-field-unknown"))
    if problems:
        raise MappingError(problems, "settings-value")


def encode_payload(payload: Mapping[str, Any]) -> bytes:
    """A payload as compact UTF-8 JSON with sorted keys; a Decimal is its exact digits."""
    return _ENCODER.encode(payload)


def _identifying(name: str, value: Any) -> str:
    """A value as it says who somebody is; empty if it does not."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return _canonical(value)
    text = value.strip()
    if name == "email":
        return text.casefold()
    if name == "phone" and not text.startswith("+"):
        return "".join(char for char in text if char.isdecimal()) or text
    return text


def _digest(salt: bytes, what: tuple[str, ...], value: Any) -> str:
    """The keyed digest of a list: what it is about, and last of all the value."""
    return _end(_begun(salt, what), _canonical_bytes(value))


def _end(begun: blake2b, last: bytes) -> str:
    digest = begun.copy()
    digest.update(last + b"]")
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _begun(salt: bytes, what: tuple[str, ...]) -> blake2b:
    begun = blake2b(digest_size=DIGEST_SIZE, key=salt)
    text = "[" + "".join(f"{_quote(part)}," for part in what)
    begun.update(text.encode("utf-8", "surrogatepass"))
    return begun


def _canonical(value: Any) -> str:
    return _canonical_bytes(value).decode("utf-8", "surrogatepass")


def _canonical_bytes(value: Any) -> bytes:
    """One text for each value: 1, 1.0 and Decimal("1.0") are equal, 1 and "1" are not."""
    return _encode(_plain(value))


def _encode(plain: Any) -> bytes:
    try:
        return _ENCODER.encode(plain)
    except UnicodeEncodeError:
        # A lone surrogate is not a character, but a source can send one, and it is not empty.
        return _written(plain).encode("utf-8", "surrogatepass")


def _plain(value: Any, depth: int = 0) -> Any:
    """What the encoder writes as the one text of a value."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return value
    if isinstance(value, (int, float, Decimal)):
        return Raw(_canonical_number(value).encode())
    if depth >= _MAX_DEPTH and not isinstance(value, str):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _PLAIN_TYPES else _plain(item, depth + 1) for item in value]
    if kind is dict and _TEXT.issuperset(map(type, value)):
        return value | {
            name: _plain(item, depth + 1)
            for name, item in value.items()
            if type(item) not in _PLAIN_TYPES
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(value[name], depth + 1) for name in value}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


def _written(plain: Any) -> str:
    """As the encoder writes it, and lone surrogates as well."""
    if isinstance(plain, str):
        return _quote(plain)
    if isinstance(plain, dict):
        inner = [
            f"{_quote(name)}:{_written(item)}" for name, item in sorted(plain.items(), key=_first)
        ]
        return "{" + ",".join(inner) + "}"
    if isinstance(plain, list):
        return "[" + ",".join([_written(item) for item in plain]) + "]"
    return _ENCODER.encode(plain).decode()


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _canonical_number(number: float | Decimal) -> str:
    if isinstance(number, int):
        # Ordinary keys are small integers, and need nothing done to them.
        if -_PLAIN < number < _PLAIN:
            return repr(int(number))
        exact = Decimal(number)
    else:
        exact = Decimal(repr(float(number))) if isinstance(number, float) else number
    if not exact.is_finite():
        return str(exact)
    # Taking the text apart is faster than `as_tuple`, which gives each digit as an int.
    text, _, exponent = str(exact).partition("E")
    whole, _, part = text.removeprefix("-").partition(".")
    short = (whole + part).rstrip("0")
    if not short:
        return "0"
    power = int(exponent or 0) + len(whole) - len(short)
    short = short.lstrip("0")
    # Whole numbers as plain integers, so that they meet those that came as such.
    if 0 <= power <= _PLAIN_DIGITS - len(short):
        short, power = short + "0" * power, 0
    return f"{'-' if text[0] == '-' else ''}{short}" + (f"e{power}" if power else "")


_TEXT = frozenset({str})
_PLAIN_TYPES = frozenset({str, bool, type(None)})
_PLAIN_DIGITS = 18
_PLAIN = 10**_PLAIN_DIGITS
