"""Every mistake in a mapping, and the sentence for it."""

from __future__ import annotations

import pytest

from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError

WHERE = "streams.contacts.mapping"


def mistakes(mapping, **options):
    with pytest.raises(MappingError) as caught:
        compile_mapping(mapping, where=WHERE, **options)
    return [problem.removeprefix(f"{WHERE}.") for problem in caught.value.problems]


CASES = [
    ({"emial": "e"}, 'emial: "emial" is not a field of a lead; did you mean "email"?'),
    ({"EMAIL": "e"}, 'EMAIL: "EMAIL" is not a field of a lead; did you mean "email"?'),
    ({"consnet": {}}, 'consnet: "consnet" is not a field of a lead; did you mean "consent"?'),
    ({"zzz": "e"}, 'zzz: "zzz" is not a field of a lead.'),
    ({5: "e"}, '5: "5" is not a field of a lead.'),
    ({"status": "s"}, 'status: "status" can only be set where the mode is update or upsert.'),
    ({"email": ""}, "email: is empty."),
    ({"email": []}, "email: is an empty list; name at least one column, or use null."),
    ({"email": ["a", 5]}, "email[1]: must be a path (text), not 5."),
    (
        {"name": 5},
        (
            "name: must be a path (text), a list of paths or an object such as {from: …}; "
            "for a fixed value write {const: 5}."
        ),
    ),
    (
        {"name": {"form": "e"}},
        'name: there is no key "form" here; did you mean "from"?',
    ),
    (
        {"name": {"required": True}},
        "name: needs exactly one of from, template and const, which is missing here.",
    ),
    (
        {"name": {"from": "a", "const": "b"}},
        "name: needs exactly one of from, template and const, not from and const.",
    ),
    ({"name": {"from": 5}}, "name.from: must be a path (text) or a list of paths, not 5."),
    ({"name": {"from": {}}}, "name.from: must be a path (text) or a list of paths, not an object."),
    ({"name": {"template": 5}}, "name.template: must be text, not 5."),
    (
        {"name": {"template": "{a"}},
        'name.template: has a lone "{"; write "{{" if it is meant as text.',
    ),
    (
        {"name": {"template": "x"}},
        "name.template: names no column in braces; for a fixed text use const.",
    ),
    (
        {"name": {"const": None}},
        "name.const: needs a value; to leave the field out, map it to null.",
    ),
    ({"email": {"const": "x"}}, "email.const: is not a valid e-mail address."),
    ({"gclid": {"const": "n/a"}}, "gclid.const: says nothing; to leave it out, use null."),
    (
        {"ad_storage": {"const": "perhaps"}},
        "ad_storage.const: is neither yes nor no, so consent counts as denied.",
    ),
    (
        {"name": {"const": "x", "default": "y"}},
        "name: const gives every record the same value, so default cannot matter.",
    ),
    ({"email": {"from": "e", "default": "x"}}, "email.default: is not a valid e-mail address."),
    (
        {"name": {"from": "a", "type": "emial"}},
        (
            'name.type: must be one of text, email, phone, boolean, number, url, not "emial"; '
            'did you mean "email"?'
        ),
    ),
    (
        {"ad_storage": {"from": "a", "type": "text"}},
        "ad_storage.type: cannot be changed here: ad_storage is a boolean.",
    ),
    (
        {"sessionId": {"from": "a", "type": "text"}},
        "sessionId.type: cannot be changed here: sessionId is a session id.",
    ),
    (
        {"name": {"from": "a", "required": "yes"}},
        'name.required: must be true or false, not "yes".',
    ),
    (
        {"ad_storage": {"from": "a", "true_values": "ja"}},
        "ad_storage.true_values: must be a list of words such as [ja, oui].",
    ),
    (
        {"name": {"from": "a", "true_values": ["ja"]}},
        "name.true_values: only works with type: boolean.",
    ),
    (
        {"name": {"from": "a", "max_length": 0}},
        "name.max_length: must be a whole number of characters above 0, not 0.",
    ),
    (
        {"name": {"from": "a", "max_length": True}},
        "name.max_length: must be a whole number of characters above 0, not true.",
    ),
    (
        {"email": {"from": "a", "max_length": 5}},
        "email.max_length: does not go with an e-mail address: cut short, it would be another one.",
    ),
    (
        {"name": {"from": "a", "map": "x"}},
        "name.map: must be a list of {is: …, to: …}, not text.",
    ),
    ({"name": {"from": "a", "map": []}}, "name.map: is empty."),
    (
        {"name": {"from": "a", "map": [{"is": "x", "too": "y"}]}},
        "name.map[0]: must be an object {is: …, to: …}.",
    ),
    (
        {"name": {"from": "a", "map": [{"is": None, "to": "y"}]}},
        'name.map: "is" must be text, a number, true or false, not null.',
    ),
    (
        {"name": {"from": "a", "map": [{"is": "x", "to": ["y"]}]}},
        'name.map: "to" must be a single value or null, not a list.',
    ),
    (
        {"name": {"from": "a", "map": [{"is": "x", "to": 1}, {"is": "X", "to": 2}]}},
        'name.map: says two different things for "X".',
    ),
    (
        {"gclid": {"from": "u", "qeury": "gclid"}},
        'gclid: there is no key "qeury" here; did you mean "query"?',
    ),
    (
        {"gclid": {"from": "u", "query": ["gclid"]}},
        "gclid.query: must be the name of a query parameter such as gclid, not a list.",
    ),
    (
        {"gclid": {"template": "{u}", "query": "gclid"}},
        "gclid.query: only works together with from, not with template.",
    ),
    (
        {"utm_source": {"const": "u", "query": "gclid"}},
        "utm_source.query: only works together with from, not with const.",
    ),
    (
        {"ad_storage": {"from": "u", "query": "ok"}},
        "ad_storage.query: does not go with a boolean: an address holds text.",
    ),
    (
        {"consent": {"marketing": {"from": "u", "query": "ok"}}},
        "ad_storage.query: does not go with a boolean: an address holds text.",
    ),
    (
        {"website": {"from": "u", "part": "webiste"}},
        'website.part: must be website or path, not "webiste"; did you mean "website"?',
    ),
    ({"website": {"from": "u", "part": []}}, "website.part: must be website or path, not a list."),
    (
        {"email": {"from": "u", "part": "path"}},
        "email.part: only goes with text, and email is an e-mail address.",
    ),
    (
        {"path": {"from": "u", "part": "path", "query": "p"}},
        "path: takes either a query or a part of an address, not both.",
    ),
    (
        {"email": {"from": "e", "region": "country"}},
        "email.region: only goes with a phone number, and email is an e-mail address.",
    ),
    (
        {"note": {"from": "e", "region": "country"}},
        "note.region: only goes with a phone number, and note is text.",
    ),
    (
        {"custom": {"pick": {"Tel": {"from": "t", "region": "country"}}}},
        "custom.pick.Tel.region: only goes with type: phone.",
    ),
    (
        {"phone": {"from": "p", "regoin": "country"}},
        'phone: there is no key "regoin" here; did you mean "region"?',
    ),
    ({"phone": {"from": "p", "region": 5}}, "phone.region: must be a path (text), not 5."),
    (
        {"gclid": {"from": "g", "time": "t"}},
        "gclid.time: only goes with fbc, and this is gclid.",
    ),
    (
        {"fbc": {"from": "f", "time": "t", "max_length": 9}},
        "fbc.max_length: does not go with time: cut short, fbc is useless.",
    ),
    (
        {"fbc": {"from": "f", "time": "t", "type": "phone"}},
        "fbc.type: does not go with time: a click id is text.",
    ),
    (
        {"fbc": {"from": "f", "time": "t", "region": "c"}},
        "fbc: has region, which is for phone numbers, and time, which is for fbc.",
    ),
    (
        {"phone": {"const": "+31612340060", "region": "c"}},
        "phone: const gives every record the same value, so region cannot matter.",
    ),
    (
        {"gclid": ["g", {"from": "u", "qeury": "gclid"}]},
        'gclid[1]: there is no key "qeury" here; did you mean "query"?',
    ),
    (
        {"gclid": ["g", {"const": "x"}]},
        'gclid[1]: there is no key "const" here.',
    ),
    (
        {"gclid": ["g", {"query": "x"}]},
        "gclid[1]: needs exactly one of from and template, which is missing here.",
    ),
    (
        {"ad_storage": {"from": "a", "false_values": []}},
        "ad_storage.false_values: must be a list of words such as [ja, oui].",
    ),
    (
        {"ad_storage": {"from": "a", "true_values": ["Ja"], "false_values": ["nee", "ja"]}},
        'ad_storage.false_values: has "ja", and true_values has it, too.',
    ),
    (
        {"name": {"from": "a", "false_values": ["nee"]}},
        "name.false_values: only works with type: boolean.",
    ),
    ({"consent": "a"}, "consent: must be an object {analytics: …, marketing: …}."),
    (
        {"consent": {"marketting": "a"}},
        'consent: there is no consent flag "marketting"; did you mean "marketing"?',
    ),
    ({"consent": {"marketing": ""}}, "consent.marketing: is empty."),
    ({"custom": {"rset": True}}, 'custom: there is no key "rset" here; did you mean "rest"?'),
    ({"custom": {"rest": "yes"}}, "custom.rest: must be true or false, not text."),
    (
        {"custom": {"rest": True, "exclude": "a"}},
        "custom.exclude: must be a list of column names.",
    ),
    (
        {"custom": {"pick": {"a": "b"}, "exclude": ["c"]}},
        "custom.exclude: only works together with rest: true.",
    ),
    (
        {"custom": {"rest": False}},
        "custom: takes nothing; use {rest: true}, {pick: {label: path}} or a path.",
    ),
    (
        {"custom": {"pick": {"a": {"from": "b", "required": True}}}},
        "custom.pick.a.required: only works for custom as a whole.",
    ),
    ({"custom": {"pick": "a"}}, "custom.pick: must be an object of label: path, not text."),
    ({"custom": {"pick": [5]}}, "custom.pick[0]: must be a path or an object {label: …, from: …}."),
    ({"custom": {"pick": {"a": ""}}}, "custom.pick.a: is empty."),
    (
        {"custom": {"rest": True, "default": "x"}},
        'custom: "default" needs from, template or const beside it.',
    ),
]


@pytest.mark.parametrize(("mapping", "sentence"), CASES, ids=range(len(CASES)))
def test_each_mistake_has_its_sentence(mapping, sentence):
    """It names the setting, says what is wrong, and helps where it can."""
    assert sentence in mistakes(mapping)


def test_all_mistakes_are_reported_at_once():
    """Nobody should have to start a run for each of them."""
    mapping = {
        "emial": "e",
        "name": {"form": "x"},
        "phone": "a[",
        "utm_source": {"from": "a", "type": "x"},
    }
    assert len(mistakes(mapping)) == 4


def test_a_broken_expression_names_its_setting():
    """JMESPath's own words are in the sentence, and what to do about an odd column name."""
    (problem,) = mistakes({"phone": {"from": ["ok", "Phone (mobile)"]}})
    assert problem.startswith("phone.from[1]: 'Phone (mobile)' is not a valid JMESPath expression")
    assert "put it in double quotes" in problem


@pytest.mark.parametrize("name", ["sessionId", "dclid", "wbraid", "gbraid", "epik"])
def test_the_older_contract_refuses_the_newer_keys(name):
    """And says which setting makes it so."""
    sentence = f'{name}: "{name}" is not in the older contract (strict_contract: legacy).'
    assert mistakes({name: "x"}, contract="legacy") == [sentence]
    compile_mapping({name: None, "email": "e"}, where=WHERE, contract="legacy")
    compile_mapping({name: "x"}, where=WHERE)


def test_a_mapping_is_an_object():
    """A list of fields is none."""
    with pytest.raises(MappingError, match="must be an object of lead field: source, not a list"):
        compile_mapping(["email"], where=WHERE)


def test_an_update_has_no_campaign():
    """Fields of a new lead are refused where only an update is sent."""
    sentence = 'gclid: "gclid" can only be set where the mode is create or upsert.'
    assert mistakes({"gclid": "g"}, mode="update") == [sentence]


def test_an_unknown_region_is_a_mistake():
    """UK is not the country's ISO code."""
    with pytest.raises(MappingError, match='phone_region "UK" is not an ISO country code'):
        compile_mapping({"phone": "p"}, where=WHERE, phone_region="UK")
    compile_mapping({"phone": "p"}, where=WHERE, phone_region="gb")
