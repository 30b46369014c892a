"""What the documentation shows besides commands can be used: settings are read, Python compiles."""

from __future__ import annotations

import pytest
import yaml

from target_octanist.cli.config import all_settings
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.presets import read_preset
from target_octanist.settings_reader import read_settings
from tests.support.pages import PAGES, blocks

#: Languages whose blocks mean nothing to a program here.
FOR_PEOPLE = {"text", "ini", "sql"}

KNOWN = FOR_PEOPLE | {"sh", "yaml", "python"}

#: What may stand at the top of meltano.yml besides `plugins`.
OF_MELTANO = {"environments", "jobs", "schedules"}


#: Settings that name a folder which must be there, on the machine of the reader.
OF_THE_READER = {"metrics_path"}


def of_language(language):
    return [
        pytest.param(block.text, id=f"{page}:{block.line}")
        for page in PAGES
        for block in blocks(page)
        if block.language == language
    ]


def loader_settings(document):
    """Give the settings for this target in a part of meltano.yml."""
    places = [document.get("plugins", {})]
    places += [e.get("config", {}).get("plugins", {}) for e in document.get("environments", [])]
    for plugins in places:
        for loader in plugins.get("loaders", []):
            yield loader.get("config", {})


def check(settings):
    assert settings.keys() <= all_settings().keys()
    usable = {name: value for name, value in settings.items() if name not in OF_THE_READER}
    read_settings({"api_key": "k", **usable})


def test_every_block_names_a_language_that_is_checked():
    for page in PAGES:
        for block in blocks(page):
            assert block.language in KNOWN, f"{page}:{block.line}: {block.language}"


@pytest.mark.parametrize("text", of_language("yaml"))
def test_yaml_is_read_as_the_target_reads_it(text):
    document = yaml.safe_load(text)
    if isinstance(document, list):  # rules of Prometheus
        assert all(rule.keys() >= {"alert", "expr"} for rule in document)
    elif "format" in document:
        read_preset(text, "preset")
    elif document.keys() == {"mapping"}:
        compile_mapping(document["mapping"], where="mapping")
    elif document.keys() & ({"plugins"} | OF_MELTANO):
        assert document.keys() <= {"plugins"} | OF_MELTANO
        for settings in loader_settings(document):
            check(settings)
    else:
        check(document)


@pytest.mark.parametrize("text", of_language("python"))
def test_python_compiles(text):
    compile(text, "page", "exec")
