"""What the wire adds to one exchange: many of them at once, and an end for each."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.job import Job
from target_octanist.delivery.outcome import NoAnswer, NotSent, Response
from target_octanist.delivery.wire import Turnout, Wire
from tests.support.raw_server import RawServer

ROOT = Path(__file__).resolve().parents[2]

#: Prints what comes of three jobs where no thread can be started beside that of the wire.
FEW_THREADS = """
import sys, threading
from tests.delivery.test_wire import Owner
owner = Owner(sys.argv[1])
def refuse(thread): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
owner.send(b"1", b"2", b"3")
print(*[type(answer).__name__ for answer in owner.answers(3).values()])
"""


class Owner:
    """Gives jobs to a wire, at most so many at once, and keeps what comes back."""

    def __init__(self, base_url, *, at_once=1000, timeout_seconds=60, kind=FastClient):
        self.waiting = deque()
        self.results = queue.SimpleQueue()
        self.under_way, self.at_once, self.over = 0, at_once, False
        client = kind(base_url, "key", timeout_seconds=timeout_seconds)
        self.wire = Wire(client, self.take, self.give)
        self.wire.start()

    def take(self, now):
        jobs = []
        while self.waiting and self.under_way < self.at_once:
            job = self.waiting.popleft()
            job.started_at = now if job.payload else 0.0
            self.under_way += 1
            jobs.append(job)
        return Turnout(jobs, float("inf"), is_last=self.over and not self.waiting)

    def give(self, results):
        for result in results:
            self.under_way -= 1
            self.results.put(result)

    def send(self, *payloads):
        self.waiting.extend(
            Job(str(number), "leads", payload, None) for number, payload in enumerate(payloads)
        )
        self.wire.ring()

    def answers(self, count):
        got = [self.results.get(timeout=90) for _ in range(count)]
        return {int(result.job.source): result.answer for result in got}


def echo(peer):
    """Answer each request with its own body."""
    while True:
        body = peer.request().partition(b"\r\n\r\n")[2]
        peer.answer(body)


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_each_job_gets_its_own_answer_and_connections_are_used_again(at_once):
    payloads = [b'{"n":%d}' % number for number in range(500)]
    with RawServer(echo) as server:
        owner = Owner(server.base_url, at_once=at_once)
        owner.send(*payloads)
        answers = owner.answers(500)
        assert [answers[n].body for n in range(500)] == payloads
        assert len(server.requests) == 500
        assert server.connections <= at_once


def hang(peer):
    """Answer each request but those that say so."""
    while True:
        body = peer.request().partition(b"\r\n\r\n")[2]
        if b"hang" not in body:
            peer.answer(body)


def test_what_hangs_holds_up_no_other():
    with RawServer(hang) as server:
        owner = Owner(server.base_url, at_once=4)
        owner.send(b'"hang"', b'"hang"', b'"hang"', *[b'"%d"' % n for n in range(20)])
        assert sorted(owner.answers(20)) == list(range(3, 23))


def test_what_hangs_ends_at_its_deadline():
    with RawServer(hang) as server:
        owner = Owner(server.base_url, timeout_seconds=1)
        owner.send(b'"hang"', b'"hang"', b'"hang"')
        assert list(owner.answers(3).values()) == [NoAnswer("timed out")] * 3


def test_a_connection_that_closes_while_it_is_idle_is_let_go_unused():
    def behave(peer):
        peer.answer(peer.request().partition(b"\r\n\r\n")[2])

    with RawServer(behave) as server:
        owner = Owner(server.base_url, at_once=3)
        for _ in range(5):
            owner.send(b"1", b"2", b"3")
            answers = owner.answers(3).values()
            # Met by the close half way, a request may have been read; it is not sent again.
            assert all(isinstance(answer, (Response, NoAnswer)) for answer in answers)
        assert len(server.requests) <= 15


def test_a_connection_that_is_there_too_late_sends_nothing():
    class Late(FastClient):
        def connect(self, deadline):
            made = super().connect(deadline)
            while time.monotonic() < deadline:
                time.sleep(0.01)
            return made

    with RawServer(echo) as server:
        owner = Owner(server.base_url, timeout_seconds=1, kind=Late)
        owner.send(b"1")
        assert owner.answers(1) == {0: NotSent("timed out")}
        assert server.requests == []


def test_what_is_not_to_be_sent_any_more_comes_back_unsent():
    with RawServer(echo) as server:
        owner = Owner(server.base_url)
        owner.send(b"1", b"", b"")
        answers = owner.answers(3)
        assert answers[0].body == b"1"
        assert answers[1] is answers[2] is None
        assert len(server.requests) == 1


def test_where_no_connection_can_be_made_nothing_was_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        owner = Owner(f"http://127.0.0.1:{taken.getsockname()[1]}/api")
        owner.send(b"1", b"2")
        assert all(isinstance(answer, NotSent) for answer in owner.answers(2).values())


def test_where_the_system_has_no_more_threads_each_job_comes_back():
    """In a process of its own, whose limit it is."""
    with RawServer(echo) as server:
        found = subprocess.run(
            [sys.executable, "-c", FEW_THREADS, server.base_url],
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
            cwd=ROOT,
        )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == ["NotSent"] * 3


def test_it_ends_when_nothing_is_left():
    with RawServer(echo) as server:
        owner = Owner(server.base_url)
        owner.send(b"1")
        owner.answers(1)
        owner.over = True
        owner.wire.ring()
        owner.wire.join(30)
        assert not owner.wire.is_alive
