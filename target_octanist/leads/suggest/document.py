"""Proposals as a YAML document that goes into the settings, with their reasons as comments."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_octanist.leads.suggest import Suggestion
    from target_octanist.leads.suggest.proposal import Proposal

_WIDTH = 98
_LONG = 96
_HEAD = (
    "A proposal: look it over, then put `streams` into the settings. Behind each field: how many "
    "records would fill it, how sure its source is, and because of what."
)
_FOOT = "Other columns are not sent; `custom: {rest: true}` in a mapping would send them along."


def write_document(suggestions: Sequence[Suggestion]) -> str:
    """One document with the key ``streams``, for at least one proposal."""
    lines = [*_comment(_HEAD), "streams:"]
    for one in suggestions:
        if one.proposal is not None:
            lines.append(f"- stream: {yaml_text(one.stream)}")
            lines += _entry(one, one.proposal)
    for one in suggestions:
        if one.proposal is None:
            lines += _comment(f"Left out: {one.stream}: {one.why_not}.")
    if any(one.proposal and one.proposal.mapping for one in suggestions):
        lines += _comment(_FOOT)
    return "\n".join([*lines, ""])


def mapping_lines(
    mapping: Mapping[str, Any], comments: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The lines of a mapping: one for a field, more where that would be too long."""
    for name, spec in mapping.items():
        comment = (comments or {}).get(name)
        ending = f"  # {comment}" if comment else ""
        line = f"{name}: {yaml_text(spec)}"
        if isinstance(spec, list):
            yield f"{name}:{ending}"
            yield from (f"- {yaml_text(entry)}" for entry in spec)
        elif isinstance(spec, dict) and len(line) > _LONG:
            yield f"{name}:{ending}"
            yield from (f"  {key}: {yaml_text(value)}" for key, value in spec.items())
        elif len(line) + len(ending) > _LONG and comment:
            yield f"# {comment}"
            yield line
        else:
            yield line + ending


def yaml_text(value: Any) -> str:
    """A text as it stands behind a key, or an object or list on one line."""
    return _dump(value, _style(value)) if isinstance(value, str) else _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    # Inside brackets more has to be quoted than behind a key.
    return _dump([value], _style(value))[1:-1]


def _style(text: str) -> str | None:
    # Single quotes would double those inside, and could not escape a line end.
    return '"' if "'" in text or "{" in text or not text.isprintable() else None


def _dump(value: Any, style: str | None) -> str:
    text = yaml.safe_dump(
        value,
        default_flow_style=True,
        default_style=style,
        allow_unicode=True,
        width=float("inf"),
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _entry(one: Suggestion, proposal: Proposal) -> Iterator[str]:
    for sentence in (_counted(one, proposal), *proposal.notes):
        yield from _comment(sentence, indent="  ")
    if proposal.preset is not None:
        yield from (f"  {name}: {yaml_text(value)}" for name, value in proposal.settings.items())
        return
    yield "  mapping:"
    comments = {
        name: f"{proposal.fills[name]} of {one.read}; {why}" if one.read else why
        for name, why in proposal.why.items()
    }
    for line in mapping_lines(proposal.mapping, comments):
        yield f"    {line}"


def _counted(one: Suggestion, proposal: Proposal) -> str:
    if not one.read:
        return "No records: this is from the SCHEMA alone."
    looked_at = f", {one.read} of them looked at, evenly spread" if one.read < one.count else ""
    if proposal.preset is None:
        return f"{one.count} records{looked_at}: {proposal.leads} would make a lead."
    filled = ", ".join(f"{name} in {proposal.fills[name]}" for name in proposal.why)
    return f"{one.count} records{looked_at}: {proposal.changes} would change a lead ({filled})."


def _comment(sentence: str, indent: str = "") -> Iterator[str]:
    # Columns may be called anything; no name may end the comment that it is in.
    printable = "".join(char if char.isprintable() else " " for char in sentence)
    for line in textwrap.wrap(
        printable, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False
    ):
        yield f"{indent}# {line}"
