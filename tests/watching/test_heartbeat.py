"""After a run that went well, and only then, a monitor hears of it."""

from __future__ import annotations

import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.target import feed, finish, octanist, people, record, schema

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}

SECRET = "3f1c-secret-token"


class Monitor:
    """A monitoring service; `heard` are the requests, and `answers` what it says to them."""

    def __init__(self):
        self.heard = []
        self.answers = []
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                monitor.heard.append((self.path, dict(self.headers)))
                status, headers = monitor.answers.pop(0) if monitor.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code="-", size="-"):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/{SECRET}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def monitor():
    started = Monitor()
    yield started
    started.close()


def test_a_run_that_went_well_is_told_once(monitor, target):
    done = target.run(people(3), heartbeat_url=monitor.url)
    assert done.returncode == 0, done.stderr
    ((path, headers),) = monitor.heard
    assert path == f"/ping/{SECRET}"
    assert {name.casefold() for name in headers} <= {"host", "user-agent", "accept-encoding"}
    assert SECRET not in done.stderr
    assert "sandbox-key" not in str(headers)


def test_a_run_without_news_went_well_too(monitor, target):
    assert target.run([schema()], heartbeat_url=monitor.url).returncode == 0
    assert len(monitor.heard) == 1


def test_a_failure_is_silent(monitor, sandbox, target):
    sandbox.fault("401", **LEADS)
    assert target.run(people(3), heartbeat_url=monitor.url).returncode == 1
    assert target.run(["no message"], heartbeat_url=monitor.url).returncode == 1
    assert target.run([schema("deals", ("id",))], heartbeat_url=monitor.url).returncode == 1
    assert monitor.heard == []


def test_a_signal_is_silent(monitor, target):
    process = target.start(heartbeat_url=monitor.url)
    feed(process, people(3))
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert finish(process).returncode == 143
    assert monitor.heard == []


def test_a_dry_run_is_silent(monitor, target):
    assert target.run(people(3), heartbeat_url=monitor.url, dry_run=True).returncode == 0
    assert monitor.heard == []


def test_a_run_in_which_nothing_was_good_is_silent(monitor, target):
    lines = [schema(), record(id=1, email="nobody"), record(id=2, email="none")]
    done = target.run(lines, heartbeat_url=monitor.url)
    assert done.returncode == 0
    assert "Not one of the 2 records" in done.stderr
    assert monitor.heard == []


def test_settling_by_hand_is_no_run_that_is_waited_for(monitor, target):
    target.run(people(1), heartbeat_url=monitor.url)
    monitor.heard.clear()
    config = str(target.folder / "config.json")
    done = octanist("reconcile", "--config", config, home=target.folder)
    assert done.returncode == 0, done.stderr
    assert monitor.heard == []


def test_a_monitor_that_fails_once_is_told_again(monitor, target):
    monitor.answers = [(503, {})]
    done = target.run(people(1), heartbeat_url=monitor.url)
    assert len(monitor.heard) == 2
    assert "heartbeat_url" not in done.stderr


@pytest.mark.parametrize("answer", [(500, {}), (302, {"Location": "http://127.0.0.1:9/x"})])
def test_a_monitor_that_goes_on_failing_is_a_warning_and_no_more(monitor, target, answer):
    monitor.answers = [answer] * 2
    done = target.run(people(1), heartbeat_url=monitor.url)
    assert done.returncode == 0
    assert len(monitor.heard) == 2
    assert (
        f"heartbeat_url: 127.0.0.1 could not be told that the run went well (HTTP {answer[0]})"
        in (done.stderr)
    )
    assert SECRET not in done.stderr


def test_a_redirect_is_not_followed(monitor, target):
    elsewhere = Monitor()
    try:
        monitor.answers = [(302, {"Location": elsewhere.url})] * 2
        assert target.run(people(1), heartbeat_url=monitor.url).returncode == 0
        assert elsewhere.heard == []
    finally:
        elsewhere.close()


def test_a_monitor_that_is_not_there_is_a_warning(target):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/ping/{SECRET}"
        done = target.run(people(1), heartbeat_url=url)
    assert done.returncode == 0
    assert "(the connection was refused)" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    "url", [f"http://example.com/{SECRET}", f"ftp://example.com/{SECRET}", f"https:///{SECRET}"]
)
def test_an_address_that_cannot_be_used_is_told_without_it(target, url):
    done = target.run([schema()], heartbeat_url=url)
    assert done.returncode == 1
    assert "heartbeat_url: " in done.stderr
    assert SECRET not in done.stderr
