"""Writes what was measured into RESULTS.md, each part at its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def write(name: str, text: str, file: Path = RESULTS) -> None:
    """Put a text between the marks of its name; what is elsewhere stays.

    Raises:
        ValueError: The file has no such marks.
    """
    begin, end = f"<!-- {name}: begin, written by make bench -->", f"<!-- {name}: end -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    new, count = place.subn(lambda _: f"{begin}\n{text}\n{end}", file.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{file.name} has no place for {name}")
    file.write_text(new, encoding="utf-8")
