"""The report as one page of HTML: no network, no script, light and dark, on paper and on a phone."""

from __future__ import annotations

import logging

# It would announce on stderr that it looks for fonts; the page uses the reader's own.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
