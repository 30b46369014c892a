"""The API's list, page by page, as servers give it."""

from __future__ import annotations

import json
from itertools import chain, repeat

from target_octanist.delivery.outcome import Response
from target_octanist.delivery.reconcile.comparison import Doubt
from target_octanist.delivery.reconcile.listing import ListingFailed, compare_with_list

DOUBT = Doubt("a", {"name": "Jane Doe"}, sent_at=1000.0, until=1001.0)


class Server:
    """Gives one page after the other, whatever is asked for."""

    def __init__(self, *pages, then=()):
        # The first request is for the clock.
        self.pages = chain([[], *pages], repeat(list(then)))

    def listing(self, query):
        return Response(200, json.dumps({"data": next(self.pages)}).encode())


def row(lead_id):
    """Give a row that could be the lead in doubt."""
    return {"id": lead_id, "name": "Jane Doe"}


def ids_of(server):
    [comparison] = compare_with_list(server, [DOUBT])
    return comparison.ids


def test_an_id_that_no_database_takes_is_made_one_that_it_takes():
    assert ids_of(Server([row("half\ud83d"), row("a\0b")])) == {"half?", "a\ufffdb"}


def page(first):
    return [row(str(number)) for number in range(first, first + 100)]


def test_pages_are_asked_for_until_one_is_not_full():
    assert len(ids_of(Server(page(0), page(100), [row("last")]))) == 201


def test_rows_may_move_to_the_next_page_meanwhile():
    assert len(ids_of(Server(page(0), page(50)))) == 150


def test_a_server_that_gives_the_same_page_for_ever_has_no_list():
    found = compare_with_list(Server(page(0), then=page(0)), [DOUBT])
    assert isinstance(found, ListingFailed)
