"""How to add an extra: in the way in which the package itself was installed."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = "target-octanist"


def extra_hint(extra: str) -> str:
    """Give the command that adds an extra, such as ``pip install '/srv/target-octanist[report]'``."""
    try:
        origin = json.loads(distribution(_PACKAGE).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # run from a source tree that is not installed
        origin = {}
    return pip_command(extra, origin)


def pip_command(extra: str, origin: Mapping[str, Any]) -> str:
    """Say how pip gets the package with an extra.

    Args:
        extra: Its name.
        origin: Where the package came from, as its ``direct_url.json`` has it (PEP 610);
            empty if from an index.
    """
    url = origin.get("url", "")
    if not url:
        return f"pip install {shlex.quote(f'{_PACKAGE}[{extra}]')}"
    if url.startswith("file:") and "vcs_info" not in origin:
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
        path = url2pathname(urlsplit(url).path)
        return f"pip install {editable}{shlex.quote(f'{path}[{extra}]')}"
    kind = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
    return f"pip install {shlex.quote(f'{_PACKAGE}[{extra}] @ {kind}{url}')}"
