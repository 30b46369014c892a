"""How every peer speaks to the API: what an author writes by hand. Needs nothing but Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def headers(config: Mapping[str, Any]) -> dict[str, str]:
    """Give the headers of every request."""
    return {"X-API-KEY": config["api_key"], "Content-Type": "application/json"}


def lead_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the lead of a record: a row of `benchmarks.streams`, or lead fields beside an ``id``."""
    if "lead_uuid" not in record:
        return {name: value for name, value in record.items() if name != "id"}
    marketing = record["consent_marketing"]
    lead = {
        "name": f"{record['first_name']} {record['last_name']}",
        "email": record["email"],
        "phone": record["phone"],
        "note": record["note"],
        "gclid": record["gclid"],
        "utm_source": record["utm"]["source"],
        "utm_campaign": record["utm"]["campaign"],
        "ad_storage": marketing,
        "ad_user_data": marketing,
        "ad_personalization": marketing,
        # Some frameworks read fractions as Decimal, which JSON does not know.
        "custom": {"status": record["status"], "score": float(record["score"])},
    }
    return {name: value for name, value in lead.items() if value is not None}
