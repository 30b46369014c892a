"""What the address of a page says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_octanist.leads.urls import path, query_value, web_address, website


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.com/?gclid=Cj0K-_x", "Cj0K-_x"),
        ("https://example.com/?a=1&gclid=x#top", "x"),
        ("https://example.com/?a=1&amp;gclid=x", "x"),
        ("https://example.com/#/page?gclid=x", "x"),
        ("https://example.com/#gclid=x", "x"),
        ("https://example.com/?GCLID=x", "x"),
        ("https://example.com/?gclid=&gclid=x", "x"),
        ("https://example.com/?gclid=a%20b%2Bc", "a b+c"),
        ("https://example.com/?gclid=a+b", "a b"),
        ("https://example.com/?gclid=caf%C3%A9", "café"),
        ("https://example.com/?gclid=a=b", "a=b"),
        ("/page?gclid=x", "x"),
        ("?gclid=x&b=2", "x"),
        ("a=1&gclid=x", "x"),
        (" https://example.com/?gclid=x \n", "x"),
        ("https://example.com/?notgclid=x", None),
        ("https://example.com/gclid=x", None),
        ("https://example.com/?gclid", None),
        ("gclid", None),
        ("", None),
        (None, None),
        (5, None),
        ({"gclid": "x"}, None),
    ],
)
def test_a_parameter_is_found_and_decoded(address, expected):
    assert query_value(address, "gclid") == expected


@pytest.mark.parametrize(
    ("address", "site", "page"),
    [
        ("https://example.com/a/b?c=d#e", "https://example.com", "/a/b"),
        ("HTTP://WWW.Example.COM", "http://www.example.com", "/"),
        ("https://example.com:8443/a", "https://example.com:8443", "/a"),
        ("https://example.com:443/a", "https://example.com", "/a"),
        ("https://user:secret@example.com/a", "https://example.com", "/a"),
        ("https://bücher.example/%C3%A9", "https://bücher.example", "/%C3%A9"),
        ("www.Example.com/a?b", "www.example.com", "/a"),
        ("example.com", "example.com", "/"),
        ("//example.com/a", "example.com", "/a"),
        ("/a/b?c", None, "/a/b"),
        ("https://[::1]/a", "https://[::1]", "/a"),
        ("https://[::1/a", None, None),
        ("https://example.com:port/", None, None),
        ("https:///a", None, None),
        ("mailto:ada@example.com", None, None),
        ("javascript:alert(1)", None, None),
        ("no address", None, None),
        ("", None, None),
        (None, None, None),
        (["https://example.com"], None, None),
    ],
)
def test_site_and_path_are_told_apart(address, site, page):
    assert (website(address), path(address)) == (site, page)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("HTTPS://Example.COM/Path?Q=A", "https://example.com/Path?Q=A"),
        ("https://user:secret@example.com/", "https://example.com/"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("Example.com/A", "Example.com/A"),
        ("android-app://Com.Example", "android-app://Com.Example"),
        ("not an address", "not an address"),
    ],
)
def test_an_address_is_written_one_way(address, expected):
    assert web_address(address) == expected


addresses = st.text(max_size=30) | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "HTTPS://", "//", ""]),
    st.text("aZ.@:[]İẞ 80%", max_size=8),
    st.text("/?#&=+%aÉ \u0301", max_size=6),
    st.text(max_size=5),
)


@given(addresses)
@example("http://İ.example")
@example("http://a.example:")
@example("http://@")
def test_any_text_is_read_and_what_comes_out_stays(text):
    """Nothing raises, and an address that was written one way is written so again."""
    assert web_address(web_address(text)) == web_address(text)
    site = website(text)
    assert site is None or website(site) in (site, None)
    for found in (path(text), query_value(text, "a")):
        assert found is None or isinstance(found, str)
