from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import Client, assert_error
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("key", ["id", "email", "phone"])
def test_a_lead_is_named_by_id_email_or_phone(client: Client, key: str):
    lead = {"email": "jane@example.com", "phone": "+31612345678"}
    lead_id = client.created(**lead)
    client.created(email="other@example.com", phone="+31600000000")
    answer = client.update(**{key: {**lead, "id": lead_id}[key]}, status="qualified", value="12.50")
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "leadId": lead_id,
        "leadsUpdated": 1,
        "message": "Lead updated",
    }
    row = client.get(lead_id)
    assert (row["status"], row["value"]) == ("qualified", 12.5)
    assert row["qualifiedAt"] == row["updatedAt"] >= row["createdAt"]
    others = [lead for lead in client.sandbox.leads() if lead["id"] != lead_id]
    assert [lead["status"] for lead in others] == ["open"]


def test_the_id_comes_before_the_email(client: Client):
    first = client.created(email="a@example.com")
    second = client.created(email="b@example.com")
    assert client.update(id=first, email="b@example.com", status="won").status_code == 200
    assert (client.get(first)["status"], client.get(second)["status"]) == ("won", "open")
    assert client.get(first)["email"] == "a@example.com"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "won"}, {"status": "won"}),
        ({"changedTo": "won"}, {"status": "won"}),
        ({"status": "lost", "lossReason": "price"}, {"status": "lost", "lossReason": "price"}),
        ({"value": 100}, {"value": 100, "status": "open"}),
        ({"value": "100"}, {"value": 100}),
        ({"note": "called"}, {"note": "called"}),
    ],
    ids=["status", "alias", "loss", "number", "numeric-text", "note"],
)
def test_what_can_be_set(client: Client, changes: dict[str, Any], expected: dict[str, Any]):
    lead_id = client.created(name="x", note="first")
    assert client.update(id=lead_id, **changes).status_code == 200
    row = client.get(lead_id)
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("update", "word"),
    [
        ({"status": "won"}, "id, email or phone"),
        ({"id": "x"}, "Nothing"),
        ({"id": "x", "status": "open"}, "status"),
        ({"id": "x", "status": "Won"}, "status"),
        ({"id": "x", "status": None}, "status"),
        ({"id": "", "status": "won"}, "id"),
        ({"id": 1, "status": "won"}, "id"),
        ({"id": "x", "value": True}, "value"),
        ({"id": "x", "value": "12,50"}, "value"),
        ({"id": "x", "value": "nan"}, "value"),
        ({"id": "x", "value": "1_000"}, "value"),
        ({"id": "x", "status": "won", "lossReason": "price"}, "lossReason"),
        ({"id": "x", "status": "won", "changedTo": "lost"}, "changedTo"),
        ({"id": "x", "status": "won", "name": "y"}, "Unknown field: name"),
        ({"id": "x", "status": "won", "currency": "EUR"}, "Unknown field: currency"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_what_is_refused(client: Client, update: dict[str, Any], word: str):
    assert_error(client.update(**update), 400, "VALIDATION_ERROR", word)


def test_a_loss_reason_needs_a_lost_lead(client: Client):
    lead_id = client.created(name="x")
    assert_error(client.update(id=lead_id, lossReason="price"), 400, "VALIDATION_ERROR", "lost")
    client.update(id=lead_id, status="lost")
    assert client.update(id=lead_id, lossReason="price").status_code == 200


def test_nobody_matches(client: Client):
    client.created(email="jane@example.com")
    assert_error(client.update(email="jane", status="won"), 404, "NOT_FOUND")
    assert_error(client.update(id="lead_x", status="won"), 404, "NOT_FOUND")


def test_several_match(client: Client):
    for _ in range(2):
        client.created(email="jane@example.com")
    assert_error(client.update(email="jane@example.com", status="won"), 409, "CONFLICT")
    assert [lead["status"] for lead in client.sandbox.leads()] == ["open", "open"]


@pytest.fixture(scope="module")
def old() -> Iterator[Client]:
    with Sandbox("--envelope", "old", "--bulk-updates") as sandbox:
        client = Client(sandbox)
        yield client
        client.close()


class TestOlderServer:
    def test_bulk_updates_where_allowed(self, old: Client):
        for _ in range(2):
            old.create(email="jane@example.com")
        data = old.update(email="jane@example.com", status="lost").json()["data"]
        assert data["leadsUpdated"] == 2
        assert [lead["status"] for lead in old.sandbox.leads()] == ["lost", "lost"]
        old.sandbox.clear()

    def test_shapes(self, old: Client):
        created = old.create(name="x")
        assert created.status_code == 201
        assert set(created.json()) == {"id"}
        refused = old.create(nme="x")
        assert refused.status_code == 400
        assert refused.json() == {"error": "Unknown field: nme"}
        assert old.request("POST", "/check").json() == {"success": True}

    def test_faults_have_its_shape(self, old: Client):
        old.sandbox.fault("500", times=1)
        assert set(old.create(name="x").json()) == {"error"}

    @pytest.mark.parametrize("status", ["won", "qualified"])
    def test_value_is_wanted(self, old: Client, status: str):
        lead_id = old.create(name="x").json()["id"]
        assert "value" in old.update(id=lead_id, status=status).json()["error"]
        assert old.update(id=lead_id, status=status, value=1).status_code == 200
        assert old.update(id=lead_id, status="lost").status_code == 200
