"""The directive ``{generated} NAME``: a part of the reference, made from the code it describes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import tables
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


class Generated(SphinxDirective):
    """Puts one of `PARTS` where it stands."""

    required_arguments = 1
    PARTS: ClassVar[dict[str, Callable[[], str]]] = {
        "target-options": tables.target_options,
        "settings": tables.settings,
        "stream-settings": tables.stream_settings,
        "framework-settings": tables.framework_settings,
        "lead-fields": tables.lead_fields,
        "change-fields": tables.change_fields,
        "presets": tables.presets,
        "errors": tables.errors,
        "journal-tables": tables.journal_tables,
        "states": tables.states,
    }

    def run(self) -> list[nodes.Node]:
        """Give the part as nodes; an unknown name ends the build with a KeyError."""
        text = self.PARTS[self.arguments[0]]()
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _escape(app: Sphinx, context: click.Context, lines: list[str]) -> None:  # noqa: ARG001
    """Keep a name that ends in an underscore, as in help, from being taken for a link."""
    lines[:] = [re.sub(r"_(?!\w)", r"\\_", line) for line in lines]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make the directive known to Sphinx."""
    app.add_directive("generated", Generated)
    app.connect("sphinx-click-process-options", _escape)
    return {"version": "1", "parallel_read_safe": True}
