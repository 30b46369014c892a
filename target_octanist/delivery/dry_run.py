"""Shows what would be sent, masked, and sends nothing."""

from __future__ import annotations

import itertools
import json
import logging
import re
from typing import TYPE_CHECKING, Any, Final

from target_octanist.delivery.outcome import Answer, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Leads that are shown; of more of the same kind nobody learns anything.
SHOWN: Final = 100

logger = logging.getLogger("target-octanist")

#: What says nothing about a person, and is shown as it is.
_PLAIN = {
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "status",
}

# All that is not ASCII is taken for one: parts of letters are, and so is what hides in text.
_LETTER = re.compile(r"[A-Za-z]|[^\x00-\x7f]")
_DIGIT = re.compile(r"[0-9]")


class DryRunSender:
    """Answers like the API would, without any other side."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def send(self, payload: bytes) -> Answer:
        """Log one of the first leads, with its shape in place of its values."""
        return self._log("send", payload)

    def change(self, payload: bytes) -> Answer:
        """Log one of the first changes of leads, as `send` does."""
        return self._log("change", payload)

    def _log(self, verb: str, payload: bytes) -> Answer:
        number = next(self._numbers)
        if number <= SHOWN:
            masked = {name: mask(name, value) for name, value in json.loads(payload).items()}
            logger.info("Would %s: %s", verb, json.dumps(masked, ensure_ascii=False))
        if number == SHOWN + 1:
            logger.info("More than %d leads: the others are counted and not shown.", SHOWN)
        body = {"success": True, "data": {"id": f"dry-run-{number}"}}
        return Response(201, json.dumps(body).encode())

    def lead(self, lead_id: str) -> Answer:  # noqa: ARG002 - as the protocol has it
        """Answer that nothing is there: nothing was sent."""
        return Response(404, b'{"success": false, "error": {"code": "NOT_FOUND"}}')

    def listing(self, query: Mapping[str, str]) -> Answer:  # noqa: ARG002 - as the protocol has it
        """Answer that nothing is there: nothing was sent."""
        return Response(200, b'{"success": true, "data": []}')


def mask(name: str, value: Any) -> Any:
    """Give a value's shape: letters become x, digits 9; punctuation stays."""
    if name in _PLAIN or isinstance(value, bool) or value is None:
        return value
    if name == "custom" and not isinstance(value, str):
        return f"({len(value)} entries)" if isinstance(value, (dict, list)) else "(a value)"
    return _DIGIT.sub("9", _LETTER.sub("x", str(value)))
