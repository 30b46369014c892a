"""The systems that are compared, and how each is set up for its best."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.streams import MAPPING, STREAM, schema_message

Settings = Mapping[str, Any]

#: Requests at once, where a system can do more than one.
CONCURRENCY: Final = 128


@dataclass(frozen=True)
class System:
    """Something that delivers the leads of a Singer stream on standard input.

    Attributes:
        name: as in the table.
        program: a module of this package, or the path of a command; takes ``--config FILE``.
        pins: its packages in `benchmarks.peers.pins`; none: those of this project will do.
        needs: commands that have to be installed.
        settings: besides ``base_url`` and ``api_key``; ``import_url`` asks for an import API.
        leads: how many tell its rate: with latency, and without; 0 where that tells nothing.
        note: what it does not do, or needs to be known of it.
    """

    name: str
    program: str | Path
    pins: str | None = None
    needs: tuple[str, ...] = ()
    settings: Settings = field(default_factory=dict)
    leads: tuple[int, int] = (200, 2_000)
    note: str = ""


SYSTEMS: Final = (
    System(
        "target-octanist",
        Path(sys.executable).with_name("target-octanist"),
        settings={
            "ledger": "ledger.db",
            "max_concurrency": CONCURRENCY,
            "streams": [{"stream": STREAM, "mapping": MAPPING, "phone_region": "NL"}],
        },
        leads=(10_000, 10_000),
        note="journal on disk",
    ),
    System(
        "singer-sdk RecordSink",
        "record_sink",
        note="no retries, no dedupe, no journal; a connection for each lead",
    ),
    System(
        "singer-sdk BatchSink",
        "import_job",
        note="no retries, no dedupe, no journal; keeps its connection",
    ),
    System(
        "hotglue-singer-sdk HotglueSink",
        "hotglue_sink",
        pins="hotglue",
        note="retries lost answers (doubles); its dedupe reads all leads so far for each lead; "
        "outcomes kept in memory until the end",
    ),
    System(
        "dlt custom destination",
        "dlt_destination",
        pins="dlt",
        settings={"batch_size": 10, "workers": 20, "leads_in_a_file": 10_000},
        note="its defaults; no dedupe; a batch of 10 that fails or is killed is sent again whole",
    ),
    System(
        f"dlt custom destination, {CONCURRENCY} workers",
        "dlt_destination",
        pins="dlt",
        settings={"batch_size": 10, "workers": CONCURRENCY, "leads_in_a_file": 100},
        leads=(12_800, 2_560),
        note="a file for every 100 leads; else as above",
    ),
    System(
        "drt REST destination",
        "drt_sync",
        pins="drt",
        note="rate limit taken off (10/s); retries lost answers (doubles); no dedupe in this mode",
    ),
    System(
        f"syslog-ng http(), {CONCURRENCY} workers",
        "syslog_ng",
        needs=("syslog-ng",),
        settings={"workers": CONCURRENCY},
        leads=(20_000, 20_000),
        note="in C; retries lost answers (doubles), no dedupe; knows no STATE",
    ),
    System(
        f"xargs, {CONCURRENCY} curl",
        "curl",
        needs=("xargs", "curl"),
        settings={"workers": CONCURRENCY},
        leads=(500, 500),
        note="a process for each lead; no retries, no dedupe, no journal",
    ),
    System(
        "MeltanoLabs/target-hubspot",
        "target_hubspot",
        pins="target-hubspot",
        settings={
            "import_url": "",
            "access_token": "none",
            "import_operations": "CREATE",
            "column_mapping": [
                {"columnName": name, "propertyName": name, "columnObjectTypeId": "0-1"}
                for name in schema_message()["schema"]["properties"]
            ],
        },
        leads=(0, 10_000),
        note="another task: 10,000 leads in a file, and a look every 2 s, at an import API that "
        "takes no time; it cannot send a lead",
    ),
)
