"""Columns that are not sent along by the way."""

from __future__ import annotations

import pytest

from target_octanist.leads.sensitive import is_sensitive


@pytest.mark.parametrize(
    "name",
    [
        *("password", "user_password2", "passwd", "pwd", "g-recaptcha-response", "csrf_token"),
        *("api_key", "apiKey", "access_token", "client-secret", "nonce", "octa_sid", "PIN"),
        *("creditCard", "card_number", "cc_cvc", "IBAN", "iban_1", "bic", "Bank Account", "cards"),
        *("ssn", "SSN__c", "bsn", "BSN-nummer", "passport_no", "National ID", "id_number"),
        *("tax_id", "TaxId", "drivers_license", "codice_fiscale", "personnummer", "dni", "CPF"),
        *("birthdate", "Birth_Date__c", "date_of_birth", "dob", "Geboortedatum", "Geburtstag"),
        *("fecha_nacimiento", "birthday", "medical_notes", "Diagnosis", "health_insurance"),
        *("allergies", "blood_type", "ethnicity", "Religion", "sexual_orientation"),
        *("ip", "ip_address", "IPAddress", "signup_ip", "last-seen-ip", "latitude", "lat", "lng"),
        *("hs_ip_latlon", "GeoIP", "gps", "Coordinates", "remote_addr", "mac_address"),
    ],
)
def test_what_is_nobodys_business_is_known_by_its_name(name):
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [
        *("company", "secretary", "cardiff_branch", "opinion", "hubspot_owner_id", "internal_id"),
        *("ip_country_code", "hs_ip_timezone", "zip", "city", "country", "platform", "latest"),
        *("passenger_count", "compass", "geography", "description", "shipping", "membership"),
        *("racket", "discard", "spinning", "multiplatform", "coordinator", "lifecyclestage"),
        *("", "42", "é", "wanneer wil je starten?"),
    ],
)
def test_a_harmless_name_is_not_mistaken(name):
    assert not is_sensitive(name)
