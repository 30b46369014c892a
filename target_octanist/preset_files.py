"""Finds the preset that a setting names: a shipped one, or a file of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from target_octanist.leads.presets import Preset, load_preset, read_preset
from target_octanist.leads.problems import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_preset(name: str, environ: Mapping[str, str]) -> Preset:
    """Give a preset by its name, or by the path of its file.

    What has a slash in it, or ends in .yml or .yaml, is a path. It counts from the
    Meltano project (``$MELTANO_PROJECT_ROOT``), else from the working directory.

    Raises:
        MappingError: There is no such preset, or it has mistakes.
    """
    if not ("/" in name or "\\" in name or name.endswith((".yml", ".yaml"))):
        return load_preset(name)
    path = Path(environ.get("MELTANO_PROJECT_ROOT") or Path.cwd()) / name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise MappingError([f"{name}: is not text in UTF-8."], "preset-unreadable") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        sentence = f"{name}: cannot be read as {path} ({why})."
        raise MappingError([sentence], "preset-unreadable") from None
    return read_preset(text, name)
