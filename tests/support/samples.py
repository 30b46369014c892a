"""Streams that real taps wrote, and the mapping that a user would write for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_SINGER = sorted((ROOT / "sample_data" / "singer").glob("*.singer.jsonl"))

#: Deals make no leads; they change those of other streams.
DEALS = [path for path in _SINGER if path.name.endswith("_deals.singer.jsonl")]

SAMPLES = [path for path in _SINGER if path not in DEALS]

#: Each one's name begins with that of the preset which maps it.
PRESET_SAMPLES = sorted((ROOT / "tests" / "leads" / "presets").glob("*.singer.jsonl"))

#: By the name of the file.
MAPPINGS: dict[str, dict[str, Any]] = {
    "close_leads": {
        "name": "contacts[0].name",
        "email": "contacts[0].emails[0].email",
        "phone": "contacts[0].phones[0].phone",
        "custom": {"pick": {"company": "display_name", "status": "status_label"}},
    },
    "hubspot_contacts": {
        "name": {"template": "{properties.firstname} {properties.lastname}"},
        "email": "properties.email",
        "phone": ["properties.mobilephone", "properties.phone"],
        "gclid": "properties.hs_google_click_id",
    },
    "pipedrive_persons": {
        "name": "name",
        "email": ["emails[?primary].value | [0]", "emails[0].value"],
        "phone": ["phones[?primary].value | [0]", "phones[0].value"],
        "gclid": '"83fcb58ff522da1532bd98cd95d997357485ac02"',
    },
    "sales_leads": {
        "name": {"template": "{first_name} {last_name}"},
        "email": "email",
        "phone": "phone",
        "utm_source": "utm.source",
        "consent": {"marketing": "consent_marketing"},
    },
    "salesforce_lead": {
        "name": {"template": "{FirstName} {LastName}"},
        "email": "Email",
        "phone": ["MobilePhone", "Phone"],
        "gclid": "GCLID__c",
        "consent": {"marketing": "Marketing_Consent__c"},
    },
    "web_leads": {
        "name": "full_name",
        "email": "email",
        "phone": "phone",
        "custom": {"rest": True},
    },
}
