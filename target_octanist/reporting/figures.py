"""What a run did, in figures: small, complete in itself, and free of personal data.

They are kept in the journal as JSON, so a field may be added but never change its meaning.
"""

from __future__ import annotations

import msgspec


class Mention(msgspec.Struct, frozen=True):
    """Names one record: its place in the input, its ID in lists, and the API's request."""

    record: int | None
    id: str
    request_id: str | None


class Reason(msgspec.Struct, frozen=True):
    """Why records made no lead, or none for sure, and the first few of them."""

    stream: str
    outcome: str
    reason: str
    count: int
    references: list[Mention]


class Value(msgspec.Struct, frozen=True):
    """A value, and the number of leads that have it."""

    value: str
    count: int


class Latency(msgspec.Struct, frozen=True):
    """How long requests took, in milliseconds; None where there was none."""

    p50: float | None
    p95: float | None
    p99: float | None


class Span(msgspec.Struct, frozen=True):
    """What happened in one span of time.

    Attributes:
        second: When it began, from the start of the run.
        settled: Outcome to number of leads, with those that a dead run had left behind.
        in_flight: The most requests that were under way at once.
        pace: The most that might have been.
    """

    second: int
    settled: dict[str, int]
    latency: Latency
    in_flight: int
    pace: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures; times are milliseconds since 1970 UTC.

    Attributes:
        kind: ``run``, ``load``, ``replay`` or ``reconcile``.
        counted_at: Up to when they count; the end, if the run came to one.
        failure: Why it stopped, in a sentence of ours.
        records: Of its input, that are settled.
        outcomes: Outcome to number of those records.
        streams: Stream to outcome to number of those records.
        recovered: Outcome to number of leads that an earlier run had left open.
        reasons: Of both, most frequent first.
        delivered: Stream to number of leads delivered, of both; `filled`, `sources` and
            `campaigns` are about these.
        made: Number of leads that records of its input made.
        changes: Stream to number of its records, among those of `outcomes` that are
            delivered, that told what became of a lead. With `mode: upsert` a record may do both.
        filled: Stream to lead field to number of leads with a value for it.
        requests: HTTP status, or ``none`` where no answer came, to number of requests.
        span_seconds: How long each span of `timeline` is.
    """

    version: int = 1
    kind: str
    dry_run: bool
    started_at: int
    counted_at: int
    ended_at: int | None
    exit_code: int | None
    failure: str | None
    seconds: float
    records: int
    outcomes: dict[str, int]
    streams: dict[str, dict[str, int]]
    recovered: dict[str, int]
    reasons: list[Reason]
    delivered: dict[str, int]
    # Figures of earlier versions have none of these two.
    made: int | None = None
    changes: dict[str, int] = {}
    filled: dict[str, dict[str, int]]
    sources: list[Value]
    campaigns: list[Value]
    requests: dict[str, int]
    retries: int
    latency: Latency
    span_seconds: int
    timeline: list[Span]


def encode_figures(figures: Figures) -> str:
    """Give figures as JSON text."""
    return msgspec.json.encode(figures).decode()


def decode_figures(text: str | None) -> Figures | None:
    """Read figures; None if there are none, or a later version wrote them in another way."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Figures)
    except msgspec.MsgspecError:
        return None
