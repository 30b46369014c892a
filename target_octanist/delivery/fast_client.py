"""One attempt for each call, over HTTP, with as little in between as can be.

It does what `OctanistClient` does through ``requests``, at a small part of its price, but
only on a straight way: no proxy, no redirect, no compression, no login.
"""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from target_octanist.delivery.client import USER_AGENT
from target_octanist.delivery.connection import Connection, connect
from target_octanist.delivery.outcome import Answer, NotSent
from target_octanist.delivery.route import Route
from target_octanist.delivery.trouble import in_words
from target_octanist.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FastClient:
    """Sends leads and asks for them; safe to use from many threads, one connection each.

    Certificates are checked against the same authorities as by ``requests``.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout_seconds: float) -> None:
        route = Route.to(base_url)
        parts = urlsplit(route.url)
        self._tls = _trusting(route.ca_bundle) if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self.timeout = timeout_seconds
        headers = (
            f"Host: {parts.netloc}\r\n"
            f"X-API-KEY: {api_key}\r\n"
            "Accept: application/json\r\n"
            "Accept-Encoding: identity\r\n"
            "Connection: keep-alive\r\n"
            f"User-Agent: {USER_AGENT}\r\n"
        )
        self._post = (
            f"POST {parts.path}/leads HTTP/1.1\r\n{headers}"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode("ascii")
        self._patch = b"PATCH" + self._post.removeprefix(b"POST")
        self._get = f"GET {parts.path}/leads"
        self._get_end = f" HTTP/1.1\r\n{headers}\r\n"
        self._local = threading.local()

    def send(self, payload: bytes) -> Answer:
        """Post one lead, given as a JSON object in UTF-8."""
        return self._exchange(self.request(payload))

    def request(self, payload: bytes) -> bytes:
        """Give the request that posts one lead, as it goes over the wire."""
        return b"%b%d\r\n\r\n%b" % (self._post, len(payload), payload)

    def connect(self, deadline: float) -> Connection:
        """Make a connection, by a deadline in monotonic seconds.

        Raises:
            OSError: There is none, so nothing was sent.
        """
        return connect(self._host, self._port, self._tls, deadline)

    def change(self, payload: bytes) -> Answer:
        """Patch one lead, given as a JSON object in UTF-8 that names it."""
        return self._exchange(b"%b%d\r\n\r\n%b" % (self._patch, len(payload), payload))

    def listing(self, query: Mapping[str, str]) -> Answer:
        """Ask for a page of the leads that are stored."""
        return self._ask("?" + urlencode(query))

    def lead(self, lead_id: str) -> Answer:
        """Ask for one of the leads that are stored."""
        return self._ask("/" + quote(lead_id, safe=""))

    def _ask(self, what: str) -> Answer:
        return self._exchange((self._get + what + self._get_end).encode("ascii"))

    def _exchange(self, request: bytes) -> Answer:
        deadline = time.monotonic() + self.timeout
        try:
            connection = self._connection(deadline)
        except OSError as error:
            return NotSent(in_words(error))
        return connection.exchange(request, deadline)

    def _connection(self, deadline: float) -> Connection:
        """Give this thread's connection, or a new one; OSError if there is none to be had."""
        kept: Connection | None = getattr(self._local, "connection", None)
        if kept is not None:
            if kept.can_serve():
                return kept
            kept.close()
        self._local.connection = None
        made = self.connect(deadline)
        self._local.connection = made
        return made


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    is_folder = Path(ca_bundle).is_dir()
    try:
        context = ssl.create_default_context(
            cafile=None if is_folder else ca_bundle, capath=ca_bundle if is_folder else None
        )
    except OSError:
        message = f"REQUESTS_CA_BUNDLE: {ca_bundle} holds no certificates that can be read."
        raise SettingsError([message], error_id="ca-bundle") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
