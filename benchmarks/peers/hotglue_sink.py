"""A peer: a target on hotglue's fork of the framework, ``hotglue-singer-sdk``, from PyPI.

Its ``HotglueSink`` brings what the original lacks: a hash of each lead, its outcome in the STATE,
retries. The author gives the address and maps the record; all else here is the package's own.
"""

from __future__ import annotations

from typing import Any

from hotglue_singer_sdk import typing as th
from hotglue_singer_sdk.target_sdk.client import HotglueSink
from hotglue_singer_sdk.target_sdk.target import TargetHotglue

from benchmarks.peers.lead import headers, lead_of


class LeadSink(HotglueSink):  # type: ignore[misc]  # the package is not installed where mypy runs
    """Posts each record."""

    name = "leads"
    endpoint = "/leads"
    unified_schema = None

    @property
    def base_url(self) -> str:
        return str(self.config["base_url"])

    @property
    def http_headers(self) -> dict[str, str]:
        return headers(self.config)

    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return lead_of(record)

    def upsert_record(
        self,
        record: dict[str, Any],
        context: dict[str, Any],  # noqa: ARG002
    ) -> tuple[str, bool, dict[str, Any]]:
        response = self.request_api("POST", request_data=record)
        return response.json()["data"]["id"], response.ok, {}


class HotglueTarget(TargetHotglue):  # type: ignore[misc]  # as above
    """The target around it."""

    name = "peer-hotglue"
    SINK_TYPES = (LeadSink,)
    default_sink_class = LeadSink
    config_jsonschema = th.PropertiesList(
        th.Property("base_url", th.StringType, required=True),
        th.Property("api_key", th.StringType, required=True),
    ).to_dict()


if __name__ == "__main__":
    HotglueTarget.cli()
