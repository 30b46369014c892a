"""The settings of the peers that are built on singer-sdk."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property("base_url", th.StringType, required=True),
    th.Property("api_key", th.StringType, required=True, secret=True),
    th.Property("timeout_seconds", th.NumberType, default=30),
    th.Property("max_tries", th.IntegerType, default=1),
    th.Property("wait_percent", th.IntegerType, default=100),
).to_dict()
