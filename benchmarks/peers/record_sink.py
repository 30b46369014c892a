"""A peer: one POST for each record, as the framework's template and documentation have it.

``RecordSink`` is what the framework's project template offers for an API that takes one record
at a time (meltano/sdk, ``cookiecutter/target-template``): the author fills in the one call that
writes. With ``max_tries`` 1 that is all. With 5 the call is tried again as the framework's own
REST client does it (singer_sdk 0.54.9, ``streams/rest.py``: ``request_decorator`` and
``validate_response``), which is what authors of targets carry over. Both are written for this
comparison; neither is a copy of anybody's target.
"""

from __future__ import annotations

import random
from typing import Any

import backoff
import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from singer_sdk.sinks import RecordSink
from singer_sdk.target_base import Target

from benchmarks.peers.lead import headers, lead_of
from benchmarks.peers.settings import CONFIG_JSONSCHEMA

#: What the framework's REST client tries again.
TRIED_AGAIN = (
    ConnectionResetError,
    RetriableAPIError,
    requests.exceptions.Timeout,
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class PostingSink(RecordSink):
    """Posts each record, and knows of it no more than that the call came back."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        share = self.config["wait_percent"] / 100
        decorated = backoff.on_exception(
            backoff.expo,
            TRIED_AGAIN,
            max_tries=self.config["max_tries"],
            factor=2 * share,
            jitter=lambda seconds: seconds + random.random() * share,
        )
        decorated(self.post)(record)

    def post(self, record: dict[str, Any]) -> None:
        response = requests.post(
            f"{self.config['base_url']}/leads",
            json=lead_of(record),
            headers=headers(self.config),
            timeout=self.config["timeout_seconds"],
        )
        if response.status_code == 429 or response.status_code >= 500:
            raise RetriableAPIError(f"HTTP {response.status_code}", response)
        if not response.ok:
            raise FatalAPIError(f"HTTP {response.status_code}")


class RecordSinkTarget(Target):
    """The target around it, as the template has it."""

    name = "peer-record-sink"
    config_jsonschema = CONFIG_JSONSCHEMA
    default_sink_class = PostingSink


if __name__ == "__main__":
    RecordSinkTarget.cli()
