"""A plain HTTP client of the sandbox, and how its errors look."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.sandbox import API_KEY, PATIENCE_SECONDS, Sandbox

SESSION = "550e8400-e29b-41d4-a716-446655440000"
"""The pixel session that the shared sandbox of these tests knows."""


class Client:
    """Speaks to a sandbox as any HTTP client would; answers are what came back, unjudged."""

    def __init__(self, sandbox: Sandbox, key: str | None = API_KEY) -> None:
        self.sandbox = sandbox
        self._http = requests.Session()
        self._http.trust_env = False
        if key is not None:
            self._http.headers["X-API-KEY"] = key

    def request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        kwargs = {"timeout": PATIENCE_SECONDS, "allow_redirects": False, **kwargs}
        return self._http.request(method, self.sandbox.base_url + path, **kwargs)

    def create(self, **lead: Any) -> requests.Response:
        return self.request("POST", "/leads", json=lead)

    def created(self, **lead: Any) -> str:
        answer = self.create(**lead)
        assert answer.status_code == 201, answer.text
        lead_id = answer.json()["data"]["id"]
        assert isinstance(lead_id, str)
        return lead_id

    def update(self, **update: Any) -> requests.Response:
        return self.request("PATCH", "/leads", json=update)

    def list(self, **query: Any) -> requests.Response:
        return self.request("GET", "/leads", params=query)

    def get(self, lead_id: str) -> dict[str, Any]:
        answer = self.request("GET", f"/leads/{lead_id}")
        assert answer.status_code == 200
        row = answer.json()["data"]
        assert isinstance(row, dict)
        return row

    def close(self) -> None:
        self._http.close()


def assert_error(answer: requests.Response, status: int, code: str, *words: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), body
    assert body["success"] is False
    assert body["error"]["details"] == {}
    assert set(body["meta"]) == {"requestId", "timestamp"}
    for word in words:
        assert word in body["error"]["message"]
