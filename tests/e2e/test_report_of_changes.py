"""What reports say of runs that told what became of leads."""

from __future__ import annotations

import json

import pytest

from tests.support.target import octanist, record, schema, state

pytestmark = pytest.mark.e2e

STREAMS = {
    "contacts": {"mapping": {"email": "email", "utm_source": "source"}},
    "deals": {
        "mode": "update",
        "link": {"stream": "contacts", "by": "contact"},
        "mapping": {"status": "stage"},
    },
}

CONTACTS = [
    schema("contacts", ("id", "email", "source")),
    record("contacts", id=1, email="canary.1@example.com", source="google"),
    record("contacts", id=2, email="canary.2@example.com", source="google"),
    record("contacts", id=3, email="canary.3@example.com", source="google"),
]

#: Two are passed on, one waits, one has nothing to tell, one names nobody.
DEALS = [
    schema("deals", ("id", "contact", "stage")),
    record("deals", id=1, contact=1, stage="won"),
    record("deals", id=2, contact=2, stage="lost"),
    record("deals", id=3, contact=9, stage="won"),
    record("deals", id=4, contact=3, stage=None),
    record("deals", id=5, contact=None, stage="won"),
]


@pytest.fixture
def run(target, tmp_path):
    """Run over some lines, and give the JSON and the page of the report."""

    def run(lines):
        page = tmp_path / "report.html"
        done = target.run([*lines, state({"at": 1})], streams=STREAMS, report_path=str(page))
        assert done.returncode == 0, done.stderr
        assert "the report was not written" not in done.stderr
        config = str(target.folder / "config.json")
        told = octanist("report", "--format", "json", "--config", config, home=tmp_path)
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout), page.read_text(encoding="utf-8")

    return run


def test_outcomes_that_were_told_are_not_counted_as_leads(run):
    found, page = run([*CONTACTS, *DEALS])
    totals = found["totals"]
    assert totals["outcomes"] == {"delivered": 5, "pending": 1, "skipped": 1, "rejected": 1}
    assert (totals["delivered"], totals["changes"]) == ({"contacts": 3}, {"deals": 2})
    assert totals["sources"] == [{"value": "google", "count": 3}]
    assert totals["filled"].keys() == {"contacts"}
    assert found["now"]["pending"] == 1
    assert "3 of 8 records arrived as leads." in page
    assert "2 updated leads." in page
    assert "1 waits for its lead. 1 had nothing to update." in page
    assert '<dt><span class="dot pending"></span>pending</dt>' in page
    assert page.count("<dt>pending</dt>") == 2, "in this run, and now"


def test_a_run_of_outcomes_alone_says_so(run):
    run(CONTACTS)
    found, page = run(DEALS[:3])
    assert found["totals"]["delivered"] == {}
    assert "2 of 2 records updated leads." in page
    assert "as leads" not in page


def test_a_page_without_changes_does_not_speak_of_them(run):
    found, page = run(CONTACTS)
    assert found["totals"]["changes"] == {}
    assert "3 of 3 records arrived as leads." in page
    assert "<dt>pending</dt>" not in page
    assert "skipped</dt>" not in page


def test_a_line_of_csv_has_what_waits_and_what_had_nothing_to_tell(run, target, tmp_path):
    run([*CONTACTS, *DEALS])
    config = str(target.folder / "config.json")
    told = octanist("report", "--format", "csv", "--config", config, home=tmp_path)
    names, values = (line.split(",") for line in told.stdout.splitlines())
    row = dict(zip(names, values, strict=True))
    assert (row["delivered"], row["pending"], row["skipped"]) == ("5", "1", "1")
