"""Tells a monitoring service that a run went well; where it hears nothing, it alerts."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlsplit

import backoff

from target_octanist.delivery.client import Transport
from target_octanist.delivery.outcome import Answer, Response

logger = logging.getLogger("target-octanist")

TIMEOUT_SECONDS: Final = 10.0

TRIES: Final = 2


def beat(url: str) -> None:
    """Ask for the address, twice at most; where that fails, no more than say so.

    A redirect is not followed and counts as a failure. The path of the address is a
    secret, and not told.
    """
    transport = Transport(url)

    @backoff.on_predicate(
        backoff.expo, lambda answer: not _is_heard(answer), max_tries=TRIES, logger=None
    )
    def ask() -> Answer:
        return transport.get(url, timeout=TIMEOUT_SECONDS)

    answer = ask()
    if not _is_heard(answer):
        what = f"HTTP {answer.status}" if isinstance(answer, Response) else answer.why
        logger.warning(
            "heartbeat_url: %s could not be told that the run went well (%s), so it may alert; "
            "the run itself is not touched by it.",
            urlsplit(url).hostname,
            what,
        )


def _is_heard(answer: Answer) -> bool:
    return isinstance(answer, Response) and 200 <= answer.status < 300
