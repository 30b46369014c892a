from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import Client, assert_error
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def filled() -> Iterator[Client]:
    with Sandbox("--leads-limit", "3") as sandbox:
        client = Client(sandbox)
        people = [
            {"name": "Ann Alpha", "email": "ann@example.com", "utm_source": "google"},
            {"name": "Bob", "phone": "+31612345678", "gclid": "g", "website": "https://a.example"},
            {"name": "Cid", "email": "CID@Example.com", "utm_source": "bing", "custom": "alpha"},
            {"name": "Dee", "email": "dee@example.org", "note": "alpha"},
        ]
        for person in people:
            client.created(**person)
        client.update(email="ann@example.com", status="won", value=10)
        client.update(phone="+31612345678", status="qualified", value="2.5")
        yield client
        client.close()


def names(client: Client, **query: Any) -> list[str]:
    answer = client.list(**query)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


def test_a_row(filled: Client):
    (row,) = filled.list(search="cid@example.com").json()["data"]
    assert row["source"] == "api"
    assert row["status"] == "open"
    assert row["email"] == "CID@Example.com"
    assert row["custom"] == "alpha"
    assert row["gclid"] is None
    assert row["ad_storage"] is False
    assert filled.get(row["id"]) == row
    for key in ("value", "lossReason", "qualifiedAt", "expiresAt", "labelId"):
        assert row[key] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["createdAt"])


@pytest.mark.parametrize(
    ("query", "expected", "pagination"),
    [
        ({}, "Dee Cid Bob Ann", (50, 1, 1, 4, False)),
        ({"limit": 3}, "Dee Cid Bob", (3, 1, 2, 4, True)),
        ({"limit": 3, "page": 2}, "Ann", (3, 2, 2, 4, False)),
        ({"limit": 2, "page": 9}, "", (2, 9, 2, 4, False)),
        ({"search": "nobody"}, "", (50, 1, 0, 0, False)),
    ],
    ids=["default", "first", "last", "beyond", "none"],
)
def test_paging(filled: Client, query: dict[str, Any], expected: str, pagination: tuple[Any, ...]):
    body = filled.list(**query).json()
    assert [row["name"].split()[0] for row in body["data"]] == expected.split()
    assert body["meta"]["pagination"] == dict(
        zip(("limit", "page", "totalPages", "total", "hasMore"), pagination, strict=True)
    )


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("createdAt:asc", "Ann Bob Cid Dee"),
        ("createdAt:desc", "Dee Cid Bob Ann"),
        ("name:desc", "Dee Cid Bob Ann"),
        ("value:asc", "Bob Ann Cid Dee"),
        ("value:desc", "Ann Bob Cid Dee"),
    ],
)
def test_sorting(filled: Client, sort: str, expected: str):
    assert [name.split()[0] for name in names(filled, sort=sort)] == expected.split()


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("ALPHA", ["Ann Alpha"]),
        ("example.com", ["Cid", "Ann Alpha"]),
        ("+316123", ["Bob"]),
        ("ann@example.com", ["Ann Alpha"]),
        ("n alpha a", []),
    ],
)
def test_search_looks_at_name_email_and_phone(filled: Client, search: str, expected: list[str]):
    assert names(filled, search=search) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "won"}, ["Ann Alpha"]),
        ({"status": "open"}, ["Dee", "Cid"]),
        ({"source": "api", "status": "qualified"}, ["Bob"]),
        ({"source": "gtm"}, []),
        ({"value": "10"}, ["Ann Alpha"]),
        ({"value[gte]": "2.5"}, ["Bob", "Ann Alpha"]),
        ({"value[gt]": "2.5"}, ["Ann Alpha"]),
        ({"value[lt]": "10"}, ["Bob"]),
        ({"value[lte]": "10", "value[gte]": "10"}, ["Ann Alpha"]),
        ({"value[exists]": "false"}, ["Dee", "Cid"]),
        ({"utm_source": "google"}, ["Ann Alpha"]),
        ({"utm_source[exists]": "true"}, ["Cid", "Ann Alpha"]),
        ({"gclid[exists]": "true"}, ["Bob"]),
        ({"website": "https://a.example"}, ["Bob"]),
        ({"qualifiedAt[exists]": "true"}, ["Bob"]),
        ({"createdAt[gte]": "2001-01-01"}, ["Dee", "Cid", "Bob", "Ann Alpha"]),
        ({"createdAt[lt]": "2001-01-01T00:00:00+02:00"}, []),
        ({"updatedAt[gt]": "2001-01-01T00:00:00Z", "search": "dee"}, ["Dee"]),
        ({"labelId": "x"}, []),
    ],
    ids=str,
)
def test_filters(filled: Client, query: dict[str, str], expected: list[str]):
    assert names(filled, **query) == expected


def test_fields(filled: Client):
    rows = filled.list(fields="id,email", limit=1).json()["data"]
    assert [set(row) for row in rows] == [{"id", "email"}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"email": "ann@example.com"}, "INVALID_FILTER"),
        ({"phone": "x"}, "INVALID_FILTER"),
        ({"name[exists]": "true"}, "INVALID_FILTER"),
        ({"custom": "x"}, "INVALID_FILTER"),
        ({"nonsense": "x"}, "INVALID_FILTER"),
        ({"status": "closed"}, "INVALID_FILTER"),
        ({"status[gte]": "won"}, "INVALID_FILTER"),
        ({"source": "crm"}, "INVALID_FILTER"),
        ({"value[near]": "1"}, "INVALID_FILTER"),
        ({"value": "ten"}, "INVALID_FILTER"),
        ({"value[exists]": "yes"}, "INVALID_FILTER"),
        ({"gclid": "g"}, "INVALID_FILTER"),
        ({"createdAt[gte]": "yesterday"}, "INVALID_DATE"),
        ({"updatedAt[lt]": "2026-13-01"}, "INVALID_DATE"),
        ({"createdAt": ""}, "INVALID_DATE"),
        ({"limit": "0"}, "VALIDATION_ERROR"),
        ({"limit": "101"}, "VALIDATION_ERROR"),
        ({"limit": "x"}, "VALIDATION_ERROR"),
        ({"page": "0"}, "VALIDATION_ERROR"),
        ({"sort": "createdAt"}, "VALIDATION_ERROR"),
        ({"sort": "createdAt:down"}, "VALIDATION_ERROR"),
        ({"sort": "nonsense:asc"}, "VALIDATION_ERROR"),
        ({"fields": "id,nonsense"}, "VALIDATION_ERROR"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_bad_queries(filled: Client, query: dict[str, str], code: str):
    assert_error(filled.list(**query), 400, code)


def test_stats(filled: Client):
    data = filled.request("POST", "/stats", json={}).json()["data"]
    usage = data["usage"]
    assert (usage["leadsUsed"], usage["leadsLimit"], usage["lockedLeads"]) == (4, 3, 1)
    assert usage["periodStart"] < usage["periodEnd"]
    assert data["leads"]["total"] == 4
    assert data["leads"]["byStatus"] == {"open": 2, "qualified": 1, "won": 1, "lost": 0}
    assert data["leads"]["bySource"]["api"] == 4


def test_stats_without_a_limit(client: Client):
    usage = client.request("POST", "/stats", json={}).json()["data"]["usage"]
    assert (usage["leadsUsed"], usage["leadsLimit"], usage["lockedLeads"]) == (0, None, 0)


def test_stats_wants_a_body(client: Client):
    assert_error(client.request("POST", "/stats"), 400, "VALIDATION_ERROR")


def test_check_needs_no_body_and_answers_no_data(client: Client):
    answer = client.request("POST", "/check")
    assert (answer.status_code, answer.json()) == (200, {"success": True})


def test_ad_spend_is_there(client: Client):
    assert client.request("POST", "/ad-spend", json={}).json()["data"] == []


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/leads/", "/leads/a/b", "/Leads"])
def test_unknown_paths_are_404_in_the_envelope(client: Client, path: str):
    assert_error(client.request("GET", path), 404, "NOT_FOUND", "endpoint")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/leads", "POST, PATCH, GET"),
        ("DELETE", "/leads", "POST, PATCH, GET"),
        ("DELETE", "/leads/lead_x", "GET"),
        ("GET", "/check", "POST"),
        ("GET", "/stats", "POST"),
    ],
)
def test_other_methods_are_405_in_the_envelope(client: Client, method: str, path: str, allow: str):
    answer = client.request(method, path)
    assert_error(answer, 405, "NOT_FOUND")
    assert answer.headers["allow"] == allow


def test_an_unknown_lead_is_404(client: Client):
    assert_error(client.request("GET", "/leads/lead_x"), 404, "NOT_FOUND", "Lead")


def test_new_leads_can_show_up_late():
    with Sandbox("--list-lag-ms", "60000") as sandbox:
        client = Client(sandbox)
        lead_id = client.created(email="jane@example.com")
        assert client.list(search="jane").json()["data"] == []
        assert client.get(lead_id)["email"] == "jane@example.com"
        client.close()
