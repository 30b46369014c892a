"""The way to the API: what the environment says about it, as ``requests`` understands it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from target_octanist.errors import SettingsError
from target_octanist.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to the API.

    Attributes:
        url: ``base_url`` as it goes over the wire: the name of the host in ASCII, the path
            with percent signs.
        ca_bundle: The file or folder with the authorities to trust.
        needs_proxy: Whether the environment puts a proxy before this address.
    """

    url: str
    ca_bundle: str
    needs_proxy: bool

    @classmethod
    def to(cls, base_url: str) -> Route:
        """Find the way.

        Raises:
            SettingsError: There is none.
        """
        try:
            url = requests.Request("POST", base_url).prepare().url or base_url
        except (requests.RequestException, UnicodeError):
            raise SettingsError(["base_url: is not a web address; check the host."]) from None
        verify, proxies = environment_of(url)
        ca_bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
        if url.startswith("https:") and not Path(ca_bundle).exists():
            message = (
                f"REQUESTS_CA_BUNDLE: {ca_bundle} does not exist; it (or CURL_CA_BUNDLE) must name "
                "a file or folder with the certificates to trust, or be left out."
            )
            raise SettingsError([message], error_id="ca-bundle")
        proxy = select_proxy(url, proxies)
        if proxy is not None and not _is_usable(proxy):
            message = (
                "HTTPS_PROXY: it (or ALL_PROXY) is not the address of an HTTP proxy; write one such "
                "as http://proxy.example:3128, or except the host of base_url in NO_PROXY."
            )
            raise SettingsError([message], error_id="proxy-address")
        return cls(url.rstrip("/"), ca_bundle, proxy is not None)


def environment_of(url: str) -> tuple[bool | str, Mapping[str, str]]:
    """Give what the environment says of an address: whom to trust, and through what to go.

    Returns:
        A file or folder with authorities, or True for the usual ones; and the proxies
        (HTTPS_PROXY, NO_PROXY …), of which there are none to loopback.
    """
    with requests.Session() as session:
        environment = session.merge_environment_settings(url, {}, None, None, None)
    host = urlsplit(url).hostname or ""
    proxies = {} if is_loopback(host) else environment["proxies"]
    return environment["verify"] or True, proxies


def _is_usable(proxy: str) -> bool:
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not address.lower().startswith(("http://", "https://")):
        return False
    try:
        requests.Request("GET", address).prepare()
    except (requests.RequestException, ValueError):
        return False
    return True
