"""The settings as the SDK wants them, for ``--about`` and for reading the environment.

What the values may be is checked in `settings`, which reports every mistake at once
and never repeats a value that could be a secret.
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

_STREAM_PROPERTIES = th.ObjectType(
    th.Property(
        "stream",
        th.StringType,
        description="Name or glob of the stream, where `streams` is a list.",
    ),
    th.Property(
        "preset",
        th.StringType,
        description="Name of a shipped mapping, or path of a file with one; `mapping` changes it.",
    ),
    th.Property(
        "mode",
        th.StringType,
        allowed_values=["create", "update", "upsert"],
        description=(
            "What is done with a record: `create` makes a lead of it, `update` says what became "
            "of one, `upsert` does both."
        ),
    ),
    th.Property(
        "mapping",
        th.ObjectType(additional_properties=True),
        description="Lead field to where its value comes from.",
    ),
    th.Property("phone_region", th.StringType, description="As the setting of the same name."),
    th.Property(
        "dedupe_by", th.ArrayType(th.StringType), description="As the setting of the same name."
    ),
    th.Property(
        "dedupe_window_days", th.IntegerType, description="As the setting of the same name."
    ),
    th.Property(
        "key",
        th.ArrayType(th.StringType),
        description="Source columns that name a record; by default the stream's key_properties.",
    ),
    th.Property(
        "link",
        th.ObjectType(
            th.Property(
                "stream",
                th.StringType,
                description="The stream whose records the leads were made of.",
            ),
            th.Property(
                "by",
                th.AnyType,
                description="Where a record names one of that stream, as in `mapping`.",
            ),
            th.Property(
                "key",
                th.StringType,
                description="The column that is the key there; by default as its SCHEMA says.",
            ),
        ),
        description=(
            "Which lead a record of `update` is about: the one that was made of a record of "
            "another stream."
        ),
    ),
    th.Property(
        "lookup",
        th.BooleanType,
        description=(
            "With `upsert`: where the journal knows no lead of the person, ask the API for one "
            "before a new one is made; one request more for each."
        ),
    ),
)


def config_jsonschema() -> dict[str, Any]:
    """Give the JSON Schema of all settings of this target."""
    return th.PropertiesList(
        th.Property(
            "api_key",
            th.StringType,
            secret=True,
            title="API key",
            description="API key of your Octanist organisation; not needed with `dry_run`.",
        ),
        th.Property(
            "base_url",
            th.StringType,
            default="https://octanist.com/api",
            title="Base URL",
            description=(
                "Base URL of the API. Plain http is allowed only to this machine (loopback)."
            ),
        ),
        th.Property(
            "streams",
            th.CustomType(
                {
                    "type": ["object", "array", "null"],
                    "additionalProperties": _STREAM_PROPERTIES.to_dict(),
                    "items": _STREAM_PROPERTIES.to_dict(),
                }
            ),
            default={},
            title="Streams",
            description=(
                "Settings by stream name or glob (`preset`, `mode`, `mapping`, `link`, `lookup`, "
                "`phone_region`, `dedupe_by`, `dedupe_window_days`, `key`), or a list of such "
                "objects with `stream`. A stream whose columns are already lead fields needs no "
                "entry."
            ),
        ),
        th.Property(
            "ledger",
            th.StringType,
            title="Ledger",
            description=(
                "The delivery journal: a file path, or a `postgresql://` URL shared by many "
                "workers. Default: `octanist-ledger.db` in `$OCTANIST_HOME`, else in the Meltano "
                "project's `.meltano` folder, else in the user's state folder."
            ),
            secret=True,
        ),
        th.Property(
            "dedupe_by",
            th.ArrayType(th.StringType),
            default=["email", "phone"],
            title="Dedupe by",
            description=(
                "Lead fields that identify a person: two leads that share one are the same "
                "person. An entry may join fields: `email+gclid`. `[]` switches this off."
            ),
        ),
        th.Property(
            "dedupe_window_days",
            th.IntegerType,
            default=30,
            title="Dedupe window (days)",
            description="How many days a person counts as already sent; 0 means forever.",
        ),
        th.Property(
            "max_concurrency",
            th.IntegerType,
            default=16,
            title="Max concurrency",
            description="Maximum number of requests in flight; the pace adapts below it.",
        ),
        th.Property(
            "requests_per_second",
            th.IntegerType,
            title="Requests per second",
            description="Hard limit for this process.",
        ),
        th.Property(
            "timeout_seconds",
            th.IntegerType,
            default=30,
            title="Timeout (seconds)",
            description="Time for each attempt, from connecting to the last byte of the answer.",
        ),
        th.Property(
            "transport",
            th.StringType,
            default="auto",
            allowed_values=["auto", "fast", "requests"],
            title="Transport",
            description=(
                "How leads are posted: `fast` uses its own connections, `requests` uses that "
                "library, which supports proxies; `auto` is `fast` unless there is a proxy."
            ),
        ),
        th.Property(
            "max_attempts",
            th.IntegerType,
            default=8,
            title="Max attempts",
            description=(
                "Maximum number of attempts for each lead; waits for throttling do not count."
            ),
        ),
        th.Property(
            "batch_size_rows",
            th.IntegerType,
            default=500,
            title="Batch size (rows)",
            description="Maximum number of records claimed in one transaction.",
        ),
        th.Property(
            "batch_wait_ms",
            th.IntegerType,
            default=200,
            title="Batch wait (ms)",
            description="Maximum time that a record waits for its batch to fill.",
        ),
        th.Property(
            "on_unknown",
            th.StringType,
            default="reconcile",
            allowed_values=["reconcile", "hold", "resend"],
            title="On unknown",
            description=(
                "What to do if it is unknown whether a lead was stored: ask the API "
                "(`reconcile`), keep it in doubt for a human (`hold`), or send it again at the "
                "risk of a duplicate (`resend`)."
            ),
        ),
        th.Property(
            "max_rejected_percent",
            th.IntegerType,
            default=10,
            title="Max rejected (percent)",
            description=(
                "If more than this percentage of the records is rejected (after 20 records), the "
                "run stops with exit code 1."
            ),
        ),
        th.Property(
            "max_changes",
            th.CustomType({"type": ["string", "integer"]}),
            default="20%",
            title="Max changes",
            description=(
                "How many leads whose outcome was already sent may get a different one in one "
                "run: a number, or a percentage of those leads such as `20%` (but at least 20 "
                "leads). If there are more, the run stops with exit code 1 before it sends any of "
                "them."
            ),
        ),
        th.Property(
            "transitions",
            th.StringType,
            default="forward",
            allowed_values=["forward", "any"],
            title="Transitions",
            description=(
                "Which status changes are allowed: with `forward` a lead that is won stays won; "
                "`any` lets it go back."
            ),
        ),
        th.Property(
            "check_quota",
            th.StringType,
            default="warn",
            allowed_values=["off", "warn", "fail"],
            title="Check quota",
            description=(
                "What to do if the plan's quota of leads is used up: `warn`, stop (`fail`), or do "
                "not check (`off`)."
            ),
        ),
        th.Property(
            "dry_run",
            th.BooleanType,
            default=False,
            title="Dry run",
            description=(
                "Do everything except send: log the leads that would be sent, masked. Uses no "
                "journal and writes no STATE."
            ),
        ),
        th.Property(
            "phone_region",
            th.StringType,
            title="Phone region",
            description=(
                "Country of phone numbers without a country code, as an ISO code such as `NL`."
            ),
        ),
        th.Property(
            "report_path",
            th.StringType,
            title="Report path",
            description=(
                "Write an HTML report of each run to this file, however the run ends (extra "
                "`report`)."
            ),
        ),
        th.Property(
            "metrics_path",
            th.StringType,
            title="Metrics path",
            description=(
                "A `.prom` file in a folder that node_exporter's textfile collector reads, "
                "written about once a minute and at the end of a run (extra `prometheus`)."
            ),
        ),
        th.Property(
            "heartbeat_url",
            th.StringType,
            title="Heartbeat URL",
            description=(
                "Requested (GET) after every successful run, so that a monitor can alert if the "
                "request does not come. Plain http is allowed only to this machine (loopback)."
            ),
            secret=True,
        ),
        th.Property(
            "strict_contract",
            th.StringType,
            default="full",
            allowed_values=["full", "legacy"],
            title="Strict contract",
            description=(
                "Lead fields that the API accepts: all 30 (`full`), or the 25 of the older "
                "contract (`legacy`)."
            ),
        ),
        th.Property(
            "validate_records",
            th.BooleanType,
            default=False,
            title="Validate records",
            description=(
                "Check each record against its stream's SCHEMA before mapping; a record that does "
                "not fit is rejected. The lead itself is always checked."
            ),
        ),
    ).to_dict()
