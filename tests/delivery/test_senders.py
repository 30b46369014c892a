"""What the threads that send do not send, and what becomes of it."""

from __future__ import annotations

import queue
import time

import pytest

from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.job import Job
from target_octanist.delivery.pace import Pace
from target_octanist.delivery.senders import STALE_SECONDS, Senders
from tests.support.raw_server import RawServer


def echo(peer):
    while True:
        peer.answer(peer.request().partition(b"\r\n\r\n")[2])


@pytest.fixture(params=[FastClient, OctanistClient])
def client(request):
    return request.param


def test_after_a_refusal_nothing_goes_out_before_the_pace_knows_of_it(client):
    """With one request at a time the second job would go out at once."""
    results = queue.SimpleQueue()

    def behave(peer):
        while True:
            peer.request()
            peer.send(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")

    with RawServer(behave) as server:
        pace = Pace(1, None)
        senders = Senders(client(server.base_url, "key", timeout_seconds=60), pace, 1, results.put)
        jobs = [Job(str(number), "leads", b"1", None) for number in range(2)]
        senders.send(jobs, marked_at=time.time())
        (first,) = results.get(timeout=90)
        assert first.answer.status == 429
        senders.halt()
        (second,) = results.get(timeout=90)
        senders.close()
        assert second.answer is None
        assert len(server.requests) == 1


def test_what_was_marked_too_long_ago_comes_back_unsent(client):
    results = queue.SimpleQueue()
    with RawServer(echo) as server:
        pace = Pace(4, None)
        senders = Senders(client(server.base_url, "key", timeout_seconds=60), pace, 4, results.put)
        senders.send([Job("old", "leads", b"1", None)], marked_at=time.time() - STALE_SECONDS - 1)
        senders.send([Job("new", "leads", b"2", None)], marked_at=time.time())
        found = [result for _ in range(2) for result in results.get(timeout=90)]
        senders.close()
        answers = {result.job.source: result.answer for result in found}
        assert answers["old"] is None
        assert answers["new"].body == b"2"
        assert len(server.requests) == 1
