"""The shapes of answers: the documented envelope, and that of older servers."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Literal

from target_octanist.sandbox.query import format_instant

Style = Literal["modern", "old"]


class Envelope:
    """Builds answer bodies. ``old`` differs in two: a bare id on create, errors as one text."""

    def __init__(self, style: Style) -> None:
        """Choose the style."""
        self.style = style

    def created(self, lead_id: str) -> dict[str, object]:
        """Answer to a new lead; the lead itself is not echoed."""
        if self.style == "old":
            return {"id": lead_id}
        return self.ok({"id": lead_id, "message": "Lead added"})

    def ok(self, data: object, pagination: dict[str, object] | None = None) -> dict[str, object]:
        """Answer with ``data``, and paging facts where there is a list."""
        meta = _meta()
        if pagination is not None:
            meta["pagination"] = pagination
        return {"success": True, "data": data, "meta": meta}

    def error(self, code: str, message: str) -> dict[str, object]:
        """Answer with an error."""
        if self.style == "old":
            return {"error": message}
        error = {"code": code, "message": message, "details": {}}
        return {"success": False, "error": error, "meta": _meta()}


def _meta() -> dict[str, object]:
    return {
        "requestId": f"req_{os.urandom(6).hex()}",
        "timestamp": format_instant(datetime.now(timezone.utc)),
    }
