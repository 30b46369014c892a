"""Where in a record a value is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.paths import PathError, compile_path, quote_column

RECORD = {
    "email": "a@example.com",
    "utm": {"source": "google", "plan value": Decimal("99.95")},
    "a.b": "literal",
    "a": {"b": "nested", "c": None},
    "form-submissions": [{"page-url": "https://example.com"}],
    "First Name": "Ada",
    "$gclid": "g",
    "83fcb58ff522": "hex",
    "wanneer wil je starten?": "nu",
    "emails": [{"value": "x", "primary": False}, {"value": "y", "primary": True}],
    "field_data": [{"name": "email", "values": ["z"]}, {"name": "phone", "values": []}],
    "e[0]": "odd name",
    "mixed": [1, None, "a"],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("email", "a@example.com"),
        ("utm.source", "google"),
        ("utm.plan value", Decimal("99.95")),
        ("a.b", "literal"),
        ("a.c", None),
        ("form-submissions", RECORD["form-submissions"]),
        ('"form-submissions"[0]."page-url"', "https://example.com"),
        ("First Name", "Ada"),
        ('"First Name"', "Ada"),
        ("$gclid", "g"),
        ("83fcb58ff522", "hex"),
        ("wanneer wil je starten?", "nu"),
        ("emails[?primary].value | [0]", "y"),
        ("emails[0].value", "x"),
        ("emails[-1].value", "y"),
        ("emails[7].value", None),
        ("email[0]", None),
        ("field_data[?name=='email'].values[] | [0]", "z"),
        ("field_data[?name=='phone'].values[] | [0]", None),
        ("missing || email", "a@example.com"),
        ("@.email", "a@example.com"),
        ("e[0]", "odd name"),
        ("missing", None),
        ("missing.too.deep", None),
        ("email.too.deep", None),
        ("sum(mixed)", None),
        ("length(missing)", None),
        ("*.source | [0]", "google"),
        ("name..with", None),
    ],
)
def test_a_path_finds_its_value_or_nothing(path, expected):
    """A column of that very name first, then keys, then JMESPath; missing is None."""
    assert compile_path(path).read(RECORD) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("emails[?primary", "is not a valid JMESPath expression"),
        ("Phone (mobile)", "there is no function Phone()"),
        ("length(a, b)", "length() takes 1 argument(s), not 2"),
        ("merge()", "merge() takes 1 argument(s), not 0"),
        ("form-submissions[0].page-url", "put it in double quotes"),
    ],
)
def test_a_malformed_expression_is_a_mistake(path, expected):
    """What was meant as an expression is not taken for an odd column name."""
    with pytest.raises(PathError, match=r".") as caught:
        compile_path(path)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("email", {"email"}),
        ("utm.source", {"utm.source", "utm"}),
        ("a || b.c", {"a || b.c", "a", "b"}),
        ("emails[?primary].value | [0]", {"emails[?primary].value | [0]", "emails"}),
        ("join(' ', [first, last])", {"join(' ', [first, last])", "first", "last"}),
        ("map(&x, rows)", {"map(&x, rows)", "rows"}),
        ("@.a.b", {"@.a.b", "a"}),
        ("{a: x, b: y[0]}", {"{a: x, b: y[0]}", "x", "y"}),
        ("*.b", {"*.b", "b"}),
    ],
)
def test_the_columns_of_a_path_are_known(path, columns):
    """Columns that a mapping reads are no part of the rest."""
    assert compile_path(path).columns == columns


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("email", "email"),
        ("associations.ids[0]", "associations.ids[0]"),
        ("not_null(properties.email.value, properties.email)", "properties.email"),
        ("not_null(a.value, a, b.c)", "a or b.c"),
        ("missing || email", "missing or email"),
        ("emails[*].value", "value in emails"),
        ("emails[?primary].value | [0]", "value in emails where primary"),
        ("f[?name == 'email'].values[] | [0]", 'values in f where name is "email"'),
        ("[@][?kind == 'email'].answer | [0]", 'answer where kind is "email"'),
        ("people[?emails] | [0].emails[].email", "email in emails in people where emails"),
        ("(people[?emails] | [0]) && name", "name if people where emails"),
        (
            "to_string(IsWon) == 'false' && to_string(IsClosed) == 'true' && 'lost'",
            '"lost" if IsWon is "false" and IsClosed is "true"',
        ),
        ("tags[?@ == 'x'] | [0]", "tags[?@ == 'x'] | [0]"),
        ("emails | [1].value", "emails | [1].value"),
        ("sum(mixed)", "sum(mixed)"),
    ],
)
def test_a_path_is_put_into_words(path, words):
    """Those of the columns; what cannot be put plainly stays as it is written."""
    assert compile_path(path).words == words


@given(st.text(min_size=1, max_size=12) | st.text("a.[]{}()'\"` |&@*?-", min_size=1, max_size=6))
def test_any_column_can_be_named(name):
    """However odd its name, a column has a path that reads it."""
    if name.strip():
        assert compile_path(quote_column(name)).read({name: "found"}) == "found"
