"""Asks before the first lead whether the organisation's quota has room."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from target_octanist.delivery.outcome import Answer, Kind, Response, classify
from target_octanist.errors import Denied

if TYPE_CHECKING:
    from target_octanist.delivery.client import OctanistClient
    from target_octanist.settings import CheckQuota

logger = logging.getLogger("target-octanist")


def usage(answer: Answer) -> tuple[int | None, int | None]:
    """Read leadsUsed and leadsLimit from an answer to ``POST /stats``; None if not told."""
    if not isinstance(answer, Response) or answer.status != 200:
        return None, None
    try:
        found: Any = json.loads(answer.body)["data"]["usage"]
        used, limit = found.get("leadsUsed"), found.get("leadsLimit")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None
    return (
        used if isinstance(used, int) else None,
        limit if isinstance(limit, int) else None,
    )


def check_quota(client: OctanistClient, mode: CheckQuota) -> None:
    """Compare what is used with what is allowed, as ``check_quota`` says.

    An API that cannot tell is no reason to stop: the leads themselves will show.

    Raises:
        Denied: The key is refused, or the quota is used up and the mode is ``fail``.
    """
    if mode == "off":
        return
    answer = client.stats()
    outcome = classify(answer, now=0.0)
    if outcome.kind is Kind.DENIED and outcome.status == 401:
        message = f"{outcome.reason}; nothing was sent: set api_key to a key of this organisation."
        raise Denied(message)
    used, limit = usage(answer)
    if used is None:
        logger.info("The quota could not be read; going on without.")
        return
    if limit is None:
        logger.info("Quota: %d leads are used, and there is no limit.", used)
        return
    if used < limit:
        logger.info("Quota: %d of %d leads are used.", used, limit)
        return
    message = f"check_quota: {used} of {limit} leads are used; more may be stored but locked."
    if mode == "fail":
        raise Denied(message)
    logger.warning(message)
