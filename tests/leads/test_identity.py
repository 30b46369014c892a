"""Who a lead is."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.identity import (
    DIGEST_SIZE,
    change_digest,
    check_dedupe_by,
    encode_payload,
    payload_digest,
    person_digests,
    source_digest,
)
from target_octanist.leads.identity import (
    _canonical as canonical,
)
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError

SALT = b"s" * 32
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def of_key(**key):
    return source_digest(SALT, "https://octanist.com/api", "leads", key, {})


def of_record(record):
    return source_digest(SALT, "https://octanist.com/api", "leads", None, record)


def test_digests_are_pinned():
    """A digest outlives a release: if this changes, every journal forgets what was sent."""
    assert of_key(id=1) == "1b40ba461e9dbf63a3962f3df33cee45"
    assert of_record({"id": 1, "a": [1.5, "x", None, True]}) == "b1be3e9b47851b63ccde611bed755d9d"
    assert person_digests(SALT, "d", {"email": "a@example.com"}, ["email"]) == (
        "cf0786fc964fb4fc3b48e09aa5ecc43e",
    )
    digest = "d65b9817232dd8a84eb484f26c192720"
    assert payload_digest(SALT, b'{"email":"a@example.com"}') == digest
    assert change_digest(SALT, {"email": "a@example.com"}) == digest
    assert len(of_key(id=1)) == 2 * DIGEST_SIZE


def test_the_type_of_a_number_does_not_matter_but_text_is_no_number():
    """One tap sends 1, another 1.0; "1" is another record."""
    same = [1, 1.0, Decimal(1), Decimal("1.0"), Decimal("1E+0")]
    assert len({of_key(id=value) for value in same}) == 1
    assert len({of_key(id=value) for value in [1, "1", True, [1], {"a": 1}]}) == 5


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (10**18, Decimal("1E+18"), True),
        (10**30, Decimal("1E+30"), True),
        (10**17, 1e17, True),
        (2**63, 2**63 + 1, False),
        (0, -0.0, True),
        (Decimal("0.10"), 0.1, True),
        (-1, 1, False),
        ("é", "e\u0301", False),
        ("\ud83d", "", False),
        (float("nan"), float("inf"), False),
        (datetime(2026, 1, 1, tzinfo=timezone.utc), "2026-01-01T00:00:00+00:00", True),
        (Decimal("1E+999999"), Decimal("1E+999998"), False),
    ],
    ids=range(12),
)
def test_equal_values_and_only_those_are_the_same_record(left, right, equal):
    """Numbers are compared exactly, however large, and text code point by code point."""
    assert (of_key(id=left) == of_key(id=right)) is equal


@given(st.dictionaries(st.text(max_size=4), json_values, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(record, random):
    """Some taps send the columns in another order with each record."""

    def shuffled(value):
        if isinstance(value, dict):
            items = [(name, shuffled(item)) for name, item in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert of_record(record) == of_record(shuffled(record))
    assert change_digest(SALT, record) == change_digest(SALT, shuffled(record))


def test_a_number_is_written_in_one_way_whatever_its_type():
    """Else a refused lead would be tried again because another tap writes 1 as 1.0."""

    def of_lead(score):
        mapping = compile_mapping({"email": "email", "custom": "custom"}, where="mapping")
        mapped = mapping.apply({"email": "a@example.com", "custom": {"score": score}})
        return payload_digest(SALT, encode_payload(mapped.payload))

    assert len({of_lead(one) for one in [1, 1.0, Decimal("1.0"), Decimal("1E+0")]}) == 1
    assert len({of_lead(half) for half in [0.5, Decimal("0.5"), Decimal("0.50")]}) == 1
    assert len({of_lead(value) for value in [1, "1", True, 0.5]}) == 4


@given(json_values, json_values)
def test_different_records_differ(left, right):
    """No two ways to write JSON meet in one digest."""

    def plain(value):
        return json.dumps(value, sort_keys=True)

    if of_key(id={"v": left}) == of_key(id={"v": right}):
        # Only numbers may be written in two ways.
        assert left == right or plain(left) == plain(right)


def test_without_a_key_the_record_names_itself():
    """The tap's own columns change with every run, so they are no part of it."""
    row = {"email": "a@example.com", "_sdc_extracted_at": "now"}
    assert of_record(row) == of_record({**row, "_sdc_extracted_at": "later"})
    assert of_record(row) != of_record({**row, "email": "b@example.com"})
    for empty in ({}, {"id": None}, {"id": ""}):
        assert source_digest(SALT, "d", "s", empty, row) == source_digest(SALT, "d", "s", None, row)
    assert source_digest(SALT, "d", "s", row, row) != of_record(row)
    keyed = source_digest(SALT, "d", "s", {"id": 0}, row)
    assert keyed == source_digest(SALT, "d", "s", {"id": 0}, {})


def test_salt_destination_and_stream_are_part_of_the_identity():
    """The same key in another stream, journal or organisation is another record."""
    base = source_digest(SALT, "d", "s", {"id": 1}, {})
    assert base != source_digest(b"other", "d", "s", {"id": 1}, {})
    assert base != source_digest(SALT, "other", "s", {"id": 1}, {})
    assert base != source_digest(SALT, "d", "other", {"id": 1}, {})


def person(payload, *dedupe_by):
    return person_digests(SALT, "d", payload, dedupe_by)


def test_a_person_has_one_digest_for_each_entry_that_is_complete():
    """A joined entry needs all of its fields."""
    both = {"email": "a@example.com", "phone": "+31612340060"}
    assert len(person(both, "email", "phone")) == 2
    assert len(person(both, "email", "email+gclid")) == 1
    assert person(both, "gclid") == ()
    assert person(both) == ()
    assert person(both, "email", "email") == person(both, "email")
    assert person(both, "email+phone") == person(both, " phone + email ")
    assert person({"email": "x"}, "email") != person({"phone": "x"}, "phone")
    assert person({"email": " "}, "email") == ()


def test_a_person_is_the_same_however_written():
    """E-mail without case, phone by its digits, other fields by their text."""
    assert person({"email": "A@Example.com "}, "email") == person(
        {"email": "a@example.com"}, "email"
    )
    assert person({"phone": "06 1234"}, "phone") == person({"phone": "061234"}, "phone")
    assert person({"name": " Ada "}, "name") == person({"name": "Ada"}, "name")
    assert person({"name": "ada"}, "name") != person({"name": "Ada"}, "name")
    assert person({"custom": {"a": 1, "b": 2}}, "custom") == person(
        {"custom": {"b": 2, "a": 1.0}}, "custom"
    )


def test_dedupe_by_names_lead_fields():
    """A mistake in the setting is a sentence with its path."""
    check_dedupe_by(["email", "email+gclid", "phone"], "dedupe_by")
    check_dedupe_by([], "dedupe_by")
    with pytest.raises(MappingError) as caught:
        check_dedupe_by(["emial", "phone+glcid", 5], "streams.a.dedupe_by")
    assert caught.value.problems == (
        'streams.a.dedupe_by: "emial" is not a field of a lead; did you mean "email"?',
        'streams.a.dedupe_by: "glcid" is not a field of a lead; did you mean "gclid"?',
        "streams.a.dedupe_by: each entry must be the name of a lead field.",
    )
    for wrong in ("email", 5):
        with pytest.raises(MappingError, match="must be a list"):
            check_dedupe_by(wrong, "dedupe_by")


def test_a_payload_is_encoded_compactly_exactly_and_in_one_way():
    """Sorted keys, UTF-8, and every digit of a Decimal."""
    payload = {"name": "Zoë", "custom": {"b": Decimal("1234567890123456789.10"), "a": [1, True]}}
    assert encode_payload(payload) == (
        '{"custom":{"a":[1,true],"b":1234567890123456789.10},"name":"Zoë"}'.encode()
    )


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text()))
def test_what_is_written_fast_is_the_same_text(payload):
    """A number makes the whole be written slowly; without it, the digest must not change."""
    slow = canonical({**payload, "~": Decimal(1)})
    fast = canonical({**payload, "~": None})
    assert slow.replace('"~":1', '"~":null') == fast
