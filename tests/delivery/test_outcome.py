"""The table of outcomes, row by row, and that no answer falls outside of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.outcome import (
    MAX_RETRY_AFTER_SECONDS,
    Kind,
    NoAnswer,
    NotSent,
    Response,
    classify,
    parse_retry_after,
)

NOW = 1_800_000_000.0


def ok(**data: object) -> bytes:
    return json.dumps(
        {"success": True, "data": data, "meta": {"requestId": "req_1", "timestamp": "t"}}
    ).encode()


def error(code: str) -> bytes:
    return json.dumps(
        {
            "success": False,
            "error": {"code": code, "message": "text", "details": {}},
            "meta": {"requestId": "req_2"},
        }
    ).encode()


HTML = b"<html><body>no</body></html>"

ROWS = [
    (201, ok(id="lead_1"), None, Kind.DELIVERED),
    (200, ok(id="lead_1"), None, Kind.DELIVERED),
    (201, b'{"id": "lead_1"}', None, Kind.DELIVERED),
    (200, b'{"success": false}', None, Kind.REJECTED),
    (201, HTML, None, Kind.UNKNOWN),
    (201, b"", None, Kind.UNKNOWN),
    (201, ok(message="no id"), None, Kind.UNKNOWN),
    (204, b"", None, Kind.UNKNOWN),
    (302, HTML, None, Kind.DENIED),
    (400, error("VALIDATION_ERROR"), None, Kind.REJECTED),
    (400, HTML, None, Kind.REJECTED),
    (401, error("UNAUTHORIZED"), None, Kind.DENIED),
    (401, b'{"error": "no"}', None, Kind.DENIED),
    (403, error("FORBIDDEN"), None, Kind.FILTERED),
    (403, b'{"error": "filtered"}', None, Kind.FILTERED),
    (403, HTML, None, Kind.DENIED),
    (403, b"", None, Kind.DENIED),
    (404, error("NOT_FOUND"), None, Kind.DENIED),
    (405, HTML, None, Kind.DENIED),
    (408, b"", None, Kind.THROTTLED),
    (413, HTML, None, Kind.REJECTED),
    (425, b"", None, Kind.THROTTLED),
    (429, HTML, None, Kind.THROTTLED),
    (429, error("RATE"), "7", Kind.THROTTLED),
    (500, error("INTERNAL_ERROR"), None, Kind.UNKNOWN),
    (502, HTML, None, Kind.UNKNOWN),
    (503, HTML, None, Kind.UNKNOWN),
    (503, HTML, "7", Kind.THROTTLED),
    (504, HTML, None, Kind.UNKNOWN),
    (520, HTML, None, Kind.UNKNOWN),
    (524, HTML, None, Kind.UNKNOWN),
]


@pytest.mark.parametrize(("status", "body", "retry_after", "kind"), ROWS)
def test_every_row_of_the_contract(status, body, retry_after, kind):
    assert classify(Response(status, body, retry_after), now=NOW).kind is kind


def test_a_request_that_was_never_sent_is_retried_and_one_without_answer_is_unknown():
    assert classify(NotSent("refused"), now=NOW).kind is Kind.RETRY
    assert classify(NoAnswer("reset"), now=NOW).kind is Kind.UNKNOWN


def test_a_success_whose_body_was_cut_off_is_unknown():
    answer = Response(201, ok(id="lead_1"), complete=False)
    assert classify(answer, now=NOW).kind is Kind.UNKNOWN


def test_ids_and_codes_are_read_from_the_envelope():
    assert classify(Response(201, ok(id="lead_9")), now=NOW).lead_id == "lead_9"
    outcome = classify(Response(400, error("VALIDATION_ERROR")), now=NOW)
    assert (outcome.code, outcome.message, outcome.request_id) == (
        "VALIDATION_ERROR",
        "text",
        "req_2",
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [("half \ud83d of it", "half ? of it"), ("before\0after", "before\ufffdafter")],
)
def test_what_no_database_takes_is_replaced_in_what_the_api_said(said, kept):
    body = {
        "success": False,
        "data": {"id": said},
        "error": {"code": said, "message": said},
        "meta": {"requestId": said},
    }
    outcome = classify(Response(400, json.dumps(body).encode()), now=NOW)
    told = (outcome.lead_id, outcome.code, outcome.message, outcome.request_id)
    assert told == (kept, kept, kept, kept)


@given(status=st.integers(100, 999), body=st.binary(max_size=200), after=st.none() | st.text())
def test_no_answer_falls_outside_of_the_table(status, body, after):
    outcome = classify(Response(status, body, after), now=NOW)
    assert isinstance(outcome.kind, Kind)
    # The one thing that must never be guessed: only a 2xx with an id is delivered.
    if outcome.kind is Kind.DELIVERED:
        assert 200 <= status < 300
        assert outcome.lead_id


@given(status=st.integers(500, 999), body=st.binary(max_size=50))
def test_a_server_failure_is_never_safe_to_send_again(status, body):
    assert classify(Response(status, body), now=NOW).kind is Kind.UNKNOWN


def test_the_reason_never_repeats_what_the_api_said():
    body = json.dumps({"success": False, "error": {"code": "X", "message": "jane@example.com"}})
    assert "jane" not in classify(Response(400, body.encode()), now=NOW).reason


def test_retry_after_in_both_forms():
    assert parse_retry_after("7", now=NOW) == 7
    date = format_datetime(datetime.fromtimestamp(NOW + 42, tz=timezone.utc), usegmt=True)
    assert parse_retry_after(date, now=NOW) == pytest.approx(42)


def test_retry_after_is_capped_and_never_negative():
    assert parse_retry_after("999999999999999999999", now=NOW) == MAX_RETRY_AFTER_SECONDS
    assert parse_retry_after("3600", now=NOW) == MAX_RETRY_AFTER_SECONDS
    past = format_datetime(datetime.fromtimestamp(NOW - 42, tz=timezone.utc), usegmt=True)
    assert parse_retry_after(past, now=NOW) == 0


@given(st.text())
def test_an_odd_retry_after_is_no_harm(value):
    assert 0 <= (parse_retry_after(value, now=NOW) or 0) <= MAX_RETRY_AFTER_SECONDS
