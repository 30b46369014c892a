"""Which transport sends is decided by the setting, and by the way to the API."""

from __future__ import annotations

import logging

import pytest

from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.transport import choose_sender
from target_octanist.errors import SettingsError
from target_octanist.settings import Settings
from tests.support.target import people

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
API = "https://octanist.example/api"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*PROXIES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def chosen(transport="auto", base_url=API):
    client = OctanistClient(base_url, "k", timeout_seconds=60)
    settings = Settings(api_key="k", base_url=base_url, transport=transport)
    sender = choose_sender(settings, client)
    assert sender is client or isinstance(sender, FastClient)
    return "requests" if sender is client else "fast"


@pytest.mark.parametrize(
    ("transport", "expected"), [("auto", "fast"), ("fast", "fast"), ("requests", "requests")]
)
def test_on_a_straight_way_the_setting_decides(transport, expected):
    assert chosen(transport) == expected


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128"])
def test_a_proxy_needs_requests(monkeypatch, name, proxy):
    monkeypatch.setenv(name, proxy)
    assert chosen("auto") == chosen("requests") == "requests"
    with pytest.raises(SettingsError, match="transport: fast cannot go through a proxy"):
        chosen("fast")


@pytest.mark.parametrize(
    "proxy",
    ["socks5://proxy.example:1080", "nonsense://x", "http://:3128", "http://[::1", "not a host"],
)
def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError) as caught:
        chosen("auto")
    assert str(caught.value) == (
        "HTTPS_PROXY: it (or ALL_PROXY) is not the address of an HTTP proxy; write one such as "
        "http://proxy.example:3128, or except the host of base_url in NO_PROXY."
    )


def test_a_proxy_for_others_is_none_for_this_one(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert chosen() == "fast"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "other.example,octanist.example")
    assert chosen() == "fast"


def test_loopback_is_never_proxied(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    assert chosen("fast", "http://127.0.0.1:9/api") == "fast"
    assert chosen("auto", "http://localhost:9/api") == "fast"


def test_a_line_for_the_curious_says_which_it_is(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "target-octanist")
    chosen()
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    chosen()
    chosen("requests")
    assert caplog.messages == [
        "transport: fast.",
        "transport: requests, because of a proxy.",
        "transport: requests.",
    ]


@pytest.mark.e2e
def test_a_run_that_cannot_go_its_way_says_so(target):
    target.env |= {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": ""}
    done = target.run(people(1), base_url="https://octanist.invalid/api", transport="fast")
    assert done.returncode == 1
    assert "transport: fast cannot go through a proxy" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.states == []


@pytest.mark.e2e
def test_a_run_with_a_ca_bundle_that_is_not_there_sends_nothing(target):
    target.env |= {"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}
    done = target.run(people(1), base_url="https://octanist.invalid/api")
    assert done.returncode == 1
    assert "REQUESTS_CA_BUNDLE: /nowhere/ca.pem does not exist" in done.stderr
    assert "Traceback" not in done.stderr
