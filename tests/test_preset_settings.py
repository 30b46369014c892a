"""``preset`` in the settings of a stream: layers, files, mistakes."""

from __future__ import annotations

import json

import pytest
import yaml

from target_octanist.errors import SettingsError
from target_octanist.settings_reader import read_settings
from tests.support.target import octanist

MINE = """\
format: 1
version: 3
key: person_no
mapping:
  email: mail
  phone: tel
  name: who
  dclid: click
  consent: {marketing: opt_in}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "my_preset.yml").write_text(MINE, encoding="utf-8")
    return tmp_path


def read(project, streams, **config):
    environ = {"MELTANO_PROJECT_ROOT": str(project)}
    return read_settings({"api_key": "k", "streams": streams} | config, environ=environ)


def problems(project, streams):
    with pytest.raises(SettingsError) as caught:
        read(project, streams)
    return list(caught.value.problems)


def test_a_shipped_preset_is_a_mapping(project):
    stream = read(project, {"contacts": {"preset": "intercom_contacts"}}).stream("contacts")
    assert stream.preset.name == "intercom_contacts"
    assert (stream.mapping["email"], stream.key) == ("email", None)


def test_the_preset_lies_below_every_entry_and_null_takes_a_field_out(project):
    settings = read(
        project,
        {
            "*": {"preset": "my_preset.yml", "mapping": {"name": "full_name", "note": "n"}},
            "people": {"mapping": {"phone": None, "note": None, "ad_storage": "cookies"}},
        },
    )
    assert settings.stream("people").mapping == {
        "email": "mail",
        "name": "full_name",
        "dclid": "click",
        "ad_storage": "cookies",
        "ad_user_data": "opt_in",
        "ad_personalization": "opt_in",
    }
    assert settings.stream("people").optional == {
        *("email", "dclid", "ad_user_data", "ad_personalization"),
    }
    assert settings.stream("others").mapping["phone"] == "tel"


def test_the_preset_of_the_entry_that_says_most_counts(project):
    streams = {"*": {"preset": "my_preset.yml"}, "answers": {"preset": "typeform_answers"}}
    settings = read(project, streams)
    assert settings.stream("answers").key == ("landing_id",)
    assert settings.stream("others").key == ("person_no",)


def test_the_key_of_a_preset_can_be_changed(project):
    settings = read(project, {"people": {"preset": "my_preset.yml", "key": ["a", "b"]}})
    assert settings.stream("people").key == ("a", "b")


def test_fields_that_the_older_contract_lacks_are_left_out(project):
    streams = {"people": {"preset": "my_preset.yml"}}
    settings = read(project, streams, strict_contract="legacy")
    assert "dclid" not in settings.stream("people").mapping


@pytest.mark.parametrize("form", ["./my_preset.yml", "{}/my_preset.yml", "../{}/my_preset.yml"])
def test_a_file_is_found_from_the_project(project, form):
    name = form.format(project if form.startswith("{") else project.name)
    assert read(project, {"a": {"preset": name}}).stream("a").preset.version == 3


def test_without_a_project_it_is_found_from_the_working_folder(project, monkeypatch):
    monkeypatch.chdir(project)
    settings = read_settings(
        {"api_key": "k", "streams": {"a": {"preset": "./my_preset.yml"}}}, environ={}
    )
    assert settings.stream("a").mapping["name"] == "who"


@pytest.mark.parametrize(
    ("preset", "told"),
    [
        (
            "hubspot_contact",
            'there is no preset "hubspot_contact"; did you mean "hubspot_contacts"?',
        ),
        ("xyz", 'there is no preset "xyz".'),
        ("missing.yml", "missing.yml: cannot be read as "),
        ("./folder", "./folder: cannot be read as "),
        ("./latin.yml", "./latin.yml: is not text in UTF-8."),
        ("./broken.yml", './broken.yml: mapping.emial: "emial" is not a field of a lead'),
        ("", "must be the name of a preset or the path of a file."),
        (5, "must be the name of a preset or the path of a file."),
    ],
)
def test_a_preset_that_cannot_be_used_is_a_mistake_in_the_settings(project, preset, told):
    (project / "folder").mkdir()
    (project / "latin.yml").write_bytes(b"description: caf\xe9")
    (project / "broken.yml").write_text(MINE.replace("email", "emial"), encoding="utf-8")
    (problem,) = problems(project, {"people": {"preset": preset}})
    assert problem.startswith(f"streams.people.preset: {told}")


# octanist presets


def test_the_command_lists_the_presets(tmp_path):
    done = octanist("presets", home=tmp_path)
    assert done.returncode == 0, done.stderr
    title, *lines = done.stdout.splitlines()
    assert title.split() == ["preset", "version", "streams", "description"]
    assert len(lines) == 17
    assert any(line.startswith("zoho_leads ") for line in lines)
    listed = json.loads(octanist("presets", "--json", home=tmp_path).stdout)
    assert [row["name"] for row in listed] == [line.split()[0] for line in lines]
    assert listed[0].keys() == {"name", "version", "streams", "description"}


@pytest.mark.parametrize("name", ["typeform_answers", "zoho_leads"])
def test_what_the_command_shows_can_stand_in_the_settings_instead(tmp_path, name):
    done = octanist("presets", name, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"# {name}, version 1\n# ")
    (entry,) = yaml.safe_load(done.stdout)["streams"]
    shipped = read(tmp_path, {entry["stream"]: {"preset": name}}).stream(entry["stream"])
    pasted = read(tmp_path, [entry]).stream(entry["stream"])
    assert (pasted.mapping, pasted.key) == (shipped.mapping, shipped.key)
    assert (pasted.preset, pasted.optional) == (None, frozenset())


def test_the_command_checks_a_file_of_ones_own(project):
    environ = {"MELTANO_PROJECT_ROOT": str(project)}
    done = octanist("presets", "./my_preset.yml", "--json", home=project, **environ)
    assert json.loads(done.stdout)["mapping"]["email"] == "mail"
    (project / "my_preset.yml").write_text(MINE + "stream: people", encoding="utf-8")
    done = octanist("presets", "./my_preset.yml", home=project, **environ)
    told = (
        './my_preset.yml: there is no key "stream" in a preset; did you mean "streams"?'
        " (preset-value)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
