"""Counts of what happened in a run; written by one thread, read by another.

To count a lead costs a few increments, and memory is bounded however many come.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_octanist.ledger.tables import short_id
from target_octanist.reporting.figures import Figures, Latency, Mention, Reason, Span, Value
from target_octanist.reporting.frequent import FrequentValues
from target_octanist.reporting.timeline import Durations, Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.reporting.timeline import Bucket

#: At most this many records are named per reason; the journal has all.
REFERENCES: Final = 5

#: At most this many reasons are counted separately. They are our own sentences, so there are few.
REASONS: Final = 200

OTHER_REASONS: Final = "other reasons"

_LONGEST_REQUEST_ID: Final = 100

# Which fields a payload has, and two of their values; the others are not even looked at.
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value = msgspec.json.Decoder(Any).decode


class Reference(NamedTuple):
    """Names a record without any of its values.

    Attributes:
        record: Where it is in the input: the number of a record, or of a file's row; None if
            an earlier run had read it.
        source: Its digest in the journal.
        request_id: As the API gave it, if it was sent.
    """

    record: int | None
    source: str
    request_id: str | None


class Why(NamedTuple):
    """Why a record has made no lead, or none for sure: a sentence of ours, and which one."""

    reason: str
    reference: Reference


@dataclass(slots=True)
class Group:
    """Records that have one reason in common, and the first few of them."""

    count: int = 0
    references: list[Reference] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """A set of counts; durations are in seconds.

    Attributes:
        outcomes: (stream, outcome) to number of leads.
        requests: HTTP status, or "none" where no answer came, to number of requests.
        batches: Number of transactions in which records were claimed.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    batches: int = 0
    request_seconds: list[float] = field(default_factory=list)
    journal_seconds: list[float] = field(default_factory=list)


class Tally:
    """Keeps the totals of a run and what came since they were last taken.

    Attributes:
        outcomes: Outcome to number of records of this run's input.
        records: Stream to number of settled records.
        streams: (stream, outcome) to number of records of this run's input.
        reasons: (stream, outcome, reason) to the records that made no lead because of it,
            with those that a dead run had left behind.
        recovered: Outcome to number of leads that a dead run had left behind.
        requests: Number of requests made.
        made: Number of leads that were made of records of this run's input.
        changes: Stream to number of records of this run's input that told what became of a
            lead.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = Counts()
        self._started_at = time.monotonic()
        self._timeline = Timeline()
        self._latency = Durations()
        self._statuses: Counter[str] = Counter()
        self._retries = 0
        self._delivered: Counter[str] = Counter()
        self._filled: dict[str, Counter[str]] = {}
        self._sources, self._campaigns = FrequentValues(), FrequentValues()
        self.outcomes: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.streams: Counter[tuple[str, str]] = Counter()
        self.reasons: dict[tuple[str, str, str], Group] = {}
        self.recovered: Counter[str] = Counter()
        self.requests = 0
        self.made = 0
        self.changes: Counter[str] = Counter()

    def settled(self, stream: str, outcome: str, count: int = 1, *, why: Why | None = None) -> None:
        """Count settled records of this run's input.

        Args:
            stream: Their own.
            outcome: Theirs.
            count: How many there are.
            why: Why the record made no lead, or none for sure.
        """
        with self._lock:
            if why is not None:
                self._group(stream, outcome, why.reason, 1, [why.reference])
            self._count(stream, outcome, count)

    def left_behind(self, stream: str, outcome: str, why: Why | None) -> None:
        """Count a lead that an earlier run had left behind; `why` as in `settled`."""
        with self._lock:
            if why is not None:
                self._group(stream, outcome, why.reason, 1, [why.reference])
            self._now().settled[outcome] += 1
            self.recovered[outcome] += 1
            self._since.recovered[outcome] += 1

    def arrived(self, stream: str, payloads: Sequence[bytes], *, recovered: bool) -> None:
        """Count delivered leads, separately from the records that they are made from.

        Args:
            stream: Their own.
            payloads: What was sent.
            recovered: Whether an earlier run had left them behind.
        """
        with self._lock:
            if not recovered:
                self.made += len(payloads)
            for payload in payloads:
                self._look_into(stream, payload)

    def told(self, stream: str) -> None:
        """Count a record of this run's input that updated a lead."""
        with self._lock:
            self.changes[stream] += 1

    def passed_over(
        self,
        stream: str,
        reason: str,
        count: int,
        first: Sequence[Reference],
        *,
        outcome: str = "duplicate",
    ) -> None:
        """Count records that earlier runs have settled.

        Args:
            stream: Their own.
            reason: A sentence of ours.
            count: How many there are.
            first: The first few of them.
            outcome: Theirs.
        """
        with self._lock:
            self._count(stream, outcome, count)
            self._group(stream, outcome, reason, count, first)

    def no_longer(self, stream: str, outcome: str) -> None:
        """Take back that a record of this run's input had an outcome; it has another now."""
        with self._lock:
            self.outcomes[outcome] -= 1
            self.records[stream] -= 1
            self.streams[stream, outcome] -= 1

    def settled_by_hand(self, count: int) -> None:
        """Count leads in doubt of which a human said that they are there."""
        if count:
            with self._lock:
                self._now().settled["delivered"] += count
                self.recovered["delivered"] += count
                self._since.recovered["delivered"] += count

    def under_way(self, in_flight: int, pace: int) -> None:
        """Note how many requests are under way, and how many might be."""
        with self._lock:
            now = self._now()
            now.in_flight, now.pace = max(now.in_flight, in_flight), pace

    def requested(self, requests: Sequence[tuple[int | None, float]]) -> None:
        """Count requests that were made.

        Args:
            requests: Of each the status of its answer, if there was one, and the seconds it took.
        """
        statuses = Counter([str(status or "none") for status, _ in requests])
        durations = Durations()
        for _, seconds in requests:
            durations.add(seconds)
        with self._lock:
            self.requests += len(requests)
            self._statuses.update(statuses)
            self._latency.absorb(durations)
            self._now().latency.absorb(durations)
            self._since.requests.update(statuses)
            self._since.request_seconds += [seconds for _, seconds in requests]

    def retried(self) -> None:
        """Count a lead that is going to be sent again."""
        with self._lock:
            self._retries += 1
            self._since.retries += 1

    def journal(self, seconds: float, *, claimed: bool) -> None:
        """Count a turn of the journal, and the batch of records that it claimed, if any."""
        with self._lock:
            self._since.journal_seconds.append(seconds)
            self._since.batches += claimed

    def take(self) -> Counts:
        """Give what was counted since the last call."""
        with self._lock:
            since, self._since = self._since, Counts()
        return since

    def figures(
        self,
        *,
        kind: str,
        dry_run: bool,
        started_at: int,
        counted_at: int,
        exit_code: int | None = None,
        failure: str | None = None,
    ) -> Figures:
        """Give all that was counted in the run.

        Args:
            kind: Of the run, as `Figures` has it.
            dry_run: Whether nothing was sent.
            started_at: Milliseconds since 1970 UTC.
            counted_at: The same, now.
            exit_code: None while the run goes on.
            failure: Why it stopped, if it did.
        """
        with self._lock:
            return Figures(
                kind=kind,
                dry_run=dry_run,
                started_at=started_at,
                counted_at=counted_at,
                ended_at=None if exit_code is None else counted_at,
                exit_code=exit_code,
                failure=failure,
                seconds=round(time.monotonic() - self._started_at, 3),
                records=self.outcomes.total(),
                outcomes=dict(self.outcomes),
                streams=self._by_stream(),
                recovered=dict(self.recovered),
                reasons=self._reasons(),
                delivered=dict(self._delivered),
                made=self.made,
                changes=dict(self.changes),
                filled={stream: dict(fields) for stream, fields in self._filled.items()},
                sources=[Value(*entry) for entry in self._sources.most_common()],
                campaigns=[Value(*entry) for entry in self._campaigns.most_common()],
                requests=dict(self._statuses),
                retries=self._retries,
                latency=_latency(self._latency),
                span_seconds=self._timeline.width,
                timeline=[
                    Span(second, dict(b.settled), _latency(b.latency), b.in_flight, b.pace)
                    for second, b in self._timeline
                ],
            )

    # All of these with the lock held.

    def _now(self) -> Bucket:
        return self._timeline.at(time.monotonic() - self._started_at)

    def _count(self, stream: str, outcome: str, number: int) -> None:
        self._now().settled[outcome] += number
        self.outcomes[outcome] += number
        self.records[stream] += number
        self.streams[stream, outcome] += number
        self._since.outcomes[stream, outcome] += number

    def _look_into(self, stream: str, payload: bytes) -> None:
        fields = _fields(payload)
        self._delivered[stream] += 1
        self._filled.setdefault(stream, Counter()).update(fields.keys())
        for name, values in (("utm_source", self._sources), ("utm_campaign", self._campaigns)):
            values.add(_value(fields[name]) if name in fields else None)

    def _by_stream(self) -> dict[str, dict[str, int]]:
        streams: dict[str, dict[str, int]] = {}
        for (stream, outcome), count in sorted(self.streams.items()):
            streams.setdefault(stream, {})[outcome] = count
        return streams

    def _reasons(self) -> list[Reason]:
        reasons = [
            Reason(*key, group.count, [_mention(r) for r in group.references])
            for key, group in self.reasons.items()
        ]
        return sorted(reasons, key=lambda r: (-r.count, r.stream, r.outcome, r.reason))

    def _group(
        self, stream: str, outcome: str, reason: str, count: int, references: Sequence[Reference]
    ) -> None:
        if (stream, outcome, reason) not in self.reasons and len(self.reasons) >= REASONS:
            reason = OTHER_REASONS
        group = self.reasons.setdefault((stream, outcome, reason), Group())
        group.count += count
        group.references += references[: REFERENCES - len(group.references)]


def _mention(reference: Reference) -> Mention:
    request_id = reference.request_id
    return Mention(
        reference.record,
        short_id(reference.source),
        request_id[:_LONGEST_REQUEST_ID] if request_id else None,
    )


def _latency(durations: Durations) -> Latency:
    return Latency(*(durations.percentile(percent) for percent in (50, 95, 99)))
