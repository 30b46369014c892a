"""Streams that real taps wrote go through to the end, and all of their STATE comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SAMPLES = sorted((Path(__file__).parents[2] / "sample_data" / "singer").glob("*.singer.jsonl"))

#: The mapping that a user would write for each of them.
MAPPINGS = {
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


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name.split(".")[0])
def test_a_real_stream_goes_through(sandbox, target, path):
    mapping = MAPPINGS[path.name.split(".")[0]]
    given = path.read_bytes()
    messages = [json.loads(line) for line in given.splitlines()]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    done = target.run(
        given,
        streams=[{"stream": "*", "mapping": mapping}],
        phone_region="NL",
        max_rejected_percent=100,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "the stream has no" not in done.stderr, "a column that the mapping names"
    assert done.states[-1] == states[-1]
    assert all(written in states for written in done.states)
    records = sum(message["type"] == "RECORD" for message in messages)
    counted = target.status()["outcomes"]
    assert counted["delivered"] == len(sandbox.leads()) >= records // 2
    assert counted["in_doubt"] == 0


def test_there_are_samples():
    assert {path.name.split(".")[0] for path in SAMPLES} == MAPPINGS.keys()
