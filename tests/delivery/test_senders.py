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


@pytest.mark.parametrize("client", [FastClient, OctanistClient])
def test_what_was_marked_too_long_ago_comes_back_unsent(client):
    results = queue.SimpleQueue()
    with RawServer(echo) as server:
        pace = Pace(4, None)
        senders = Senders(client(server.base_url, "key", timeout_seconds=5), pace, 4, results.put)
        senders.send([Job("old", "leads", b"1", None)], marked_at=time.time() - STALE_SECONDS - 1)
        senders.send([Job("new", "leads", b"2", None)], marked_at=time.time())
        found = [result for _ in range(2) for result in results.get(timeout=30)]
        senders.close()
        answers = {result.job.source: result.answer for result in found}
        assert answers["old"] is None
        assert answers["new"].body == b"2"
        assert len(server.requests) == 1
