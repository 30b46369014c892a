"""The short way to name a record by its key gives the same name as the long one."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.identity import key_namer, source_digest

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**17, max_value=10**20)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.dictionaries(st.text(alphabet=st.characters(exclude_categories=())), VALUES, min_size=1)


@given(KEYS, st.binary(max_size=64), st.text(max_size=5), st.text(max_size=5))
def test_both_ways_give_one_name(key, salt, destination, stream):
    record = key | {"unlike": "the key"}
    name = key_namer(salt, destination, stream, list(key))(list(key.values()))
    if any(value is not None and value != "" for value in key.values()):
        assert name == source_digest(salt, destination, stream, key, record)
    else:
        assert name is None


def test_a_number_is_the_same_key_however_it_is_written():
    name_of = key_namer(b"salt", "destination", "leads", ["id"])
    assert name_of([7]) == name_of([7.0]) == name_of([Decimal("7.00")])
    assert name_of([7]) != name_of(["7"])
    assert name_of([True]) not in {name_of([1]), None}
