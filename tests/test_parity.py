"""What is written down in several places says the same in all of them."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest
import yaml

from target_octanist.cli import COMMANDS, octanist
from target_octanist.config_schema import config_jsonschema
from target_octanist.leads.custom import CUSTOM_KEYS
from target_octanist.leads.spec import SPEC_KEYS
from target_octanist.settings import Settings
from target_octanist.stream_settings_reader import STREAM_KEYS
from tests.support.processes import SCRIPTS
from tests.support.target import environment, run_command

ROOT = Path(__file__).parents[1]
SCHEMA = config_jsonschema()["properties"]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: The SDK's own setting, which has another default here.
OF_THE_SDK = {"validate_records"}


def readme_settings():
    table = README.split("<!-- settings:begin -->")[1].split("<!-- settings:end -->")[0]
    for line in table.strip().splitlines()[2:]:
        name, default, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        yield name.strip("`"), default, meaning


def test_the_typed_settings_and_the_documented_ones_are_the_same():
    assert {field.name for field in dataclasses.fields(Settings)} == SCHEMA.keys() - OF_THE_SDK


def test_their_defaults_are_the_same():
    typed = Settings()
    for name, documented in SCHEMA.items():
        if name in OF_THE_SDK or name in {"ledger", "streams"}:
            continue
        default = getattr(typed, name)
        assert documented.get("default") == (
            list(default) if isinstance(default, tuple) else default
        )


def test_the_readme_documents_every_setting_as_about_does():
    documented = {
        name: (
            "–" if "default" not in schema else f"`{json.dumps(schema['default']).strip(chr(34))}`",
            schema["description"],
        )
        for name, schema in SCHEMA.items()
    }
    assert {name: (default, text) for name, default, text in readme_settings()} == documented


def test_about_documents_every_setting(tmp_path):
    done = run_command(
        [SCRIPTS / "target-octanist", "--about", "--format=markdown"], environment(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    for name, schema in SCHEMA.items():
        assert re.search(
            rf"^\| {name} .*{re.escape(schema['description'])}", done.stdout, re.MULTILINE
        )


def test_meltano_knows_every_setting_with_its_kind_and_its_secrets():
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (loader,) = project["plugins"]["loaders"]
    settings = {setting["name"]: setting for setting in loader["settings"]}
    assert SCHEMA.keys() <= settings.keys()
    kinds = {"string": {"string", "options"}, "integer": {"integer"}, "boolean": {"boolean"}}
    for name, schema in SCHEMA.items():
        setting = settings[name]
        assert bool(setting.get("sensitive")) == bool(schema.get("secret")), name
        (kind, *_) = [kind for kind in schema["type"] if kind != "null"]
        assert setting["kind"] in kinds.get(kind, {"array", "object"}), name
        if "enum" in schema:
            options = {option["value"] for option in setting["options"]}
            assert options == {value for value in schema["enum"] if value is not None}
    assert project["send_anonymous_usage_stats"] is False


def test_the_loader_of_the_readme_has_the_commands_that_messages_name():
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    snippet = next(
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
        if block.startswith("plugins:")
    )
    (ours,), (theirs,) = (one["plugins"]["loaders"] for one in (project, snippet))
    assert {"status", "reconcile", "dead-letters"} <= theirs["commands"].keys()
    for name, command in theirs["commands"].items():
        assert command == {key: ours["commands"][name][key] for key in ("executable", "args")}


@pytest.mark.parametrize("name", STREAM_KEYS)
def test_every_stream_setting_is_documented(name):
    assert name in SCHEMA["streams"]["additionalProperties"]["properties"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(name):
    assert f"octanist {name}" in README
    assert octanist.get_command(None, name).help


@pytest.mark.parametrize("key", [*SPEC_KEYS, *CUSTOM_KEYS])
def test_every_key_of_a_mapping_is_documented(key):
    mapping = README.split("## Mapping by example")[1].split("## Settings")[0]
    assert f"`{key}`" in mapping or f"`{key}:" in mapping


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


#: Arrows point one way; what a package may know of this project besides itself.
MAY_KNOW = {
    "leads": set(),
    "ledger": {"errors", "extras", "kill_points"},
    "delivery": {
        "errors",
        "kill_points",
        "leads",
        "ledger",
        "loopback",
        "reporting",
        "settings",
        "__init__",
    },
    "reporting": {"__init__", "errors", "ledger"},
    "sandbox": {"__init__", "extras"},
    "tables": {"errors", "extras", "json_lines"},
}

#: What only some modules may use.
ONLY_IN = {
    "requests": {"delivery/client.py", "delivery/route.py"},
    "urllib3": {"delivery/client.py"},
    "httptools": {"delivery/answer_reader.py"},
    "threading": {
        "delivery/engine.py",
        "delivery/reconcile/listing_thread.py",
        "delivery/senders.py",
        "delivery/wire.py",
        "delivery/client.py",
        "delivery/connection.py",
        "delivery/deadline.py",
        "reporting/live_line.py",
        "delivery/fast_client.py",
        "reporting/tally.py",
        "sandbox",
    },
    "sqlalchemy": {"ledger"},
    "starlette": {"sandbox"},
    "openpyxl": {"tables"},
    "jinja2": {"reporting/html"},
    "matplotlib": {"reporting/html"},
    "prometheus_client": {"reporting/prometheus.py"},
}


@pytest.mark.parametrize("package", MAY_KNOW)
def test_arrows_point_one_way(package):
    for path in (ROOT / "target_octanist" / package).rglob("*.py"):
        for module in imports_of(path):
            if module.startswith("target_octanist"):
                part = [*module.split("."), "__init__"][1]
                assert part in MAY_KNOW[package] | {package}, f"{path.name} imports {module}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_edge_has_one_place(library):
    package = ROOT / "target_octanist"
    for path in package.rglob("*.py"):
        if library in {module.split(".")[0] for module in imports_of(path)}:
            name = path.relative_to(package).as_posix()
            assert any(name.startswith(place) for place in ONLY_IN[library]), name


@pytest.mark.parametrize("module", ["time", "random", "logging", "os", "threading"])
def test_what_a_lead_is_needs_no_clock_no_chance_and_no_outside(module):
    for path in (ROOT / "target_octanist" / "leads").rglob("*.py"):
        assert module not in set(imports_of(path)), path.name
