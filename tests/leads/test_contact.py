"""E-mail addresses and phone numbers."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_octanist.leads.contact import (
    email,
    is_ordinary_email,
    ordinary_phone,
    parse_email,
    parse_phone,
    phone,
    phone_by_country,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" Jan.de.Vries@Example.COM ", "jan.de.vries@example.com"),
        ("mailto:jan@example.nl?subject=Hi", "jan@example.nl"),
        ("Jan de Vries <Jan@Example.nl>", "jan@example.nl"),
        ("<jan@example.nl>", "jan@example.nl"),
        ('"Vries, Jan de" <jan@example.nl>', "jan@example.nl"),
        ("jan@bücher.example", "jan@xn--bcher-kva.example"),
        ("céline@example.com", "céline@example.com"),
        ("not one; jan@example.nl, other@example.nl", "jan@example.nl"),
        ("a@example.test", "a@example.test"),
        ("a@example.invalid", "a@example.invalid"),
        ("a@host.local", "a@host.local"),
        ("a+tag@example.com", "a+tag@example.com"),
        ("\u202aa@example.com\u202c", "a@example.com"),
        (["", "a@example.com", "b@example.com"], "a@example.com"),
        ("o&#39;neil@example.com", "o'neil@example.com"),
        ("jan&#64;example.nl", "jan@example.nl"),
        ("jan@exam\x07ple.nl\x00", "jan@example.nl"),
        ("\uff4a\uff41\uff4e\uff20example.nl", "jan@example.nl"),
        ("jan@\ud83dexample.nl", "jan@example.nl"),
    ],
)
def test_an_address_is_found_and_written_one_way(value, expected):
    """Lower case, an ASCII domain, and nothing around it."""
    assert email(value) == (expected, None)


@pytest.mark.parametrize(
    "value",
    [
        *("jan", "jan@", "@example.com", "jan@localhost", "a@b@example.com", "a b @example.com"),
        *("a..b@example.com", "a@-example.com", "a@1.2.3.4", "x" * 3000, f"x@{'x' * 64}.com"),
        *(5, {"email": "a@example.com"}, [{"value": "a@example.com"}], True),
    ],
    ids=range(15),
)
def test_what_is_no_address_is_invalid(value):
    """An object that holds an address belongs to a path, not to a guess."""
    assert email(value) == (None, "invalid_email")


@pytest.mark.parametrize(
    "value", [None, "", " ", "n/a", "none", "-", "[not provided]", []], ids=repr
)
def test_a_placeholder_is_neither_address_nor_number(value):
    """Null-like text is empty, so another source may step in."""
    assert email(value) == (None, None)
    assert phone(value, "NL") == (None, None)


@pytest.mark.parametrize(
    ("value", "region", "expected"),
    [
        ("+31612340060", None, "+31612340060"),
        ("+31 (0)6 1234-0060", None, "+31612340060"),
        ("06-1234 0060", "NL", "+31612340060"),
        ("0031 6 12340060", "NL", "+31612340060"),
        ("0031 6 12340060", None, "+31612340060"),
        (31612340060, "NL", "+31612340060"),
        (31612340060.0, "NL", "+31612340060"),
        ("0471/12.34.56", "BE", "+32471123456"),
        ("(202) 555-0106", "US", "+12025550106"),
        ("+31612340060 ext. 12", None, "+31612340060"),
        ("tel:+31612340060", None, "+31612340060"),
        ("none; 0612340060", "NL", "+31612340060"),
        ("0612340060 / 0612340061", "NL", "+31612340060"),
        ("\uff10\uff16\uff11\uff12\uff13\uff14\uff10\uff10\uff16\uff10", "NL", "+31612340060"),
        ("+39 06 12345678", None, "+390612345678"),
        ("\u202a+31612340060\u202c", None, "+31612340060"),
        ("p:+31612340060", None, "+31612340060"),
        ("'+31612340060", None, "+31612340060"),
        ("+31&nbsp;612340060", None, "+31612340060"),
        ("+31612340060\x00", None, "+31612340060"),
        ("06\u201112340060", "NL", "+31612340060"),
        ("+31612340060 (mobiel)", None, "+31612340060"),
        ("06-12340060 of 020-1234567", "NL", "+31612340060"),
        ("\u0660\u0666\u0661\u0662\u0663\u0664\u0660\u0660\u0666\u0660", "NL", "+31612340060"),
        ("31612340060.0", "NL", "+31612340060"),
        ("612340060.0", "NL", "+31612340060"),
        ("3.1612340060E+10", "NL", "+31612340060"),
    ],
)
def test_a_number_is_written_as_e164(value, region, expected):
    """With a country code, or a region to supply it."""
    assert phone(value, region) == (expected, None)


def test_a_national_number_without_a_region_stays_as_digits_with_a_note():
    """Its country is not guessed."""
    assert phone("06-1234 0060", None) == ("0612340060", "no_region")
    assert phone("020 1234567 ext. 12", None) == ("0201234567", "no_region")


@pytest.mark.parametrize("value", ["1234", "0", 0, 12, ["", "12"]], ids=str)
def test_fewer_than_five_digits_are_no_number(value):
    """People write n/a, a dash or an extension where they have no number."""
    assert phone(value, "NL") == (None, None)


@pytest.mark.parametrize("value", ["ext 12", "call me", "x", "Ada; Lovelace"])
def test_words_instead_of_a_number_get_a_note(value):
    """The column may be the wrong one."""
    assert phone(value, "NL") == (None, "no_number")


@pytest.mark.parametrize(
    ("value", "region"),
    [
        *(
            ("+31 1", "NL"),
            ("+310612345678901234", None),
            ("1234567890123", "NL"),
            ("+999123456789", None),
        ),
        *(({"value": "+31612340060"}, None), ("see 12345678 in notes", None)),
        *(("1" * 18, None), ("9" * 300, "NL")),
        *(("3.16123E+10", "NL"), ("3.16E10", None), ("3161234e99", "NL")),
    ],
    ids=range(11),
)
def test_an_impossible_number_is_invalid(value, region):
    """A number that no country has is not sent."""
    expected = (None, None) if value == "+31 1" else (None, "invalid_phone")
    assert phone(value, region) == expected


@given(
    st.from_regex(r"[a-z0-9_+.-]{1,70}@([a-z0-9-]{1,20}\.){1,4}[a-z]{2,8}", fullmatch=True)
    | st.emails().map(str.lower)
)
@example("a@ab--cd.com")
@example("a@xn--a.com")
def test_the_short_cut_for_addresses_changes_nothing(address):
    """What is taken for ordinary is what the library accepts, unchanged."""
    if is_ordinary_email(address):
        assert parse_email(address) == (address, None)


regions = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS))
grouping = st.text(alphabet="0123456789 -.()", min_size=4, max_size=16)


@st.composite
def near_examples(draw: st.DrawFn) -> tuple[str, str]:
    region = draw(regions)
    number = phonenumbers.example_number(region)
    style = draw(st.sampled_from([0, 1, 2]))
    text = phonenumbers.format_number(number, style) if number else "0612340060"
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text("0123456789 -.()", max_size=2)) + text[at:], region


@given(near_examples() | st.tuples(grouping | grouping.map("+{}".format), regions))
@example(("+1 202 555 0106", "CA"))
@example(("22 1 8", "SH"))
def test_the_short_cut_for_numbers_changes_nothing(case):
    """What is taken for ordinary is what the library makes of it."""
    text, region = case[0].strip(), case[1]
    number = ordinary_phone(text, region)
    if number is not None:
        assert parse_phone(text, region) == (number, None)


def test_the_short_cuts_are_taken_by_ordinary_values():
    """Otherwise they would be correct, and of no use."""
    assert is_ordinary_email("jan.de-vries+x@mail.example.co.uk")
    assert ordinary_phone("+31 6 1234 0060", None) == "+31612340060"
    assert ordinary_phone("06 1234 0060", "NL") == "+31612340060"
    assert ordinary_phone("(202) 555-0106", "US") == "+12025550106"


@given(st.text(max_size=30) | st.text("0123456789 +-()x/;,", max_size=30), regions | st.none())
def test_a_number_is_stable_under_a_second_reading(text, region):
    """E.164 stays E.164, and digits stay digits."""
    number, rule = phone(text, region)
    if number is not None:
        assert phone(number, region) == (number, rule)


@given(st.text(max_size=30), st.sampled_from(["NL", None]))
def test_reading_again_changes_nothing(text, region):
    """Whatever was typed, an address or a number that came out of it stays as it is."""
    address, _ = email(text)
    assert address is None or email(address) == (address, None)
    number, rule = phone(text, region)
    assert number is None or phone(number, region) == (number, rule)


@pytest.mark.parametrize(
    ("country", "region", "expected"),
    [
        ("BE", "NL", ("+32471123456", None)),
        ("Belgium", None, ("+32471123456", None)),
        (["BE"], None, ("+32471123456", None)),
        ("n/a", "BE", ("+32471123456", None)),
        ({"code": "BE"}, "BE", ("+32471123456", None)),
        ("Narnia", "BE", ("+32471123456", "unknown_region")),
        ("Narnia", None, ("0471123456", "unknown_region")),
        (None, None, ("0471123456", "no_region")),
    ],
    ids=range(8),
)
def test_a_country_says_how_to_read_a_number(country, region, expected):
    """And where it does not, the setting does."""
    assert phone_by_country("0471 12 34 56", country, region) == expected


def test_a_country_changes_no_number_that_has_its_code():
    for country in ("NL", "Narnia", None):
        assert phone_by_country("+32471123456", country, None) == ("+32471123456", None)
        assert phone_by_country("call me", country, "NL") == (None, "no_number")
        assert phone_by_country("+999123456789", country, "NL") == (None, "invalid_phone")
