"""What a broken connection is called, in words, whichever transport met it."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException

CLOSED = "the connection was closed"
TIMED_OUT = "timed out"

# The first that fits counts: some kinds are special cases of a later one.
_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLCertVerificationError,), "the certificate is not trusted"),
    ((ssl.SSLError,), "TLS failed"),
    ((socket.gaierror,), "the host name was not found"),
    ((TimeoutError,), TIMED_OUT),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((ConnectionError,), CLOSED),
    ((HTTPException,), "the answer is not HTTP"),
    ((OSError,), "the connection failed"),
)


def in_words(error: BaseException) -> str:
    """Say what happened by the error's kind; its text could hold an address with a login.

    Returns:
        A few words; the name of the kind where there are none for it.
    """
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words
    return type(error).__name__
