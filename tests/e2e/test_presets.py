"""A preset is all that a stream needs, in the installed package too."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from target_octanist.leads.presets import load_preset, preset_names

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
STREAMS = ROOT / "tests" / "leads" / "presets"
STREAM = STREAMS / "hubspot_contacts.singer.jsonl"


def test_a_stream_with_nothing_but_a_preset_is_delivered(sandbox, target):
    streams = {"contacts": {"preset": "hubspot_contacts"}}
    done = target.run(STREAM.read_bytes(), streams=streams, phone_region="NL")
    assert done.returncode == 0, done.stderr
    assert done.states == [{"done": True}]
    counted = target.status()["outcomes"]
    leads = sandbox.leads()
    assert counted["delivered"] == len(leads) == 20 - counted["duplicate"] - counted["rejected"]
    first = next(lead for lead in leads if lead.get("email") == "lead2@example.org")
    assert (first["name"], first["phone"]) == ("Céline D'Angelo", "+31612340002")
    assert "contacts is mapped by the preset hubspot_contacts, version 1." in done.stderr
    # Properties that this account does not have are nothing to warn of.
    assert "has no" not in done.stderr


def test_a_preset_for_another_stream_is_told_before_its_records(target):
    streams = {"contacts": {"preset": "pipedrive_persons"}}
    done = target.run(STREAM.read_bytes(), streams=streams, dry_run=True)
    assert done.stderr.count("is it the preset for this stream?") == 1


@pytest.mark.parametrize(
    ("name", "stream", "addresses"),
    [
        # Ten responses in 65 rows, two of which have a phone number only.
        ("typeform_answers", "answers", 8 * [True] + 2 * [False]),
        # Eight contacts, of which one is deleted, and four have no address that can be used.
        ("salesforce_contact", "Contact", 3 * [True] + 4 * [False]),
    ],
)
def test_what_the_notes_say_to_leave_out_is_left_out(sandbox, target, name, stream, addresses):
    advice = "{" + load_preset(name).notes.rpartition("\n{")[2]
    done = target.run(
        (STREAMS / f"{name}.singer.jsonl").read_bytes(),
        streams={stream: {"preset": name}},
        stream_maps=yaml.safe_load(advice),
        phone_region="NL",
    )
    assert done.returncode == 0, done.stderr
    assert sorted("email" in lead for lead in sandbox.leads()) == sorted(addresses)


def test_the_presets_are_part_of_the_wheel(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"target_octanist/leads/presets/{name}.yml" for name in preset_names()} <= packed
