"""One attempt for each call, over HTTP, through ``requests``: nothing is ever re-sent here.

The one thing that must not be wrong is whether a request that failed *may have been
read* by the other side. It is not guessed from the kind of the exception: the
connection itself notes whether it was still being made (DNS, TCP, proxy tunnel, TLS)
when things went wrong.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from target_octanist import __version__
from target_octanist.delivery.answer_reader import MAX_BODY_BYTES
from target_octanist.delivery.deadline import Deadlines
from target_octanist.delivery.outcome import Answer, NoAnswer, NotSent, Response
from target_octanist.delivery.route import Route, environment_of
from target_octanist.delivery.trouble import TIMED_OUT, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK_BYTES = 16 * 1024

USER_AGENT = f"target-octanist/{__version__}"


class Sender(Protocol):
    """What the engine needs of the other side."""

    def send(self, payload: bytes) -> Answer:
        """Post one lead, once; never raises for what the other side does."""

    def change(self, payload: bytes) -> Answer:
        """Patch one lead, once; never raises for what the other side does."""

    def listing(self, query: Mapping[str, str]) -> Answer:
        """Ask for a page of the leads that are stored."""

    def lead(self, lead_id: str) -> Answer:
        """Ask for one of the leads that are stored."""


class Transport:
    """Makes requests to one host; safe to use from many threads, each with its own connections.

    Proxies and CA bundles are taken from the environment as ``requests`` does
    (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE …), once; a login from a ``.netrc``
    file is not, and loopback is never proxied. No redirect is followed.
    """

    def __init__(self, url: str) -> None:
        self._verify, self._proxies = environment_of(url)
        self._local = threading.local()

    def get(self, url: str, *, timeout: float) -> Answer:
        """Ask for an address; never raises for what it is or what the other side does."""
        request = requests.Request("GET", url, headers={"User-Agent": USER_AGENT})
        try:
            prepared = request.prepare()
        except (requests.RequestException, HTTPError, ValueError) as error:
            return NotSent(in_words(error))
        return self.exchange(prepared, timeout)

    def exchange(self, request: requests.PreparedRequest, timeout: float) -> Answer:
        """Make a request; never raises for what the other side does.

        Args:
            request: What to send.
            timeout: Seconds for all of it.
        """
        _phase.connecting = True
        deadline = time.monotonic() + timeout
        with _deadlines.until(deadline):
            try:
                response = self._session.send(
                    request,
                    timeout=timeout,
                    allow_redirects=False,
                    stream=True,
                    verify=self._verify,
                    proxies=dict(self._proxies),
                )
            except (requests.RequestException, HTTPError, OSError) as error:
                return _failure(error, is_late=time.monotonic() > deadline)
            with response:
                if time.monotonic() > deadline:  # its head may be cut off
                    response.raw.close()
                    return NoAnswer(TIMED_OUT)
                content, complete = _read_body(response, deadline)
                if not complete:
                    # What is left in the socket must not become the next answer.
                    response.raw.close()
        return Response(
            response.status_code, content, response.headers.get("Retry-After"), complete
        )

    @property
    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
            session.mount("https://", _Adapter())
            session.mount("http://", _Adapter())
        return session


class OctanistClient:
    """Speaks to the API; safe to use from many threads."""

    def __init__(self, base_url: str, api_key: str, *, timeout_seconds: float) -> None:
        Route.to(base_url)  # There is none where a setting or the environment is wrong.
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._headers = {
            "X-API-KEY": api_key,
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        self._transport = Transport(base_url)
        self._local = threading.local()

    def send(self, payload: bytes) -> Answer:
        """Post one lead, given as a JSON object in UTF-8."""
        return self._exchange("POST", "/leads", payload, self._timeout)

    def change(self, payload: bytes) -> Answer:
        """Patch one lead, given as a JSON object in UTF-8 that names it."""
        return self._exchange("PATCH", "/leads", payload, self._timeout)

    def lead(self, lead_id: str) -> Answer:
        """Ask for one of the leads that are stored."""
        return self._exchange("GET", "/leads/" + quote(lead_id, safe=""), None, self._timeout)

    def listing(self, query: Mapping[str, str]) -> Answer:
        """Ask for a page of the leads that are stored."""
        return self._exchange("GET", "/leads?" + urlencode(query), None, self._timeout)

    def check(self) -> Answer:
        """Ask whether the key is good; stores nothing."""
        return self._exchange("POST", "/check", None, self._timeout)

    def stats(self) -> Answer:
        """Ask for the organisation's usage and quota."""
        return self._exchange("POST", "/stats", b"{}", self._timeout)

    def _exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
        return self._transport.exchange(self._request(method, path, body), timeout)

    def _request(self, method: str, path: str, body: bytes | None) -> requests.PreparedRequest:
        if method == "POST" and path == "/leads" and body is not None:
            return self._lead_request(body)
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = requests.Request(method, self._base_url + path, headers=headers, data=body)
        return request.prepare()

    def _lead_request(self, body: bytes) -> requests.PreparedRequest:
        """Give this thread's request for a lead; all but the body is always the same.

        Preparing takes as long as all the rest that ``requests`` does for a lead.
        """
        request: requests.PreparedRequest | None = getattr(self._local, "request", None)
        if request is None:
            headers = self._headers | {"Content-Type": "application/json"}
            url = self._base_url + "/leads"
            request = requests.Request("POST", url, headers=headers, data=b"{}").prepare()
            self._local.request = request
        request.body = body
        request.headers["Content-Length"] = str(len(body))
        return request


def _read_body(response: requests.Response, deadline: float) -> tuple[bytes, bool]:
    """Read a body until the deadline and say whether all of it arrived.

    The status is known by now, so a body that is cut off is not an exception.
    """
    content = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if time.monotonic() > deadline or len(content) > MAX_BODY_BYTES:
                return bytes(content), False
    except (requests.RequestException, HTTPError, OSError):
        return bytes(content), False
    return bytes(content), True


def _failure(error: Exception, *, is_late: bool) -> Answer:
    why = TIMED_OUT if is_late else in_words(_innermost(error))
    if isinstance(error, requests.exceptions.ProxyError):
        why = f"at the proxy, {why}"
    return NotSent(why) if _phase.connecting else NoAnswer(why)


def _innermost(error: Exception) -> BaseException:
    """Give what the libraries have wrapped up."""
    seen = {id(error)}
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None)
        if not isinstance(inner, BaseException):
            inner = cause.__cause__ or cause.__context__
        if not isinstance(inner, BaseException) or id(inner) in seen:
            return cause
        seen.add(id(inner))
        cause = inner


# Whether this thread's request has no connection yet.
_phase = threading.local()

_deadlines = Deadlines()


class _PlainConnection(HTTPConnection):
    #: Its socket, also when nothing but the answer holds it any more.
    wire: Any = None

    def connect(self) -> None:
        _phase.connecting = True
        super().connect()
        _phase.connecting = False
        self.wire = self.sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        _deadlines.uses(self)
        # From here on it may be read, unless a new connection is made for it first.
        _phase.connecting = False
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        response = super().getresponse()
        if response.status < 200:
            # A provisional answer is taken for the answer here. The true one, still to come,
            # must not become that of the next lead.
            self.close()
        return response


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """``requests``' own transport, on connections that note when they are being made."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager
