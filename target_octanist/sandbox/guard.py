"""Keeps web pages of others away: none may read leads or switch faults. Pure.

A page of somebody else, open in a browser on this machine, has two ways here. Its script may send
requests; a browser says in them where they come from. Or the name of its own host may suddenly lead
to this machine (DNS rebinding); then Host has a name that public DNS can give.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

# Nobody can register these: they are for this machine, private networks and tests.
_PRIVATE = (".localhost", ".internal", ".test")


def is_known_host(host: str, allowed: Collection[str]) -> bool:
    """Tell whether a Host header has an address, a name of private use, or one of ``allowed``."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    return "." not in name or name.endswith(_PRIVATE) or name in allowed or _is_address(name)


def is_foreign_page(host: str, origin: str, fetch_site: str) -> bool:
    """Tell from the headers Host, Origin and Sec-Fetch-Site ("" without) who had this sent.

    True is a page of another origin; programs that are not browsers send neither header.
    """
    return origin not in {"", f"http://{host}", f"https://{host}"} or fetch_site not in {
        "",
        "none",
        "same-origin",
    }


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
