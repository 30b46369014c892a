from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import SESSION, Client, assert_error
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_KEYS = [
    "name",
    "email",
    "phone",
    "note",
    "website",
    "path",
    "gclid",
    "dclid",
    "wbraid",
    "gbraid",
    "fbc",
    "fbp",
    "ga4cid",
    "ga4sid",
    "li_fat_id",
    "msclkid",
    "ttclid",
    "twclid",
    "rdt_cid",
    "sccid",
    "epik",
    "utm_source",
    "utm_medium",
    "utm_campaign",
]
CONSENT_KEYS = ["ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"]
NOT_ACCEPTED = [
    "status",
    "value",
    "currency",
    "createdAt",
    "timestamp",
    "id",
    "externalId",
    "company",
    "first_name",
    "lastName",
    "fbclid",
    "utm_term",
    "utm_content",
    "formIdentifier",
    "title",
    "octa_sid",
    "consent",
]


def test_every_text_key_is_stored_as_sent(client: Client):
    lead = {key: f"{key}: Zoë \U0001f600" for key in TEXT_KEYS}
    row = client.get(client.created(**lead))
    assert {key: row[key] for key in TEXT_KEYS} == lead


def test_the_answer_has_an_id_and_does_not_echo_the_lead(client: Client):
    answer = client.create(email="jane@example.com")
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"success", "data", "meta"}
    assert body["success"] is True
    assert set(body["data"]) == {"id", "message"}
    assert body["data"]["id"].startswith("lead_")
    assert body["data"]["message"] == "Lead added"
    assert re.fullmatch(r"req_[0-9a-f]+", body["meta"]["requestId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["meta"]["timestamp"])


@pytest.mark.parametrize("key", ["name", "email", "phone", "custom"])
def test_one_identifying_key_is_enough(client: Client, key: str):
    client.created(**{key: "x"})


@pytest.mark.parametrize("lead", [{}, {"note": "x", "gclid": "y", "ad_storage": True}])
def test_without_any_identifying_key_it_is_refused(client: Client, lead: dict[str, Any]):
    assert_error(client.create(**lead), 400, "VALIDATION_ERROR", "At least one of")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("plain text", "plain text"),
        ('{"a":1}', '{"a":1}'),
        ({"a": [1, None, {"b": "é"}]}, '{"a":[1,null,{"b":"é"}]}'),
        ([1, "x"], '[1,"x"]'),
    ],
    ids=["text", "json-text", "object", "array"],
)
def test_custom_is_kept_as_text(client: Client, sent: object, stored: str):
    assert client.get(client.created(custom=sent))["custom"] == stored


@pytest.mark.parametrize("custom", [1, True], ids=["number", "boolean"])
def test_custom_is_no_other_type(client: Client, custom: object):
    assert_error(client.create(custom=custom), 400, "VALIDATION_ERROR", "custom")


@pytest.mark.parametrize("key", CONSENT_KEYS)
@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("TRUE", True),
        ("True", True),
        ("granted", False),
        ("yes", False),
        ("1", False),
        ("false", False),
        (" true", False),
    ],
    ids=repr,
)
def test_only_true_is_consent(client: Client, key: str, sent: object, stored: bool):
    row = client.get(client.created(name="x", **{key: sent}))
    assert row[key] is stored


def test_no_consent_is_denied(client: Client):
    row = client.get(client.created(name="x"))
    assert [row[key] for key in CONSENT_KEYS] == [False] * 4


@pytest.mark.parametrize("key", CONSENT_KEYS)
@pytest.mark.parametrize("value", [1, 0, ["true"], {}], ids=repr)
def test_consent_is_no_other_type(client: Client, key: str, value: object):
    assert_error(client.create(name="x", **{key: value}), 400, "VALIDATION_ERROR", key)


@pytest.mark.parametrize("key", [*TEXT_KEYS, "sessionId"])
@pytest.mark.parametrize("value", [1, 1.5, True, ["x"], {"x": 1}], ids=repr)
def test_texts_are_texts(client: Client, key: str, value: object):
    lead = {"custom": "x", key: value}
    assert_error(client.create(**lead), 400, "VALIDATION_ERROR", key, "string")
    assert client.sandbox.leads() == []


@pytest.mark.parametrize("key", [*TEXT_KEYS, *CONSENT_KEYS, "custom", "sessionId"])
@pytest.mark.parametrize("value", [None, ""], ids=["null", "empty"])
def test_null_and_empty_are_undocumented_so_refused(client: Client, key: str, value: object):
    lead = {"name": "x", "email": "y", key: value}
    assert_error(client.create(**lead), 400, "VALIDATION_ERROR", key)
    assert client.sandbox.leads() == []


@pytest.mark.parametrize("key", NOT_ACCEPTED)
def test_unknown_keys_are_refused_by_name(client: Client, key: str):
    answer = client.create(name="x", **{key: "y"})
    assert_error(answer, 400, "VALIDATION_ERROR", f"Unknown field: {key}")
    assert client.sandbox.leads() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b'{"name": NaN}', b'{"name": "\xff"}', b"[" * 5000],
    ids=["none", "torn", "null", "array", "text", "nan", "not-utf8", "deep"],
)
def test_the_body_is_a_json_object(client: Client, body: bytes):
    headers = {"content-type": "application/json"}
    answer = client.request("POST", "/leads", data=body, headers=headers)
    assert_error(answer, 400, "VALIDATION_ERROR", "JSON")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_is_json(client: Client, content_type: str):
    answer = client.request(
        "POST", "/leads", data=b'{"name": "x"}', headers={"content-type": content_type}
    )
    assert_error(answer, 400, "VALIDATION_ERROR", "Content-Type")


def test_the_content_type_may_name_a_charset(client: Client):
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    body = json.dumps({"name": "x"})
    assert client.request("POST", "/leads", data=body, headers=headers).status_code == 201


def test_the_same_lead_twice_is_two_leads(client: Client):
    ids = {client.created(email="jane@example.com") for _ in range(3)}
    client.created(email="JANE@example.com")
    assert len(ids) == 3
    stats = client.sandbox.stats()
    assert (stats["leads"], stats["duplicates_by_payload"], stats["duplicates_by_email"]) == (
        4,
        2,
        3,
    )


def test_a_known_session_brings_its_own_attribution(client: Client):
    client.sandbox.add_session(SESSION, gclid="of the session", ad_storage="TRUE", path="/p")
    sent = {"gclid": "sent", "wbraid": "sent", "ad_user_data": True, "note": "kept"}
    row = client.get(client.created(name="x", sessionId=SESSION.upper(), **sent))
    assert (row["gclid"], row["wbraid"], row["path"]) == ("of the session", None, "/p")
    assert (row["ad_storage"], row["ad_user_data"]) == (True, False)
    assert row["note"] == "kept"


def test_ignored_attribution_is_still_checked(client: Client):
    answer = client.create(name="x", sessionId=SESSION, gclid=1)
    assert_error(answer, 400, "VALIDATION_ERROR", "gclid")


@pytest.mark.parametrize(
    "session_id",
    ["x", SESSION[:-1], SESSION.replace("-", ""), "00000000-0000-4000-8000-000000000000"],
    ids=["text", "short", "no-dashes", "unknown"],
)
def test_an_invalid_session_refuses_the_whole_lead(client: Client, session_id: str):
    answer = client.create(name="x", sessionId=session_id)
    assert_error(answer, 400, "VALIDATION_ERROR", "Invalid sessionId")
    assert client.sandbox.leads() == []


@pytest.fixture(scope="module")
def other() -> Iterator[Sandbox]:
    options = {
        "--contract": ["legacy"],
        "--api-key": ["good", "good too"],
        "--filter": ["phone=+31*", "utm_source=spam?"],
        "--filter-email-domain": ["Example.INVALID"],
        "--filter-name": ["test lead"],
    }
    flat = [text for name, values in options.items() for value in values for text in (name, value)]
    with Sandbox(*flat) as sandbox:
        yield sandbox


@pytest.fixture
def legacy(other: Sandbox) -> Iterator[Client]:
    client = Client(other, "good")
    yield client
    client.close()
    other.clear()


class TestOptions:
    @pytest.mark.parametrize("key", ["sessionId", "dclid", "wbraid", "gbraid", "epik"])
    def test_the_older_contract_has_fewer_keys(self, legacy: Client, key: str):
        answer = legacy.create(name="x", **{key: SESSION})
        assert_error(answer, 400, "VALIDATION_ERROR", key)

    def test_the_older_contract_has_25_keys(self, legacy: Client):
        absent = {"dclid", "wbraid", "gbraid", "epik"}
        lead = {key: "x" for key in [*TEXT_KEYS, *CONSENT_KEYS, "custom"] if key not in absent}
        assert len(lead) == 25
        legacy.created(**lead)

    @pytest.mark.parametrize(
        "lead",
        [
            {"phone": "+31612345678"},
            {"name": "x", "utm_source": "SPAM1"},
            {"email": "a.b@example.invalid"},
            {"email": "a@EXAMPLE.invalid"},
            {"name": "My Test Lead 7"},
        ],
        ids=["glob", "other-field", "domain", "domain-case", "name"],
    )
    def test_filtering_rules_refuse_a_lead(self, legacy: Client, lead: dict[str, Any]):
        assert_error(legacy.create(**lead), 403, "FORBIDDEN", "filtering rules")
        assert legacy.sandbox.leads() == []

    @pytest.mark.parametrize(
        "lead",
        [{"email": "a@sub.example.invalid"}, {"email": "a@example.invalid.example"}],
        ids=["subdomain", "longer"],
    )
    def test_filtering_rules_let_others_pass(self, legacy: Client, lead: dict[str, Any]):
        legacy.created(**lead)

    def test_validation_comes_before_filtering(self, legacy: Client):
        answer = legacy.create(name="test lead", status="won")
        assert_error(answer, 400, "VALIDATION_ERROR", "status")

    @pytest.mark.parametrize("key", [None, "", "bad"], ids=["none", "empty", "wrong"])
    def test_a_wrong_key_is_401(self, legacy: Client, key: str | None):
        other = Client(legacy.sandbox, key)
        for method, path in [
            ("POST", "/check"),
            ("POST", "/leads"),
            ("PATCH", "/leads"),
            ("GET", "/leads"),
            ("GET", "/leads/x"),
            ("POST", "/stats"),
            ("POST", "/ad-spend"),
        ]:
            answer = other.request(method, path, json={"name": "x"})
            assert_error(answer, 401, "UNAUTHORIZED", "API key")
        other.close()

    def test_keys_are_organisations(self, legacy: Client):
        lead_id = legacy.created(email="jane@example.com")
        other = Client(legacy.sandbox, "good too")
        assert other.list().json()["data"] == []
        assert_error(other.request("GET", f"/leads/{lead_id}"), 404, "NOT_FOUND")
        assert_error(other.update(id=lead_id, status="won"), 404, "NOT_FOUND")
        assert other.request("POST", "/stats", json={}).json()["data"]["leads"]["total"] == 0
        other.created(email="jane@example.com")
        assert legacy.sandbox.stats()["duplicates_by_email"] == 0
        other.close()


def test_without_a_key_it_is_401(client: Client):
    anonymous = Client(client.sandbox, None)
    assert_error(anonymous.create(name="x"), 401, "UNAUTHORIZED")
    anonymous.close()
    assert client.sandbox.leads() == []
    assert [entry["key_present"] for entry in client.sandbox.requests()] == [False]
