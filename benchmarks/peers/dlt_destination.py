"""A peer: a pipeline of dlt with a custom destination, as its documentation has it.

dlt writes the records to files of its own and loads these: within a file one batch after the
other, and up to ``workers`` files at once. After each batch it writes down how far it came, so a
batch that was being sent when it was killed is sent once more. A batch is handed over whole, and
the API takes one lead a request, so its leads are posted one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

# dlt reads these when it is imported. It reports home unless it is told not to.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
import requests

from benchmarks.peers.lead import headers, lead_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Load what comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))
    os.environ["LOAD__WORKERS"] = str(config["workers"])
    os.environ["NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS"] = str(config["leads_in_a_file"])
    local = threading.local()  # a session is for one thread

    def leads_api(items: list[dict[str, Any]], table: dict[str, Any]) -> None:  # noqa: ARG001
        session = local.__dict__.setdefault("session", requests.Session())
        for lead in items:
            response = session.post(
                f"{config['base_url']}/leads", json=lead, headers=headers(config), timeout=30
            )
            response.raise_for_status()

    destination = dlt.destination(
        leads_api, batch_size=config["batch_size"], naming_convention="direct", name="leads_api"
    )
    pipeline = dlt.pipeline("peer", destination=destination, pipelines_dir="pipelines")
    pipeline.run(leads(), table_name="leads")


def leads() -> Iterator[dict[str, Any]]:
    """Yield the leads of a Singer stream."""
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "RECORD":
            yield lead_of(message["record"])


if __name__ == "__main__":
    main()
