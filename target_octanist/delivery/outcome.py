"""What came back, and what it means: the table of outcomes as code.

A lead is posted to an API without idempotency keys, so the one question that every
answer must settle is: *may it be stored?* Only where the answer is surely "no" may
a lead be sent again.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

#: No server makes us wait longer than this, whatever its Retry-After says.
MAX_RETRY_AFTER_SECONDS: Final = 300.0

IN_OCTANIST: Final = "Octanist has a lead of the same person (lookup)"


class Response(Struct, frozen=True, gc=False):
    """An HTTP answer.

    Attributes:
        retry_after: The header as it came, or None.
        complete: Whether the whole body arrived.
    """

    status: int
    body: bytes
    retry_after: str | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection was made (DNS, TCP, TLS or proxy); the API saw nothing."""

    why: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A connection stood, the request may have been read, and no answer came."""

    why: str


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The API was asked before anything was sent, and has a lead of this person."""

    lead_id: str


Answer = Response | NotSent | NoAnswer

#: What comes of a job: an answer, or what was found before it was sent.
Reply = Answer | AlreadyThere


class Kind(enum.Enum):
    """The things that an answer to ``POST /leads`` can mean."""

    DELIVERED = "delivered"
    #: Not sent: it is there.
    KNOWN = "known"
    FILTERED = "filtered"
    REJECTED = "rejected"
    #: Stop at once: every other lead would fare the same.
    DENIED = "denied"
    #: Never sent: safe to send again after a backoff.
    RETRY = "retry"
    #: Not now: safe to send again after a wait, which is not an attempt.
    THROTTLED = "throttled"
    #: It may be stored: never send it again without asking.
    UNKNOWN = "unknown"


class Outcome(Struct, frozen=True, gc=False):
    """What an answer means for its lead.

    Attributes:
        reason: A sentence of our own, safe to log.
        message: The API's own words. They may quote the lead: never logged.
        wait_seconds: How long the server wants us to wait, if it says so.
        updated: How many leads a change went to, if the API says so.
    """

    kind: Kind
    reason: str
    status: int | None = None
    lead_id: str | None = None
    request_id: str | None = None
    code: str | None = None
    message: str | None = None
    wait_seconds: float | None = None
    updated: int | None = None


def classify(answer: Reply, *, now: float, is_change: bool = False) -> Outcome:
    """Say what an answer to ``POST /leads`` means, or to ``PATCH /leads``.

    Args:
        answer: What came back, or why nothing did.
        now: Wall-clock time in seconds, for a Retry-After that is a date.
        is_change: Whether it was a PATCH.
    """
    if isinstance(answer, AlreadyThere):
        return Outcome(Kind.KNOWN, IN_OCTANIST, lead_id=answer.lead_id)
    if isinstance(answer, NotSent):
        return Outcome(Kind.RETRY, f"not sent: {answer.why}")
    if isinstance(answer, NoAnswer):
        return Outcome(Kind.UNKNOWN, f"sent, but no answer came: {answer.why}")
    return _classify_response(answer, now, is_change=is_change)


def _classify_response(response: Response, now: float, *, is_change: bool) -> Outcome:
    status = response.status
    body = _Body.read(response.body)
    if 200 <= status < 300:
        return _classify_success(response, body, is_change=is_change)
    if status in {408, 425, 429} or (status == 503 and response.retry_after is not None):
        wait = parse_retry_after(response.retry_after, now=now)
        return body.outcome(Kind.THROTTLED, status, f"throttled with HTTP {status}", wait=wait)
    if status >= 500 or status < 200:
        return body.outcome(Kind.UNKNOWN, status, f"HTTP {status}: it may have {_done(is_change)}")
    if status in {401, 407}:
        whom = "the API refuses the key" if status == 401 else "the proxy wants a login"
        return body.outcome(Kind.DENIED, status, f"{whom} (HTTP {status})")
    if is_change and body.is_envelope and status in {404, 409}:
        why = {
            404: "the API has no such lead",
            409: "several leads match, and the organisation does not let them all be changed",
        }[status]
        return body.outcome(Kind.REJECTED, status, f"{why} (HTTP {status})")
    if status in {404, 405}:
        return body.outcome(
            Kind.DENIED, status, f"there is no lead API at base_url (HTTP {status})"
        )
    if 300 <= status < 400:
        why = f"base_url answers with a redirect (HTTP {status}), which is never followed"
        return body.outcome(Kind.DENIED, status, why)
    if status == 403:
        if body.is_envelope:
            return body.outcome(Kind.FILTERED, status, "refused by the organisation's filter rules")
        why = "something before the API (a proxy or firewall) refuses the request (HTTP 403)"
        return body.outcome(Kind.DENIED, status, why)
    what = "change" if is_change else "lead"
    return body.outcome(Kind.REJECTED, status, f"the API rejected the {what} (HTTP {status})")


def _done(is_change: bool) -> str:  # noqa: FBT001 - it is what the word depends on
    return "been carried out" if is_change else "been stored"


def _classify_success(response: Response, body: _Body, *, is_change: bool) -> Outcome:
    status = response.status
    if body.success is False:
        return body.outcome(Kind.REJECTED, status, "the API answered success: false")
    if body.lead_id is not None and response.complete:
        return body.outcome(Kind.DELIVERED, status, "delivered")
    why = f"HTTP {status} without a readable lead id: it may have {_done(is_change)}"
    return body.outcome(Kind.UNKNOWN, status, why)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Read a Retry-After header, in either of its forms, as seconds from now.

    Args:
        value: Seconds or an HTTP date; anything else counts as not given.
        now: Wall-clock time in seconds.

    Returns:
        None if it does not say how long.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # The length bound keeps a hostile number from being parsed at all.
        return (
            min(float(text), MAX_RETRY_AFTER_SECONDS)
            if len(text) < 10
            else (MAX_RETRY_AFTER_SECONDS)
        )
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    try:
        seconds = date.timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


class _Body(Struct, frozen=True, gc=False):
    """The parts of an answer's body that mean something, read tolerantly.

    Older servers answer ``{"error": "text"}`` and a bare ``{"id": "…"}``.
    """

    is_envelope: bool
    success: bool | None = None
    lead_id: str | None = None
    updated: int | None = None
    request_id: str | None = None
    code: str | None = None
    message: str | None = None

    @classmethod
    def read(cls, raw: bytes) -> _Body:
        body = _decode(raw)
        if not isinstance(body, dict):
            return cls(is_envelope=False)
        meta, data, error = (
            _object(body.get("meta")),
            _object(body.get("data")),
            _object(body.get("error")),
        )
        success = body.get("success")
        old_error = body.get("error")
        return cls(
            is_envelope="error" in body or isinstance(success, bool),
            success=success if isinstance(success, bool) else None,
            lead_id=text_of(data.get("id"))
            or text_of(data.get("leadId"))
            or text_of(body.get("id")),
            updated=updated if isinstance(updated := data.get("leadsUpdated"), int) else None,
            request_id=text_of(meta.get("requestId")),
            code=text_of(error.get("code")),
            message=text_of(error.get("message")) or text_of(old_error),
        )

    def outcome(
        self, kind: Kind, status: int, reason: str, *, wait: float | None = None
    ) -> Outcome:
        return Outcome(
            kind=kind,
            reason=reason,
            status=status,
            lead_id=self.lead_id,
            request_id=self.request_id,
            code=self.code,
            message=self.message,
            wait_seconds=wait,
            updated=self.updated,
        )


def _decode(raw: bytes) -> Any:
    try:
        return _decode_json(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        # What msgspec is too strict for, such as NaN or a byte order mark.
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


_decode_json = msgspec.json.Decoder().decode


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str | None:
    """Give a text of the API as every database takes it; None if it is none, or empty.

    JSON can spell half of a surrogate pair, which is no character, and NUL.
    """
    if not isinstance(value, str) or not value:
        return None
    return value[:1000].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
