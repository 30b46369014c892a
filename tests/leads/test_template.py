"""Text with columns in braces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.paths import PathError
from target_octanist.leads.template import compile_template


def fill(template, **record):
    return compile_template(template)[0](record)


@pytest.mark.parametrize(
    ("template", "record", "expected"),
    [
        ("{a} {b}", {"a": " Ada ", "b": "Lovelace"}, "Ada Lovelace"),
        ("{a} {b}", {"a": "Ada"}, "Ada"),
        ("{a} {b}", {"b": "Lovelace", "a": ""}, "Lovelace"),
        ("{a} {b}", {"a": None, "b": "-"}, None),
        ("{a}, {b}, {c}", {"a": "x", "c": "z"}, "x, z"),
        ("{a}, {b}, {c}", {"b": "y", "c": "z"}, "y, z"),
        ("{a}, {b}, {c}", {"a": "x"}, "x"),
        ("{a} ({b})", {"a": "Ada", "b": "Acme"}, "Ada (Acme)"),
        ("{a} ({b})", {"a": "Ada"}, "Ada"),
        ("{a} ({b})", {"b": "Acme"}, "Acme"),
        ("{a} ({b})", {"a": "(Ada)"}, "(Ada)"),
        ("/{a}", {"a": "home"}, "/home"),
        ("{a}.", {"a": "End"}, "End."),
        ("Firm: {a} – Budget: {b}", {"a": "Acme"}, "Firm: Acme – Budget"),
        ("Hello {a}, welcome {b}", {"b": "back"}, "Hello welcome back"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{a.b[0].c}", {"a": {"b": [{"c": 5.0}]}}, "5"),
        ("{a || b}", {"b": "x"}, "x"),
        ("{First Name} {$x}", {"First Name": "Ada", "$x": 1}, "Ada 1"),
        ("{a} {b}", {"a": "Ada", "b": {"no": "text"}}, "Ada"),
    ],
)
def test_missing_parts_vanish_with_what_separated_them(template, record, expected):
    """Half a name is a name; brackets and separators around nothing are not left over."""
    assert fill(template, **record) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("fixed", "names no column in braces"),
        ("{{a}}", "names no column in braces"),
        ("{a", 'has a lone "{"'),
        ("a}", 'has a lone "}"'),
        ("{}", "{} is empty"),
        ("{a[}", "is not a valid JMESPath expression"),
    ],
)
def test_a_broken_template_is_a_mistake(template, expected):
    """Braces pair up, and at least one names a column."""
    with pytest.raises(PathError) as caught:
        compile_template(template)
    assert expected in str(caught.value)


@given(st.dictionaries(st.sampled_from("abc"), st.none() | st.text(max_size=5)))
def test_values_are_never_changed(record):
    """A value that is there is in the text, as it is."""
    text = fill("{a}|{b} ({c})", **record)
    for value in record.values():
        kept = (value or "").strip()
        if kept.isalnum():
            assert kept in (text or "")
