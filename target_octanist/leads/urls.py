"""What the address of a web page says: the campaign that led there, the site, the path.

Every function here is total: what is not a URL gives None, and nothing raises.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote_plus, urlsplit

from target_octanist.leads.text import clean_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Parameters stand after the question mark; pages of one document keep them after the hash.
_BEFORE_PARAMETER = re.compile(r"[?&#]")
_WITHOUT_SCHEME = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}(?::[0-9]+)?(?:[/?#]|$)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SPACE = re.compile(r"\s")
# Nothing of it has to be changed.
_ORDINARY = re.compile(r"https?://[a-z0-9.-]+(?:[/?#][!-~]*)?")


def query_value(value: Any, name: str) -> str | None:
    """The first parameter of this name that is not empty, percent-decoded.

    Upper and lower case are one. A text without an address, such as ``a=1&b=2``, is taken
    for a query.
    """
    if not isinstance(value, str):
        return None
    text = clean_url(value)
    has_address = "://" in text or "?" in text or "#" in text
    wanted = name.casefold()
    for part in _BEFORE_PARAMETER.split(text)[has_address:]:
        key, _, raw = part.partition("=")
        if raw and unquote_plus(key).casefold() == wanted:
            return unquote_plus(raw)
    return None


def website(value: Any) -> str | None:
    """Scheme and host, as in ``https://example.com``; the host where there is no scheme."""
    parts = _split(value)
    return None if parts is None or not parts.netloc else _origin(parts)


def path(value: Any) -> str | None:
    """The path of the page, ``/`` for the site itself; not percent-decoded."""
    parts = _split(value)
    return None if parts is None else parts.path or "/"


PARTS: Mapping[str, Callable[[Any], str | None]] = {"website": website, "path": path}
"""What a spec may take with ``part``."""


def web_address(text: str) -> str:
    """As `clean_url`; of an http address also: host in lower case, no password, no spaces."""
    text = clean_url(text)
    if _ORDINARY.fullmatch(text):
        return text
    parts = _split(text)
    if parts is None or not parts.scheme:
        return text
    after = text.index("//") + len("//") + len(parts.netloc)
    return _SPACE.sub("%20", _origin(parts) + text[after:])


def _split(value: Any) -> SplitResult | None:
    """The parts of an http address, or of one without scheme or host; else None."""
    if not isinstance(value, str):
        return None
    text = clean_url(value)
    if _WITHOUT_SCHEME.match(text):
        text = f"//{text}"
    elif not text.startswith("/") and not text[:8].lower().startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(text)
        # Both are read late, and raise then.
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    if _SPACE.search(parts.netloc) or (parts.scheme and not parts.hostname):
        return None
    return parts


def _origin(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2].lower().rstrip(":")
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        host = host.rpartition(":")[0]
    return f"{parts.scheme}://{host}" if parts.scheme else host
