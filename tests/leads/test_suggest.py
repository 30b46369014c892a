"""A first mapping from the names of columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.suggest import suggest_mapping


@pytest.mark.parametrize(
    ("columns", "expected"),
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
                "phone": ["property_phone", "property_mobilephone"],
                "website": "property_hs_analytics_first_url",
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
                "phone": ["Phone", "MobilePhone"],
                "gclid": "GCLID__c",
                "utm_source": "UTM_Source__c",
                "utm_medium": "et4ae5__UTM_Medium__c",
            },
        ),
        (
            "E-mail Voornaam $gclid",
            {"name": {"template": "{Voornaam}"}, "email": "E-mail", "gclid": "$gclid"},
        ),
        ("properties.email.value", {"email": "properties.email.value"}),
        ("name id country", {}),
        ("answer landing_id", {}),
        ("", {}),
    ],
    ids=["hubspot", "salesforce", "form", "nested", "countries", "answers", "nothing"],
)
def test_common_spellings_are_recognised(columns, expected):
    """Whatever the case, the separators, the prefix and the suffix."""
    assert suggest_mapping(columns.split()) == expected


def test_an_opt_out_is_no_consent():
    """Its yes is a no, and a guess must not turn it round."""
    assert "consent" not in suggest_mapping(["email", "Email_Opt_Out", "unsubscribed"])


@given(
    st.lists(
        st.sampled_from(
            ["Email", "Phone (1)", "name", "First {Name}", "last name", "[email]", "tel."]
        )
        | st.text(max_size=8)
    )
)
def test_a_suggestion_always_compiles(columns):
    """What is shown as a remedy must not be another mistake."""
    mapping = suggest_mapping(columns)
    if mapping:
        compile_mapping(mapping, where="suggested")
    assert mapping == suggest_mapping(columns)
