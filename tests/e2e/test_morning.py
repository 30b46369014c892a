"""The morning after: all that tells of a run says the same, and one command fixes it."""

from __future__ import annotations

import csv
import io
import json
import random
import re

import pytest

from tests.support.sandbox import Sandbox
from tests.support.target import Target, octanist, record, schema, state

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: 2,000 records: 1,800 of as many people, 120 of which come again, and 80 under another id.
KINDS = {"good": 1725, "unreachable": 25, "refused": 15, "filtered": 30, "doubtful": 5}
AGAIN, ANOTHER_ID = 120, 80
OUTCOMES = {"delivered": 1725, "duplicate": 200, "filtered": 30, "rejected": 40, "in_doubt": 5}
IN_WORDS = "1,725 delivered, 200 duplicate, 30 filtered, 40 rejected, 5 in doubt"

LEADS = {"method": "POST", "path": "/leads"}
MAPPING = {"name": "name", "email": "email", "phone": "phone"}
MENDED = MAPPING | {"phone": ["phone", "mobile"]}


def person_of(kind, number):
    """A person of that kind: what is wrong shows in the address alone."""
    domains = {"filtered": "blocked.example.com", "unreachable": "nowhere"}
    address = f"{kind}.{number}@{domains.get(kind, 'example.com')}"
    values = {"id": number, "name": f"Canary Name{number}", "email": address, "phone": ""}
    return values | {"mobile": f"+3161{number:07d}"}


def night():
    """The stream, and who is in it by kind; the same every time."""
    chance = random.Random(8)
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    chance.shuffle(kinds)
    people = [person_of(kind, number) for number, kind in enumerate(kinds, 1)]
    records = list(people)
    good = [p for p, kind in zip(people, kinds, strict=True) if kind == "good"]
    for number, twin in enumerate(chance.sample(good, AGAIN + ANOTHER_ID)):
        again = twin if number < AGAIN else twin | {"id": 5000 + number}
        records.insert(chance.randrange(records.index(twin) + 1, len(records) + 1), again)
    columns = ("id", "name", "email", "phone", "mobile")
    lines = [schema(columns=columns), *(record(**values) for values in records)]
    return [*lines, state({"at": len(records)})], people


@pytest.fixture(scope="module")
def morning(tmp_path_factory):
    """A run that is over, with its sandbox."""
    with Sandbox("--filter-email-domain", "blocked.example.com") as sandbox:
        status = {"kind": "status", "status": 400}
        sandbox.fault(status, **LEADS, field={"email": "refused.*"})
        sandbox.fault("drop-after-commit", **LEADS, field={"email": "doubtful.*"})
        folder = tmp_path_factory.mktemp("morning")
        target = Target(
            folder,
            sandbox.base_url,
            on_unknown="hold",
            streams={"leads": {"mapping": MAPPING}},
            report_path=str(folder / "report.html"),
        )
        lines, people = night()
        done = target.run(lines)
        assert done.returncode == 0, done.stderr
        assert done.states[-1] == {"at": 2000}
        yield sandbox, target, done, people


@pytest.fixture(scope="module")
def ask(morning):
    """Runs a command with the run's settings."""
    _, target, _, _ = morning

    def run(*arguments, **settings):
        config = target.folder / "ask.json"
        config.write_text(json.dumps(target.settings | settings), encoding="utf-8")
        done = octanist(*arguments, "--config", str(config), home=target.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_summary_says_how_it_ended(morning):
    _, _, done, _ = morning
    assert "2,000 records in" in done.stderr
    assert f": {IN_WORDS}." in done.stderr
    assert "40 records were rejected and are kept as dead letters" in done.stderr
    assert "5 leads are in doubt" in done.stderr
    assert "30 leads were filtered" in done.stderr


def test_status_says_the_same(ask):
    found = json.loads(ask("status", "--json"))
    assert found["last_run"]["outcomes"] == OUTCOMES
    # What came again has no row of its own.
    assert found["outcomes"] == OUTCOMES | {
        "duplicate": ANOTHER_ID,
        "claimed": 0,
        "sending": 0,
    }
    assert found["dead_letters"] == len(found["rejected"]) == 40
    assert len(found["in_doubt"]) == 5
    rejected = sum(group["count"] for group in found["reasons"])
    assert rejected == 40
    assert IN_WORDS in ask("status")


def test_the_reasons_of_the_run_add_up(ask):
    reasons = json.loads(ask("status", "--json"))["last_run"]["reasons"]
    by_outcome = dict.fromkeys(OUTCOMES, 0)
    for group in reasons:
        by_outcome[group["outcome"]] += group["count"]
        assert 1 <= len(group["references"]) <= 5
    assert by_outcome == OUTCOMES | {"delivered": 0}


def test_the_dead_letters_are_the_rejected_ones(ask):
    found = json.loads(ask("dead-letters", "list", "--json"))
    assert found["count"] == len(found["dead_letters"]) == 40
    assert sorted(group["count"] for group in found["reasons"]) == [15, 25]
    filtered = json.loads(ask("dead-letters", "list", "--filtered", "--json"))
    assert filtered["count"] == 30


def test_the_report_says_the_same(morning, ask):
    _, target, _, _ = morning
    report = json.loads(ask("report", "--format", "json"))
    (run,) = report["runs"]
    assert run["outcomes"] == report["totals"]["outcomes"] == OUTCOMES
    assert report["now"]["dead_letters"] == 40
    (line,) = csv.DictReader(io.StringIO(ask("report", "--format", "csv")))
    assert {outcome: int(line[outcome]) for outcome in OUTCOMES} == OUTCOMES
    # What a person reads, without the page's tags.
    page = (target.folder / "report.html").read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    for outcome, number in OUTCOMES.items():
        name = outcome.replace("_", " ")
        assert re.search(rf"(?i)({number:,} {name}|{name} {number:,})\b", words), outcome


def test_nothing_of_a_person_is_in_any_of_it(morning, ask):
    _, target, done, people = morning
    told = [done.stderr, done.stdout, (target.folder / "report.html").read_text(encoding="utf-8")]
    told += [ask("status"), ask("status", "--json"), ask("dead-letters", "list", "--json")]
    told += [ask("report", "--format", kind, "--out", "-") for kind in ("html", "json", "csv")]
    text = "\n".join(told)
    for values in people:
        for column in ("name", "email", "mobile"):
            assert values[column] not in text, column


def test_a_replay_after_the_mend_delivers_exactly_the_rejected(morning, ask):
    sandbox, _, _, people = morning
    before = [lead["id"] for lead in sandbox.leads()]
    assert len(before) == 1725 + 5, "what is in doubt was stored here, and nobody knows"
    sandbox.clear_faults()
    mended = {"streams": {"leads": {"mapping": MENDED}}}
    ask("dead-letters", "replay", **mended)
    new = [lead for lead in sandbox.leads() if lead["id"] not in before]
    wanted = [p for p in people if p["email"].startswith(("unreachable", "refused"))]
    assert sorted(lead["name"] for lead in new) == sorted(p["name"] for p in wanted)
    assert {lead.get("phone") for lead in new} == {p["mobile"] for p in wanted}
    after = json.loads(ask("status", "--json"))
    assert after["outcomes"]["delivered"] == 1725 + 40
    assert after["outcomes"]["rejected"] == after["dead_letters"] == 0
    assert json.loads(ask("dead-letters", "list", "--json"))["count"] == 0
    ask("dead-letters", "replay", **mended)
    assert len(sandbox.leads()) == 1725 + 5 + 40
