"""Makes bad input: streams with one odd thing in the middle of good records.

Everything follows from a case's number, so that a failing one can be had again. All
people are one canary: what is looked for in a log are parts of `CANARIES`.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "Zanarywek"
DIGITS = "612987345"
COLUMNS = ("id", "email", "phone", "name", "note", "consent", "site", "tree", "tags", "at")

_SAMPLES = Path(__file__).parents[2] / "sample_data" / "singer"

_MAPPING = {
    "email": "email",
    "phone": ["phone", "tags[0]", "tree.a"],
    "name": {"template": "{name} {tree.a.a}"},
    "custom": {"rest": True},
}

#: Ways to configure the target: each sends the records another way.
CONFIGS: dict[str, dict[str, Any]] = {
    "a mapping": {"streams": {"*": {"mapping": _MAPPING}}, "phone_region": "NL"},
    "no key": {"streams": {"*": {"mapping": _MAPPING, "key": ["tree", "tags"]}}},
    "columns that are lead fields": {},
    "every kind of field": {
        "streams": {
            "*": {
                "mapping": {
                    "name": {"from": ["name", "tree"], "max_length": 20},
                    "email": {"from": "email", "required": True},
                    "phone": {
                        "from": "phone",
                        "region": "tags[0]",
                        "map": [{"is": "none", "to": "+31612345678"}],
                    },
                    "note": "join(', ', tags[*].a)",
                    "website": {"from": "site", "type": "url"},
                    "path": ["tree.*.a | [0]", {"from": "site", "part": "path"}],
                    "gclid": {"from": "site", "query": "gclid"},
                    "fbc": {"from": "note", "time": "at"},
                    "sessionId": "note",
                    "consent": {"analytics": "consent", "marketing": "tree.a"},
                    "custom": {"pick": {"n": {"from": "at", "type": "number"}, "t": "tree"}},
                }
            }
        }
    },
    "stream maps": {
        "streams": {"*": {"mapping": _MAPPING}},
        "stream_maps": {
            "*": {
                "__filter__": "len(_.get('name') or 'x') >= 0",
                "name": "_.get('name', '').upper() % ()",
                "tree": "_['tree']['a']['a'][0]",
                "at": "1 / (_.get('at') or 1)",
            }
        },
    },
    "flattening": {
        "streams": {"*": {"mapping": _MAPPING}},
        "flattening_enabled": True,
        "flattening_max_depth": 3,
    },
    "validation": {"streams": {"*": {"mapping": _MAPPING}}, "validate_records": True},
}


def parts_of_canaries() -> set[str]:
    """Give what must not be found in any log, in lower case."""
    name = NAME.lower()
    return {name[at : at + 6] for at in range(len(name) - 5)} | {DIGITS[:8], DIGITS[1:]}


@dataclass
class Case:
    """One input.

    Attributes:
        number: All of it follows from this.
        config: A key of `CONFIGS`.
        kind: What is odd, for people.
        before: Records in front of the odd thing; each must be accepted and settled.
        stops: Whether the run must end with 1 at the odd thing; None where both will do.
        accepted: How many records must be accepted, where that is known.
    """

    number: int
    config: str
    kind: str
    before: int
    stops: bool | None
    accepted: int | None
    lines: list[bytes] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        """The input."""
        return b"\n".join(self.lines) + b"\n"


def make_case(number: int, folder: Path) -> Case:
    """Make one case.

    Args:
        number: From 0.
        folder: Where the files of a BATCH go.
    """
    chance = Random(number)
    config = chance.choice(list(CONFIGS))
    kind = chance.choice(list(_KINDS))
    before, after = chance.randrange(4), chance.randrange(1, 4)
    odd, stops, count = _KINDS[kind](chance, folder)
    lines = [schema()]
    lines += [good_record(n) for n in range(before)]
    lines += [*odd, b'{"type": "STATE", "value": {"at": 1}}']
    lines += [good_record(100 + n) for n in range(after)]
    accepted = None if count is None else before + count + (0 if stops else after)
    return Case(number, config, kind, before, stops, accepted, lines)


def schema(stream: str = "leads") -> bytes:
    """Give a SCHEMA line."""
    anything = {"type": ["null", "string", "number", "object", "array", "boolean"]}
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, anything)
    columns["name"] = {"type": ["null", "string"]}
    columns["at"] = {"type": ["null", "string"], "format": "date-time"}
    columns["tree"] = {"type": ["null", "object"], "properties": {"a": {"type": "object"}}}
    inner = {"type": "object", "properties": columns}
    message = {"type": "SCHEMA", "stream": stream, "schema": inner, "key_properties": ["id"]}
    return json.dumps(message).encode()


def good_values(number: int) -> dict[str, Any]:
    """Give a record that makes a lead."""
    return {
        "id": number,
        "email": f"{NAME}{number}@example.com",
        "phone": f"+31{DIGITS}",
        "name": f"{NAME} {number}",
        "tree": {"a": {"a": [NAME]}},
    }


def good_record(number: int) -> bytes:
    """Give the line of a record that makes a lead."""
    return _record(good_values(number))


def hostile_record(chance: Random, number: int) -> bytes:
    """Give the line of a record that has its key; the rest is as bad as it can be."""
    values: dict[str, Any] = good_values(number)
    for _ in range(chance.randrange(1, 6)):
        column = chance.choice(COLUMNS[1:])
        values[column] = _hostile(chance)
    if chance.random() < 0.2:
        values[_text(chance)] = _hostile(chance)
    if chance.random() < 0.2:
        del values[chance.choice(COLUMNS[1:4])]
    return _record(values)


# What can be odd: each gives lines, whether they must stop the run, and how many
# records of them must be accepted (None: that depends).

_Odd = tuple[list[bytes], "bool | None", "int | None"]


def _hostile_records(chance: Random, _: Path) -> _Odd:
    count = chance.randrange(1, 4)
    return [hostile_record(chance, 10 + n) for n in range(count)], False, count


def no_message(chance: Random, _: Path) -> _Odd:
    """Give a line that is not a Singer message, and stops the run."""
    line, cut = good_record(10), chance.randrange(1, 100)
    no_type = json.dumps(chance.choice([NAME, None, 5, []])).encode()
    no_name = dump(_no_name(chance)).encode()
    choices = [
        line[:cut],
        line[cut:],
        line.replace(NAME.encode(), NAME.encode() + b"\xe9"),
        b"[" + line + b"]",
        json.dumps(line.decode()).encode(),
        f"Traceback of a tap: {NAME} {DIGITS}".encode(),
        bytes(chance.choices(range(128, 256), k=cut)),
        b'{"type": "RECORD", "stream": "leads", "record": ' + b'{"a":' * 50_000,
        b"[" * 50_000 + NAME.encode(),
        line.replace(b'"RECORD"', no_type),
        line.replace(b'"leads"', no_name),
        line.replace(b'"record":', b'"recrod":'),
    ]
    return [chance.choice(choices)], True, 0


#: What each kind of message is about.
_PARTS = {
    "SCHEMA": ["schema", "schema", "key_properties", "stream"],
    "RECORD": ["record", "stream"],
    "STATE": ["value"],
    "BATCH": ["manifest", "encoding", "stream"],
    "ACTIVATE_VERSION": ["stream", "version"],
}


def _odd_messages(chance: Random, _: Path) -> _Odd:
    kind = chance.choice(list(_PARTS))
    message: dict[str, Any] = {
        "type": kind,
        "stream": "leads",
        "schema": json.loads(schema())["schema"],
        "record": good_values(10),
        "value": {"bookmarks": {NAME: DIGITS}},
        "key_properties": ["id"],
        "manifest": ["/no/such/file"],
        "encoding": {"format": "jsonl"},
        "version": 1,
    }
    inside, key = message, chance.choice(_PARTS[kind])
    in_record = key == "record"
    while isinstance(inside[key], dict) and inside[key] and chance.random() < 0.75:
        inside = inside[key]
        key = chance.choice(list(inside))
    bad = dump(_hostile(chance))
    if not in_record:
        # Names of streams, columns and files may be told; they are no person's.
        bad = bad.replace(NAME, "Qwertyname").replace(DIGITS, "0")
    inside[key] = _Raw(bad)
    if chance.random() < 0.2:
        del inside[key]
    return [dump(message).encode()], None, None


def _mutated(chance: Random, _: Path) -> _Odd:
    line = chance.choice(_real_lines())
    for _step in range(chance.randrange(1, 5)):
        start = chance.randrange(len(line) + 1)
        end = min(len(line), start + chance.randrange(12))
        piece = chance.choice(
            [
                b"",
                line[start:end] * 2,
                bytes([chance.randrange(256)]),
                b'"',
                b"\\",
                b"{",
                b"]",
                b"\n",
            ]
        )
        line = line[:start] + piece + line[end:]
    return [_real_lines()[0], *line.split(b"\n")], None, None


def _real_records(chance: Random, _: Path) -> _Odd:
    """Records of real taps, with some of their values gone bad."""
    first, *records = _real_lines()
    lines = [first]
    for line in chance.sample(records, 2):
        message = json.loads(line)
        for column in chance.sample(list(message["record"]), 3):
            if column != "id":
                message["record"][column] = _hostile(chance)
        lines.append(dump(message).encode())
    return lines, False, 2


def _batches(chance: Random, folder: Path) -> _Odd:
    path = folder / f"batch-{chance.randrange(8)}"
    rows = [json.loads(good_record(20 + n))["record"] for n in range(3)]
    lines = [json.dumps(row).encode() for row in rows]
    stops = chance.random() < 0.5
    if stops:
        bad, _, _ = no_message(chance, folder)
        # A line that is an object is a record, whatever its names are.
        lines.append(b"." + bad[0].replace(b"\n", b""))
    else:
        lines.append(dump({"id": 30} | {"name": _hostile(chance)}).encode())
    content = b"\n".join(lines)
    compression = chance.choice([None, "gzip"])
    path.write_bytes(gzip.compress(content, 1) if compression else content)
    message = {
        "type": "BATCH",
        "stream": "leads",
        "encoding": {"format": "jsonl", "compression": compression},
        "manifest": [chance.choice([str(path), path.as_uri()])],
    }
    return [json.dumps(message).encode()], stops, 3 + (not stops)


_KINDS: dict[str, Callable[[Random, Path], _Odd]] = {
    "hostile records": _hostile_records,
    "no message": no_message,
    "odd messages": _odd_messages,
    "mutated lines": _mutated,
    "real records with bad values": _real_records,
    "batches": _batches,
}


# Values


class _Raw(str):
    """JSON text that is written as it is."""

    __slots__ = ()


def dump(value: Any) -> str:
    """Give a value as JSON, in which `_Raw` parts may be anything."""
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    return json.dumps(value)


def _record(values: dict[str, Any]) -> bytes:
    return dump({"type": "RECORD", "stream": "leads", "record": values}).encode()


_TEXTS = [
    "",
    " ",
    "%s%n%d %(email)s %",
    "{0} {email} {} {",
    "${jndi:ldap://127.0.0.1/a}",
    "\x1b[31m\x1b]0;title\x07\x9b2J",
    "".join(map(chr, range(32))) + "\x7f\x85\u2028",
    "\u202e\u2066\u200f\u200b\ufeff",
    "\x00",
    "\ud83d",
    "\udc00\ud800",
    "e\u0301\u0323" * 40,
    "\U0001f469\u200d\U0001f4bb",
    "&amp;amp;#0;&#x1b;&lt;",
    "=1+1|cmd",
    "' OR 1=1; DROP TABLE leads; --",
    "@",
    f"{NAME}@",
    f"{NAME}@@example..com",
    f"{NAME}@[127.0.0.1]",
    f"mailto:{NAME}@xn--a.example",
    f"+{DIGITS * 5}",
    f"{DIGITS} ext. {DIGITS}",
    f"http://{NAME}:{DIGITS}@[::1",
    f"https://{NAME}.example:99999/%zz?{NAME}",
    '{"a": "b"}',
    "9" * 5000,
    "1e999999999",
    "\n\r\n" * 20,
]

_NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "1e400",
    "1e-400",
    "1e99999999999999999999",
    "-1E-99999999999999999999",
    "NaN",
    "Infinity",
    "-Infinity",
    "9223372036854775808",
    "-9223372036854775809",
    "1" * 4400,
    f"{DIGITS}.{'3' * 400}",
    f"{DIGITS}1234567890123",
    "0.1000000000000000055511151231257827",
]


def _text(chance: Random) -> str:
    text = chance.choice(_TEXTS)
    match chance.randrange(5):
        case 0:
            text = text + NAME
        case 1:
            text = NAME + text + DIGITS
        case 2:
            text = text.join([NAME, DIGITS, chr(chance.randrange(0x110000))])
        case 3 if chance.random() < 0.2:
            text = ((text + NAME) * chance.choice([10, 1000, 10_000]))[:200_000]
    return text


def _hostile(chance: Random, depth: int = 0) -> Any:
    pick = chance.random()
    if pick < 0.55:
        return _text(chance)
    if pick < 0.7:
        return _Raw(chance.choice(_NUMBERS))
    if pick < 0.78:
        return chance.choice([None, True, False, [], {}, [[]], [None], {"a": None}])
    if pick < 0.82:
        levels = chance.choice([20, 90, 120, 300, 700])
        return _Raw(
            chance.choice(["[" * levels + "]" * levels, '{"a":' * levels + "1" + "}" * levels])
        )
    if depth > 3:
        return DIGITS
    inner = [_hostile(chance, depth + 1) for _ in range(chance.randrange(4))]
    if pick < 0.9:
        return inner
    return {chance.choice(["a", "b", "", ".", "_sdc_x", _text(chance)]): item for item in inner}


def _no_name(chance: Random) -> Any:
    return chance.choice(
        [f"{NAME}\x1b[31m", "\u202e", "", "\ud83d", NAME * 100, None, 5, ["leads"], {"leads": NAME}]
    )


_cache: list[bytes] = []


def _real_lines() -> list[bytes]:
    """A SCHEMA and records of a real tap, as the stream `real`; all their text is a canary."""
    if not _cache:
        for line in (_SAMPLES / "salesforce_lead.singer.jsonl").read_bytes().splitlines()[:40]:
            message = json.loads(line)
            if message["type"] not in {"SCHEMA", "RECORD"}:
                continue
            message["stream"] = "real"
            if message["type"] == "SCHEMA":
                columns = message["schema"]["properties"]
                message["schema"]["properties"] = {k.lower(): v for k, v in columns.items()}
                message["key_properties"] = ["id"]
            else:
                values = {k.lower(): v for k, v in message["record"].items()}
                message["record"] = {k: _marked(k, v) for k, v in values.items()}
            _cache.append(json.dumps(message).encode())
    return _cache


def _marked(column: str, value: Any) -> Any:
    return f"{NAME}{value}" if isinstance(value, str) and column != "id" else value
