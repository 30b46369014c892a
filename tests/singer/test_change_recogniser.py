"""Which lines hold a record that came before as it is: what is in hand or unclear never does."""

from __future__ import annotations

import json

import pytest

from target_octanist.change_recogniser import ChangeRecogniser, InHand
from target_octanist.ledger.fingerprints import Done
from target_octanist.record_key import RecordKey

SALT = b"salt"
KEY = RecordKey("deals", key=["id"], required=["id"], salt=SALT, destination="here")


def line(number, stage, **more):
    message = {"type": "RECORD", "stream": "deals", "record": {"id": number, "stage": stage}}
    return json.dumps(message | more).encode()


class Known:
    """A recogniser to which the journal says that some records are told."""

    def __init__(self, *lines, mapped_by="mapping"):
        self.done, self.in_hand = {}, InHand()
        self.recogniser = ChangeRecogniser(
            KEY,
            salt=SALT,
            mapped_by=mapped_by,
            done_among=lambda sources: {s: d for s, d in self.done.items() if s in sources},
            in_hand=self.in_hand,
        )
        for told in lines:
            (known,) = self.read(told)
            self.done[known.source] = Done(known.fingerprint, None, "change", "digest")

    def read(self, *lines):
        return [self.recogniser.read(one) for one in lines]

    def says(self, *lines):
        return [source is not None for source in self.recogniser.recognise(lines)]


def test_a_record_as_it_was_is_recognised_and_another_version_is_not():
    known = Known(line(1, "won"), line(2, "won"))
    assert known.says(line(1, "won"), line(2, "lost"), line(3, "won")) == [True, False, False]
    assert known.says(line(2, "won", time_extracted="2026-01-01T00:00:00Z")) == [True]


def test_a_record_that_is_mapped_otherwise_is_not_recognised():
    known, other = Known(line(1, "won")), Known(mapped_by="another mapping")
    other.done = known.done
    assert known.says(line(1, "won")) == [True]
    assert other.says(line(1, "won")) == [False]


def test_behind_another_version_of_it_nothing_is_recognised():
    known = Known(line(1, "won"), line(2, "won"))
    found = known.says(line(1, "won"), line(1, "lost"), line(1, "won"), line(2, "won"))
    assert found == [True, False, False, True]


@pytest.mark.parametrize(
    "unclear",
    [
        b'{"type": "RECORD", "stream": "deals", "record": {"id": 1, "stage": NaN}}',
        b'{"type": "RECORD", "stream": "deals", "record": {"stage": "lost"}}',
        b'{"type": "RECORD", "stream": "deals", "record": {"id": "", "stage": "lost"}}',
        b'{"type": "RECORD", "stream": "deals", "record": [1]}',
        b'{"type": "RECORD", "stream": "deals"}',
        b'{"type": "BATCH", "stream": "deals", "manifest": []}',
        b'{"type": "SCHEMA", "stream": "deals"}',
        line(1, "lost").replace(b'"id"', b'"_sdc_deleted_at": "2026-01-01", "id"'),
        b"[]",
        b"",
    ],
)
def test_behind_a_line_that_may_be_another_version_nothing_is_recognised(unclear):
    known = Known(line(1, "won"), line(2, "won"))
    assert known.says(line(2, "won"), unclear, line(1, "won")) == [True, False, False]


@pytest.mark.parametrize(
    "harmless",
    [
        b'{"type": "STATE", "value": {}}',
        b'{"type": "RECORD", "stream": "people", "record": {"id": 1}}',
    ],
)
def test_other_messages_change_nothing(harmless):
    known = Known(line(1, "won"))
    assert known.says(line(1, "won"), harmless, line(1, "won")) == [True, False, True]


def test_what_is_in_hand_is_not_recognised_until_it_is_settled():
    known = Known(line(1, "won"))
    ((source, _),) = known.read(line(1, "won"))
    known.in_hand.add(source)
    for settled in range(10):
        known.in_hand.forget(accepted=10, settled_through=settled)
        assert known.says(line(1, "won")) == [False]
    known.in_hand.forget(accepted=20, settled_through=10)
    known.in_hand.forget(accepted=30, settled_through=20)
    assert known.says(line(1, "won")) == [True]


def test_a_fingerprint_is_given_only_of_the_record_in_the_line():
    known = Known()
    (here,) = known.read(line(1, "won"))
    (there,) = known.read(line(2, "won"))
    assert known.recogniser.fingerprint(line(1, "won"), here.source) == here.fingerprint
    assert known.recogniser.fingerprint(line(1, "won"), there.source) is None
    assert known.recogniser.fingerprint(b'{"type": "BATCH"}', here.source) is None
