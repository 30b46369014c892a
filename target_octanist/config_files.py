"""What ``--config`` names: JSON files with settings, of which later ones win, or the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_octanist.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Given as a file, it stands for the environment.
ENVIRONMENT = "ENV"

PREFIX = "TARGET_OCTANIST_"

_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def read_config_files(paths: Iterable[Path | str]) -> dict[str, Any]:
    """Read the settings from files; the word for the environment is passed over.

    Raises:
        SettingsError: With one sentence for each file that cannot be used.
    """
    config: dict[str, Any] = {}
    problems = []
    for path in [Path(one) for one in paths if str(one) != ENVIRONMENT]:
        try:
            config |= _read_object(path)
        except OSError as error:  # noqa: PERF203 - there are few
            what = f"cannot be read ({error.strerror}); name a JSON file with the settings"
            problems.append(f"--config: {path} {what}, or ENV for the environment.")
        except ValueError as error:
            problems.append(f"--config: {path} is not a JSON object; {_remedy(error)}.")
    if problems:
        raise SettingsError(problems, error_id="settings-unreadable")
    return config


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError  # noqa: TRY004 - as for what is no JSON at all
    return found


def _remedy(error: ValueError) -> str:
    # The text around the place may be the key.
    if isinstance(error, json.JSONDecodeError):
        return f"fix it at line {error.lineno}, column {error.colno}"
    return 'write the settings as {"name": value, …}, in UTF-8'


def from_environment(
    environ: Mapping[str, str], properties: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read the settings from variables; lists and objects are JSON.

    Raises:
        SettingsError: A variable that should be JSON is not.
    """
    # It brings all that knows about mappings, which completion need not wait for.
    from target_octanist.config_schema import config_jsonschema

    config: dict[str, Any] = {}
    problems = []
    for name, schema in (properties or config_jsonschema()["properties"]).items():
        text = environ.get(PREFIX + name.upper())
        if text is None or text == "":
            continue
        kinds = schema["type"]
        if "array" in kinds or "object" in kinds:
            try:
                config[name] = json.loads(text)
            except ValueError:
                problems.append(f"{PREFIX}{name.upper()}: is not JSON.")
        elif "boolean" in kinds:
            config[name] = _FLAGS.get(text.lower(), text)
        elif "integer" in kinds and _WHOLE_NUMBER.fullmatch(text):
            config[name] = int(text)
        else:
            config[name] = text
    if problems:
        raise SettingsError(problems, error_id="settings-unreadable")
    return config
