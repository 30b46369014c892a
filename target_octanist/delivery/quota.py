"""The organisation's quota: what is left of it, before the first lead and while they go out."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.delivery.outcome import Answer, Response, classify
from target_octanist.delivery.stopping import denied, over_quota

if TYPE_CHECKING:
    from target_octanist.delivery.client import OctanistClient
    from target_octanist.errors import Denied
    from target_octanist.settings import CheckQuota

logger = logging.getLogger("target-octanist")


@dataclass(frozen=True, slots=True)
class Usage:
    """What ``POST /stats`` tells; None where it does not."""

    used: int | None
    limit: int | None

    @classmethod
    def read(cls, answer: Answer) -> Usage:
        """Read an answer to ``POST /stats``."""
        if not isinstance(answer, Response) or answer.status != 200:
            return cls(None, None)
        try:
            found: Any = json.loads(answer.body)["data"]["usage"]
            used, limit = found.get("leadsUsed"), found.get("leadsLimit")
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(None, None)
        return cls(
            used if isinstance(used, int) else None, limit if isinstance(limit, int) else None
        )


class Quota:
    """Counts the leads of a run against what is left, as ``check_quota`` says."""

    def __init__(self, usage: Usage, mode: CheckQuota) -> None:
        self._usage = usage
        self._mode = mode
        self._warned = False
        known = usage.used is not None and usage.limit is not None
        self._left = (usage.limit or 0) - (usage.used or 0) if known else None

    @classmethod
    def ask(cls, client: OctanistClient, mode: CheckQuota, base_url: str) -> Quota:
        """Ask the API what is left.

        An API that cannot tell is no reason to stop: the leads themselves will show.

        Raises:
            Denied: The key is refused.
        """
        if mode == "off":
            return cls(Usage(None, None), mode)
        answer = client.stats()
        if isinstance(answer, Response) and answer.status == 401:
            raise denied(classify(answer, now=0.0), base_url)
        usage = Usage.read(answer)
        if usage.used is None:
            logger.info("The quota could not be read; going on without.")
        elif usage.limit is None:
            logger.info("Quota: %d leads are used, and there is no limit.", usage.used)
        else:
            logger.info("Quota: %d of %d leads are used.", usage.used, usage.limit)
        return cls(usage, mode)

    @property
    def is_limit(self) -> bool:
        """Whether leads beyond it are kept back."""
        return self._left is not None and self._mode == "fail"

    def room(self, in_flight: int) -> int:
        """Say how many more leads may be sent while so many are, if it is a limit."""
        return max(0, (self._left or 0) - in_flight)

    def delivered(self) -> None:
        """Count a lead that was stored."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0 and self._mode == "warn" and not self._warned:
            self._warned = True
            logger.warning(
                "check_quota: all %d leads of the plan are used; the run goes on, and what it "
                "sends may be stored but locked.",
                self._usage.limit,
            )

    def exhausted(self) -> Denied:
        """Give the reason to stop for."""
        return over_quota(self._usage.limit or 0)
