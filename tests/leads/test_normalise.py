"""One value of a record to one value of a lead."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.normalise import boolean, normaliser, number, status, uuid
from target_octanist.leads.schema import FIELDS, UPDATE_FIELDS
from target_octanist.leads.text import (
    clean_block,
    clean_line,
    clean_url,
    cut_text,
    number_text,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(alphabet=st.characters(), max_size=40)
    | st.datetimes()
    | st.binary(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
# One of each way to be read.
kinds = [
    FIELDS[name] for name in "name email phone note sessionId website gclid ad_storage".split()
] + [UPDATE_FIELDS["status"], UPDATE_FIELDS["value"]]


def read(name: str, value: Any, **options: Any) -> tuple[Any, str | None]:
    field = FIELDS[name]
    return normaliser(field, options.pop("kind", field.kind), **options)(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  Ada  Lovelace ", "Ada  Lovelace"),
        ("Jose\u0301", "José"),
        ("O&#39;Neill &amp; Sons", "O'Neill & Sons"),
        ("R&amp;amp;D", "R&D"),
        ("AT&T; R&D", "AT&T; R&D"),
        ("a\x00b\x1f", "ab"),
        ("\ufeffAda\u200b", "Ada"),
        ("lone \ud83d surrogate", "lone  surrogate"),
        ("one\r\n  two\u2028three\tfour", "one two three four"),
        ("👩‍💻", "👩‍💻"),
        ("\xa0Ada\xa0", "Ada"),
        (50001.0, "50001"),
        (Decimal("50001.0"), "50001"),
        (Decimal("1E+3"), "1000"),
        (0, "0"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (True, "true"),
        (["a", "", None, " b "], "a, b"),
        (datetime(2026, 1, 2, tzinfo=timezone.utc), "2026-01-02T00:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("Null", "Null"),
        ("Na", "Na"),
    ],
)
def test_text_is_one_clean_line(value, expected):
    """A name has no control characters, entities or line ends, and numbers are exact."""
    assert read("name", value) == (expected, None)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "  ", "-", "—", "[not provided]", "N/A", "undefined", "[object Object]"),
        *([], [None, ""], float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")),
        *(Decimal("1E+999999"), 10**5000, "\x00", "&nbsp;"),
    ],
    ids=range(19),
)
def test_a_placeholder_is_no_name(value):
    """What a form writes for nothing does not become somebody's name."""
    assert read("name", value) == (None, None)


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1}, [{"a": 1}], [["a"]], b"bytes", pytest.param(object(), id="object")],
    ids=str,
)
def test_an_object_is_no_text(value):
    """An object where text is expected is invalid, not its Python spelling."""
    assert read("utm_source", value) == (None, "invalid_text")


@pytest.mark.parametrize("word", ["none", "NULL", "n/a", "na", "(not set)", "nan", "Not Provided"])
def test_a_null_like_word_is_no_click_id_or_campaign(word):
    """Ids and campaigns count more words as nothing than names do."""
    assert read("gclid", word) == (None, None)
    assert read("utm_source", word) == (None, None)


def test_note_keeps_its_lines():
    """Line ends stay in a note, as line feeds."""
    assert read("note", "a\r\nb\rc\u2028d\te") == ("a\nb\nc\nd e", None)


def test_url_keeps_what_looks_like_an_entity_in_its_query():
    """Of the entities only &amp; is one in an address."""
    url = "https://example.com/?a=1&amp;copy;=2&lt;=3"
    assert read("website", url) == ("https://example.com/?a=1&copy;=2&lt;=3", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((True, True), (False, False), (1, True), (0, False), (Decimal("1.0"), True)),
        *(("TRUE", True), ("Opt-In", True), ("opted_in", True), ("subscribed", True)),
        *(("granted", True), (" ja ", True), ("Sí", True), ("kyllä", True), ("да", True)),
        *(("Consent - Obtained", True), ("false", False), ("denied", False), ("Nee", False)),
        *(("unsubscribed", False), ("no_consent", False), ("não", False), ("ne", False)),
        *(("tak", True), ("nie", False), ("oui", True), ("non", False), ("si", True)),
        *(("sim", True), ("nein", False), ("on", True), ("OPT_OUT", False), ("1.0", True)),
        *(("Double Opt-In", True), ("geen toestemming", False), ("Einverstanden", True)),
    ],
)
def test_a_known_word_is_a_real_boolean(value, expected):
    """The API takes every string but "true" for false, so words are read here."""
    assert read("ad_storage", value) == (expected, None)


@pytest.mark.parametrize("value", ["perhaps", "31", 2, {"a": 1}, [1, 2], "_"], ids=str)
def test_an_unknown_word_is_no_consent(value):
    """Consent is never guessed: what is not understood is a no, with a note."""
    assert boolean(value) == (False, "unknown_word")


@pytest.mark.parametrize("value", [None, "", "-", "n/a", "null", [], " "], ids=repr)
def test_an_empty_consent_is_absent_and_not_a_no(value):
    """No answer is left out; the API has its own default for it."""
    assert boolean(value) == (None, None)


def test_true_values_are_the_only_true_ones():
    """With true_values even "yes" and True are false, and no word is unknown."""
    only = normaliser(FIELDS["ad_storage"], "boolean", true_values=frozenset({"31"}))
    assert [only(value) for value in (31, "31", "yes", True, "32")] == [
        *((True, None), (True, None)),
        *((False, None), (False, None), (False, None)),
    ]
    assert only("") == (None, None)


@pytest.mark.parametrize(
    ("yes", "no", "value", "expected"),
    [
        (None, {"klaar"}, "klaar", (False, None)),
        (None, {"klaar"}, "ja", (True, None)),
        (None, {"ja"}, "ja", (False, None)),
        (None, {"klaar"}, "vast", (False, "unknown_word")),
        ({"31"}, {"32"}, 31, (True, None)),
        ({"31"}, {"32"}, 32, (False, None)),
        ({"31"}, {"32"}, "yes", (False, "unknown_word")),
        ({"31"}, {"32"}, "", (None, None)),
    ],
    ids=range(8),
)
def test_false_values_are_no(yes, no, value, expected):
    """Alone they add to the words that everybody knows; with true_values they are all of them."""
    read_word = normaliser(
        FIELDS["ad_storage"],
        "boolean",
        true_values=frozenset(yes) if yes else None,
        false_values=frozenset(no),
    )
    assert read_word(value) == expected


def test_a_boolean_in_a_text_field_is_a_word():
    """Only consent keys are booleans on the wire."""
    assert read("utm_source", "ja", kind="boolean") == ("true", None)
    assert read("utm_source", "", kind="boolean") == (None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("1.250,50", "1250.5"), ("1,250.50", "1250.5"), ("€ 99,95", "99.95")),
        *(("1,250", "1250"), ("1.250", "1.25"), ("1.250.000", "1250000"), ("-5", "-5")),
        *(("12,5", "12.5"), ("1 250", "1250"), ("EUR 12", "12"), ("12,-", "12"), (12.5, "12.5")),
        *((Decimal("0.00"), "0"), ("1'000.5", "1000.5"), ("+7", "7"), (",5", "0.5")),
    ],
)
def test_numbers_are_read_as_people_write_them(value, expected):
    """Both European and American separators are understood."""
    assert number(value) == (expected, None)


@pytest.mark.parametrize("value", ["abc", True, {}, "1,2,3.4.5", "12 apples", "1e5"], ids=str)
def test_what_is_no_number_is_invalid(value):
    """A word is not silently nought."""
    assert number(value) == (None, "invalid_number")


def test_session_id_must_be_a_uuid():
    """An invalid session id would cost the whole lead."""
    good = "3F2C9E50-aaaa-4bbb-8ccc-1234567890ab"
    assert uuid(f" {good} ") == (good.lower(), None)
    assert uuid(UUID(good)) == (good.lower(), None)
    assert uuid("none") == (None, None)
    assert uuid("abc") == (None, "invalid_uuid")
    assert uuid({}) == (None, "invalid_uuid")


def test_status_is_one_that_can_be_set():
    """A lead is open until it is something else, and nothing can set it to that."""
    assert status("Closed Won") == ("won", None)
    assert status("LOST") == ("lost", None)
    assert status("open") == (None, "open_status")
    assert status("-") == (None, None)
    assert status("4. Lost") == (None, "invalid_status")
    assert status({}) == (None, "invalid_status")
    assert status(None) == (None, None)


def test_a_long_value_is_cut_with_a_note():
    """max_length counts characters, and no space is left at the end."""
    assert read("note", "abc def", max_length=4) == ("abc", "too_long")
    assert read("note", "ééé", max_length=3) == ("ééé", None)


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("ab x\u0323", 4, "ab"),
        ("x\u0323y", 1, "x"),
        ("ab👩‍💻", 3, "ab"),
        ("ab👩‍💻", 4, "ab"),
        ("ab👍🏽", 3, "ab"),
        ("a❤\ufe0f", 2, "a"),
        ("a🇳🇱🇧🇪", 2, "a"),
        ("a🇳🇱🇧🇪", 3, "a🇳🇱"),
        ("a🇳🇱🇧🇪", 4, "a🇳🇱"),
        ("क्षि क", 4, "क्षि"),
        ("e" + "\u0301" * 9, 3, "e\u0301\u0301"),
        ("ab  cd", 3, "ab"),
    ],
)
def test_a_cut_leaves_no_half_sign(text, length, expected):
    """What is seen as one is kept or left out as one, unless there is no room for any."""
    assert cut_text(text, length) == expected


@given(
    st.text(alphabet="ae \u0301\u200d👩💻🏽🇳\ufe0f\ud83d&amp;none", max_size=12), st.integers(1, 8)
)
def test_cutting_keeps_to_the_length_and_is_idempotent(text, length):
    cut = normaliser(FIELDS["gclid"], "text", max_length=length)
    once, _ = cut(text)
    assert once is None or 0 < len(once) <= length
    assert once is None or cut(once) == (once, None)


@pytest.mark.parametrize("field", kinds, ids=lambda field: field.name)
@given(value=values)
def test_normalising_never_raises_and_is_idempotent(field, value):
    """Any value comes to something, and what it came to stays as it is."""
    normalise = normaliser(field, field.kind, phone_region=None)
    result, rule = normalise(value)
    if result is None:
        return
    assert result != ""
    again, rule_again = normalise(result)
    assert again == result
    assert rule_again in (None, rule)


@given(st.text(alphabet="&ampltgx#;038 \x00\n\u0301e\u200b"))
def test_cleaning_settles_at_once(text):
    """Entities within entities and controls within entities leave no work behind."""
    for clean in (clean_line, clean_block, clean_url):
        assert clean(clean(text)) == clean(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_number_text_is_exact(value):
    """No digit is lost and no exponent appears."""
    text = number_text(value)
    if text is not None:
        assert Decimal(text) == value
        assert "e" not in text.lower()
