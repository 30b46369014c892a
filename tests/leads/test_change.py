"""From a record to a change: one identifier, and what is left to change."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.change import MappedChange, split
from target_octanist.leads.identity import encode_payload
from target_octanist.leads.mapping import Mapped, Unmappable, compile_mapping, merge_layers
from target_octanist.leads.problems import MappingError, Reason
from target_octanist.leads.schema import FIELDS, UPDATE_FIELDS, contract_keys, fields_of

ALL = {name: name for name in UPDATE_FIELDS}
STAGES = [{"is": "closedwon", "to": "won"}, {"is": "4. Verloren", "to": "lost"}]


def mapped(mapping, record, **options):
    return compile_mapping(mapping, where="mapping", mode="update", **options).apply(record)


def payload(record, mapping=ALL, **options):
    result = mapped(mapping, record, **options)
    assert isinstance(result, Mapped), result
    return result.payload


def notes(record, mapping=ALL, **options):
    return [(note.field, note.rule) for note in mapped(mapping, record, **options).notes]


# Which lead


@pytest.mark.parametrize(
    ("record", "sent"),
    [
        ({"id": "lead_1", "email": "a@example.com", "phone": "+31612340060"}, {"id": "lead_1"}),
        ({"email": " A@Example.com", "phone": "+31612340060"}, {"email": "a@example.com"}),
        ({"phone": "+31 6 1234 0060"}, {"phone": "+31612340060"}),
        ({"id": " ", "email": "n/a", "phone": "+31612340060"}, {"phone": "+31612340060"}),
    ],
)
def test_one_identifier_is_sent(record, sent):
    assert payload({**record, "status": "won"}) == {**sent, "status": "won"}


def test_a_broken_address_beside_an_id_is_left_out_aloud():
    record = {"id": "lead_1", "email": "nobody", "status": "won"}
    assert payload(record) == {"id": "lead_1", "status": "won"}
    assert notes(record) == [("email", "invalid_email")]


def test_a_change_of_nobody_is_refused():
    assert mapped(ALL, {"status": "won"}) == Unmappable((Reason("lead", "no_match_key", None),))
    broken = mapped(ALL, {"email": "nobody", "status": "won"})
    assert broken == Unmappable((Reason("email", "invalid_email", "email"),))


def test_a_link_may_stand_in_for_an_identifier():
    stage = {"status": "s"}
    assert payload({"s": "won"}, stage, is_linked=True) == {"status": "won"}
    broken = {"email": "nobody", "status": "won"}
    assert payload(broken, is_linked=True) == {"status": "won"}
    assert notes(broken, is_linked=True) == [("email", "invalid_email")]


def test_what_a_mapping_of_changes_cannot_do_without_is_missed_at_the_schema():
    schema = {"type": "object", "properties": {"s": {}, "e": {}}}

    def problems(mapping, **options):
        compiled = compile_mapping(mapping, where="mapping", mode="update", **options)
        return compiled.check_schema(schema)

    assert problems({"status": "s"}, is_linked=True) == []
    assert problems({"status": "s", "email": "e"}) == []
    assert problems({"status": "s"}) == [
        "mapping: maps none of id, email and phone, so no change can find its lead."
    ]
    assert problems({"email": "e"}) == [
        "mapping: maps none of status, value, note and lossReason, so nothing can change."
    ]


# Status


@pytest.mark.parametrize(
    ("stage", "status"),
    [("closedwon", "won"), ("ClosedWon ", "won"), ("4. verloren", "lost"), ("new one", None)],
)
def test_a_map_of_stages_with_nothing_for_the_others(stage, status):
    mapping = {"id": "i", "status": {"from": "s", "map": STAGES, "default": None}}
    result = mapped(mapping, {"i": "lead_1", "s": stage})
    assert result == Mapped({"id": "lead_1"} | ({"status": status} if status else {}), ())


@pytest.mark.parametrize(
    ("word", "rule"),
    [("open", "open_status"), ("Stage of Ada", "invalid_status"), ({}, "invalid_status")],
)
def test_what_cannot_be_set_is_left_out_aloud_and_the_rest_is_sent(word, rule):
    record = {"id": "lead_1", "status": word, "value": 5}
    assert payload(record) == {"id": "lead_1", "value": Decimal(5)}
    (note,) = mapped(ALL, record).notes
    assert note == Reason("status", rule, "status")
    assert "Ada" not in note.sentence()
    assert note.sentence().endswith("so the status is left out.")


@pytest.mark.parametrize("word", ["Qualified", "WON", " lost "])
def test_a_status_is_one_in_any_case(word):
    assert payload({"id": "1", "status": word})["status"] == word.strip().lower()


def test_a_slip_in_a_map_of_stages_is_found_at_once():
    spec = {"from": "s", "map": [{"is": "a", "to": "Won"}, {"is": "b", "to": "wonn"}]}
    with pytest.raises(MappingError) as caught:
        compile_mapping({"status": spec}, where="mapping", mode="update")
    assert list(caught.value.problems) == [
        'mapping.status.map: "to" must be qualified, won, lost or null, not "wonn".'
    ]
    spec = {"from": "s", "map": {"a": "open", "b": None}}
    compile_mapping({"status": spec}, where="mapping", mode="update")


# The rest


def test_a_reason_goes_only_with_a_loss():
    assert payload({"id": "1", "status": "lost", "lossReason": "Price"}) == {
        "id": "1",
        "status": "lost",
        "lossReason": "Price",
    }
    assert payload({"id": "1", "status": "won", "lossReason": "Price"}) == {
        "id": "1",
        "status": "won",
    }
    assert payload({"id": "1", "lossReason": "Price"}) == {"id": "1"}


def test_a_note_keeps_its_lines():
    assert payload({"id": "1", "note": "one\n two "}) == {"id": "1", "note": "one\n two"}


def test_a_change_is_in_the_order_of_the_contract():
    record = {"lossReason": "r", "note": "n", "value": 1, "status": "lost", "id": "1"}
    assert list(payload(record)) == ["id", "status", "value", "note", "lossReason"]


def test_what_changes_nothing_is_no_error():
    result = mapped(ALL, {"id": "1", "lossReason": "old", "value": " "})
    assert result == Mapped({"id": "1"}, ())
    _, change = split(result.payload, "update")
    assert change == MappedChange(("id", "1"), {})
    assert change.changes_nothing


def test_a_value_that_is_no_number_is_left_out_aloud():
    assert notes({"id": "1", "value": float("nan")}) == [("value", "lost_number")]
    assert notes({"id": "1", "value": Decimal("Infinity")}) == [("value", "lost_number")]
    assert notes({"id": "1", "value": "1,250"}) == [("value", "unclear_number")]
    assert notes({"id": "1", "value": "a lot"}) == [("value", "invalid_number")]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (0.1, b"0.1"),
        (1250, b"1250"),
        (1250.0, b"1250"),
        ("1250.50", b"1250.5"),
        (-50, b"-50"),
        (Decimal("12345678901234567890.123456789"), b"12345678901234567890.123456789"),
        ("0.10000000000000000000000000000001", b"0.10000000000000000000000000000001"),
    ],
)
def test_a_value_is_sent_as_a_number_with_the_digits_that_came(value, sent):
    assert encode_payload(payload({"id": "1", "value": value})) == b'{"id":"1","value":%s}' % sent


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40))
def test_no_digit_of_a_value_is_lost_on_the_way(value):
    sent = encode_payload(payload({"id": "1", "value": value}))
    assert json.loads(sent, parse_float=Decimal, parse_int=Decimal)["value"] == value
    assert encode_payload(payload({"id": "1", "value": str(value)})) == sent


# Both in one record


BOTH = {"name": "n", "email": "e", "note": "t", "status": "s", "value": "v", "lossReason": "r"}


def both(record, mapping=BOTH):
    result = compile_mapping(mapping, where="mapping", mode="upsert").apply(record)
    return split(result.payload, "upsert")


def test_a_record_of_both_is_taken_apart():
    lead, change = both({"n": "Ada", "e": "a@example.com", "t": "Hi", "s": "won", "v": 5})
    assert lead == {"name": "Ada", "email": "a@example.com", "note": "Hi"}
    assert change == MappedChange(
        ("email", "a@example.com"), {"status": "won", "value": Decimal(5)}
    )


def test_a_record_of_both_may_change_nothing():
    lead, change = both({"n": "Ada", "t": "Hi", "r": "old"})
    assert lead == {"name": "Ada", "note": "Hi"}
    assert change == MappedChange(None, {})


def test_a_lead_with_an_id_is_there_already():
    mapping = {**BOTH, "id": "i"}
    lead, change = both({"i": "lead_1", "e": "a@example.com", "s": "won"}, mapping)
    assert lead is None
    assert change == MappedChange(("id", "lead_1"), {"status": "won"})
    assert both({"i": "lead_1"}, mapping) == (None, MappedChange(("id", "lead_1"), {}))


def test_a_new_lead_has_no_change():
    assert split({"email": "a@example.com", "note": "Hi"}, "create") == (
        {"email": "a@example.com", "note": "Hi"},
        None,
    )


NAMES = st.sampled_from([*FIELDS, *UPDATE_FIELDS])
STATUSES = st.sampled_from(["qualified", "won", "lost"])


@given(
    st.dictionaries(NAMES, st.text(min_size=1)),
    STATUSES | st.none(),
    st.sampled_from(["update", "upsert"]),
)
def test_whatever_is_mapped_both_halves_keep_to_their_contract(fields, status, mode):
    fields.pop("status", None)
    fields |= {"status": status} if status else {}
    lead, change = split(fields, mode)
    assert (lead or {}).keys() <= contract_keys("full")
    assert (lead or {}).items() <= fields.items()
    assert change.payload.items() <= fields.items()
    assert change.payload.keys() <= UPDATE_FIELDS.keys()
    assert len(change.payload.keys() & {"id", "email", "phone"}) == bool(change.identifier)
    assert "lossReason" not in change.fields or change.status == "lost"
    assert split(change.payload, "update") == (None, change)


def test_the_keys_of_both_contracts():
    assert set(fields_of("update")) == contract_keys("legacy", "update")
    assert contract_keys("legacy", "upsert") == contract_keys("legacy") | UPDATE_FIELDS.keys()


# Layers


def test_a_spec_without_a_source_lies_over_the_one_below():
    below = {"status": "stage", "phone": ["a", "b"], "email": {"from": "e", "required": True}}
    above = {"status": {"map": {"x": "won"}}, "phone": {"region": "land"}, "email": {"from": "f"}}
    assert merge_layers(below, above) == {
        "status": {"from": "stage", "map": {"x": "won"}},
        "phone": {"from": ["a", "b"], "region": "land"},
        "email": {"from": "f"},
    }
    assert merge_layers({"custom": {"rest": True}}, {"custom": {"pick": {"a": "b"}}}) == {
        "custom": {"pick": {"a": "b"}}
    }


def test_a_layer_is_checked_as_far_as_it_goes():
    layer = {"status": {"map": {"x": "wonn"}}, "value": {"from": "v"}, "note": None}
    with pytest.raises(MappingError) as caught:
        compile_mapping(layer, where="m", mode="update", is_layer=True)
    (problem,) = caught.value.problems
    assert problem.startswith('m.status.map: "to" must be')
    flags = {"consent": {"marketing": {"true_values": ["ja"]}}}
    compile_mapping(flags, where="m", is_layer=True)
    with pytest.raises(MappingError, match="needs exactly one of from"):
        compile_mapping(flags, where="m")
