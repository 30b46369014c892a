"""From a record to a payload."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.identity import encode_payload
from target_octanist.leads.mapping import (
    Mapped,
    Unmappable,
    compile_mapping,
    implicit_mapping,
    merge_layers,
)
from target_octanist.leads.problems import RULES, Reason
from target_octanist.leads.schema import CONSENT_KEYS, FIELDS, contract_keys


def lead(mapping: dict[str, Any], record: dict[str, Any], **options: Any) -> Mapped | Unmappable:
    return compile_mapping(mapping, where="mapping", **options).apply(record)


def payload(mapping: dict[str, Any], record: dict[str, Any], **options: Any) -> dict[str, Any]:
    result = lead({"email": "e", **mapping}, {"e": "a@example.com", **record}, **options)
    assert isinstance(result, Mapped), result
    return {key: value for key, value in result.payload.items() if key != "email"}


def test_the_contract_has_30_keys_and_the_older_one_25():
    """The five newer keys are those that the older contract lacks."""
    newer = {"sessionId", "dclid", "wbraid", "gbraid", "epik"}
    assert len(FIELDS) == 30
    assert contract_keys("full") - contract_keys("legacy") == newer
    assert len(CONSENT_KEYS) == 4


@pytest.mark.parametrize(
    ("spec", "record", "expected"),
    [
        ("x", {"x": "v"}, "v"),
        ("x.y", {"x": {"y": "v"}}, "v"),
        ("x.y", {"x.y": "literal", "x": {"y": "v"}}, "literal"),
        (["x", "y"], {"x": "n/a", "y": "v"}, "v"),
        (["x", "y"], {"x": "", "y": "v"}, "v"),
        (["x", "y"], {"x": 0, "y": "v"}, "0"),
        (["x", "y"], {"x": False, "y": "v"}, "false"),
        (["x", "y"], {"x": [], "y": {}}, None),
        ({"from": "x"}, {"x": "v"}, "v"),
        ({"from": ["x", "y"]}, {"y": "v"}, "v"),
        ({"template": "{x}-{y}"}, {"x": "a", "y": 1.0}, "a-1"),
        ({"const": "fixed"}, {}, "fixed"),
        ({"const": 5}, {}, "5"),
        ({"from": "x", "default": "d"}, {}, "d"),
        ({"from": "x", "default": "d"}, {"x": "none"}, "d"),
        ({"from": "x", "default": None}, {}, None),
        ({"from": "x", "map": [{"is": "A", "to": "b"}]}, {"x": " a "}, "b"),
        ({"from": "x", "map": [{"is": "A", "to": "b"}]}, {"x": "other"}, "other"),
        ({"from": "x", "map": {"A": "b"}, "default": "d"}, {"x": "other"}, "d"),
        ({"from": "x", "map": {"A": "b"}, "default": None}, {"x": "other"}, None),
        ({"from": "x", "map": {"A": None}}, {"x": "A"}, None),
        ({"from": "x", "map": [{"is": 1, "to": "one"}]}, {"x": 1.0}, "one"),
        ({"from": "x", "map": [{"is": True, "to": "y"}]}, {"x": "yes"}, "y"),
        ({"from": "x", "map": [{"is": True, "to": "y"}]}, {"x": True}, "y"),
        ({"from": "x", "map": {"41": "Solar"}}, {"x": ["41", "42"]}, "Solar, 42"),
        ({"from": ["x", "y"], "map": {"drop": None}}, {"x": "drop", "y": "v"}, "v"),
        ({"from": "x", "type": "number"}, {"x": "1.250,50"}, "1250.5"),
        ({"from": "x", "type": "email"}, {"x": "A@B.example"}, "a@b.example"),
        ({"from": "x", "type": "phone"}, {"x": "0612340060"}, "+31612340060"),
        ({"from": "x", "type": "boolean"}, {"x": "ja"}, "true"),
        ({"from": "x", "type": "boolean", "true_values": [True]}, {"x": "on"}, "true"),
        ({"from": "x", "max_length": 3}, {"x": "abcdef"}, "abc"),
        ({"from": "x", "max_length": 4}, {"x": "nonexistent"}, None),
        ({"from": "x", "query": "utm_source"}, {"x": "https://a.example/?utm_source=b+c"}, "b c"),
        ({"from": ["x", "y"], "query": "q"}, {"x": "https://a.example/", "y": "?q=1"}, "1"),
        ({"from": "x", "query": "q", "map": {"a": "b"}}, {"x": "?q=A"}, "b"),
        ({"from": "x", "query": "q", "default": "d"}, {"x": "?p=1"}, "d"),
        ({"from": "x", "part": "website"}, {"x": "https://A.example/b"}, "https://a.example"),
        ({"from": "x", "part": "path"}, {"x": "https://a.example/b?c"}, "/b"),
        (["x", {"from": "y", "query": "q"}], {"x": "", "y": "?q=1"}, "1"),
        (["x", {"from": "y", "query": "q"}], {"x": "v", "y": "?q=1"}, "v"),
        ([{"template": "{x}-{y}"}, "z"], {"z": "v"}, "v"),
        (["z", {"template": "{x}-{y}"}], {"x": "a", "y": "b"}, "a-b"),
        ({"from": "x", "default": "d"}, {"x": float("nan")}, "d"),
        ({"from": ["x", "y"]}, {"x": float("inf"), "y": "v"}, "v"),
        (None, {"x": "v"}, None),
    ],
    ids=range(46),
)
def test_each_kind_of_spec(spec, record, expected):
    """What the mapping says is what the field gets."""
    got = payload({"utm_source": spec}, record, phone_region="NL")
    assert got == ({} if expected is None else {"utm_source": expected})


def test_keys_come_in_contract_order():
    """Whatever the order in the configuration."""
    result = lead({"utm_source": "u", "email": "e", "name": "n"}, {"u": 1, "e": "a@b.nl", "n": "x"})
    assert list(result.payload) == ["name", "email", "utm_source"]


def test_consent_shorthand_fills_the_four_keys():
    """analytics is one key, marketing is three."""
    got = payload({"consent": {"analytics": "a", "marketing": "m"}}, {"a": "ja", "m": 0})
    assert got == {
        "ad_storage": False,
        "ad_user_data": False,
        "ad_personalization": False,
        "analytics_storage": True,
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"p": "0612340060", "c": "NL"}, {"phone": "+31612340060"}),
        ({"p": "0471 12 34 56", "c": "België"}, {"phone": "+32471123456"}),
        ({"p": "0612340060", "c": None}, {"phone": "+31612340060"}),
        ({"p": "+32471123456", "c": "Narnia"}, {"phone": "+32471123456"}),
        ({"p": None, "m": "0471123456", "c": "BE"}, {"phone": "+32471123456"}),
        ({"p": None, "c": "NL"}, {}),
    ],
    ids=range(6),
)
def test_a_column_may_say_the_region_of_a_phone_number(record, expected):
    """The setting is for the records that do not say."""
    mapping = {"phone": {"from": ["p", "m"], "region": "c"}}
    assert payload(mapping, record, phone_region="NL") == expected


def test_a_country_that_nobody_knows_is_noted():
    """Because the number may be read as one of another country."""
    mapping = {"email": "e", "phone": {"from": "p", "region": "c"}}
    record = {"e": "a@b.nl", "p": "0612340060", "c": "Narnia"}
    result = lead(mapping, record, phone_region="NL")
    assert result.payload["phone"] == "+31612340060"
    assert result.notes == (Reason("phone", "unknown_region", "p"),)


def test_fbc_is_made_of_a_click_id_and_a_time():
    """Of a column, or of the address of the landing page."""
    record = {"f": "IwAR0_x", "u": "https://a.example/?fbclid=IwAR1", "t": "2026-01-02T10:04:05Z"}
    assert payload({"fbc": {"from": "f", "time": "t"}}, record) == {
        "fbc": "fb.1.1767348245000.IwAR0_x"
    }
    assert payload({"fbc": {"from": "u", "query": "fbclid", "time": "t"}}, record) == {
        "fbc": "fb.1.1767348245000.IwAR1"
    }
    assert payload({"fbc": "f"}, record) == {"fbc": "IwAR0_x"}
    result = lead({"email": "e", "fbc": {"from": "f", "time": "t"}}, {"e": "a@b.nl", "f": "x"})
    assert result == Mapped({"email": "a@b.nl"}, (Reason("fbc", "no_time", "f"),))


def test_a_number_that_is_none_is_taken_as_empty_with_a_note():
    """NaN is how data frames write nothing, and no reason to refuse a lead."""
    nan = float("nan")
    result = lead({"name": "n", "phone": ["p", "q"], "custom": "c"}, {"n": nan, "p": nan, "c": 1})
    assert result == Mapped(
        {"custom": "1"}, (Reason("name", "lost_number", "n"), Reason("phone", "lost_number", "p"))
    )
    result = lead({"email": {"from": "e", "required": True}, "name": "n"}, {"e": nan, "n": "x"})
    assert result == Unmappable((Reason("email", "lost_number", "e"),))


@pytest.mark.parametrize("order", [1, -1])
def test_a_named_consent_key_wins_over_the_shorthand(order):
    """Also when it is null, and whichever comes first."""
    mapping = {
        "consent": {"marketing": {"from": "m", "true_values": ["31"]}},
        "ad_storage": {"const": False},
        "ad_user_data": None,
    }
    got = payload(dict(list(mapping.items())[::order]), {"m": "31"})
    assert got == {"ad_storage": False, "ad_personalization": True}


RECORD = {
    "e": "a@example.com",
    "company": " Acme ",
    "score": Decimal("73.85714"),
    "id": 50001.0,
    "big": 2**70,
    "empty": "",
    "none": None,
    "nested": {"a": "", "b": [None, {"token": "t", "c": 1}]},
    "_sdc_batched_at": "now",
    "userPassword": "x",
    "g-recaptcha-response": "x",
    "access_token": "x",
    "creditCard": "x",
    "octa_sid": "x",
    "secretary": "Bea",
    "internal_id": 7,
    "hs_a": 1,
}


def test_rest_takes_what_nothing_else_does():
    """Without used, excluded, empty, secret and technical columns."""
    got = payload({"custom": {"rest": True, "exclude": ["internal_id", "hs_*"]}}, RECORD)["custom"]
    assert got == {
        "company": "Acme",
        "score": Decimal("73.85714"),
        "id": 50001,
        "big": 2**70,
        "nested": {"b": [{"c": 1}]},
        "secretary": "Bea",
    }
    assert json.loads(encode_payload({"custom": got}))["custom"]["score"] == 73.85714


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"pick": {"Firm": "company", "No": "missing"}}, {"Firm": "Acme"}),
        ({"pick": ["company", {"label": "a.b", "from": "nested.b[0].c"}]}, {"company": "Acme"}),
        ({"pick": {"Kind": {"const": "x"}, "S": ["empty", "company"]}}, {"Kind": "x", "S": "Acme"}),
        ({"pick": {"F": {"from": "missing", "default": 1}}}, {"F": 1}),
        ({"pick": {"F": {"from": "id", "type": "number"}}}, {"F": "50001"}),
        ({"pick": {"F": "id", "G": "score"}}, {"F": 50001, "G": Decimal("73.85714")}),
        ({"pick": {"F": {"from": "hs_a", "type": "boolean"}}}, {"F": True}),
        ({"pick": {"F": {"from": "company", "max_length": 2}}}, {"F": "Ac"}),
        ({"pick": {"F": {"from": "company", "map": {"acme": "ACME"}}}}, {"F": "ACME"}),
        ("company", "Acme"),
        ("id", "50001"),
        ("nested", {"b": [{"token": "t", "c": 1}]}),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"template": "{company} {id}"}, "Acme 50001"),
        ({"from": "company", "max_length": 2}, "Ac"),
        ("missing", None),
        ({"pick": {"F": "missing"}}, None),
    ],
    ids=range(17),
)
def test_custom_may_be_an_object_a_list_or_text(spec, expected):
    """Chosen columns under labels, one column, or a constant."""
    assert payload({"custom": spec}, RECORD).get("custom") == expected


def test_rest_and_pick_go_together():
    """A picked column is not there twice."""
    spec = {"rest": True, "pick": {"Firm": "company"}, "exclude": ["n*", "b*", "s*", "i*", "h*"]}
    assert payload({"custom": spec}, RECORD) == {"custom": {"Firm": "Acme"}}


def test_deep_and_odd_values_do_not_reach_custom():
    """What JSON cannot hold, or nobody can read, is dropped."""
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    record = {"d": deep, "n": float("nan"), "o": object(), "i": 10**5000, "ok": "\ud83dx"}
    got = payload({"custom": {"rest": True}}, record)
    assert got == {"custom": {"ok": "x"}}
    assert encode_payload(got) == b'{"custom":{"ok":"x"}}'


def test_an_invalid_address_is_left_out_where_there_is_another_way_to_reach_the_lead():
    """The note names field, rule and source, and never the value."""
    result = lead({"email": "E-mail", "phone": "p"}, {"E-mail": "not one", "p": "+31612340060"})
    assert result == Mapped(
        {"phone": "+31612340060"}, (Reason("email", "invalid_email", "E-mail"),)
    )
    sentence = result.notes[0].sentence()
    assert sentence == "email (from E-mail) is not a valid e-mail address."


def test_an_invalid_address_and_no_other_is_unmappable():
    """A name alone would be delivered as somebody nobody can reach."""
    result = lead({"email": "e", "name": "n"}, {"e": "not one", "n": "Ada"})
    assert result == Unmappable((Reason("email", "invalid_email", "e"),))
    result = lead({"email": "e", "phone": "p"}, {"e": "not one", "p": "+999123456"})
    assert [reason.rule for reason in result.reasons] == ["invalid_email", "invalid_phone"]


def test_another_invalid_field_costs_only_itself():
    """Attribution is no reason to lose a lead."""
    result = lead({"name": "n", "utm_source": "u", "sessionId": "s"}, {"n": "A", "u": {}, "s": "x"})
    assert result == Mapped(
        {"name": "A"},
        (Reason("sessionId", "invalid_uuid", "s"), Reason("utm_source", "invalid_text", "u")),
    )


def test_a_second_source_steps_in_for_an_invalid_one():
    """With a note about the first."""
    result = lead({"email": ["a", "b"]}, {"a": "not one", "b": "b@example.com"})
    note = Reason("email", "invalid_email", "a")
    assert result == Mapped({"email": "b@example.com"}, (note,))


@pytest.mark.parametrize(
    ("spec", "record", "reason"),
    [
        ({"from": "e", "required": True}, {}, Reason("email", "required", "e")),
        ({"from": ["e", "f"], "required": True}, {}, Reason("email", "required", "e, f")),
        ({"from": "e", "required": True}, {"e": "x"}, Reason("email", "invalid_email", "e")),
    ],
    ids=range(3),
)
def test_a_required_field_refuses_the_record(spec, record, reason):
    """Empty or invalid, and whatever else the lead has."""
    record = {"p": "+31612340060", **record}
    assert lead({"email": spec, "phone": "p"}, record) == Unmappable((reason,))


def test_a_required_custom_object_refuses_the_record():
    """Nothing left to put in it counts as empty."""
    result = lead({"email": "e", "custom": {"rest": True, "required": True}}, {"e": "a@b.nl"})
    assert result == Unmappable((Reason("custom", "required", None),))


def test_a_record_without_identity_is_unmappable():
    """The API wants a name, an e-mail, a phone or custom."""
    result = lead({"email": "e", "utm_source": "u"}, {"u": "x"})
    assert result == Unmappable((Reason("lead", "no_identity", None),))
    assert result.reasons[0].sentence().startswith("lead has none of name, email, phone")


def test_every_rule_has_a_sentence():
    """A reason that nobody can read is none."""
    for rule in RULES:
        assert len(Reason("f", rule, None).sentence()) > 15


def test_updates_have_their_own_fields():
    """status, value and lossReason belong to PATCH; id finds the lead."""
    mapping = {"id": "i", "status": {"from": "s", "map": {"4. Lost": "lost"}}, "value": "v"}
    record = {"i": "lead_1", "s": "4. Lost", "v": Decimal("1250.00")}
    result = lead(mapping, record, mode="update")
    assert result == Mapped({"id": "lead_1", "status": "lost", "value": Decimal(1250)}, ())
    result = lead(mapping, {"s": "won"}, mode="update")
    assert result == Unmappable((Reason("lead", "no_match_key", None),))
    both = lead({"email": "e", "name": "e", "status": "s"}, {"e": "a@b.nl"}, mode="upsert")
    assert isinstance(both, Mapped)


def test_implicit_mapping_needs_an_address():
    """Countries and companies have names, and are no leads."""
    assert implicit_mapping(["email", "name", "id"]) == {"name": "name", "email": "email"}
    assert implicit_mapping(["phone"]) == {"phone": "phone"}
    assert implicit_mapping(["name", "custom", "gclid"]) is None
    assert implicit_mapping(["Email"]) is None


def test_a_later_layer_wins_field_by_field_and_null_removes():
    """A preset, then a glob, then the stream itself."""
    layers = ({"email": "a", "name": "n"}, {"email": {"from": "b"}}, {"name": None, "phone": "p"})
    assert merge_layers(*layers) == {"email": {"from": "b"}, "phone": "p"}
    assert merge_layers() == {}


MARKETING = ("ad_storage", "ad_user_data", "ad_personalization")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            [{"consent": {"marketing": "m"}}, {"ad_storage": None}],
            {"ad_user_data": "m", "ad_personalization": "m"},
        ),
        (
            [{"ad_storage": "a", "analytics_storage": "s"}, {"consent": {"marketing": "m"}}],
            {**dict.fromkeys(MARKETING, "m"), "analytics_storage": "s"},
        ),
        (
            [{"consent": {"marketing": "m", "analytics": "s"}}, {"consent": {"marketing": "n"}}],
            {**dict.fromkeys(MARKETING, "n"), "analytics_storage": "s"},
        ),
        (
            [{"consent": {"marketing": "m", "analytics": "s"}}, {"consent": {"marketing": None}}],
            {"analytics_storage": "s"},
        ),
        ([{"consent": {"marketing": "m"}, "ad_storage": "a"}, {"consent": None}], {}),
        (
            [{"consent": {"marketing": "m"}, "ad_storage": "a", "ad_user_data": None}],
            {"ad_storage": "a", "ad_personalization": "m"},
        ),
        ([{"consent": "m"}], {"consent": "m"}),
        ([{"consent": {"marketting": "m"}}], {"consent": {"marketting": "m"}}),
    ],
    ids=range(8),
)
def test_a_later_layer_can_change_each_of_the_four_consent_keys(layers, expected):
    """The shorthand is its keys; one that is malformed is left for the compiler."""
    assert merge_layers(*layers) == expected


def test_explain_says_where_each_field_comes_from():
    """For people, in contract order."""
    mapping = {
        "phone": ["mobile", "phone"],
        "email": {"from": "e", "required": True},
        "name": {"template": "{a} {b}"},
        "utm_source": {"const": "crm"},
        "utm_medium": {"from": "m", "map": {"a": "b"}, "default": "x", "max_length": 5},
        "utm_campaign": {"from": "c", "type": "number"},
        "custom": {"rest": True, "exclude": ["id"], "pick": {"Firm": "f"}, "required": True},
        "gclid": ["g", {"from": "url", "query": "gclid"}],
        "fbc": {"from": "f", "time": "t"},
        "path": {"from": "url", "part": "path"},
    }
    assert compile_mapping(mapping, where="m").explain() == [
        ("name", 'template "{a} {b}"'),
        ("email", "e (required)"),
        ("phone", "first of mobile, phone"),
        ("custom", "Firm and every other column except id (required)"),
        ("path", "the path of url"),
        ("gclid", 'first of g, "gclid" in the query of url'),
        ("fbc", "f (time from t)"),
        ("utm_source", "always 'crm'"),
        ("utm_medium", "m (translated, else 'x', at most 5 characters)"),
        ("utm_campaign", "c (as number)"),
    ]


SOURCED = {
    "name": {"template": "{first} {last}"},
    "email": ["work", "home"],
    "phone": {"from": "p", "region": "country"},
    "note": {"from": "n", "default": "none given"},
    "custom": {"pick": {"Firm": ["c.name", "c.id"], "Kind": {"const": "x"}}, "rest": True},
    "fbc": {"from": "url", "query": "fbclid", "time": "t"},
    "website": {"from": "url", "part": "website"},
    "gclid": ["g", {"from": "url", "query": "gclid"}],
    "utm_source": {"const": "crm"},
    "ad_storage": "ok || consent.marketing",
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {
                "first": "Ada",
                "last": "Li",
                "home": "a@b.nl",
                "n": "hi",
                "ok": "yes",
                "p": "0612340060",
                "country": "NL",
                "c": {"id": 5},
                "size": 3,
                "empty": "",
                "url": "https://a.example/?gclid=1&fbclid=2",
                "t": 1767348245,
            },
            {
                "name": "first and last",
                "email": "home",
                "phone": "p with country",
                "custom": "c.id, always 'x', size",
                "note": "n",
                "website": "the website of url",
                "gclid": '"gclid" in the query of url',
                "fbc": '"fbclid" in the query of url with t',
                "utm_source": "always 'crm'",
                "ad_storage": "ok or consent.marketing",
            },
        ),
        (
            {"last": "Li", "work": "bad", "home": "a@b.nl", "p": "+31612340060", "g": "1"},
            {
                "name": "last",
                "email": "home",
                "phone": "p",
                "custom": "always 'x'",
                "note": "default 'none given'",
                "gclid": "g",
                "utm_source": "always 'crm'",
            },
        ),
    ],
    ids=range(2),
)
def test_sources_of_says_where_the_values_of_a_record_came_from(record, expected):
    """For each field that is filled, and for no other."""
    mapping = compile_mapping(SOURCED, where="m")
    assert mapping.sources_of(record) == expected
    assert mapping.sources_of(record).keys() == mapping.apply(record).payload.keys()


def test_what_is_sensitive_goes_along_only_when_it_is_picked():
    """By its own name, in columns and inside of them."""
    record = {"date_of_birth": "d", "about": {"ip_address": "i", "size": 3}, "iban": "b"}
    assert payload({"custom": {"rest": True}}, record) == {"custom": {"about": {"size": 3}}}
    picked = {"rest": True, "pick": {"born": "date_of_birth"}}
    assert payload({"custom": picked}, record) == {"custom": {"born": "d", "about": {"size": 3}}}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=12)
    | st.sampled_from(["a@example.com", "+31612340060", "yes", "n/a", {"value": "x"}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
EXTRA = ("company", "mobile", "country", "other")
everything = compile_mapping(
    {
        **{name: name for name in FIELDS if name != "custom"},
        "name": {"template": "{name} ({company})"},
        "phone": {"from": ["phone", "mobile[0].value"], "region": "country"},
        "gclid": ["gclid", {"from": "website", "query": "gclid"}],
        "fbc": {"from": "fbc", "time": "other"},
        "path": {"from": "website", "part": "path"},
        "utm_medium": {"from": "utm_medium", "map": {"cpc": "paid"}, "max_length": 4},
        "custom": {"rest": True, "pick": {"x": "length(name)"}},
    },
    where="mapping",
    phone_region="NL",
)


@given(st.dictionaries(st.sampled_from([*FIELDS, *EXTRA]), values))
def test_a_payload_is_within_the_contract_whatever_the_record(record):
    """No nulls, no empty text, no unknown keys; consent is boolean; it can be sent."""
    result = everything.apply(record)
    if isinstance(result, Unmappable):
        assert result.reasons
        return
    order = list(FIELDS)
    assert sorted(result.payload, key=order.index) == list(result.payload)
    assert {"name", "email", "phone", "custom"} & result.payload.keys()
    for name, value in result.payload.items():
        if name in CONSENT_KEYS:
            assert isinstance(value, bool)
        elif name != "custom":
            assert isinstance(value, str)
            assert value.strip()
        assert value not in (None, "", {}, [])
    sent = json.loads(encode_payload(result.payload))
    assert sent.keys() == result.payload.keys()
    assert everything.sources_of(record).keys() == result.payload.keys()


@given(st.dictionaries(st.sampled_from([*FIELDS, "company"]), st.text(min_size=8, max_size=12)))
def test_reasons_never_hold_a_value(record):
    """A reason is logged and stored; what a person typed is not."""
    result = everything.apply(record)
    reasons = result.notes if isinstance(result, Mapped) else result.reasons
    known = {*FIELDS, "lead", "mobile[0].value", "{name} ({company})", "phone, mobile[0].value"}
    for reason in reasons:
        assert {reason.field, reason.source} <= {*known, None}
        assert reason.rule in RULES
