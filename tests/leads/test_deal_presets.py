"""The presets of deals, against streams of the taps that they are for.

Two of the streams are sample data. In ``deals/`` there are records that tap-salesforce wrote, and
made-up ones after the documented schemas of tap-zoho-crm and tap-activecampaign. What every
record changes was written down by hand.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from target_octanist.leads.change import split
from target_octanist.leads.link import read_link
from target_octanist.leads.mapping import Mapped, compile_mapping, merge_layers
from target_octanist.leads.presets import load_preset, preset_names
from target_octanist.leads.problems import Problems
from tests.support.samples import DEALS

HERE = Path(__file__).parent / "deals"

#: Preset → for each record of its stream: the key of its contact, the status, the value and the
#: reason of a loss.
EXPECTED = {
    "activecampaign_deals": [
        ("1", None, "456.78", None),
        ("2", "won", "99.95", None),
        ("3", None, "0", None),  # in stage 1, which is no status
        ("4", None, "125000", None),  # in stage 2, likewise
        ("5", "lost", "1500.50", None),
        ("6", "won", "0", None),
        (None, "won", "0.01", None),
        ("8", "lost", None, None),
    ],
    "hubspot_deals": [
        ("50002", None, None, None),
        ("50003", "qualified", "1250", None),
        ("50004", "qualified", "2400.5", None),
        ("50006", "won", "99.95", None),
        ("50007", "won", "12500", None),
        ("50009", "lost", "480", "Too expensive"),
        ("50010", None, "300", None),
        ("50011", "won", "640.25", None),
        ("50012", "lost", None, "No budget"),
        (None, "won", "75", None),
        ("50001", "qualified", "900", None),
        ("50099", "won", "150", None),
        ("59001", "won", "20", None),
        ("50014", "won", "12345678901234.56", None),
        ("50015", "won", "0", None),
        ("50016", "lost", "-50", "Refunded"),
        ("50003", "won", "1300", None),
        ("50006", "won", "99.95", None),
        ("50009", "qualified", "450", None),
        ("50017", "won", "310", None),
    ],
    "pipedrive_deals": [
        ("2", "won", "99.95", None),
        ("12", None, "1250.5", None),
        ("10", None, "1000000", None),
        ("23", "won", "49", None),
        ("24", "lost", "1000000", "Te duur"),
        ("33", "won", "-50", None),
        ("39", "lost", "99.95", "Te duur"),
        ("14", None, "1250.5", None),
        ("11", None, "49", None),
        ("3", None, None, None),
        ("45", None, None, None),
        ("17", None, None, None),
        ("8", "lost", None, "Te duur"),
        ("6", None, "1000000", None),
        ("41", None, None, None),
        ("31", None, "49", None),
        ("27", None, None, None),
        ("1", None, "99.95", None),
        ("5", None, "99.95", None),
        ("32", None, "24999", None),
        ("9", "won", "-50", None),
        ("67", None, None, None),
        ("65", None, "-50", None),
        ("61", "won", "1000000", None),
        ("18", None, "1000000", None),
    ],
    "salesforce_opportunity": [
        ("0035g0000000002AAA", "won", "99.95", None),
        ("0035g0000000012AAA", "qualified", "1250.5", None),
        ("0035g0000000010AAA", "qualified", "1000000", None),
        ("0035g0000000023AAA", "won", "49", None),
        ("0035g0000000024AAA", "lost", "1000000", None),
        ("0035g0000000033AAA", "won", "-50", None),
        ("0035g0000000039AAA", "lost", "99.95", None),
        ("0035g0000000014AAA", None, "1250.5", None),
        ("0035g0000000011AAA", None, "49", None),
        ("0035g0000000003AAA", None, "0", None),
        ("0035g0000000045AAA", "qualified", "0", None),
        ("0035g0000000017AAA", "qualified", None, None),
        ("0035g0000000008AAA", "lost", None, None),
        ("0035g0000000006AAA", None, "1000000", None),
        ("0035g0000000041AAA", None, "0", None),
        ("0035g0000000031AAA", None, "49", None),
        ("0035g0000000027AAA", "qualified", "0", None),
        ("0035g0000000001AAA", None, "99.95", None),
        ("0035g0000000005AAA", None, "99.95", None),
        ("0035g0000000032AAA", None, "24999", None),
    ],
    "zoho_deals": [
        ("570000000000001", None, "1000", None),
        ("570000000000002", "won", "99.95", None),
        ("570000000000003", "qualified", None, None),
        ("570000000000004", "qualified", "24999", None),
        ("570000000000005", "lost", "1250.5", "Price"),
        ("570000000000006", "lost", "149", "Competition"),
        ("570000000000007", None, "310", None),
        ("570000000000008", "qualified", "0", None),
        (None, "won", "1000000", None),
    ],
}

#: The stream of each preset → the stream of which its leads are made.
LINKED = {
    "activecampaign_deals": "contacts",
    "hubspot_deals": "contacts",
    "pipedrive_deals": "persons",
    "salesforce_opportunity": "Contact",
    "zoho_deals": "contacts",
}


def messages(name, kind):
    (path,) = [one for one in [*HERE.iterdir(), *DEALS] if one.name == f"{name}.singer.jsonl"]
    lines = path.read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["type"] == kind]


def records(name):
    return [message["record"] for message in messages(name, "RECORD")]


def compiled(name, *layers):
    mapping = merge_layers(load_preset(name).mapping, *layers)
    return compile_mapping(mapping, where="mapping", mode="update", is_linked=True)


def link_of(name):
    problems = Problems()
    link = read_link(load_preset(name).link, "link", problems)
    assert problems.found == []
    return link


def change_of(mapping, record):
    mapped = mapping.apply(record)
    assert isinstance(mapped, Mapped)
    assert mapped.notes == ()
    _, change = split(mapped.payload, "update")
    return change


def test_every_preset_of_changes_is_tested_against_a_stream():
    changing = {name for name in preset_names() if load_preset(name).mode == "update"}
    assert changing == EXPECTED.keys() == LINKED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_every_deal_changes_what_was_written_down_by_hand(name):
    mapping, link = compiled(name), link_of(name)
    found = []
    for record in records(name):
        change = change_of(mapping, record)
        assert change.identifier is None
        value = change.fields.get("value")
        found.append((link.key_of(record), change.status, value, change.fields.get("lossReason")))
    assert found == [
        (key, status, None if value is None else Decimal(value), reason)
        for key, status, value, reason in EXPECTED[name]
    ]


@pytest.mark.parametrize("name", LINKED)
def test_a_deal_is_linked_to_the_stream_of_its_people(name):
    assert link_of(name).stream == LINKED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_stream_that_a_preset_is_for_is_not_complained_about(name):
    (schema,) = messages(name, "SCHEMA")
    assert compiled(name).check_schema(schema["schema"], load_preset(name).mapping) == []
    assert link_of(name).check_schema(schema["schema"], "link") == []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_stream_of_something_else_is_told_once(name):
    schema = {"type": "object", "properties": {"id": {}, "name": {}}}
    (problem,) = compiled(name).check_schema(schema, load_preset(name).mapping)
    assert problem.endswith(
        "for status and value that the preset knows; is it the preset for this stream?"
    )
    (problem,) = link_of(name).check_schema(schema, "link")
    assert problem.startswith("link.by: the stream has no column for it")


@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_notes_show_can_be_written(name):
    preset = load_preset(name)
    assert re.fullmatch(r"[A-Z][^\n]{20,110}\.", preset.description)
    shown = [yaml.safe_load(line) for line in preset.notes.splitlines() if line.startswith("{")]
    for one in shown:
        if "status" in one or "value" in one:
            compiled(name, one)
        elif "link" in one:
            problems = Problems()
            assert read_link(one["link"], "link", problems)
            assert problems.found == []
        else:
            (stream,) = one
            assert stream in preset.streams
    assert any("status" in one for one in shown)


# A map of one's own


def test_a_map_of_ones_own_takes_the_place_of_the_presets():
    stages = {"status": {"map": [{"is": "won", "to": "won"}, {"is": 8123401, "to": "qualified"}]}}
    own = compiled("hubspot_deals", stages)
    found = [change_of(own, record).status for record in records("hubspot_deals")]
    assert found.count("won") == 11
    assert found.count("qualified") == 1
    assert "lost" not in found
    shipped = compiled("hubspot_deals").paths()["status"]
    assert [path.text for path in own.paths()["status"]] == [path.text for path in shipped]


def test_a_status_of_ones_own_takes_the_place_of_the_presets():
    own = compiled("pipedrive_deals", {"status": {"from": "acv", "default": "qualified"}})
    assert [change_of(own, record).status for record in records("pipedrive_deals")] == (
        25 * ["qualified"]
    )


# Shapes of the same deal


def hubspot_shapes(record):
    named = {
        name.removeprefix("property_"): wrapped
        for name, wrapped in record.items()
        if name.startswith("property_")
    }
    flat = {name: wrapped and wrapped["value"] for name, wrapped in named.items()}
    words = {name: None if one is None else str(one).lower() for name, one in flat.items()}
    yield {"properties": named}
    yield {"properties": flat}
    yield {"properties": words}
    yield {f"property_{name}": value for name, value in flat.items()}
    yield {f"properties__{name}": value for name, value in words.items()}


def test_a_deal_of_hubspot_is_the_same_change_in_every_shape():
    mapping = compiled("hubspot_deals", {"lossReason": None})
    for record in records("hubspot_deals"):
        expected = change_of(mapping, record)
        for shape in hubspot_shapes(record):
            assert change_of(mapping, shape) == expected


@pytest.mark.parametrize("closed", [{}, {"IsClosed": True}, {"IsClosed": True, "IsWon": None}])
def test_a_deal_is_not_lost_because_nobody_asked_whether_it_was_won(closed):
    record = {"StageName": "Prospecting", **closed}
    assert change_of(compiled("salesforce_opportunity"), record).changes_nothing


def test_newer_and_older_taps_name_the_contact_in_other_ways():
    hubspot, pipedrive = link_of("hubspot_deals"), link_of("pipedrive_deals")
    newer = {"associations": {"contacts": {"results": [{"id": "51"}, {"id": "52"}]}}}
    assert hubspot.key_of(newer) == "51"
    assert pipedrive.key_of({"person_id": {"value": 7, "name": "Ada"}}) == "7"
    assert pipedrive.key_of({"person_id": {"name": "Ada"}}) is None
