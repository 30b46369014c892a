"""Amounts of money: exact, and never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.amount import amount, cents
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        *((5, "5"), (-50, "-50"), (0, "0"), (99.95, "99.95"), (1e22, "10000000000000000000000")),
        *((Decimal("1.10"), "1.1"), (10**30 + 1, f"{10**30 + 1}"), ("99.95", "99.95")),
        *(("1.250", "1.25"), ("1250.125", "1250.125"), (".5", "0.5"), ("7.", "7"), ("+7", "7")),
        *(("1e3", "1000"), ("-1.5E-2", "-0.015"), ("0031", "31")),
        *(("1.250,50", "1250.5"), ("1,250.50", "1250.5"), ("1'250.5", "1250.5")),
        *(("1,250,000", "1250000"), ("1.250.000", "1250000"), ("1 250", "1250")),
        *(("1250,5", "1250.5"), ("0,125", "0.125"), ("1250,125", "1250.125"), ("12,5", "12.5")),
        *(("€ 99,95", "99.95"), ("EUR 12", "12"), ("12 USD", "12"), ("-€5", "-5"), ("12,-", "12")),
        *(("1.250,-", "1250"), ("1\u00a0250,00\u00a0€", "1250")),
    ],
)
def test_an_amount_that_is_clear_is_read(value, exact):
    assert amount(value) == (Decimal(exact), None)


@pytest.mark.parametrize("text", ["1,250", "-1,250", "€ 1.250", "999,999", "1,250 EUR"])
def test_an_amount_that_can_be_read_in_two_ways_is_not_guessed(text):
    assert amount(text) == (None, "unclear_number")


@pytest.mark.parametrize(
    "value",
    [
        *("abc", "12 apples", "50%", "1,25,000.5", "1.2.3", "31.12.2024", "1,250,5", "1.250.00"),
        *(True, False, {}, {"value": 5}, [5], [1, 250], "Infinity", "--5", "1-2", "9" * 600, "0x1"),
    ],
    ids=str,
)
def test_what_is_no_amount_is_invalid(value):
    assert amount(value) == (None, "invalid_number")


@pytest.mark.parametrize("value", [None, "", " ", "-", "n/a", "NaN", "none"])
def test_nothing_is_no_amount(value):
    assert amount(value) == (None, None)


def test_an_amount_beyond_measure_is_none():
    assert amount("1e900") == (None, "lost_number")


@pytest.mark.parametrize(
    ("value", "exact"),
    [(45678, "456.78"), ("1", "0.01"), (0, "0"), (-250, "-2.5"), (10**40 + 1, f"{10**38}.01")],
)
def test_cents_are_hundredths(value, exact):
    assert cents(value) == (Decimal(exact), None)


def test_cents_of_nothing():
    assert cents("") == (None, None)
    assert cents("x") == (None, "invalid_number")


def test_only_a_value_has_cents():
    with pytest.raises(MappingError, match="cents: only goes with value, and this is note"):
        compile_mapping({"note": {"from": "n", "cents": True}}, where="m")
    with pytest.raises(MappingError, match="cents: must be true or false"):
        compile_mapping({"value": {"from": "n", "cents": 2}}, where="m", mode="update")


@given(st.text() | st.floats() | st.decimals() | st.integers() | st.lists(st.integers()))
def test_whatever_comes_an_amount_is_a_finite_number_or_none(value):
    exact, rule = amount(value)
    if exact is not None:
        assert rule is None
        assert exact.is_finite()
        assert amount(exact) == (exact, None)
