from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_octanist.sandbox.guard import is_foreign_page, is_known_host
from tests.sandbox.client import SESSION, Client
from tests.support.sandbox import API_KEY, PATIENCE_SECONDS, Sandbox

if TYPE_CHECKING:
    from pathlib import Path


def get(sandbox: Sandbox, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{sandbox.origin}/{path}", headers=headers, timeout=PATIENCE_SECONDS)


def listed(sandbox: Sandbox, view: str, **query: Any) -> dict[str, Any]:
    url = f"{sandbox.origin}/_sandbox/inbox/{view}"
    answer = requests.get(url, params=query, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    rows = answer.json()
    assert isinstance(rows, dict)
    return rows


def next_event(lines: Any) -> dict[str, Any]:
    for line in lines:
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            assert isinstance(event, dict)
            return event
    raise AssertionError("the stream ended")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")],
)
def test_the_page_needs_nothing_from_elsewhere(sandbox: Sandbox, path: str, kind: str):
    answer = get(sandbox, path)
    assert answer.headers["content-type"].startswith(kind)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    for word in (
        "http://",
        "https://",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
    ):
        assert word not in answer.text


def test_the_page_is_told_of_every_change(sandbox: Sandbox, client: Client):
    client.created(name="before")
    url = f"{sandbox.origin}/_sandbox/events"
    with requests.get(url, stream=True, timeout=PATIENCE_SECONDS) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
        first = next_event(lines)
        assert (first["counts"]["leads"], first["faults"], first["any_key"]) == (1, [], True)
        lead_id = client.created(name="after")
        while next_event(lines)["counts"]["outcomes"] != {"201": 2}:
            pass
        client.update(id=lead_id, status="won")
        while next_event(lines)["counts"]["outcomes"] != {"200": 1, "201": 2}:
            pass
        sandbox.fault("429-retry-after", method="POST")
        while not (faults := next_event(lines)["faults"]):
            pass
        (rule,) = faults
        assert rule["does"]["status"] == 429
        assert rule["does"]["retry_after"] == 1
        sandbox.clear()
        while next_event(lines)["counts"]["leads"] != 0:
            pass


def test_the_lists_are_newest_first_and_say_how_many_there_are(sandbox: Sandbox, client: Client):
    for number in range(5):
        client.created(name=f"Person {number}", note="été")
    client.create(nme="x")
    sandbox.fault("drop-after-commit", nth=1)
    with pytest.raises(requests.ConnectionError):
        client.create(name="dropped")
    leads = listed(sandbox, "leads", limit=2, search="ÉTÉ person")
    assert leads["total"] == 5
    assert [row["name"] for row in leads["rows"]] == ["Person 4", "Person 3"]
    (refused,) = listed(sandbox, "refused")["rows"]
    assert (refused["status"], refused["reason"]) == (400, "Unknown field: nme")
    (faulted,) = listed(sandbox, "faulted")["rows"]
    assert (faulted["who"], faulted["status"], faulted["committed"]) == ("dropped", None, True)
    assert listed(sandbox, "requests")["total"] == 7
    assert listed(sandbox, "requests", search="post unknown")["total"] == 1
    assert listed(sandbox, "leads", limit=0)["rows"] == []
    assert get(sandbox, "_sandbox/inbox/secrets").status_code == 404
    assert get(sandbox, "_sandbox/inbox/leads?limit=x").status_code == 400


def test_a_refusal_that_came_late_is_still_a_refusal(sandbox: Sandbox, client: Client):
    sandbox.fault(kind="delay", latency_ms=1)
    client.create(nme="x")
    assert listed(sandbox, "refused")["total"] == 1
    assert listed(sandbox, "faulted")["total"] == 1


def test_no_answer_holds_an_api_key(sandbox: Sandbox, client: Client):
    lead_id = client.created(name="Jane Doe")
    (entry,) = sandbox.requests()
    detail = get(sandbox, f"_sandbox/requests/{entry['number']}").text
    assert '"content-type": "application/json"' in detail
    paths = ("leads", "requests", "inbox/leads", "inbox/requests", f"leads/{lead_id}", "stats")
    for text in (detail, *(get(sandbox, f"_sandbox/{path}").text for path in paths)):
        assert API_KEY not in text


def test_any_request_can_be_shown(sandbox: Sandbox, client: Client):
    client.request("POST", "/leads", data=b"\xff{", headers={"Content-Type": "application/json"})
    client.create(name="\ud800 lone", note="x" * 20_000)
    client.list(search="Jane", limit=1)
    odd, long, query = (entry["number"] for entry in sandbox.requests())
    assert get(sandbox, f"_sandbox/requests/{odd}").json()["body"] == "\ufffd{"
    shown = get(sandbox, f"_sandbox/requests/{long}").json()
    assert len(shown["body"]) == 16_384
    assert shown["size"] > 20_000
    assert get(sandbox, f"_sandbox/requests/{query}").json()["query"] == "search=Jane&limit=1"
    assert listed(sandbox, "leads")["rows"][0]["name"] == "\ud800 lone"
    assert listed(sandbox, "requests", search="validation")["total"] == 1
    assert get(sandbox, "_sandbox/requests/12345").status_code == 404
    assert get(sandbox, "_sandbox/leads/nobody").status_code == 404


def test_a_number_beyond_all_numbers_is_no_value(client: Client):
    lead_id = client.created(name="Jane Doe")
    body = f'{{"id": "{lead_id}", "value": 1e999}}'
    headers = {"Content-Type": "application/json"}
    assert client.request("PATCH", "/leads", data=body, headers=headers).status_code == 400


def test_a_lead_keeps_its_request_and_its_updates_over_a_restart(tmp_path: Path):
    data = tmp_path / "leads.jsonl"
    with Sandbox("--data", str(data), "--session", SESSION) as sandbox:
        client = Client(sandbox)
        lead_id = client.created(name="Jane Doe", ad_storage="yes")
        client.update(id=lead_id, status="won", value=7)
        client.update(id=lead_id, note="Signed")
        client.close()
    lines = [json.loads(line) for line in data.read_text().splitlines()]
    older = [line | {"id": "lead_old"} for line in lines if line["op"] == "create"]
    del older[0]["body"]
    with data.open("a") as file:
        file.write(json.dumps(older[0]) + "\n")
    with Sandbox("--data", str(data)) as sandbox:
        lead = get(sandbox, f"_sandbox/leads/{lead_id}").json()
        assert json.loads(lead["body"]) == {"name": "Jane Doe", "ad_storage": "yes"}
        assert lead["requests"] == []
        assert [(step.get("status"), step.get("note")) for step in lead["history"]] == [
            ("won", None),
            (None, "Signed"),
        ]
        assert [(part["given"], part["recorded"]) for part in lead["consent"]] == [
            ("yes", True),
            (None, False),
            (None, False),
            (None, False),
        ]
        old = get(sandbox, "_sandbox/leads/lead_old").json()
        assert [part["recorded"] for part in old["consent"]] == [None] * 4


def test_one_rule_can_be_taken_away_and_the_others_go_on_counting(sandbox: Sandbox, client: Client):
    sandbox.fault("500", method="PATCH")
    sandbox.fault("409", method="POST", every=2)
    assert client.create(name="x").status_code == 201
    first, second = sandbox.faults()
    answer = requests.delete(
        f"{sandbox.origin}/_sandbox/faults/{first['number']}", timeout=PATIENCE_SECONDS
    )
    assert [rule["number"] for rule in answer.json()] == [second["number"]]
    assert client.create(name="x").status_code == 409


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:8321", True),
        ("[::1]:8321", True),
        ("192.168.1.7:8321", True),
        ("localhost:8321", True),
        ("LOCALHOST", True),
        ("app.localhost:8321", True),
        ("sandbox:8321", True),
        ("host.docker.internal:8321", True),
        ("named.example.com:8321", True),
        ("example.com", False),
        ("other.named.example.com", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com:8321", False),
        ("example.com.:8321", False),
        ("evil.example.com#@127.0.0.1", False),
        ("[::1", False),
    ],
)
def test_names_that_others_can_register_are_not_answered_to(host: str, known: bool):
    assert is_known_host(host, {"named.example.com"}) == known


@pytest.mark.parametrize(
    ("origin", "site", "foreign"),
    [
        ("", "", False),
        ("http://localhost:8321", "same-origin", False),
        ("https://localhost:8321", "", False),
        ("", "none", False),
        ("", "same-origin", False),
        ("http://localhost:3000", "same-site", True),
        ("", "same-site", True),
        ("", "cross-site", True),
        ("https://example.com", "", True),
        ("null", "", True),
    ],
)
def test_pages_of_other_origins_are_told_apart(origin: str, site: str, foreign: bool):
    assert is_foreign_page("localhost:8321", origin, site) == foreign


def test_such_requests_are_refused_before_anything_happens(sandbox: Sandbox, client: Client):
    client.created(name="Jane Doe")
    url = f"{sandbox.origin}/_sandbox/faults"
    rule = json.dumps({"action": "500"})
    for headers in ({"Origin": "https://example.com"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = requests.post(url, rule, headers=headers, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 403
        assert "another origin" in answer.json()["error"]
    for path in ("", "_sandbox/leads", "_sandbox/events", "api/leads"):
        answer = get(sandbox, path, Host="example.com", **{"X-API-KEY": API_KEY})
        assert answer.status_code == 421
        assert "--allow-host" in answer.json()["error"]
    assert sandbox.faults() == []
    assert get(sandbox, "", **{"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link to it


def test_a_further_name_can_be_allowed():
    with Sandbox("--allow-host", "Sandbox.Example.com") as sandbox:
        assert get(sandbox, "_sandbox/stats", Host="sandbox.example.com:80").status_code == 200
        assert get(sandbox, "_sandbox/stats", Host="example.com").status_code == 421
