"""Which of the two ways of sending a run uses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.route import Route
from target_octanist.errors import SettingsError

if TYPE_CHECKING:
    from target_octanist.delivery.client import OctanistClient, Sender
    from target_octanist.settings import Settings

logger = logging.getLogger("target-octanist")


def choose_sender(settings: Settings, client: OctanistClient) -> Sender:
    """Give what sends the leads of a run, as ``transport`` says.

    Args:
        settings: Of the run.
        client: The one that goes through ``requests``; it can do all that the other can.

    Raises:
        SettingsError: ``transport`` is ``fast``, and there is a proxy in the way.
    """
    needs_proxy = Route.to(settings.base_url).needs_proxy
    if needs_proxy and settings.transport == "fast":
        message = (
            "transport: fast cannot go through a proxy, and the environment names one for "
            "base_url; set transport to auto, or except the host in NO_PROXY."
        )
        raise SettingsError([message], error_id="transport-proxy")
    if needs_proxy or settings.transport == "requests":
        why = ", because of a proxy" if settings.transport == "auto" else ""
        logger.debug("transport: requests%s.", why)
        return client
    logger.debug("transport: fast.")
    return FastClient(
        settings.base_url, settings.api_key or "", timeout_seconds=settings.timeout_seconds
    )
