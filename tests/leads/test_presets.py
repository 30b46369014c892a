"""The shipped presets, against streams of the taps that they are for.

``presets/`` holds the streams: trimmed output of real taps (all people are invented), with the
leads that three records of each should make (deals, which make none, have tests of their own).
Those are checked by hand. When one differs, pytest
shows both; `-vv` shows all of it. Correct what is wrong, be it the preset or the file: nothing
here writes the files.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from target_octanist.leads.mapping import Mapped, compile_mapping, merge_layers
from target_octanist.leads.presets import load_preset, preset_names, read_preset
from target_octanist.leads.problems import MappingError

HERE = Path(__file__).parent / "presets"
SAMPLES = Path(__file__).parents[2] / "sample_data" / "singer"

EMAIL = re.compile(r"[^\s@;,<>]+@[^\s@;,<>]+\.[a-z]{2,}", re.IGNORECASE)
LEAST_DIGITS = 7


def answers(record, column, name, value):
    return [answer[value] for answer in record[column] if answer["name"] == name]


def by_type(record, kind):
    return record["answer"] if record["data_type"] == kind else None


#: Stream to the raw values in which a person would look for an e-mail address and a phone number.
CONTACT = {
    "activecampaign_contacts": lambda r: [r["email"], r["phone"]],
    "close_leads": lambda r: [r["contacts"]],
    "facebook_lead_ads": lambda r: [
        answers(r, "field_data", "email", "values"),
        answers(r, "field_data", "phone_number", "values"),
    ],
    "generic.csv": lambda r: [r["email"], r["phone"]],
    "generic.postgres": lambda r: [r["email"], r["phone"]],
    "hubspot_contacts": lambda r: [
        r["property_email"],
        r["property_phone"],
        r["property_mobilephone"],
    ],
    "hubspot_contacts.before_4": lambda r: [
        r["properties"].get(name, {}).get("value") for name in ("email", "phone", "mobilephone")
    ],
    "hubspot_form_submissions": lambda r: [
        answers(r, "values", "email", "value"),
        answers(r, "values", "phone", "value"),
    ],
    "intercom_contacts": lambda r: [r["email"], r["phone"]],
    "pipedrive_persons": lambda r: [r["emails"], r["phones"]],
    "salesforce_contact": lambda r: [
        r[name] for name in ("Email", "Phone", "MobilePhone", "HomePhone", "OtherPhone")
    ],
    "salesforce_lead": lambda r: [r["Email"], r["Phone"], r["MobilePhone"]],
    "typeform_answers": lambda r: [by_type(r, "email"), by_type(r, "phone_number")],
    "zoho_leads": lambda r: [r["Email"], r["Secondary_Email"], r["Phone"], r["Mobile"]],
}


#: Those of streams that make leads.
OF_LEADS = [name for name in preset_names() if load_preset(name).mode == "create"]


def texts(value):
    """All texts in a value, however deep, but the ids in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (
            text
            for key, item in value.items()
            if not key.endswith("id") and "date" not in key
            for text in texts(item)
        )
    elif isinstance(value, list):
        yield from (text for item in value for text in texts(item))


def has_contact(stream, record):
    return any(
        any(".." not in address for address in EMAIL.findall(text))
        or sum(char.isdigit() for char in text) >= LEAST_DIGITS
        for text in texts(CONTACT[stream](record))
    )


def path_of(stream):
    path = HERE / f"{stream}.singer.jsonl"
    return path if path.exists() else SAMPLES / path.name


def messages(stream, kind):
    lines = path_of(stream).read_text(encoding="utf-8").splitlines()
    return [message for message in map(json.loads, lines) if message["type"] == kind]


def records(stream):
    return [message["record"] for message in messages(stream, "RECORD")]


def preset_of(stream):
    return load_preset(stream.partition(".")[0])


def compiled(preset):
    return compile_mapping(merge_layers(preset.mapping), where="mapping", phone_region="NL")


def lead(preset, record):
    mapped = compiled(preset).apply(record)
    return mapped.payload if isinstance(mapped, Mapped) else None


def test_every_preset_is_tested_against_a_stream():
    assert {stream.partition(".")[0] for stream in CONTACT} == set(OF_LEADS)


@pytest.mark.parametrize("stream", CONTACT)
def test_who_can_be_reached_in_the_source_can_be_reached_as_a_lead(stream):
    mapping = compiled(preset_of(stream))
    reachable = [record for record in records(stream) if has_contact(stream, record)]
    mapped = [mapping.apply(record) for record in reachable]
    reached = [
        one for one in mapped if isinstance(one, Mapped) and {"email", "phone"} & one.payload.keys()
    ]
    assert len(reachable) >= 5
    assert len(reached) >= 0.95 * len(reachable)


@pytest.mark.parametrize("stream", CONTACT)
def test_nobody_is_made_up_for_a_record_that_reaches_nobody(stream):
    mapping = compiled(preset_of(stream))
    for record in records(stream):
        mapped = mapping.apply(record)
        if not has_contact(stream, record) and isinstance(mapped, Mapped):
            assert not {"email", "phone"} & mapped.payload.keys()


@pytest.mark.parametrize("stream", CONTACT)
def test_the_leads_are_those_that_were_checked_by_hand(stream):
    expected = json.loads((HERE / f"{stream}.leads.json").read_text(encoding="utf-8"))
    given = records(stream)
    assert len(expected) == 3
    for number, checked in expected.items():
        assert lead(preset_of(stream), given[int(number)]) == checked


@pytest.mark.parametrize("stream", CONTACT)
def test_a_stream_that_has_what_the_preset_needs_is_not_complained_about(stream):
    (schema,) = messages(stream, "SCHEMA")
    preset = preset_of(stream)
    problems = compiled(preset).check_schema(schema["schema"], merge_layers(preset.mapping))
    assert problems == []


@pytest.mark.parametrize("name", OF_LEADS)
def test_a_stream_without_what_the_preset_needs_is_told_once(name):
    preset = load_preset(name)
    schema = {"type": "object", "properties": {"id": {}, "amount": {}}}
    problems = compiled(preset).check_schema(schema, merge_layers(preset.mapping))
    # What reads the record as a whole may find anything in it.
    told = [] if name == "typeform_answers" else ["is it the preset for this stream?"]
    assert [problem.rpartition("; ")[2] for problem in problems] == told


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_is(name):
    preset = load_preset(name)
    assert preset.name == name
    assert preset.version >= 1
    assert preset.streams
    assert preset.notes
    assert re.fullmatch(r"[A-Z][^\n]{20,110}\.", preset.description)


@pytest.mark.parametrize("name", OF_LEADS)
def test_a_preset_takes_no_more_than_a_lead_needs(name):
    """No id of the CRM, no status and no remark of a colleague makes a lead by itself."""
    custom = load_preset(name).mapping.get("custom", {"pick": {}})
    assert custom.keys() == {"pick"}
    assert custom["pick"].keys() <= {"company"}


# HubSpot, whose taps disagree about where a property is


def hubspot_shapes(record):
    properties = record["properties"]
    yield {"id": record["id"], "properties": properties}
    yield {f"property_{name}": value for name, value in properties.items()}
    yield {f"properties__{name}": value for name, value in properties.items()}
    wrapped = {name: {"value": v} for name, v in properties.items() if v is not None}
    yield {"vid": 1, "properties": wrapped}
    yield {f"property_{name}": value for name, value in wrapped.items()}


def test_hubspot_contacts_are_the_same_leads_in_every_shape():
    preset = load_preset("hubspot_contacts")
    for record in records("hubspot_contacts"):
        expected = lead(preset, record)
        for shape in hubspot_shapes(record):
            assert lead(preset, shape) == expected


def test_a_wrapped_value_that_is_empty_is_no_broken_address():
    record = {"property_email": {"value": ""}, "property_firstname": {"value": "Ada"}}
    mapped = compiled(load_preset("hubspot_contacts")).apply(record)
    assert mapped == Mapped({"name": "Ada"}, ())


# Answers in lists


@pytest.mark.parametrize(
    ("answered", "consent"),
    [
        ([], None),
        (["true"], True),
        (["false"], False),
        (["true", "true"], True),
        (["true", "false"], False),
    ],
)
def test_consent_in_a_form_is_given_when_every_box_is_ticked(answered, consent):
    values = [
        {"name": "email", "value": "a@example.com"},
        {"name": "LEGAL_CONSENT.processing", "value": "true"},
        *(
            {"name": f"LEGAL_CONSENT.subscription_type_{number}", "value": value}
            for number, value in enumerate(answered)
        ),
    ]
    made = lead(load_preset("hubspot_form_submissions"), {"values": values})
    assert made.get("ad_user_data") is consent


def test_a_typeform_response_in_one_record_is_a_whole_lead():
    record = {
        "landing_id": "l1",
        "hidden": {"utm_source": "google", "gclid": "abc123"},
        "answers": [
            {"type": "text", "text": "Ada", "field": {"ref": "first_name"}},
            {"type": "text", "text": "Lovelace", "field": {"ref": "last_name"}},
            {"type": "email", "email": "Ada@Example.com", "field": {"ref": "email"}},
            {"type": "phone_number", "phone_number": "0612345678", "field": {"ref": "x"}},
        ],
    }
    assert lead(load_preset("typeform_answers"), record) == {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+31612345678",
        "gclid": "abc123",
        "utm_source": "google",
    }


def test_a_close_lead_is_one_of_its_contacts_and_not_a_mixture():
    contacts = [
        {"name": "Nobody", "emails": [], "phones": []},
        {"name": "Ada", "emails": [], "phones": [{"phone": "0612345678"}]},
        {"name": "Bob", "emails": [{"email": "bob@example.com"}], "phones": []},
    ]
    preset = load_preset("close_leads")
    assert lead(preset, {"name": "Acme", "contacts": contacts}) == {
        "name": "Ada",
        "phone": "+31612345678",
        "custom": {"company": "Acme"},
    }
    assert lead(preset, {"name": "Acme", "contacts": contacts[:1]}) is None


def test_pipedrive_persons_of_the_older_api_are_read_too():
    record = {
        "name": "Ada",
        "email": [{"value": "", "primary": True}, {"value": "a@example.com", "primary": False}],
        "phone": [{"value": "0612345678", "primary": True}],
        "org_id": {"name": "Acme", "value": 5},
    }
    assert lead(load_preset("pipedrive_persons"), record) == {
        "name": "Ada",
        "email": "a@example.com",
        "phone": "+31612345678",
        "custom": {"company": "Acme"},
    }


# Reading a preset

GOOD = "format: 1\nmapping: {email: mail}\n"


def mistakes(text):
    with pytest.raises(MappingError) as caught:
        read_preset(text, "./mine.yml")
    return list(caught.value.problems)


def test_a_preset_needs_only_its_format_and_a_mapping():
    preset = read_preset(GOOD, "./mine.yml")
    assert preset == replace(preset, name="./mine.yml", version=1, streams=(), key=None, notes="")
    assert preset.mapping == {"email": "mail"}


def test_a_key_may_be_one_column_or_several():
    assert read_preset(GOOD + "key: id", "p").key == ("id",)
    assert read_preset(GOOD + "key: [a, b]", "p").key == ("a", "b")


def test_a_preset_may_be_of_changes_and_say_which_lead_is_meant():
    text = "format: 1\nmode: update\nlink: {stream: people, by: person}\nmapping: {status: stage}"
    preset = read_preset(text, "p")
    assert (preset.mode, preset.link) == ("update", {"stream": "people", "by": "person"})
    good = read_preset(GOOD, "p")
    assert (good.mode, good.link) == ("create", None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "./mine.yml: must be an object with format and mapping, not nothing."),
        ("[]", "./mine.yml: must be an object with format and mapping, not a list."),
        ("a: b: c", "./mine.yml: is not YAML that can be read (line 1)."),
        ("\x00", "./mine.yml: is not YAML that can be read."),
        ("day: 2024-13-45", "./mine.yml: is not YAML that can be read."),
        ("mapping: {}", "./mine.yml: format: is missing; write format: 1."),
        ("format: one", './mine.yml: format: must be 1, not "one".'),
        ("format: true", "./mine.yml: format: must be 1, not true."),
        (
            "format: 2\nmappings: {}",
            "./mine.yml: has format 2, and this version reads 1; upgrade target-octanist.",
        ),
        ("format: 1", "./mine.yml: mapping: must be an object of lead field: source."),
        (GOOD + "version: 0", "./mine.yml: version: must be a whole number from 1."),
        (GOOD + "notes: []", "./mine.yml: notes: must be text, not a list."),
        (GOOD + "key: [1]", "./mine.yml: key: must be a name or a list of names."),
        (
            GOOD + "mappings: {}",
            './mine.yml: there is no key "mappings" in a preset; did you mean "mapping"?',
        ),
        (
            "format: 1\nmapping: {emial: mail}",
            './mine.yml: mapping.emial: "emial" is not a field of a lead; did you mean "email"?',
        ),
        (
            GOOD + "mode: updates",
            (
                './mine.yml: mode: must be one of create, update, upsert, not "updates"; '
                'did you mean "update"?'
            ),
        ),
        (
            GOOD + "link: {stream: a, by: b}",
            "./mine.yml: link: only goes with mode: update.",
        ),
        (
            "format: 1\nmode: update\nlink: {stream: a}\nmapping: {status: s}",
            "./mine.yml: link.by: is missing; name the column with the key of that stream.",
        ),
        (
            "format: 1\nmode: update\nmapping: {gclid: g}",
            './mine.yml: mapping.gclid: "gclid" can only be set where the mode is create or upsert.',
        ),
    ],
    ids=range(19),
)
def test_a_mistake_in_a_preset_is_one_sentence(text, sentence):
    assert mistakes(text)[0] == sentence


def test_all_mistakes_in_a_preset_are_told_at_once():
    assert len(mistakes("format: 1\nversion: x\nstreams: 5\nmapping: {emial: a, phnoe: b}")) == 4


def test_an_unknown_preset_is_answered_with_the_one_that_was_meant():
    with pytest.raises(MappingError, match='no preset "hubspot_contact"; did you mean "hubspot_c'):
        load_preset("hubspot_contact")
