"""What a run logs can be joined to its row in the journal, and names nobody."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.support.target import people, person, record, schema

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}

#: What Meltano writes for a loader with the capability `structured-logging`.
STRUCTURED = """
version: 1
disable_existing_loggers: false
formatters:
  structured:
    (): singer_sdk.logging.StructuredFormatter
handlers:
  console:
    class: logging.StreamHandler
    formatter: structured
    stream: ext://sys.stderr
root:
  level: DEBUG
  handlers: [console]
"""


@pytest.fixture
def structured(target):
    config = target.folder / "logging.yaml"
    config.write_text(STRUCTURED, encoding="utf-8")
    target.env = {"SINGER_SDK_LOG_CONFIG": str(config)}
    return target


def logged(done):
    return [json.loads(line) for line in done.stderr.splitlines()]


def runs(target):
    connection = sqlite3.connect(target.ledger)
    try:
        return [run for (run,) in connection.execute("SELECT id FROM octanist_runs")]
    finally:
        connection.close()


def test_each_line_is_an_object_with_the_id_that_the_journal_has(sandbox, structured):
    # One is no lead, one is refused by the API, and one is in doubt.
    sandbox.fault(kind="status", status=400, **LEADS, field={"email": "canary.2@*"})
    sandbox.fault("drop", **LEADS, field={"email": "canary.3@*"})
    bad = record(id=99, email="Canary(at)example.com", name="Canary Bad")
    done = structured.run([*people(5), bad], on_unknown="hold", max_rejected_percent=100)
    assert done.returncode == 0, done.stderr
    lines = logged(done)
    (run,) = runs(structured)
    assert {line["extra"].get("run_id") for line in lines} == {run}
    assert "canary" not in done.stderr.casefold()

    metrics = [line["metric_info"] for line in lines if line["message"] == "METRIC"]
    assert {"type", "metric", "value", "tags"} == set().union(*metrics)
    assert {
        "type": "counter",
        "metric": "lead_count",
        "value": 3,
        "tags": {"stream": "leads", "outcome": "delivered"},
    } in metrics

    (batches,) = [point for point in metrics if point["metric"] == "batch_count"]
    assert batches["value"] >= 1

    told = [line for line in lines if "rejected: email" in line["message"]]
    assert [line["extra"]["error_id"] for line in told] == ["lead-invalid-email"]
    warnings = [line["message"] for line in lines if line["level"] == "warning"]
    assert any("3 delivered" in said and "1 in doubt" in said for said in warnings)


def test_what_ends_a_run_is_an_error_with_its_id(sandbox, structured):
    sandbox.fault("401", **LEADS)
    done = structured.run(people(2))
    assert done.returncode == 1
    errors = [line for line in logged(done) if line["level"] == "error"]
    assert [line["extra"]["error_id"] for line in errors] == ["api-key-refused"]
    assert errors[0]["message"].endswith("(api-key-refused)")
    assert {line["extra"]["run_id"] for line in errors} == set(runs(structured))


def test_a_mistake_in_the_settings_is_one_object_for_each(structured):
    done = structured.run([schema()], max_concurrency=0, on_unknown="resent")
    assert done.returncode == 1
    errors = [line for line in logged(done) if line["level"] == "error"]
    assert [line["extra"]["error_id"] for line in errors] == ["settings-value"] * 2


def test_what_was_not_foreseen_is_an_object_without_values(structured):
    lines = [schema(columns=("id", "email")), record(**person(1)), '{"type": "STATE"}']
    done = structured.run(lines)
    assert done.returncode == 1
    assert [line["level"] for line in logged(done)].count("error") == 1
    assert "canary" not in done.stderr.casefold()


def test_for_people_the_first_and_the_last_line_of_a_run_name_it(target):
    done = target.run(people(2))
    (run,) = runs(target)
    said = [line for line in done.stderr.splitlines() if "METRIC" not in line]
    mine = [line for line in said if f"Run {run[:8]}" in line]
    assert len(mine) == 2
    assert f"Run {run[:8]} begins; leads go to {target.settings['base_url']}." in mine[0]
    assert mine[1] == said[-1]
    assert mine[1].endswith(f"Run {run[:8]} ended with exit code 0.")


def test_each_run_has_an_id_of_its_own(target):
    assert target.run(people(1)).returncode == 0
    assert target.run(people(2)).returncode == 0
    assert len(set(runs(target))) == 2
