"""Whether a stream has what a mapping reads."""

from __future__ import annotations

import pytest

from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError
from target_octanist.leads.schema_check import missing_keys

CLOSED = {
    "type": "object",
    "properties": {
        "email": {"type": ["null", "string"]},
        "first_name": {"type": "string"},
        "utm": {"type": ["string", "object"], "additionalProperties": True},
        "free": {"type": "object"},
        "any": {},
        "owner": {"type": "object", "properties": {"name": {}}},
        "emails": {"type": "array", "items": {"type": "object", "properties": {"value": {}}}},
        "union": {"anyOf": [{"type": "object", "properties": {"id": {}}}, {"type": "null"}]},
        "open_union": {"anyOf": [{"type": "object", "properties": {"id": {}}}, {}]},
    },
}


def check(mapping, schema=CLOSED):
    return compile_mapping(mapping, where="mapping").check_schema(schema)


@pytest.mark.parametrize(
    "path",
    [
        *("email", "utm.source", "free.x.y", "any.x", "owner.name", "emails[0].value"),
        *("union.id", "open_union.x", "emails[?value].value | [0]", "missing || email"),
    ],
)
def test_what_may_be_there_is_not_complained_about(path):
    """Objects without properties, unions and {} leave things open."""
    assert check({"name": path}) == []


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("emial", 'mapping.name: the stream has no column "emial"; did you mean "email"?'),
        ("zzz.x", 'mapping.name: the stream has no column "zzz".'),
        ("owner.nam", 'mapping.name: "owner" has no "nam"; did you mean "name"?'),
        ("emails[0].valeu", 'mapping.name: "emails" has no "valeu"; did you mean "value"?'),
        ("union.idd", 'mapping.name: "union" has no "idd"; did you mean "id"?'),
        (
            "emials[?x] | [0]",
            'mapping.name: the stream has no column "emials"; did you mean "emails"?',
        ),
        ({"template": "{first_name} {lst}"}, 'mapping.name: the stream has no column "lst".'),
    ],
    ids=range(7),
)
def test_a_column_that_cannot_be_there_is_named(spec, sentence):
    """With the one that was probably meant."""
    assert check({"name": spec}) == [sentence]


def test_of_a_list_one_is_enough():
    """Presets list all the spellings that they know."""
    assert check({"email": ["mail", "email"]}) == []
    assert len(check({"email": ["mial", "e_post"]})) == 2


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            {"email": {"from": "emial", "required": True}},
            (
                'mapping.email: is required, but the stream has no column "emial"; '
                'did you mean "email"?'
            ),
        ),
        (
            {"email": {"from": "owner.mail", "required": True}},
            'mapping.email: is required, but "owner" has no "mail".',
        ),
        (
            {"email": {"from": ["e_post", "emial"], "required": True}},
            (
                'mapping.email: is required, but the stream has none of its columns "e_post", '
                '"emial"; did you mean "email"?'
            ),
        ),
        (
            {"name": {"template": "{zzz} {xxx}", "required": True}},
            'mapping.name: is required, but the stream has none of its columns "zzz", "xxx".',
        ),
        (
            {"custom": {"pick": {"Firm": "compny"}, "required": True}},
            'mapping.custom: is required, but the stream has no column "compny".',
        ),
    ],
    ids=range(5),
)
def test_a_required_field_without_any_column_is_a_mistake(mapping, sentence):
    """No record could ever become a lead, so the run need not start."""
    with pytest.raises(MappingError) as caught:
        check(mapping)
    assert caught.value.problems == (sentence,)
    assert check(mapping, {"type": "object"}) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"from": ["emial", "email"], "required": True},
        {"from": "emial", "required": True, "default": "a@example.com"},
        {"from": ["emial", {"template": "{first_name}@{zzz}"}], "required": True},
        {"from": "utm.anything", "required": True},
        {"const": "a@example.com"},
    ],
    ids=range(5),
)
def test_a_required_field_that_may_be_filled_is_none(spec):
    """By another column, a default, or what the schema leaves open."""
    assert not any("is required" in problem for problem in check({"email": spec}))


def test_a_key_is_checked_too():
    told = missing_keys(["email", "frist_name"], CLOSED, "streams.a.key")
    assert told == [
        'streams.a.key: the stream has no column "frist_name"; did you mean "first_name"?'
    ]
    assert missing_keys(["frist_name"], {"type": "object"}, "streams.a.key") == []


def test_a_column_beside_another_is_checked_too():
    """Without it the number or the click id is read wrongly, or not at all."""
    mapping = {
        "email": "email",
        "phone": {"from": "email", "region": "contry"},
        "fbc": {"from": "email", "time": "created"},
    }
    assert check(mapping) == [
        'mapping.phone.region: the stream has no column "contry".',
        'mapping.fbc.time: the stream has no column "created".',
    ]


def test_one_mistake_in_several_fields_is_told_once():
    """The consent shorthand fills three keys from one column."""
    assert check({"email": "email", "consent": {"marketing": "opt_in"}}) == [
        (
            "mapping.ad_storage, mapping.ad_user_data, mapping.ad_personalization: "
            'the stream has no column "opt_in".'
        )
    ]


def test_picked_columns_are_checked_too():
    """Under the setting of their label."""
    problems = check({"name": "email", "custom": {"rest": True, "pick": {"Firm": "compny"}}})
    assert problems == ['mapping.custom.pick.Firm: the stream has no column "compny".']


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {}},
        {"properties": {"a": {}}, "additionalProperties": True},
        {"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"properties": {"a": {}}, "patternProperties": {".*": {}}},
        {"properties": None},
        {"anyOf": "odd"},
        True,
        None,
    ],
    ids=range(10),
)
def test_an_open_schema_has_every_column(schema):
    """Nothing is ruled out, so nothing is missing."""
    assert check({"email": "x.y"}, schema) == []


def test_a_mapping_without_identity_is_reported():
    """Not when it is compiled, because a layer alone may lack it."""
    assert check({"utm_source": "email"}) == [
        "mapping: maps none of name, email, phone and custom, so no record can become a lead."
    ]
