"""The settings that both peers take, and how both speak to the API. Written for `make bench-faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property("base_url", th.StringType, required=True),
    th.Property("api_key", th.StringType, required=True, secret=True),
    th.Property("timeout_seconds", th.NumberType, default=30),
    th.Property("max_tries", th.IntegerType, default=1),
    th.Property("wait_percent", th.IntegerType, default=100),
).to_dict()


def headers(config: Mapping[str, Any]) -> dict[str, str]:
    """Give the headers of every request."""
    return {"X-API-KEY": config["api_key"], "Content-Type": "application/json"}


def lead_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the lead of a record, whose columns are lead fields beside the key ``id``."""
    return {name: value for name, value in record.items() if name != "id"}
