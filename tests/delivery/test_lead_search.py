"""What the API has of a lead, as it says so."""

from __future__ import annotations

import json

import pytest

from target_octanist.delivery.lead_search import carried_out, look_up
from target_octanist.delivery.outcome import Response

LEAD = b'{"email":"jane@example.com"}'


class Server:
    def __init__(self, lead_id):
        rows = [{"id": lead_id, "email": "jane@example.com"}]
        self.answer = Response(200, json.dumps({"data": rows}).encode())

    def listing(self, query):
        return self.answer


@pytest.mark.parametrize(("said", "kept"), [("half\ud83d", "half?"), ("a\0b", "a\ufffdb")])
def test_an_id_that_no_database_takes_is_made_one_that_it_takes(said, kept):
    server = Server(said)
    assert look_up(server, LEAD).lead_id == kept
    assert carried_out(LEAD, server.answer, now=0).lead_id == kept
