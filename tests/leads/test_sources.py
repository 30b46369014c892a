"""The shapes in which real taps send a lead."""

from __future__ import annotations

import pytest

from target_octanist.leads.mapping import Mapped, compile_mapping

SOURCES = {
    "hubspot v1: wrapped in objects, dashes in names": (
        {
            "email": ["property_email.value", "properties.email.value"],
            "name": {"template": "{property_firstname.value} {property_lastname.value}"},
            "website": '"form-submissions"[0]."page-url"',
        },
        {
            "canonical-vid": 1,
            "property_firstname": {"value": "Bram"},
            "properties": {"email": {"value": "Lead1@Example.COM"}},
            "form-submissions": [{"page-url": "https://www.example.com/?a=1&amp;b=2"}],
        },
        {
            "name": "Bram",
            "email": "lead1@example.com",
            "website": "https://www.example.com/?a=1&b=2",
        },
    ),
    "hubspot forms: name and value pairs": (
        {
            "email": "values[?name=='email'].value | [0]",
            "phone": "values[?name=='phone'].value | [0]",
            "ad_storage": "values[?starts_with(name, 'LEGAL_CONSENT')].value | [0]",
        },
        {
            "values": [
                {"name": "email", "value": "a@example.com"},
                {"name": "phone", "value": "0612000001"},
                {"name": "LEGAL_CONSENT.subscription_type_1", "value": "true"},
            ]
        },
        {"email": "a@example.com", "phone": "+31612000001", "ad_storage": True},
    ),
    "facebook: lists of values, some empty": (
        {
            "email": "field_data[?name=='email'].values[] | [0]",
            "phone": "field_data[?name=='phone_number'].values[] | [0]",
            "custom": {"pick": {"start": "field_data[?name=='wanneer?'].values[] | [0]"}},
        },
        {
            "field_data": [
                {"name": "email", "values": [""]},
                {"name": "phone_number", "values": ["06-1234 0002"]},
                {"name": "wanneer?", "values": ["nu"]},
            ]
        },
        {"phone": "+31612340002", "custom": {"start": "nu"}},
    ),
    "pipedrive: a primary of several, keys of 40 digits, option ids": (
        {
            "email": ["emails[?primary].value | [0]", "emails[0].value"],
            "phone": "phones[?primary].value | [0]",
            "utm_source": "6a07bdf60f46ba1a0db53ff0316d1df7b2f45895",
            "consent": {"marketing": {"from": "12423e0482f3", "true_values": ["31"]}},
        },
        {
            "emails": [{"value": "x@example.com"}, {"value": " a@example.org ", "primary": True}],
            "phones": [],
            "6a07bdf60f46ba1a0db53ff0316d1df7b2f45895": "tiktok",
            "12423e0482f3": "31",
        },
        {
            "email": "a@example.org",
            "utm_source": "tiktok",
            "ad_storage": True,
            "ad_user_data": True,
            "ad_personalization": True,
        },
    ),
    "close: people inside of a company": (
        {
            "name": "contacts[0].name",
            "email": "contacts[].emails[].email | [0]",
            "gclid": "custom_fields[?id=='cf_G'].value | [0]",
        },
        {
            "contacts": [{"name": "Ada", "emails": [{"email": " lead2@example.org "}]}],
            "custom_fields": [{"id": "cf_G", "value": None}],
        },
        {"name": "Ada", "email": "lead2@example.org"},
    ),
    "intercom: an opt-out that is turned round": (
        {
            "email": "email",
            "phone": "phone",
            "utm_source": "custom_attributes.utm_source",
            "custom": {"pick": {"plan": "custom_attributes.plan value"}},
            "ad_storage": {
                "from": "unsubscribed_from_emails",
                "map": [{"is": True, "to": False}, {"is": False, "to": True}],
            },
        },
        {
            "email": "",
            "phone": "+31612340002",
            "unsubscribed_from_emails": False,
            "custom_attributes": {"utm_source": "google", "plan value": 99.95},
        },
        {
            "phone": "+31612340002",
            "custom": {"plan": 99.95},
            "utm_source": "google",
            "ad_storage": True,
        },
    ),
    "zoho: a dash for a name, a dollar in a column, an owner who is not the lead": (
        {
            "email": ["Email", "Secondary_Email"],
            "name": {"template": "{First} {Last}"},
            "gclid": "$gclid",
        },
        {
            "Owner": {"email": "owner@example.com"},
            "Email": None,
            "Secondary_Email": "a@example.com",
            "First": "Ada",
            "Last": "-",
            "$gclid": "g1",
        },
        {"name": "Ada", "email": "a@example.com", "gclid": "g1"},
    ),
    "salesforce: placeholders and a full name": (
        {"email": "Email", "name": ["Name", "LastName"], "phone": ["MobilePhone", "Phone"]},
        {"Email": "a@example.com", "Name": "[not provided]", "LastName": "Li", "Phone": "n/a"},
        {"name": "Li", "email": "a@example.com"},
    ),
    "csv: everything is text, and empty is text too": (
        {
            "email": "email",
            "name": {"template": "{first_name} {last_name}"},
            "consent": {"marketing": "consent_marketing"},
            "note": "note",
        },
        {
            "email": "céline@example.com",
            "first_name": "Céline",
            "last_name": "",
            "consent_marketing": "",
            "note": 'two\r\nlines "quoted"',
        },
        {"name": "Céline", "email": "céline@example.com", "note": 'two\nlines "quoted"'},
    ),
    "postgres: JSON and array columns": (
        {
            "email": "email",
            "utm_source": "utm.source",
            "utm_campaign": "utm.campaign",
            "note": "tags",
        },
        {"email": "Anna519@Example.ORG", "utm": {"source": "linkedin"}, "tags": ["t0", "web"]},
        {"email": "anna519@example.org", "note": "t0, web", "utm_source": "linkedin"},
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_shapes_of_real_sources_can_be_mapped(source):
    """Each with a mapping that a person would write."""
    mapping, record, expected = SOURCES[source]
    result = compile_mapping(mapping, where="m", phone_region="NL").apply(record)
    assert result == Mapped(expected, ())
