"""What a preview found: as plain values, as JSON and as text for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_octanist.delivery.dry_run import mask
from target_octanist.leads.words import NO, YES, fold_word
from target_octanist.preview.run import OUTCOMES, STANDINGS
from target_octanist.preview.transitions import OUTCOMES as OF_CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_octanist.preview.run import Counts, Preview, Sample
    from target_octanist.preview.transitions import Transitions

#: A cell of a table is cut to this many characters; as JSON all of them are there.
_CELL: Final = 44

WORDS: Final = {"sent": "would be sent", "duplicate": "duplicate", "rejected": "rejected"}

#: What is said of a sample that is a change of a lead.
SAID: Final = {**OF_CHANGES, "pending": "would wait for its lead", **WORDS}

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def describe(preview: Preview, *, show_values: bool) -> dict[str, Any]:
    """Give what a preview found as plain values.

    Args:
        preview: Ended, with or without a failure.
        show_values: Whether people's data is shown, or its shape in its place.

    Returns:
        ``records`` (their number), ``samples`` (the first ones, before and after),
        ``outcomes`` (sent, duplicate, rejected: to number of leads), ``changes`` (the same of
        what became of leads, or null if no record says so), ``streams`` (each
        with its records, outcomes, reasons, changes, notes and fields), ``journal`` (how the
        leads stand to it; null where it was not asked), ``stops_at`` (the record at which a
        run would stop because too many are rejected, or null), ``told_anew`` (what
        `max_changes` makes of it, in a sentence, or null) and ``max_changes_stops`` (whether
        a run would stop because of it). ``changes`` of a stream (null if there are none) has
        outcomes, reasons and transitions (from, to and count).
    """
    streams = {
        name: _stream(counts, preview.records[name])
        | {"changes": _changes(preview.transitions, name)}
        for name, counts in preview.streams.items()
    }
    standings = preview.standings
    told_anew = preview.transitions.told_anew()
    return {
        "records": preview.records.total(),
        "samples": [_sample(sample, show_values=show_values) for sample in preview.samples],
        "outcomes": {
            name: sum(stream["outcomes"][name] for stream in streams.values()) for name in OUTCOMES
        },
        "changes": _all_changes(streams.values()),
        "streams": streams,
        "journal": None if standings is None else {name: standings[name] for name in STANDINGS},
        "stops_at": preview.stops_at,
        "told_anew": told_anew,
        "max_changes_stops": told_anew is not None and preview.transitions.is_stopped,
    }


def _stream(counts: Counts, records: int) -> dict[str, Any]:
    return {
        "records": records,
        "outcomes": counts.outcomes,
        "reasons": [
            {"outcome": outcome, "reason": why, "count": number}
            for (outcome, why), number in counts.reasons.most_common()
            if why
        ],
        "notes": [{"note": note, "count": n} for note, n in counts.notes.most_common()],
        "fields": {
            name: {"filled": counts.filled[name], "from": words}
            for name, words in counts.sources.items()
        },
    }


def _changes(transitions: Transitions, stream: str) -> dict[str, Any] | None:
    found = [
        (outcome, why, number)
        for (name, outcome, why), number in transitions.reasons.most_common()
        if name == stream
    ]
    if not found:
        return None
    return {
        "outcomes": {
            name: sum(number for outcome, _, number in found if outcome == name)
            for name in OF_CHANGES
        },
        "reasons": [
            {"outcome": outcome, "reason": why, "count": number}
            for outcome, why, number in found
            if why
        ],
        "transitions": [
            {"from": before, "to": after, "count": number}
            for (name, before, after), number in sorted(transitions.moves.items())
            if name == stream
        ],
    }


def _all_changes(streams: Iterable[Mapping[str, Any]]) -> dict[str, int] | None:
    found = [stream["changes"]["outcomes"] for stream in streams if stream["changes"] is not None]
    if not found:
        return None
    return {name: sum(outcomes[name] for outcomes in found) for name in OF_CHANGES}


def _sample(sample: Sample, *, show_values: bool) -> dict[str, Any]:
    def shown(name: str, value: Any, after: Any) -> Any:
        return value if show_values else _masked(name, value, after)

    return {
        "number": sample.number,
        "stream": sample.stream,
        "outcome": sample.outcome,
        "reason": sample.why or None,
        "notes": list(sample.notes),
        "fields": [
            {
                "field": name,
                "before": {path: shown(name, value, after) for path, value in values.items()},
                "after": shown(name, after, after),
                "from": sample.sources.get(name),
            }
            for name, values in sample.before.items()
            if (after := sample.lead.get(name)) is not None or values
        ],
    }


def _masked(name: str, value: Any, after: Any) -> Any:
    """Give a value's shape, unless it says nothing about a person wherever it came from.

    What is on its way to a consent key may be anything: the mapping can be wrong.
    """
    if isinstance(value, (dict, list)):
        return mask("custom", value)
    is_word = isinstance(value, str) and fold_word(value) in YES | NO
    return mask(name if is_word or value == after else "", value)


def to_json(report: Mapping[str, Any]) -> str:
    """Give the report as one JSON object."""
    return _json(report, indent=2)


def to_text(report: Mapping[str, Any]) -> str:
    """Give the report as aligned lines."""
    lines = list(_samples(report["samples"]))
    for name, stream in report["streams"].items():
        lines += ["", f"{cell(name)}: {stream['records']} records", *_counts(stream)]
    if len(report["streams"]) > 1:
        lines += ["", f"In all: {report['records']} records", *_outcomes(report["outcomes"])]
        if report["changes"] is not None:
            lines += _told({"outcomes": report["changes"], "reasons": (), "transitions": ()})
    if report["journal"] is not None:
        lines += ["", "Held against the journal:"]
        lines += [f"{n:>8}  {name:<8} {STANDINGS[name]}" for name, n in report["journal"].items()]
    if report["stops_at"] is not None:
        lines += ["", f"A run would stop at record {report['stops_at']}: max_rejected_percent."]
    if report["told_anew"] is not None:
        lines += ["", report["told_anew"]]
    last = "Nothing was sent." if report["records"] else "There is no record to be sent."
    return "\n".join([*lines, "", last]).lstrip("\n")


def _samples(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    tables = [list(rows_of(sample)) for sample in samples]
    rows = [row for table in tables for row in table]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for sample, table in zip(samples, tables, strict=True):
        yield ""
        yield heading(sample)
        for path, before, field, after in table:
            left = f"  {path:<{widths[0]}}  {before:<{widths[1]}}"
            yield f"{left}  →  {field:<{widths[2]}}  {after}".rstrip() if field else left.rstrip()
        for note in sample["notes"]:
            yield f"  {note}"


def heading(sample: Mapping[str, Any]) -> str:
    """Name a record, and say what would become of it."""
    outcome = SAID.get(sample["outcome"], "not decided")
    why = f": {sample['reason']}" if sample["reason"] else ""
    return f"Record {sample['number']}, of {cell(sample['stream'])}: {outcome}{why}"


def rows_of(sample: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Give path, value before, lead field and value after; the field stands in the first row.

    Of several paths the one is shown that gave the value. A field without a value is shown
    if there is something to say about it: a page's address, for one, has no click id as a rule.
    """
    told = [*sample["notes"], sample["reason"] or ""]
    for entry in sample["fields"]:
        before, source, name = entry["before"], entry["from"] or "", entry["field"]
        if entry["after"] is None and not any(name in sentence for sentence in told):
            continue
        after = "–" if entry["after"] is None else cell(entry["after"])
        if source in before:
            before = {source: before[source]}
        for path, value in (before or {source: ""}).items():
            yield cell(path), cell(value), name, after
            name = after = ""


def _counts(stream: Mapping[str, Any]) -> Iterator[str]:
    if makes_leads(stream):
        yield from _outcomes(stream["outcomes"], stream["reasons"])
    if stream["changes"] is not None:
        yield from _told(stream["changes"])
    if stream["notes"]:
        yield "  left out or changed:"
        yield from (f"{entry['count']:>12}  {entry['note']}" for entry in stream["notes"])
    width = max(map(len, stream["fields"]))
    yield "  filled:"
    for name, entry in stream["fields"].items():
        percent = 100 * entry["filled"] // stream["records"]
        yield f"{entry['filled']:>12}  {percent:>3} %  {name:<{width}}  from {cell(entry['from'])}"


def makes_leads(stream: Mapping[str, Any]) -> bool:
    """Say whether a stream has anything other than changes of leads."""
    return stream["changes"] is None or any(stream["outcomes"].values())


def _told(changes: Mapping[str, Any]) -> Iterator[str]:
    """Say what happens to changes, and from which status to which leads go."""
    yield "  updates of leads:"
    for name, number in changes["outcomes"].items():
        if not number:
            continue
        yield f"{number:>8}  {OF_CHANGES[name]}"
        for entry in changes["transitions"] if name == "sent" else ():
            yield f"{entry['count']:>12}  {entry['from']:<9}  →  {entry['to']}"
        for entry in changes["reasons"]:
            if entry["outcome"] == name:
                yield f"{entry['count']:>12}  {entry['reason']}"


def _outcomes(
    outcomes: Mapping[str, int], reasons: Sequence[Mapping[str, Any]] = ()
) -> Iterator[str]:
    for name, number in outcomes.items():
        yield f"{number:>8}  {WORDS[name]}"
        for entry in reasons:
            if entry["outcome"] == name:
                yield f"{entry['count']:>12}  {entry['reason']}"


def _json(value: Any, indent: int = -1) -> str:
    try:
        return msgspec.json.format(_encode(value), indent=indent).decode()
    except UnicodeEncodeError:
        # A lone surrogate is not a character, but JSON can escape it.
        return json.dumps(value, indent=indent if indent > 0 else None, default=str)


def cell(value: Any) -> str:
    """Give a value on one line, with nothing in it that a terminal would obey."""
    if not isinstance(value, str):
        value = _json(value)
    text = "".join(char if char.isprintable() else " " for char in value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
