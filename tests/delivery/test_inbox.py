"""What may be in hand is bounded by the number of records, and by their size."""

from __future__ import annotations

import pytest

from target_octanist.delivery.inbox import Inbox
from target_octanist.delivery.job import Candidate, Job
from target_octanist.ledger.claims import Claim

BATCH = 500


def candidate(record):
    return Candidate(1, 1, Claim("source", "leads", (), 0, "digest", "{}"), record)


def taken_until_full(record):
    inbox = Inbox(BATCH, 0.2)
    while not inbox.is_full:
        inbox.put(candidate(record))
    return len(inbox)


def test_records_of_the_usual_size_fill_it_by_their_number():
    assert taken_until_full('{"email":"canary@example.com"}') == 4 * BATCH
    assert taken_until_full(None) == 4 * BATCH, "what is tried again is in the journal"


@pytest.mark.parametrize("kilobytes", [64, 1024, 64 * 1024])
def test_large_records_fill_it_by_their_size(kilobytes):
    number = taken_until_full("x" * kilobytes * 1024)
    assert (number - 1) * kilobytes < 32 * 1024


def test_what_is_settled_makes_as_much_room_as_it_took():
    inbox = Inbox(BATCH, 0.2)
    large = candidate("x" * 64 * 1024 * 1024)
    inbox.put(large)
    assert inbox.is_full
    inbox.settled(Job.of(large).weight)
    assert not inbox.is_full
    inbox.took_back(large.weight)
    assert inbox.is_full
