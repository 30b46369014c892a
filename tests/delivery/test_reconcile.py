"""Found, absent or unclear: what the API's list says of a lead without an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.reconcile import (
    Absent,
    Doubt,
    Found,
    Unclear,
    compare,
    is_same,
    read_time,
    resembles,
    windows,
)

LEAD = {
    "name": "Jane Doe",
    "email": "jane@example.com",
    "phone": "+31612345678",
    "custom": {"plan": "a", "n": 1},
    "utm_source": "google",
    "ad_storage": True,
}


def doubt(source="a", payload=LEAD, sent_at=1000.0, until=1001.0):
    return Doubt(source, payload, sent_at, until)


def row(lead_id="lead_1", **changes):
    return {
        "id": lead_id,
        "status": "open",
        "name": None,
        "email": None,
        "phone": None,
        **LEAD,
        "custom": json.dumps(LEAD["custom"]),
        "ad_storage": "true",
        **changes,
    }


def finding(*rows, taken=()):
    return compare([doubt()], rows, frozenset(taken))["a"]


def test_one_exact_row_is_found():
    assert finding(row(), row("lead_2", email="joe@example.com", phone="+3120")) == Found("lead_1")


def test_no_row_that_resembles_it_is_absent():
    assert finding() == Absent()
    assert finding(row(email="joe@example.com", phone="+31687654321")) == Absent()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "JANE DOE"},
        {"email": "Jane@Example.com"},
        {"phone": "0612345678"},
        {"custom": None},
        {"utm_source": "bing"},
        {"ad_storage": False},
    ],
)
def test_a_row_that_resembles_it_but_differs_is_left_to_a_human(changes):
    assert isinstance(finding(row(**changes)), Unclear)


def test_several_exact_rows_are_left_to_a_human():
    assert isinstance(finding(row(), row("lead_2")), Unclear)


def test_a_row_that_is_another_leads_own_says_nothing():
    assert finding(row(), taken=["lead_1"]) == Absent()
    assert finding(row(), row("lead_2"), taken=["lead_1"]) == Found("lead_2")


def test_one_row_settles_one_lead_only():
    findings = compare([doubt("a"), doubt("b")], [row()], frozenset())
    assert not any(isinstance(found, Found) for found in findings.values())


def test_with_a_session_the_attribution_of_the_row_is_not_compared():
    sent = {**LEAD, "sessionId": "550e8400-e29b-41d4-a716-446655440000"}
    assert is_same(sent, row(utm_source="bing", ad_storage=False))


def test_a_key_that_the_row_does_not_have_says_nothing():
    listed = row()
    del listed["utm_source"]
    assert is_same(LEAD, listed)


def test_a_row_without_any_identity_is_never_the_same():
    assert not is_same({"name": "Jane"}, {"id": "lead_1", "utm_source": "google"})


def test_a_lead_of_custom_alone_resembles_only_its_like():
    assert resembles({"custom": "x"}, {"id": "1", "custom": "y", "name": None})
    assert not resembles({"custom": "x"}, row())


def test_people_of_the_same_name_and_other_addresses_are_others():
    assert not resembles(LEAD, row(email="other@example.com", phone="+31687654321"))


def test_windows_that_are_close_are_one_request():
    near = [doubt("a", sent_at=1000, until=1001), doubt("b", sent_at=1100, until=1101)]
    far = doubt("c", sent_at=9000, until=9001)
    grouped = windows([far, *near])
    assert [[d.source for d in members] for _, _, members in grouped] == [["a", "b"], ["c"]]
    assert grouped[0][0] < 1000
    assert grouped[0][1] > 1101


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 100)), min_size=1, max_size=20))
def test_every_doubt_lies_in_its_window(spans):
    doubts = [doubt(str(n), LEAD, at, at + span) for n, (at, span) in enumerate(spans)]
    grouped = windows(doubts)
    assert sum(len(members) for _, _, members in grouped) == len(doubts)
    for start, end, members in grouped:
        assert all(start < d.sent_at <= d.until < end for d in members)


def test_times_of_the_api_are_read_and_odd_ones_are_not():
    assert read_time("1970-01-01T00:00:01.500Z") == 1.5
    assert read_time("1970-01-01T00:00:01Z") == 1
    assert read_time("1970-01-01T00:00:01.5Z") == 1.5
    assert read_time("1970-01-01T01:00:01.2500004+01:00") == 1.25
    assert read_time("yesterday") is None
    assert read_time("1970-01-01T00:00:01") is None
    assert read_time(None) is None
