"""Which record of another stream a record is about."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.link import key_text, read_link
from target_octanist.leads.problems import Problems


def link(by):
    problems = Problems()
    found = read_link({"stream": "contacts", "by": by}, "link", problems)
    assert problems.found == []
    return found


@pytest.mark.parametrize("key", [50001, 50001.0, Decimal("50001.00"), "50001", " 50001 ", [50001]])
def test_a_key_is_one_however_a_tap_writes_it(key):
    assert key_text(key) == "50001"


@pytest.mark.parametrize(
    "key", [None, "", " ", "null", [], [[1]], {}, {"id": 1}, True, float("nan")]
)
def test_what_says_nothing_is_no_key(key):
    assert key_text(key) is None


def test_keys_that_differ_stay_different():
    assert key_text("0050001") == "0050001"
    assert key_text("a") != key_text("A")


@pytest.mark.parametrize(
    ("by", "record", "key"),
    [
        ("contact", {"contact": 5}, "5"),
        ("contact", {}, None),
        ("people[0]", {"people": [7, 8]}, "7"),
        ("people", {"people": [None, 8]}, "8"),
        ("people[?primary].id", {"people": [{"id": 1}, {"id": 2, "primary": True}]}, "2"),
        (["a", "b"], {"a": "", "b": 3}, "3"),
        ({"from": "a"}, {"a": 1}, "1"),
        ({"template": "{a}-{b}"}, {"a": 1, "b": 2}, "1-2"),
    ],
)
def test_the_key_is_found_as_a_mapping_finds_its_values(by, record, key):
    assert link(by).key_of(record) == key


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("contacts", ["link: must be an object {stream: …, by: …}, not text."]),
        ({"stream": "a"}, ["link.by: is missing; name the column with the key of that stream."]),
        (
            {"by": "a"},
            ["link.stream: must be the name of the stream that the leads came from."],
        ),
        (
            {"stream": "a", "by": "b", "bye": "c"},
            ['link: there is no key "bye" here; did you mean "by"?'],
        ),
        ({"stream": "a", "by": 5}, ["link.by: must be a path (text), a list of paths or"]),
        (
            {"stream": "a", "by": {"const": 5}},
            ["link.by: must be a path, a list of paths or a template."],
        ),
        (
            {"stream": "a", "by": {"from": "b", "required": True}},
            ["link.by: must be a path, a list of paths or a template."],
        ),
    ],
)
def test_a_mistake_in_a_link_is_one_sentence(raw, told):
    problems = Problems()
    read_link(raw, "link", problems)
    assert [one.startswith(told[0]) for one in problems.found] == [True]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists))
def test_a_key_is_text_or_none_whatever_comes(value):
    key = key_text(value)
    assert key is None or (key and key == key.strip())
    assert key_text(key) == key
