"""Text with columns in braces: ``"{firstname} {lastname}"``.

A part without a value vanishes together with what separated it, so half a name is still
a name and not ``"Ada "``, ``"null"`` or ``"Ada ()"``. A record that fills no part has no
value at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_octanist.leads.paths import Path, PathError, Read, compile_path
from target_octanist.leads.text import plain_text
from target_octanist.leads.words import PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SEPARATORS = " \t\n,;:|/·–—-()[]"
_BRACKETS = (("(", ")"), ("[", "]"))
_SPACES = re.compile(" {2,}")


def compile_template(text: str) -> tuple[Read, tuple[Path, ...]]:
    """The function that fills in a template, and the paths it reads.

    Raises:
        PathError: A brace stands alone, a path is malformed, or no column is named.
    """
    parts = _parse(text)
    paths = tuple(part for part in parts if isinstance(part, Path))
    if not paths:
        msg = "names no column in braces; for a fixed text use const"
        raise PathError(msg)

    def read(record: Mapping[str, Any]) -> str | None:
        values: list[Any] = [
            part if isinstance(part, str) else _value(part.read(record)) for part in parts
        ]
        if None not in values:
            return "".join(values).strip()
        return _fill(parts, values)

    return read, paths


def filled_paths(paths: Sequence[Path], record: Mapping[str, Any]) -> list[str]:
    """Which paths of a template have a value in this record, in words."""
    return [path.words for path in paths if _value(path.read(record)) is not None]


def _parse(text: str) -> tuple[str | Path, ...]:
    parts: list[str | Path] = []
    literal, last = "", 0
    for match in _TOKEN.finditer(text):
        literal += text[last : match.start()]
        last = match.end()
        token = match.group()
        if token in ("{{", "}}"):
            literal += token[0]
        elif token in ("{", "}"):
            msg = f'has a lone "{token}"; write "{token * 2}" if it is meant as text'
            raise PathError(msg)
        else:
            parts += [literal] if literal else []
            literal = ""
            try:
                parts.append(compile_path(match[1].strip()))
            except PathError as error:
                msg = f"{token} {error}"
                raise PathError(msg) from None
    literal += text[last:]
    return (*parts, literal) if literal else tuple(parts)


def _fill(parts: Sequence[str | Path], values: Sequence[str | None]) -> str | None:
    """One text of which a value is missing; `gap` tells that since the last thing written.

    Args:
        parts: Of the template.
        values: For each part its text, or None.
    """
    out: list[str] = []
    literals: list[int] = []  # the positions in `out` that are not values
    waiting = ""
    gap = found = False
    for part, value in zip(parts, values, strict=True):
        if value is None:
            gap = True
        elif isinstance(part, Path):
            # With nothing before it, a separator would separate a value from nothing.
            if waiting and (out or not gap):
                literals.append(len(out))
                out.append(waiting)
            out.append(value)
            waiting, gap, found = "", False, True
        elif part.strip(_SEPARATORS):
            literals.append(len(out))
            out.append(f" {part.lstrip(_SEPARATORS)}" if gap else waiting + part)
            waiting, gap = "", False
        else:
            # Of the separators around a missing value the first stays: "a, (b) c" → "a, c".
            waiting = waiting or part
    if not found:
        return None
    if not gap:
        literals.append(len(out))
        out.append(waiting)
    _tidy(out, literals, open_end=gap)
    return _SPACES.sub(" ", "".join(out).strip())


def _tidy(out: list[str], literals: list[int], *, open_end: bool) -> None:
    """Take from the literals what the missing values left open; values stay as they are."""
    if open_end and literals and literals[-1] == len(out) - 1:
        out[-1] = out[-1].rstrip(_SEPARATORS)
    written = "".join(out[index] for index in literals)
    for left, right in _BRACKETS:
        if written.count(left) != written.count(right):
            for index in literals:
                out[index] = out[index].replace(left, "").replace(right, "")


def _value(raw: Any) -> str | None:
    text = raw if isinstance(raw, str) else plain_text(raw)[0]
    text = text.strip() if text else ""
    return None if not text or text.casefold() in PLACEHOLDERS else text
