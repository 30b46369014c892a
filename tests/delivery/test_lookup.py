"""The API's list, page by page, as servers give it."""

from __future__ import annotations

import json

from target_octanist.delivery.lookup import look_up
from target_octanist.delivery.outcome import Response
from target_octanist.delivery.reconcile import Doubt

DOUBT = Doubt("a", {"name": "Jane Doe"}, sent_at=1000.0, until=1001.0)


class Server:
    """Gives one page after the other, whatever is asked for."""

    def __init__(self, *pages):
        self.pages = iter([[], *pages])  # the first request is for the clock

    def listing(self, query):
        page = next(self.pages)
        return Response(200, json.dumps({"data": page}).encode())


def ids_of(server):
    [window] = look_up(server, [DOUBT])
    return [row["id"] for row in window.rows]


def test_an_id_that_no_database_takes_is_made_one_that_it_takes():
    assert ids_of(Server([{"id": "half\ud83d"}, {"id": "a\0b"}])) == ["half?", "a\ufffdb"]
