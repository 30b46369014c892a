"""Which lead a record is about: the one that was made of a record of another stream.

``link: {stream: contacts, by: contact_id}`` says that the column `contact_id` holds the key
of a record of the stream `contacts`. Taps write one key as 50001, 50001.0 and "50001", so
keys are compared as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.problems import Problems, did_you_mean, type_name
from target_octanist.leads.schema_check import is_lost
from target_octanist.leads.spec import Spec, read_spec
from target_octanist.leads.text import clean_line, plain_text
from target_octanist.leads.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

LINK_KEYS = ("stream", "by", "key")

_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Link:
    """A compiled link; make one with `read_link`.

    Attributes:
        stream: The stream that the leads were made of.
        by: Where the key of its record is.
        column: What that stream calls its key; None where its SCHEMA or `key` says so.
    """

    stream: str
    by: Spec
    column: str | None = None

    def key_of(self, record: Mapping[str, Any]) -> str | None:
        """The key of the linked record as `key_text` writes it; None without one.

        Never raises. Of several keys in a list the first counts.
        """
        keys = (key_text(source.read(record)) for source in self.by.sources)
        return next((key for key in keys if key is not None), None)

    def check_schema(self, schema: Mapping[str, Any], where: str) -> list[str]:
        """One sentence where the stream has no column for the key; else none.

        Args:
            schema: Of the stream's records.
            where: The path of the setting, for messages.
        """
        if not is_lost(self.by, schema):
            return []
        what = f"the stream has no column for it, so no record finds its lead in {self.stream}"
        return [f"{where}.by: {what}."]


def read_link(raw: Any, where: str, problems: Problems) -> Link | None:
    """Read ``{stream: …, by: …}``; None if it is unusable.

    Args:
        raw: As in the configuration.
        where: The path of the setting, for messages.
        problems: Takes what is wrong.
    """
    if not isinstance(raw, Mapping):
        what = f"must be an object {{stream: …, by: …}}, not {type_name(raw)}"
        problems.add(where, what)
        return None
    for key in raw:
        if key not in LINK_KEYS:
            what = f'there is no key "{key}" here{did_you_mean(key, LINK_KEYS)}'
            problems.add(where, what, "mapping-key-unknown")
    stream = raw.get("stream")
    if not isinstance(stream, str) or not stream.strip():
        problems.add(f"{where}.stream", "must be the name of the stream that the leads came from")
    if raw.get("by") is None:
        problems.add(f"{where}.by", "is missing; name the column with the key of that stream")
        return None
    by = read_spec(raw["by"], f"{where}.by", problems)
    if by is None or not isinstance(stream, str):
        return None
    if by != Spec(by.sources) or by.const:
        problems.add(f"{where}.by", "must be a path, a list of paths or a template")
    column = raw.get("key")
    if column is not None and (not isinstance(column, str) or not column.strip()):
        problems.add(f"{where}.key", "must be the name of the one column that is the key there")
        return None
    return Link(stream.strip(), by, column)


def spellings(key: str) -> tuple[str | int, ...]:
    """What the value of a key may be in its own stream: its text, or the number it spells."""
    if key.isascii() and key.isdigit() and len(key) <= _MOST_DIGITS and str(int(key)) == key:
        return key, int(key)
    return (key,)


def key_text(value: Any) -> str | None:
    """A key as text: 50001, 50001.0 and "50001" are one. None if it says nothing.

    Of a list it is the first that says something.
    """
    if isinstance(value, (list, tuple)):
        return _first(key_text(item) for item in value if not isinstance(item, (list, tuple)))
    if isinstance(value, (bool, Mapping)):
        return None
    text, _ = plain_text(value)
    text = clean_line(text) if text else ""
    return None if not text or text.casefold() in NOTHING else text


def _first(keys: Iterable[str | None]) -> str | None:
    return next((key for key in keys if key is not None), None)
