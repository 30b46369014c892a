"""How Sphinx builds this site: ``make docs``. Nothing is fetched, neither here nor by a reader."""

from __future__ import annotations

import sys
from pathlib import Path

from target_octanist import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "target-octanist"
author = "The target-octanist contributors"
copyright = author  # noqa: A001 - Sphinx's name for it
release = version = __version__

extensions = ["myst_parser", "sphinx_click", "generated"]
exclude_patterns = ["_build", "_ext"]
nitpicky = True

# `% comments` before a block of commands are for tests/docs, which runs them.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "target-octanist"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False}
