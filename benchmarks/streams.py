"""The input of the benchmarks: the nightly full table of a warehouse, as a Singer stream.

Its lines are shaped like those that tap-postgres writes of a table of leads: 21 columns, an
object, a list and fractions among them, about 650 bytes. No two rows are of one person.
"""

from __future__ import annotations

import json
import random
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM: Final = "sales-leads"

#: A STATE line follows so many records.
STATE_EVERY: Final = 10_000

#: A key that cannot be looked for without decoding the whole line.
QUOTED_KEY: Final = '"id"'

MAPPING: Final[dict[str, Any]] = {
    "name": {"template": "{first_name} {last_name}"},
    "email": "email",
    "phone": "phone",
    "note": "note",
    "gclid": "gclid",
    "utm_source": "utm.source",
    "utm_campaign": "utm.campaign",
    "consent": {"marketing": "consent_marketing"},
    "custom": {"pick": {"status": "status", "score": "score"}},
}

#: What a record says of its lead, in the modes `update` and `upsert`.
OUTCOME: Final[dict[str, Any]] = {
    "status": {
        "from": "status",
        "map": [{"is": "qualified", "to": "qualified"}, {"is": "lost", "to": "lost"}],
    },
    "value": "value",
}

_TIME = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["number", "null"]}
_COLUMNS: Final[dict[str, Any]] = {
    "id": {"type": ["integer"]},
    "created_at": _TIME,
    "updated_at": _TIME,
    "first_name": _TEXT,
    "last_name": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "gclid": _TEXT,
    "fbclid": _TEXT,
    "utm": {"type": ["object", "null"]},
    "status": _TEXT,
    "value": _NUMBER,
    "currency": _TEXT,
    "consent_marketing": {"type": ["boolean", "null"]},
    "consent_at": _TIME,
    "tags": {"type": ["array", "null"], "items": {"type": "string"}},
    "birth_date": {"type": ["string", "null"], "format": "date"},
    "lead_uuid": _TEXT,
    "score": _NUMBER,
    "note": _TEXT,
    "deleted_at": _TIME,
}
_FIRST = ("Bram", "Lotte", "Łukasz", "Zoë", "Mehmet", "Sanne", "Finn", "Anna")
_LAST = ("de Vries", "Jansen", "Ó Súilleabháin", "Yılmaz", "Bakker", "Smit")
_SOURCES = ("google", "linkedin", "facebook", "newsletter")


def write_stream(
    file: IO[bytes], records: int, *, first: int = 1, quoted_key: bool = False
) -> None:
    """Write a stream: its SCHEMA, its records, and a STATE after every `STATE_EVERY` and at the end.

    Args:
        file: Where to.
        records: How many.
        first: The `id` of the first; the rest counts up from there.
        quoted_key: Whether there is a column `QUOTED_KEY`, too, which says the same as `id`.
    """
    schema = schema_message()
    if quoted_key:
        schema["schema"]["properties"][QUOTED_KEY] = {"type": ["integer"]}
    file.write(_line(schema))
    for count, row in enumerate(rows(records, first=first), start=1):
        if quoted_key:
            row[QUOTED_KEY] = row["id"]
        extracted = "2026-11-21T03:18:00.571356+00:00"
        message = {"type": "RECORD", "stream": STREAM, "record": row, "time_extracted": extracted}
        file.write(_line(message))
        if count % STATE_EVERY == 0 or count == records:
            file.write(
                _line({"type": "STATE", "value": {"bookmarks": {STREAM: {"id": row["id"]}}}})
            )


def stream_in(folder: Path, records: int, *, quoted_key: bool = False) -> Path:
    """Give the file of a stream in a folder; writes it if it is not there yet."""
    path = folder / f"stream-{records}{'-quoted' if quoted_key else ''}.jsonl"
    if not path.exists():
        with path.open("wb") as file:
            write_stream(file, records, quoted_key=quoted_key)
    return path


def schema_message() -> dict[str, Any]:
    """Give the SCHEMA message."""
    schema = {"type": "object", "properties": dict(_COLUMNS), "required": ["id"]}
    return {"type": "SCHEMA", "stream": STREAM, "schema": schema, "key_properties": ["id"]}


def rows(count: int, *, first: int = 1) -> Iterator[dict[str, Any]]:
    """Give so many rows of the table; the same ones each time."""
    for number in range(first, first + count):
        yield _row(number, random.Random(number))


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    created = (
        f"2026-{number % 9 + 1:02d}-{number % 28 + 1:02d}T{number % 24:02d}:25:00.000000+00:00"
    )
    first, last, source = chance.choice(_FIRST), chance.choice(_LAST), chance.choice(_SOURCES)
    return {
        "id": number,
        "created_at": created,
        "updated_at": created,
        "first_name": first,
        "last_name": last,
        "email": f"lead.{number}@Example.org",
        "phone": f"06 {10_000_000 + number}",
        "gclid": f"CjwKCAiA{chance.getrandbits(64):016x}" if number % 3 == 0 else None,
        "fbclid": None,
        "utm": {"source": source, "campaign": f"camp-{number % 17}"},
        "status": chance.choice(("new", "qualified", "lost")),
        "value": chance.randrange(100_000) / 100,
        "currency": "EUR",
        "consent_marketing": number % 2 == 0,
        "consent_at": created,
        "tags": [f"t{number % 5}", "web"],
        "birth_date": None,
        "lead_uuid": f"{chance.getrandbits(128):032x}",
        "score": round(chance.random() * 100, 5),
        "note": "comma, separated" if number % 4 else 'with "quotes"\nand a second line',
        "deleted_at": None,
    }


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
