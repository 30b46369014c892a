from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox.client import Client, assert_error
from tests.support.sandbox import PATIENCE_SECONDS, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

RAW_REQUEST = (
    b"POST /api/leads HTTP/1.1\r\nHost: sandbox\r\nX-API-KEY: k\r\n"
    b'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"name": "x"}'
)


def connect(sandbox: Sandbox) -> socket.socket:
    address = urlsplit(sandbox.base_url)
    assert address.hostname is not None
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), PATIENCE_SECONDS)


def all_bytes(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def only_request(sandbox: Sandbox) -> dict[str, Any]:
    (entry,) = sandbox.requests()
    return entry


@pytest.mark.parametrize(
    ("name", "status", "code", "stored"),
    [
        ("429", 429, "TOO_MANY_REQUESTS", 0),
        ("500", 500, "INTERNAL_ERROR", 0),
        ("500-after-commit", 500, "INTERNAL_ERROR", 1),
        ("401", 401, "UNAUTHORIZED", 0),
        ("404", 404, "NOT_FOUND", 0),
        ("405", 405, "NOT_FOUND", 0),
        ("409", 409, "CONFLICT", 0),
        ("success-false", 200, "INTERNAL_ERROR", 0),
    ],
)
def test_errors_in_the_envelope(client: Client, name: str, status: int, code: str, stored: int):
    client.sandbox.fault(name)
    answer = client.create(name="x")
    assert_error(answer, status, code)
    assert "retry-after" not in answer.headers
    assert len(client.sandbox.leads()) == stored
    entry = only_request(client.sandbox)
    assert (entry["status"], entry["committed"]) == (status, bool(stored))


@pytest.mark.parametrize(
    ("name", "status", "stored"),
    [
        ("html-403", 403, 0),
        ("html-429", 429, 0),
        ("html-502", 502, 0),
        ("html-503", 503, 0),
        ("html-520", 520, 0),
        ("html-502-after-commit", 502, 1),
    ],
)
def test_errors_in_html(client: Client, name: str, status: int, stored: int):
    client.sandbox.fault(name)
    answer = client.create(name="x")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert len(client.sandbox.leads()) == stored


@pytest.mark.parametrize(("body", "text"), [("text", "503 Service Unavailable"), ("empty", "")])
def test_other_bodies(client: Client, body: str, text: str):
    client.sandbox.fault(kind="status", status=503, body=body)
    answer = client.create(name="x")
    assert (answer.status_code, answer.text) == (503, text)


def test_code_and_message_can_be_chosen(client: Client):
    client.sandbox.fault(kind="status", status=403, code="SOMETHING_NEW", message="No")
    assert_error(client.create(name="x"), 403, "SOMETHING_NEW", "No")


@pytest.mark.parametrize(("name", "status"), [("429-retry-after", 429), ("503-retry-after", 503)])
def test_retry_after_in_seconds(client: Client, name: str, status: int):
    client.sandbox.fault(name)
    answer = client.create(name="x")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "1")
    assert client.sandbox.leads() == []


def test_retry_after_as_a_date(client: Client):
    client.sandbox.fault(
        {"kind": "status", "status": 429, "retry_after": 60, "retry_after_form": "date"}
    )
    before = time.time()
    answer = client.create(name="x")
    when = parsedate_to_datetime(answer.headers["retry-after"]).timestamp()
    assert before + 60 <= when <= time.time() + 61


def test_a_redirect_that_must_not_be_followed(client: Client):
    client.sandbox.fault("redirect", times=1)
    answer = client.create(name="x")
    assert (answer.status_code, answer.headers["location"]) == (302, "/api/redirected")
    client.request("GET", "/redirected")
    followed = client.sandbox.requests()[1]
    assert (followed["path"], followed["key_present"]) == ("/redirected", True)


@pytest.mark.parametrize(("name", "stored"), [("drop", 0), ("drop-after-commit", 1)])
def test_a_dropped_connection_seen_by_requests(client: Client, name: str, stored: int):
    client.request("POST", "/check")  # so that the connection is one in use
    client.sandbox.fault(name, path="/leads", times=1)
    with pytest.raises(requests.ConnectionError):
        client.create(name="x")
    assert len(client.sandbox.leads()) == stored
    entry = client.sandbox.requests()[1]
    assert (entry["status"], entry["fault"], entry["committed"]) == (None, "drop", bool(stored))
    client.created(name="y")


@pytest.mark.parametrize(("name", "stored"), [("drop", 0), ("drop-after-commit", 1)])
def test_a_dropped_connection_seen_by_a_socket(sandbox: Sandbox, name: str, stored: int):
    sandbox.fault(name)
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        assert all_bytes(connection) == b""
    assert len(sandbox.leads()) == stored


def test_a_connection_dropped_before_the_body_is_read(sandbox: Sandbox):
    sandbox.fault("drop")
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST[: RAW_REQUEST.index(b"{")])
        assert connection.recv(1) == b""
    assert sandbox.leads() == []


def test_a_connection_reset(sandbox: Sandbox):
    sandbox.fault(kind="drop", reset=True, commit=True)
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        with pytest.raises(ConnectionResetError):
            all_bytes(connection)
    assert len(sandbox.leads()) == 1


def test_half_an_answer(sandbox: Sandbox, client: Client):
    sandbox.fault("half", times=2)
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        head, body = all_bytes(connection).split(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split()[0])
    assert head.startswith(b"HTTP/1.1 201 ")
    assert len(body) == length // 2
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.create(name="y")
    assert len(sandbox.leads()) == 2


def test_an_unreadable_answer(client: Client):
    client.sandbox.fault("unreadable")
    answer = client.create(name="x")
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r"delimiter|Unterminated"):
        answer.json()
    assert len(client.sandbox.leads()) == 1


@pytest.mark.parametrize(("name", "stored"), [("hang", 0), ("hang-after-commit", 1)])
def test_an_answer_that_never_comes(sandbox: Sandbox, name: str, stored: int):
    sandbox.fault(name)
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        sandbox.wait_until_faulted()
        sandbox.wait_until(lambda sandbox: len(sandbox.leads()) == stored)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    sandbox.wait_until(lambda sandbox: sandbox.requests())
    assert len(sandbox.leads()) == stored
    assert only_request(sandbox)["status"] is None


def test_a_hang_can_end_with_a_closed_connection(sandbox: Sandbox):
    sandbox.fault(kind="hang", seconds=1)
    started = time.monotonic()
    with connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        assert all_bytes(connection) == b""
    assert time.monotonic() - started >= 1


def test_a_hang_ends_when_the_server_stops():
    with Sandbox("--fault", '{"action": "hang"}') as sandbox, connect(sandbox) as connection:
        connection.sendall(RAW_REQUEST)
        sandbox.wait_until(lambda sandbox: sandbox.stats()["in_flight"] == 1)
        assert sandbox.stop() == 0
        assert not sandbox.stderr()
        assert all_bytes(connection) == b""


@pytest.mark.parametrize("commit", [False, True])
def test_a_delayed_answer(client: Client, commit: bool):
    client.sandbox.fault(kind="delay", latency_ms=150, commit=commit)
    client.created(name="x")
    assert only_request(client.sandbox)["duration_ms"] >= 150


def test_a_delay_after_the_commit_and_a_client_that_does_not_wait_for_its_end():
    with Sandbox() as sandbox, connect(sandbox) as connection:
        sandbox.fault(kind="delay", latency_ms=3_600_000, commit=True)
        connection.sendall(RAW_REQUEST)
        sandbox.wait_until(lambda sandbox: len(sandbox.leads()) == 1)
        assert sandbox.requests() == []
        connection.close()
        assert sandbox.stop() == 0


def test_requests_in_flight_are_counted(sandbox: Sandbox):
    sandbox.fault("hang")
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(sandbox)).sendall(RAW_REQUEST)
        sandbox.wait_until(lambda sandbox: sandbox.stats()["in_flight"] == 8)
    sandbox.wait_until(lambda sandbox: sandbox.stats()["in_flight"] == 0)
    assert sandbox.stats()["max_in_flight"] == 8


def statuses(client: Client, leads: list[Mapping[str, Any]]) -> list[int]:
    return [client.create(**lead).status_code for lead in leads]


@pytest.mark.parametrize(
    ("match", "times", "expected"),
    [
        ({}, None, [500] * 6),
        ({}, 2, [500, 500, 201, 201, 201, 201]),
        ({"nth": 3}, None, [201, 201, 500, 201, 201, 201]),
        ({"nth": [1, 4]}, None, [500, 201, 201, 500, 201, 201]),
        ({"every": 2}, None, [201, 500, 201, 500, 201, 500]),
        ({"every": 2}, 1, [201, 500, 201, 201, 201, 201]),
        ({"field": {"name": "B*"}}, None, [201, 500, 201, 500, 201, 500]),
        ({"field": {"name": "b", "email": "*"}}, None, [201] * 6),
        ({"field": {"name": "b"}, "nth": 2}, None, [201, 201, 201, 500, 201, 201]),
        ({"method": "GET"}, None, [201] * 6),
        ({"method": "post", "path": "/l*"}, None, [500] * 6),
        ({"path": "/leads/*"}, None, [201] * 6),
    ],
    ids=str,
)
def test_which_requests_a_rule_takes(
    client: Client, match: dict[str, Any], times: int | None, expected: list[int]
):
    client.sandbox.fault("500", times=times, **match)
    assert statuses(client, [{"name": "a"}, {"name": "b"}] * 3) == expected
    (rule,) = client.sandbox.faults()
    assert rule["used"] == expected.count(500)


def test_a_rule_can_look_at_the_query(client: Client):
    client.sandbox.fault("500", method="GET", field={"search": "jane*"})
    assert client.list(search="Jane@example.com").status_code == 500
    assert client.list(search="john").status_code == 200


def test_the_first_rule_wins_and_hides_requests_from_the_next(client: Client):
    client.sandbox.fault("409", nth=1)
    client.sandbox.fault("500", nth=2)
    assert statuses(client, [{"name": "a"}] * 4) == [409, 201, 500, 201]


def test_a_rate_limit(client: Client):
    client.sandbox.fault("429", per_second_over=3)
    answers = statuses(client, [{"name": "a"}] * 4)
    # At most one second ended within these four.
    assert answers in ([201, 201, 201, 429], [201] * 4)


def test_rules_are_replaced_appended_and_removed(sandbox: Sandbox, client: Client):
    url = f"{sandbox.origin}/_sandbox/faults"
    assert (
        requests.put(
            url, json=[{"action": "500"}, {"action": "409"}], timeout=PATIENCE_SECONDS
        ).status_code
        == 200
    )
    assert requests.put(url, json={"action": "404"}, timeout=PATIENCE_SECONDS).status_code == 200
    assert [rule["action"] for rule in sandbox.faults()] == ["404"]
    sandbox.fault("500")
    assert [rule["action"] for rule in sandbox.faults()] == ["404", "500"]
    sandbox.clear_faults()
    client.created(name="x")


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ([1], "object"),
        ({}, "action"),
        ({"action": "explode"}, "explode"),
        ({"action": {"kind": "explode"}}, "kind"),
        ({"action": {"kind": "status", "stauts": 500}}, "stauts"),
        ({"action": {"kind": "status", "status": "500"}}, "status"),
        ({"action": {"kind": "status", "status": 100}}, "status"),
        ({"action": {"kind": "status", "body": "xml"}}, "body"),
        ({"action": {"kind": "drop", "commit": 1}}, "commit"),
        ({"action": {"kind": "half", "commit": False}}, "commit"),
        ({"action": {"kind": "drop", "latency_ms": True}}, "latency_ms"),
        ({"action": "drop", "match": {"verb": "GET"}}, "verb"),
        ({"action": "drop", "match": {"nth": 0}}, "nth"),
        ({"action": "drop", "match": {"every": "2"}}, "every"),
        ({"action": "drop", "match": {"field": {"email": 1}}}, "email"),
        ({"action": "drop", "times": -1}, "times"),
        ({"action": "drop", "time": 1}, "time"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value),
)
def test_malformed_rules_are_explained_and_change_nothing(sandbox: Sandbox, rule: Any, word: str):
    sandbox.fault("500")
    url = f"{sandbox.origin}/_sandbox/faults"
    rules = [{"action": "409"}, rule] if isinstance(rule, dict) else [*rule]
    answer = requests.put(url, json=rules, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert [rule["action"] for rule in sandbox.faults()] == ["500"]


def test_options_set_latency_and_rules(tmp_path: Any):
    rules = tmp_path / "rules.json"
    rules.write_text('[{"action": "409", "match": {"nth": 1}}]')
    options = ["--latency-ms", "50", "--fault", '{"action": "500", "times": 1}']
    with Sandbox(*options, "--faults", str(rules)) as sandbox:
        client = Client(sandbox)
        assert statuses(client, [{"name": "a"}] * 3) == [500, 409, 201]
        assert all(entry["duration_ms"] >= 50 for entry in sandbox.requests())
        client.close()


def test_many_connections_at_once(client: Client):
    sandbox = client.sandbox
    failures: list[str] = []

    def send(number: int) -> None:
        own = Client(sandbox)
        for index in range(5):
            status = own.create(email=f"{number}.{index}@example.com").status_code
            if status != 201:
                failures.append(str(status))
        own.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    stats = sandbox.stats()
    assert (stats["leads"], stats["duplicates_by_email"]) == (320, 0)
