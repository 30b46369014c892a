"""A peer: one job for each batch of up to 10,000 records, the way of MeltanoLabs/target-hubspot.

Read in MeltanoLabs/target-hubspot, ``target_hubspot/sinks.py`` at commit f4ecfab (2025-03-15), and
in hubspot-api-client 8.0.0, ``crm/imports/rest.py``, which it sends with:

- a ``BatchSink`` with ``max_size`` 10,000: nothing is sent before so many records, or the end;
- the client is built without a retry policy, so urllib3's own default holds: connecting is tried
  three times more, a POST that was sent never;
- any status but 2xx raises, and any exception ends the batch, the run and its STATE.

There, a batch is one CSV file in one request. The API here takes one lead a request, so the rows of
the job are posted one after the other, with the same library. This is written for this comparison,
not a copy. The original speaks to HubSpot's import API, and only there: see `target_hubspot`.
"""

from __future__ import annotations

import json
from typing import Any

import urllib3
from singer_sdk.sinks import BatchSink
from singer_sdk.target_base import Target

from benchmarks.peers.lead import headers, lead_of
from benchmarks.peers.settings import CONFIG_JSONSCHEMA


class RefusedError(Exception):
    """The API answered with anything but 2xx."""


class JobSink(BatchSink):
    """Sends a batch as one job, which succeeds or fails as a whole."""

    max_size = 10_000

    def setup(self) -> None:
        # As that client does: a pool without a `retries` of its own.
        self.pool = urllib3.PoolManager(num_pools=4, maxsize=4)

    def process_batch(self, context: dict[str, Any]) -> None:
        for record in context["records"]:
            self.create(record)

    def create(self, record: dict[str, Any]) -> None:
        response = self.pool.request(
            "POST",
            f"{self.config['base_url']}/leads",
            body=json.dumps(lead_of(record)),
            headers=headers(self.config),
            timeout=self.config["timeout_seconds"],
        )
        if not 200 <= response.status <= 299:
            raise RefusedError(f"HTTP {response.status}")


class ImportJobTarget(Target):
    """The target around it."""

    name = "peer-import-job"
    config_jsonschema = CONFIG_JSONSCHEMA
    default_sink_class = JobSink


if __name__ == "__main__":
    ImportJobTarget.cli()
