"""A first mapping for a stream: from its SCHEMA, and from its records."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.suggest import Sample, suggest, suggest_mapping
from target_octanist.leads.suggest.document import mapping_lines, write_document

STREAMS = Path(__file__).parent / "streams"


def columns(*names, kind="string"):
    return {"type": "object", "properties": {name: {"type": ["null", kind]} for name in names}}


def sampled(records):
    sample = Sample()
    for record in records:
        sample.add(record)
    return sample


def suggested(records, schema=None, stream="leads"):
    return suggest(stream, schema or {}, sampled(records))


def mapping_of(records, schema=None):
    proposal = suggested(records, schema).proposal
    return proposal and dict(proposal.mapping)


def read(name):
    """The stream's name, SCHEMA and records in a file of these tests."""
    lines = (STREAMS / f"{name}.singer.jsonl").read_text(encoding="utf-8").splitlines()
    messages = [json.loads(line) for line in lines]
    schema = next(message for message in messages if message["type"] == "SCHEMA")
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    return schema["stream"], schema["schema"], records


def of_page(path, *parameters):
    """What is read from the address of a landing page."""
    return {
        "website": {"from": path, "part": "website"},
        "path": {"from": path, "part": "path"},
        **{name: {"from": path, "query": name} for name in parameters},
    }


FLAT = {
    "name": {"template": "{first_name} {last_name}"},
    "email": "email",
    "phone": "phone",
    "note": "note",
    "gclid": "gclid",
    "fbc": {"from": "fbclid", "time": "created_at"},
    "consent": {"marketing": "consent_marketing"},
}
UTM_COLUMNS = {name: name for name in ("utm_source", "utm_medium", "utm_campaign")}
UTM_OBJECT = {f"utm_{part}": f"utm.{part}" for part in ("source", "medium", "campaign")}

#: What real taps write → the mapping that somebody who knows the tap would write.
EXPECTED = {
    "activecampaign-contacts": {
        "name": {"template": "{first_name} {last_name}"},
        "email": "email",
        "phone": "phone",
    },
    "close-leads": {
        "name": "contacts[0].name",
        "email": "contacts[0].emails[?email].email | [0]",
        "phone": "contacts[0].phones[?phone].phone | [0]",
        "gclid": "custom_fields[?id=='cf_GCLIDaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'].value | [0]",
    },
    "facebook-leads": {
        "name": {
            "template": "{field_data[?name=='full_name'].values[0] | [0]} "
            "{field_data[?name=='first_name'].values[0] | [0]} "
            "{field_data[?name=='last_name'].values[0] | [0]}"
        },
        "email": "field_data[?name=='email'].values[0] | [0]",
        "phone": "field_data[?name=='phone_number'].values[0] | [0]",
        "consent": {
            "marketing": "field_data[?name=='ik_ga_akkoord_met_marketing'].values[0] | [0]"
        },
    },
    "hubspot-contacts-legacy-v1": {
        "name": {"template": "{property_firstname.value} {property_lastname.value}"},
        "email": "property_email.value",
        "phone": "property_phone.value",
        **of_page("property_hs_analytics_first_url.value", "ttclid"),
        "gclid": "property_gclid.value",
        "fbc": {
            "from": "property_hs_facebook_click_id.value",
            "time": "property_createdate.value",
        },
        **{name: f"property_{name}.value" for name in UTM_COLUMNS},
        "consent": {"marketing": "property_marketing_consent.value"},
    },
    "hubspot-contacts": {
        "name": {"template": "{property_firstname} {property_lastname}"},
        "email": "property_email",
        "phone": "property_phone",
        **of_page("property_hs_analytics_first_url", "ttclid"),
        "gclid": "property_gclid",
        "fbc": {"from": "property_hs_facebook_click_id", "time": "createdAt"},
        **{name: f"property_{name}" for name in UTM_COLUMNS},
        "consent": {"marketing": "property_marketing_consent"},
    },
    "hubspot-form_submissions": {
        "name": {
            "template": "{values[?name=='firstname'].value | [0]} "
            "{values[?name=='lastname'].value | [0]}"
        },
        **{
            field: f"values[?name=='{field}'].value | [0]"
            for field in ("email", "phone", "gclid", "ttclid", *UTM_COLUMNS)
        },
        "fbc": {"from": "values[?name=='fbclid'].value | [0]", "time": "submittedAt"},
    },
    "intercom-contacts": {
        "name": "name",
        "email": "email",
        "phone": "phone",
        **{name: f"custom_attributes.{name}" for name in ("gclid", *UTM_COLUMNS)},
        "consent": {"marketing": "custom_attributes.marketing_consent"},
    },
    "pipedrive-persons": {
        "name": "name",
        "email": "emails[?primary].value | [0]",
        "phone": "phones[?primary].value | [0]",
        # Columns without a telling name: by their values.
        **of_page(
            "cdeb5f3a24dcaf3361e9c018faabe5f2a4da6bf6",
            *("gbraid", "li_fat_id", "ttclid", *UTM_COLUMNS),
        ),
        "gclid": "83fcb58ff522da1532bd98cd95d997357485ac02",
        "fbc": {"from": "6746065e22af0c61d9d36a93f275355e87837978", "time": "add_time"},
        "consent": {"marketing": "marketing_status"},
    },
    "pipelinewise-tap-postgres-leads-fulltable": {**FLAT, **UTM_OBJECT},
    "salesforce-Lead": {
        "name": "Name",
        "email": "Email",
        "phone": ["MobilePhone", "Phone"],
        **of_page("Landing_Page__c", "gbraid", "li_fat_id", "ttclid"),
        "gclid": "GCLID__c",
        "fbc": {"from": "FBCLID__c", "time": "CreatedDate"},
        "msclkid": "MSCLKID__c",
        "utm_source": "UTM_Source__c",
        "utm_medium": "UTM_Medium__c",
        "utm_campaign": "UTM_Campaign__c",
        "consent": {"marketing": "Marketing_Consent__c"},
    },
    "tap-csv-leads": {**FLAT, **UTM_COLUMNS},
    "tap-postgres-leads-incremental": {**FLAT, **UTM_OBJECT},
    "zoho-leads": {
        "name": "Full_Name",
        "email": "Email",
        "phone": ["Mobile", "Phone"],
        **of_page("Landing_Page", "ttclid"),
        "gclid": "GCLID",
        "fbc": {"from": "Landing_Page", "query": "fbclid", "time": "Created_Time"},
        **UTM_COLUMNS,
        "consent": {"marketing": "Marketing_Consent"},
    },
}

#: What makes no leads, but changes those of other streams → by which preset.
DEALS = {
    "hubspot-deals": "hubspot_deals",
    "pipedrive-deals": "pipedrive_deals",
    "salesforce-Opportunity": "salesforce_opportunity",
}

#: What holds no leads, or none that one record would make → what is said of it.
NO_LEADS = {"typeform-answers": "the answer to one question"}


def test_every_stream_of_the_tests_is_expected_to_be_something():
    assert {path.name.removesuffix(".singer.jsonl") for path in STREAMS.iterdir()} == (
        EXPECTED.keys() | DEALS.keys() | NO_LEADS.keys()
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_real_tap_writes_is_mapped_as_somebody_who_knows_it_would(name):
    stream, schema, records = read(name)
    proposal = suggest(stream, schema, sampled(records)).proposal
    assert dict(proposal.mapping) == EXPECTED[name]
    assert proposal.leads == len(records)
    assert proposal.fills["email"] > len(records) // 2
    assert proposal.fills["phone"] > len(records) // 2


@pytest.mark.parametrize("name", DEALS)
def test_deals_change_leads_by_the_preset_that_knows_them(name):
    stream, schema, records = read(name)
    proposal = suggest(stream, schema, sampled(records)).proposal
    assert proposal.settings == {"mode": "update", "preset": DEALS[name]}
    assert (proposal.leads, suggest_mapping(stream, schema)) == (0, {})
    assert proposal.changes >= len(records) - 1
    assert proposal.fills["status"] >= 1


@pytest.mark.parametrize("name", ["pipedrive-deals", "salesforce-Opportunity"])
def test_the_schema_of_deals_is_enough_to_know_them(name):
    stream, schema, _ = read(name)
    proposal = suggest(stream, schema, Sample()).proposal
    assert proposal.settings == {"mode": "update", "preset": DEALS[name]}


def test_deals_are_told_with_counts_and_without_a_value():
    deals = [
        {"id": 1, "status": "won", "value": 10, "person_id": 5, "lost_reason": None},
        {"id": 2, "status": "lost", "value": 0, "person_id": 6, "lost_reason": "Canary"},
        {"id": 3, "status": "open", "value": 0, "person_id": None, "stage_id": 4},
    ]
    assert write_document([suggested(deals, stream="crm_deals")]) == (
        "# A proposal: look it over, then put `streams` into the settings. Behind each field: how many\n"
        "# records would fill it, how sure its source is, and because of what.\n"
        "streams:\n"
        "- stream: crm_deals\n"
        "  # 3 records: 2 would change a lead (status in 2, value in 1, lossReason in 1).\n"
        "  # Each deal changes the lead of a record of the stream persons, found by first of person_id.value,\n"
        "  # person_id; that stream has to make leads, too.\n"
        "  # 1 of 3 name no record of persons, and so no lead.\n"
        "  # Status: 0 qualified, 1 won, 1 lost; 1 in other stages.\n"
        "  # For stages of your own see `octanist presets pipedrive_deals`.\n"
        "  mode: update\n"
        "  preset: pipedrive_deals\n"
    )


@pytest.mark.parametrize(
    "deal",
    [
        {"status": "won", "value": 10},
        {"status": 1, "value": 10, "stage": 2},
        {"stage": "Closed Won", "amount": 10, "contact": 5},
        {"Stage": "Closed Won", "Amount": 10},
        {"status": "won", "value": 10, "contact": 5},
    ],
)
def test_deals_of_nobody_knows_where_are_not_taken_for_those_of_a_crm(deal):
    suggestion = suggested([deal], stream="deals")
    assert suggestion.proposal is None
    assert suggestion.why_not.startswith("these are deals")


@pytest.mark.parametrize("name", NO_LEADS)
def test_what_holds_no_leads_is_said_to(name):
    stream, schema, records = read(name)
    suggestion = suggest(stream, schema, sampled(records))
    assert suggestion.proposal is None
    assert NO_LEADS[name] in suggestion.why_not


def test_the_questions_of_answers_that_are_records_are_named():
    stream, schema, records = read("typeform-answers")
    why_not = suggest(stream, schema, sampled(records)).why_not
    assert "(here: first_name, last_name, phone, email)" in why_not


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hubspot-contacts-legacy-v1", "preset: hubspot_contacts; with it 13 records"),
        ("zoho-leads", "preset: zoho_leads; with it 13 records"),
        ("facebook-leads", "preset: facebook_lead_ads; with it 12 records"),
        ("tap-csv-leads", "preset: generic; with it 13 records"),
    ],
)
def test_a_preset_that_finds_the_same_people_is_named(name, told):
    stream, schema, records = read(name)
    first, *_ = suggest(stream, schema, sampled(records)).proposal.notes
    assert first.startswith(f"Or, in place of the mapping, {told} would make a lead")


def test_a_preset_for_answers_is_named():
    stream, schema, records = read("typeform-answers")
    why_not = suggest(stream, schema, sampled(records)).why_not
    assert why_not.endswith("or see `octanist presets typeform_answers`")


def test_a_preset_that_finds_less_is_not_named():
    records = [{"email": "a@example.com", "téléphone": "+31612345678"}] * 2
    assert not any("preset" in note for note in suggested(records).proposal.notes)


def texts_in(value):
    if isinstance(value, dict):
        yield from (text for inner in value.values() for text in texts_in(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in texts_in(inner))
    elif isinstance(value, str):
        yield value.strip()


@pytest.mark.parametrize("name", [*EXPECTED, *NO_LEADS])
def test_no_value_of_a_record_is_in_a_suggestion(name):
    stream, schema, records = read(name)
    suggestion = suggest(stream, schema, sampled(records))
    written = write_document([suggestion]) if suggestion.proposal else suggestion.why_not
    # Lower-case words are those of the document itself, and of questions.
    telling = {text for text in texts_in(records) if len(text) > 3 and not text.islower()}
    assert telling
    for text in telling:
        assert text not in written or f"=='{text}'" in written, text


# By SCHEMA alone


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            (
                "id property_email property_firstname property_lastname property_phone "
                "property_mobilephone property_hs_google_click_id property_marketing_consent "
                "property_hs_email_optout property_hs_analytics_first_url property_website"
            ),
            {
                "name": {"template": "{property_firstname} {property_lastname}"},
                "email": "property_email",
                "phone": ["property_mobilephone", "property_phone"],
                **of_page("property_hs_analytics_first_url"),
                "gclid": "property_hs_google_click_id",
                "consent": {"marketing": "property_marketing_consent"},
            },
        ),
        (
            (
                "Id Name Email Phone MobilePhone GCLID__c UTM_Source__c et4ae5__UTM_Medium__c "
                "HasOptedOutOfEmail"
            ),
            {
                "name": "Name",
                "email": "Email",
                "phone": ["MobilePhone", "Phone"],
                "gclid": "GCLID__c",
                "utm_source": "UTM_Source__c",
                "utm_medium": "et4ae5__UTM_Medium__c",
            },
        ),
        ("E-mail Voornaam $gclid", {"name": "Voornaam", "email": "E-mail", "gclid": "$gclid"}),
        (
            "properties__email properties__contactPhone",
            {"email": "properties__email", "phone": "properties__contactPhone"},
        ),
        ("your-email your-message", {"email": "your-email", "note": "your-message"}),
        ("billing_email billing_phone", {"email": "billing_email", "phone": "billing_phone"}),
        ("owner_email company_email fax email_domain bounced_email", {}),
        ("username form_name user_name email", {"email": "email"}),
        ("session_id email", {"email": "email"}),
        ("email work_email email_2", {"email": ["email", "work_email", "email_2"]}),
        ("name id country", {}),
        ("answer landing_id", {}),
        ("", {}),
    ],
)
def test_common_spellings_are_recognised(names, expected):
    """Whatever the case, the separators, the prefix and the suffix."""
    assert suggest_mapping("stream", columns(*names.split())) == expected


@pytest.mark.parametrize(
    ("names", "name", "email", "phone"),
    [
        ("first_name last_name e-mail mobile_phone", "{first_name} {last_name}", 2, 3),
        ("voornaam tussenvoegsel achternaam e-mailadres mobiel", None, 3, 4),
        ("Vorname Name E-Mail-Adresse Telefonnummer", "{Vorname} {Name}", 2, 3),
        ("prénom nom courriel téléphone", "{prénom} {nom}", 2, 3),
        ("nombre apellidos correo_electrónico teléfono", "{nombre} {apellidos}", 2, 3),
        ("nome cognome indirizzo_email cellulare", "{nome} {cognome}", 2, 3),
        ("nome sobrenome correio_eletrónico telemóvel", "{nome} {sobrenome}", 2, 3),
        ("imię nazwisko adres_email numer_telefonu", "{imię} {nazwisko}", 2, 3),
    ],
    ids="en nl de fr es it pt pl".split(),
)
def test_eight_languages_are_understood(names, name, email, phone):
    names = names.split()
    expected = name or "{voornaam} {tussenvoegsel} {achternaam}"
    assert suggest_mapping("stream", columns(*names)) == {
        "name": {"template": expected},
        "email": names[email],
        "phone": names[phone],
    }


@pytest.mark.parametrize("whole", ["naam", "nom", "nombre", "nome", "imię i nazwisko", "fullName"])
def test_a_whole_name_is_one_column(whole):
    assert suggest_mapping("stream", columns(whole, "email"))["name"] == whole


def test_objects_of_a_schema_are_looked_into():
    schema = {
        "properties": {
            "owner": columns("email", "name"),
            "properties": {"properties": {"email": columns("value")}},
            "contact": columns("phone number", "First-Name"),
        }
    }
    assert suggest_mapping("stream", schema) == {
        "name": 'contact."First-Name"',
        "email": "properties.email.value",
        "phone": 'contact."phone number"',
    }


@pytest.mark.parametrize(
    "stream", ["deals", "sales-opportunities", "crm_companies", "Account", "owners", "tasks"]
)
def test_a_stream_that_is_called_like_something_else_is_no_lead(stream):
    assert suggest_mapping(stream, columns("name", "email", "phone")) == {}


def test_a_stream_is_told_by_its_columns_where_its_name_says_nothing():
    people = columns("email", "phone")
    assert suggest("export", columns("email", "dealstage", "amount"), Sample()).why_not.startswith(
        "these are deals"
    )
    assert suggest("export", columns("phone", "industry", "domain"), Sample()).why_not == (
        "these are companies, not people"
    )
    assert suggest("deal_contacts", people, Sample()).proposal is not None


# By records


def test_a_column_without_a_telling_name_is_known_by_its_values():
    records = [
        {
            "a1": f"ada{number}@example.com",
            "a2": f"+31 6 1234567{number}",
            "a3": f"EAIaIQobChMI_{number}_abcdef",
            "a4": f"2026-01-0{number + 1}",
            "a5": 612345670 + number,
            "owner_mail": "boss@example.com",
            "created_by": "boss@example.com",
        }
        for number in range(5)
    ]
    proposal = suggested(records).proposal
    assert proposal.mapping == {"email": "a1", "phone": "a2", "gclid": "a3"}
    assert proposal.why["email"] == "medium: values"


def test_a_column_whose_values_contradict_its_name_is_not_believed():
    records = [{"email": "yes", "phone": "+31612345678", "name": "4"} for _ in range(4)]
    proposal = suggested(records).proposal
    assert proposal.mapping == {"phone": "phone"}
    assert "Not found: email; email holds something else." in proposal.notes


def test_a_column_that_adds_nothing_is_named_and_left_out():
    records = [{"phone": "0612345678", "mobile": None, "email": "a@example.com"}]
    proposal = suggested(records).proposal
    assert proposal.mapping["phone"] == "phone"
    assert "Also phone, but adding nothing to these records: mobile." in proposal.notes


def test_a_mirror_of_a_column_is_none_of_the_others():
    record = {"Work Email": "a@example.com", "Personal Email": "b@example.com"}
    mirrored = {f"property_{name}": value for name, value in record.items()}
    proposal = suggested([{**mirrored, "properties": record}]).proposal
    assert proposal.mapping["email"] == "property_Work Email"
    assert proposal.notes[0] == (
        "Also email, but adding nothing to these records: property_Personal Email."
    )


def test_a_facebook_click_id_needs_a_time():
    record = {"email": "a@example.com", "FBCLID__c": "IwAR0123456789"}
    proposal = suggested([record]).proposal
    assert "fbc" not in proposal.mapping
    assert (
        "Left out: FBCLID__c: fbc is made of fbclid and a time, and none was found."
        in proposal.notes
    )
    record["Created Date"] = "2026-01-02T03:04:05Z"
    assert mapping_of([record])["fbc"] == {"from": "FBCLID__c", "time": "Created Date"}
    pages = [record, {**record, "FBCLID__c": None, "page_url": "https://example.com/?fbclid=x"}]
    assert mapping_of(pages)["fbc"] == {
        "from": ["FBCLID__c", {"from": "page_url", "query": "fbclid"}],
        "time": "Created Date",
    }


def test_what_columns_lack_is_taken_from_the_landing_page():
    url = "https://www.example.com/offer?utm_source=google&gclid=Cj0KCQ_{}"
    records = [
        {"email": f"a{number}@example.com", "gclid": gclid, "Landing page": url.format(number)}
        for number, gclid in enumerate(["Cj0KCQ_0", None, None])
    ]
    assert mapping_of(records) == {
        "email": "email",
        **of_page("Landing page", "utm_source"),
        "gclid": ["gclid", {"from": "Landing page", "query": "gclid"}],
    }


def test_a_country_helps_where_it_makes_numbers_whole():
    records = [
        {"phone": "06 12345678", "country": "NL"},
        {"phone": "030 1234567", "country": "Germany"},
        {"phone": "+32 2 555 12 34", "country": "BE"},
    ]
    assert mapping_of(records) == {"phone": {"from": "phone", "region": "country"}}
    # Not where it would cost a lead.
    wrong = {"phone": "(555) 0106-0006", "country": "US"}
    assert mapping_of([*records, wrong]) == {"phone": "phone"}


def test_another_persons_address_is_no_second_choice():
    records = [{"email": None, "user": {"email": "boss@example.com"}, "phone": "0612345678"}] * 3
    assert mapping_of([*records, {"email": "a@example.com"}])["email"] == "email"


def test_an_address_in_an_unknown_object_is_a_doubtful_one():
    proposal = suggested([{"organizer": {"email": "a@example.com"}}] * 3).proposal
    assert proposal.mapping == {"email": "organizer.email"}
    assert proposal.why["email"].startswith("low: ")


def test_lists_of_addresses():
    assert mapping_of([{"email": [{"value": "a@example.com", "primary": True}]}]) == {
        "email": "email[?primary].value | [0]"
    }
    assert mapping_of([{"emails": ["a@example.com", "b@example.com"]}]) == {"email": "emails"}
    # The primary one may be empty.
    empty = {"value": "", "primary": True}
    second = {"value": "a@example.com", "primary": False}
    assert mapping_of([{"emails": [empty, second]}, {"emails": [second | {"primary": True}]}]) == {
        "email": ["emails[?primary].value | [0]", "emails[?value].value | [0]"]
    }


def test_lists_of_ways_to_reach_somebody():
    ways = [{"type": "email", "value": "a@example.com"}, {"type": "phone", "value": "0612345678"}]
    assert mapping_of([{"id": 1, "contact_methods": ways}]) == {
        "email": "contact_methods[?type=='email'].value | [0]",
        "phone": "contact_methods[?type=='phone'].value | [0]",
    }


def test_answers_as_typeform_nests_them():
    answers = [
        {"field": {"ref": "first_name"}, "type": "text", "text": "Ada"},
        {"field": {"ref": "What's your email?"}, "type": "email", "email": "a@example.com"},
        {"field": {"ref": "phone"}, "type": "phone_number", "phone_number": "+31612345678"},
        {"field": {"ref": "topics"}, "type": "choice", "choice": {"label": "a lot"}},
    ]
    assert mapping_of([{"response_id": "1", "answers": answers}] * 3) == {
        "name": "answers[?field.ref=='first_name'].text | [0]",
        "email": r"answers[?field.ref=='What\'s your email?'].email | [0]",
        "phone": "answers[?field.ref=='phone'].phone_number | [0]",
    }


def test_the_keys_of_data_are_not_taken_for_columns():
    """Some sources have people as keys."""
    records = [{"email": "a@example.com", "members": {"bob@example.com": {"phone": "0612345678"}}}]
    assert mapping_of(records * 3) == {"email": "email"}


def test_deleted_records_and_further_people_are_warned_of():
    person = {"email": "a@example.com"}
    records = [{"contacts": [person, person], "is_deleted": True}, {"contacts": [person]}]
    notes = " ".join(suggested(records).proposal.notes)
    assert "of the first in contacts; 1 records have more" in notes
    assert "is_deleted is set in 1 of the records" in notes


# Consent


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("cookies_analytics", ["yes", "no"], {"analytics": "cookies_analytics"}),
        ("Marketing_Consent__c", [True, False], {"marketing": "Marketing_Consent__c"}),
        ("toestemming_statistieken", ["ja", "nee"], {"analytics": "toestemming_statistieken"}),
        ("Einwilligung Werbung", ["Ja", "Nein"], {"marketing": "Einwilligung Werbung"}),
        ("zgoda_marketingowa", ["tak", "nie"], {"marketing": "zgoda_marketingowa"}),
        ("marketing_status", ["subscribed", "no_consent"], {"marketing": "marketing_status"}),
        ("marketing_consent", ["1", "0"], {"marketing": "marketing_consent"}),
        ("marketing_emails_opened", ["1", "0"], None),
        ("marketing_consent", ["maybe", "whatever"], None),
        ("marketing_consent_date", ["yes", "no"], None),
        ("marketing_opt_out", ["yes", "no"], None),
        ("unsubscribed_from_marketing", [True, False], None),
        ("consent", ["yes", "no"], None),
        ("newsletter", ["yes", "no"], None),
        ("marketing_and_analytics_consent", ["yes", "no"], None),
    ],
)
def test_consent_is_taken_only_where_it_is_clear(column, values, expected):
    records = [{"email": "a@example.com", column: value} for value in values]
    assert mapping_of(records).get("consent") == expected


def test_a_column_that_may_be_consent_is_left_out_aloud():
    records = [{"email": "a@example.com", "Email_Opt_Out": True, "consent": "yes"}]
    notes = suggested(records).proposal.notes
    assert "Left out of consent: Email_Opt_Out: its yes is a no." in notes
    assert any(note.startswith("Left out of consent: consent: it does not say") for note in notes)


# The document


def test_the_document_says_what_each_field_comes_to():
    good = {"naam": "Ada", "e-mail": "a@example.com", "gclid": "Cj0KCQ_12345678"}
    records = [good, good, {"naam": "Bob", "e-mail": "bob@"}, {"naam": "Cas", "e-mail": None}]
    assert write_document([suggested(records), suggested([{"id": 1}], stream="deals")]) == (
        "# A proposal: look it over, then put `streams` into the settings. Behind each field: how many\n"
        "# records would fill it, how sure its source is, and because of what.\n"
        "streams:\n"
        "- stream: leads\n"
        "  # 4 records: 3 would make a lead.\n"
        "  # Would be rejected: 1 × email (from e-mail) is not a valid e-mail address.\n"
        "  # Not found: phone.\n"
        "  # Not found: dclid, wbraid, gbraid, fbc, fbp, ga4cid, ga4sid, li_fat_id, msclkid, ttclid, twclid,\n"
        "  # rdt_cid, sccid, epik.\n"
        "  # Not found: a column that is clearly consent to marketing or to analytics; without one Octanist\n"
        "  # takes it as denied.\n"
        "  mapping:\n"
        "    name: naam  # 3 of 4; high: name and values\n"
        "    email: e-mail  # 2 of 4; high: name and values\n"
        "    gclid: gclid  # 2 of 4; high: name and values\n"
        "# Left out: deals: these are deals; the people in them come in a stream of their own.\n"
        "# Other columns are not sent; `custom: {rest: true}` in a mapping would send them along.\n"
    )


def test_every_kind_of_spec_can_be_written():
    page = {"from": "landing page", "query": "fbclid"}
    mapping = {
        "phone": {"from": ["mobile", "a[?b=='c'] | [0]"], "region": "land"},
        "gclid": ["gclid", page],
        "fbc": {"from": ["fbclid", page], "time": "a, b"},
        "note": "no",
        "consent": {"marketing": "[x]"},
    }
    assert yaml.safe_load("\n".join(mapping_lines(mapping))) == mapping
    comments = dict.fromkeys(mapping, "c" * 80)
    assert yaml.safe_load("\n".join(mapping_lines(mapping, comments))) == mapping


NAMES = st.sampled_from(
    [
        *("Email", "Phone (1)", "name", "First {Name}", "last name", " email ", "[email]"),
        *("tel.", "e'mail", 'mail"', "voornaam\n", "a.b", "# email", "email: x", "yes"),
    ]
) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just("a@example.com"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(NAMES), st.lists(st.dictionaries(NAMES, VALUES), max_size=4))
def test_a_suggestion_can_be_used_as_it_is(names, records):
    """What is shown as a remedy must not be another mistake, whatever a source calls things."""
    suggestion = suggested(records, columns(*names), stream="stream: # 1")
    if suggestion.proposal is None:
        return
    mapping = dict(suggestion.proposal.mapping)
    compile_mapping(mapping, where="suggested")
    entries = yaml.safe_load(write_document([suggestion]))["streams"]
    assert entries == [{"stream": "stream: # 1", "mapping": mapping}]
    assert yaml.safe_load("\n".join(mapping_lines(mapping))) == mapping
    assert suggested(records, columns(*names), stream="stream: # 1") == suggestion


SCHEMA_KEYS = st.sampled_from(
    ["properties", "items", "type", "anyOf", "format", "object", "email", "value", "contacts"]
)
SCHEMAS = st.recursive(
    st.none() | st.sampled_from(["string", "object", "array", "null"]) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCHEMA_KEYS, inner, max_size=4),
    max_leaves=16,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(SCHEMA_KEYS, SCHEMAS), st.lists(st.dictionaries(SCHEMA_KEYS, VALUES)))
def test_a_broken_schema_breaks_nothing(schema, records):
    """Taps write schemas of all sorts."""
    suggested(records, schema)


def test_a_long_stream_is_sampled_evenly():
    sample = sampled({"id": number} for number in range(10_000))
    assert sample.count == 10_000
    assert 1000 <= len(sample.records) <= 2000
    ids = [record["id"] for record in sample.records]
    assert len({after - before for before, after in pairwise(ids)}) == 1
    assert ids[0] == 0
    assert ids[-1] >= 9900


def test_a_stream_of_2000_records_is_read_whole():
    assert len(sampled({"id": number} for number in range(2000)).records) == 2000
