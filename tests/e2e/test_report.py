"""What a run did: the journal's figures, `octanist status`, `octanist report` and `report_path`.

All expected numbers are counted by hand.
"""

from __future__ import annotations

import csv
import io
import json
import signal
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from target_octanist.ledger.journal import Journal
from tests.support.sandbox import Sandbox
from tests.support.target import (
    Target,
    feed,
    finish,
    octanist,
    people,
    person,
    record,
    schema,
    state,
    wait_for,
)

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}
COLUMNS = ("id", "name", "email", "phone", "utm_source", "utm_campaign")

#: Parts of what the people in here are called, live at and are called under.
CANARIES = ("canary", "name1", "3161", "0000001", "not(at)", "@example")


def lead(number, source=None, campaign=None, stream="forms", **values):
    return record(
        stream, **person(number) | {"utm_source": source, "utm_campaign": campaign} | values
    )


#: Nine records of two streams: three delivered, two duplicate, one filtered, two rejected,
#: one in doubt.
NIGHT = [
    schema("forms", COLUMNS),
    schema("shop", COLUMNS),
    lead(1, "google", "spring"),
    lead(2, "google"),
    lead(3, "facebook", "for canary.3@example.com", stream="shop"),
    lead(1, "google", "spring"),
    lead(100, "bing", email=person(2)["email"]),
    lead(4, "bing"),
    lead(5, "bing"),
    lead(6, "bing", email="canary not(at) valid", phone=None),
    lead(7, "bing", stream="shop"),
    state({"at": 9}),
]

OUTCOMES = {"delivered": 3, "duplicate": 2, "filtered": 1, "rejected": 2, "in_doubt": 1}

REASONS = [
    ("forms", "duplicate", "a lead of the same person was sent before", [5]),
    ("forms", "duplicate", "this record was settled before", [4]),
    ("forms", "filtered", "refused by the organisation's filter rules", [6]),
    ("forms", "rejected", "email (from email) is not a valid e-mail address.", [8]),
    ("forms", "rejected", "the API rejected the lead (HTTP 400)", [7]),
    ("shop", "in_doubt", "sent, but no answer came: the connection was closed", [9]),
]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A run of which something became of every kind, with its page."""
    folder = tmp_path_factory.mktemp("night")
    with Sandbox() as sandbox:
        for number, action in ((4, "403"), (5, "400")):
            field = {"email": person(number)["email"]}
            sandbox.fault(kind="status", status=int(action), **LEADS, field=field)
        sandbox.fault("drop", **LEADS, field={"email": person(7)["email"]})
        target = Target(folder, sandbox.base_url, on_unknown="hold", max_rejected_percent=100)
        done = target.run(NIGHT, report_path=str(folder / "run.html"))
        assert done.returncode == 0, done.stderr
    return target


def report(target, *options, code=0):
    done = octanist("report", "--ledger", str(target.ledger), *options, home=target.folder)
    assert done.returncode == code, done.stderr
    return done


def report_json(target, *options):
    return json.loads(report(target, "--format", "json", *options).stdout)


def kept_figures(target):
    with closing(sqlite3.connect(target.ledger)) as journal:
        return [
            json.loads(row[0]) for row in journal.execute("SELECT figures FROM octanist_figures")
        ]


def test_the_figures_of_a_run_are_right_to_the_lead(night):
    (figures,) = kept_figures(night)
    assert figures["records"] == 9
    assert figures["outcomes"] == OUTCOMES
    assert figures["streams"] == {
        "forms": {"delivered": 2, "duplicate": 2, "filtered": 1, "rejected": 2},
        "shop": {"delivered": 1, "in_doubt": 1},
    }
    assert figures["recovered"] == {}
    assert [
        (r["stream"], r["outcome"], r["reason"], [ref["record"] for ref in r["references"]])
        for r in figures["reasons"]
    ] == REASONS
    assert all(r["count"] == 1 for r in figures["reasons"])
    assert figures["delivered"] == {"forms": 2, "shop": 1}
    assert figures["filled"] == {
        "forms": {"name": 2, "email": 2, "phone": 2, "utm_source": 2, "utm_campaign": 1},
        "shop": {"name": 1, "email": 1, "phone": 1, "utm_source": 1, "utm_campaign": 1},
    }
    assert figures["sources"] == [
        {"value": "google", "count": 2},
        {"value": "facebook", "count": 1},
    ]
    assert {v["value"]: v["count"] for v in figures["campaigns"]} == {
        "spring": 1,
        "(hidden)": 1,
        "(none)": 1,
    }
    assert figures["requests"] == {"201": 3, "403": 1, "400": 1, "none": 1}
    assert (figures["exit_code"], figures["dry_run"], figures["failure"]) == (0, False, None)
    assert figures["started_at"] <= figures["ended_at"]
    settled = [span["settled"] for span in figures["timeline"]]
    assert {name: sum(s.get(name, 0) for s in settled) for name in OUTCOMES} == OUTCOMES
    assert figures["latency"]["p50"] > 0


def test_status_and_every_form_of_the_report_agree(night):
    status = night.status()
    last = status["last_run"]
    assert last["outcomes"] == OUTCOMES
    assert (last["state"], last["exit_code"], last["kind"]) == ("ended", 0, "run")
    assert len(status["runs"]) == 1
    assert status["dead_letters"] == 2
    assert {k: v for k, v in status["outcomes"].items() if v} == {
        "delivered": 3,
        "duplicate": 1,  # the same record has its one row
        "filtered": 1,
        "rejected": 2,
        "in_doubt": 1,
    }

    whole = report_json(night)
    assert whole["totals"]["outcomes"] == OUTCOMES
    assert whole["runs"][0]["figures"]["outcomes"] == OUTCOMES
    assert {k: v for k, v in status["outcomes"].items() if v} == whole["now"]["outcomes"]
    assert whole["now"]["dead_letters"] == 2
    assert [step["command"] for step in whole["next_steps"]] == [
        "octanist reconcile",
        "octanist dead-letters list",
    ]

    (line,) = csv.DictReader(io.StringIO(report(night, "--format", "csv").stdout))
    assert {name: int(line[name]) for name in OUTCOMES} == OUTCOMES
    assert line["id"] == last["id"]

    page = Page(report(night, "--out", "-").stdout)
    assert "3 of 9 records arrived as leads." in page.text
    assert page.tiles[:5] == list(OUTCOMES.values())


def test_status_says_in_words_what_the_last_run_did_and_what_to_do_next(night):
    done = octanist("status", "--ledger", str(night.ledger), home=night.folder)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("Last run: ")
    assert first.endswith("exit 0: 3 delivered, 2 duplicate, 1 filtered, 2 rejected, 1 in doubt.")
    assert rest[-4:] == [
        "  1 lead is in doubt: ask Octanist about it.",
        "    octanist reconcile",
        "  2 dead letters are kept: see why, fix the mapping or the rule, then replay them.",
        "    octanist dead-letters list",
    ]
    for stream, outcome, reason, _ in REASONS:
        assert f"1 × {stream}, {outcome.replace('_', ' ')}: {reason}" in done.stdout


def test_an_alert_names_each_thing_that_needs_somebody(night):
    done = octanist("status", "--alert", "--ledger", str(night.ledger), home=night.folder)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "1 in doubt: octanist reconcile",
        "2 dead letters: octanist dead-letters list",
    ]


def test_commands_are_those_of_meltano_where_it_runs_us(night):
    meltano = {"MELTANO_PROJECT_ROOT": str(night.folder), "MELTANO_LOADER_NAME": "to-shop"}
    reconcile, letters = (
        "meltano invoke to-shop:reconcile",
        "meltano invoke to-shop:dead-letters list",
    )

    def ask(*arguments):
        ledger = ("--ledger", str(night.ledger))
        return octanist(*arguments, *ledger, home=night.folder, **meltano).stdout

    said = ask("status").splitlines()
    assert [line for line in said if "invoke" in line] == [f"    {reconcile}", f"    {letters}"]
    assert ask("status", "--alert").splitlines() == [
        f"1 in doubt: {reconcile}",
        f"2 dead letters: {letters}",
    ]
    steps = json.loads(ask("report", "--format", "json"))["next_steps"]
    assert [step["command"] for step in steps] == [reconcile, letters]


def test_commands_find_the_settings_of_the_one_that_advises_them(night):
    config = night.folder / "config.json"
    done = octanist("status", "--alert", "--config", str(config), home=night.folder)
    assert done.stdout.splitlines() == [
        f"1 in doubt: octanist reconcile --config {config}",
        f"2 dead letters: octanist dead-letters list --config {config}",
    ]


def test_nothing_that_is_kept_or_shown_holds_a_persons_data(night):
    outputs = {
        "figures": json.dumps(kept_figures(night)),
        "page of the run": (night.folder / "run.html").read_text(encoding="utf-8"),
        "page": report(night, "--out", "-").stdout,
        "page of a period": report(night, "--since", "1d", "--out", "-").stdout,
        "json": report(night, "--format", "json").stdout,
        "csv": report(night, "--format", "csv").stdout,
        "status": octanist("status", "--ledger", str(night.ledger), home=night.folder).stdout,
        "status as json": json.dumps(night.status()),
    }
    for name, text in outputs.items():
        for canary in CANARIES:
            assert canary not in text.lower(), (name, canary)


class Page(HTMLParser):
    """A page, read strictly: every element that is opened must be closed in its place."""

    EMPTY = frozenset({"meta", "link", "br", "path", "use"})

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.addresses = [], [], []
        self.styles, self.parts, self.tiles = "", [], []
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join("".join(self.parts).split())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        names = ("src", "href", "xlink:href", "action", "data", "poster", "srcset")
        self.addresses += [given[name] for name in names if name in given]
        self.styles += given.get("style") or ""
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            self.styles += data
            return
        self.parts.append(data)
        if self.open[-1:] == ["dd"] and data.strip().replace(",", "").isdecimal():
            self.tiles.append(int(data.replace(",", "")))


@pytest.mark.parametrize("options", [(), ("--since", "1d")])
def test_the_page_is_well_formed_and_needs_nothing_from_outside(night, options):
    text = report(night, *options, "--out", "-").stdout
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    # A plot may point at a part of itself.
    assert "url(" not in page.styles.replace("url(#", "")
    assert "@import" not in text
    assert "<script" not in text
    drawings = [f"<svg{part.split('</svg>')[0]}</svg>" for part in text.split("<svg")[1:]]
    assert len(drawings) == 3
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
        assert "#01020" not in drawing, "a colour that stands for one of the page's"


def test_the_same_journal_gives_the_same_plots(night):
    first, second = (report(night, "--out", "-").stdout for _ in range(2))
    assert first.split("<svg")[1:3] == second.split("<svg")[1:3]


def test_what_the_record_says_is_shown_as_text_and_never_as_markup(sandbox, target):
    target.run(
        [schema("<b>&forms", COLUMNS), lead(1, "<script>alert(1)</script>", stream="<b>&forms")]
    )
    text = report(target, "--out", "-").stdout
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    Page(text)


def test_a_run_that_is_killed_leaves_its_figures(sandbox, target):
    process = target.start()
    feed(process, people(1))
    wait_for(lambda: target.ledger.exists() and sandbox.leads())
    wait_for(lambda: (target.status()["last_run"] or {}).get("outcomes") == {"delivered": 1})
    assert target.status()["last_run"]["state"] == "running"
    process.kill()
    finish(process)

    last = target.status()["last_run"]
    assert (last["state"], last["ended_at"], last["exit_code"]) == ("cut_off", None, None)
    assert last["outcomes"] == {"delivered": 1}
    whole = report_json(target)
    assert whole["next_steps"][0]["sentence"].startswith("The run was cut off. Run again")
    assert "The run was cut off." in Page(report(target, "--out", "-").stdout).text
    done = octanist("status", "--alert", "--ledger", str(target.ledger), home=target.folder)
    assert done.returncode == 1
    assert done.stdout.startswith("The last run failed: today ")
    assert "cut off after" in done.stdout


def test_what_a_run_takes_over_is_counted_apart(sandbox, target):
    target.env = {"OCTANIST_KILL_AT": "answer"}
    assert target.run(people(1)).returncode == -signal.SIGKILL
    assert target.status()["last_run"]["outcomes"] is None, "it died before anything was kept"
    target.env = {}
    assert target.run([schema(), record(**person(2))], on_unknown="hold").returncode == 0
    last, killed = target.status()["runs"]
    assert (last["outcomes"], last["recovered"]) == ({"delivered": 1}, {"in_doubt": 1})
    assert (killed["state"], killed["outcomes"]) == ("cut_off", None)
    (reason,) = last["reasons"]
    assert (reason["outcome"], reason["count"]) == ("in_doubt", 1)
    assert reason["references"][0]["record"] is None
    whole = report_json(target, "--since", "1d")
    assert whole["totals"]["outcomes"] == {"delivered": 1}
    assert whole["totals"]["recovered"] == {"in_doubt": 1}
    assert whole["now"]["outcomes"] == {"delivered": 1, "in_doubt": 1}
    text = Page(report(target, "--since", "1d", "--out", "-").stdout).text
    assert "No figures of 1 run were kept" in text


def test_a_run_and_a_period_can_be_asked_for(sandbox, target):
    target.run(people(1))
    target.run(people(3))
    second, first = target.status()["runs"]
    assert report_json(target)["totals"]["outcomes"] == {"delivered": 2, "duplicate": 1}
    assert report_json(target, "--run", first["id"][:8])["totals"]["outcomes"] == {"delivered": 1}
    both = report_json(target, "--since", "1d")["totals"]
    assert both["outcomes"] == {"delivered": 3, "duplicate": 1}
    assert both["runs"] == 2
    later = report_json(target, "--since", second["started_at"])
    assert [run["id"] for run in later["runs"]] == [second["id"]]
    earlier = report_json(target, "--until", second["started_at"])
    assert [run["id"] for run in earlier["runs"]] == [first["id"]]
    assert report_json(target, "--until", "7d")["runs"] == []
    assert (
        "There was no run in this time."
        in Page(report(target, "--until", "7d", "--out", "-").stdout).text
    )
    wrong = report(target, "--run", "zzz", code=1)
    assert wrong.stderr == (
        "--run: zzz names no run; `octanist status` lists the last ones. (run-id-unknown)\n"
    )


def test_an_alert_is_silent_when_all_is_well_and_knows_how_old_good_may_be(sandbox, target):
    target.run(people(1))

    def alert(*options):
        return octanist(
            "status", "--alert", *options, "--ledger", str(target.ledger), home=target.folder
        )

    done = alert("--max-age", "26h")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with closing(sqlite3.connect(target.ledger)) as journal, journal:
        journal.execute("UPDATE octanist_runs SET started_at = 1000, ended_at = 2000")
    assert alert().returncode == 0
    done = alert("--max-age", "26h", "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding.startswith("No run has succeeded since ")


def test_a_run_of_which_all_was_rejected_is_no_success(sandbox, target):
    done = target.run([schema(), record(id=1, email="nowhere"), record(id=2, email="nowhere")])
    assert done.returncode == 0
    config = ("--config", str(target.folder / "config.json"))
    octanist("dead-letters", "discard", "--all", "--yes", *config, home=target.folder)
    assert octanist("status", "--alert", *config, home=target.folder).returncode == 0
    alert = octanist("status", "--alert", "--max-age", "26h", *config, home=target.folder)
    assert alert.returncode == 1
    assert alert.stdout.startswith("No run has succeeded since ")


def test_a_run_that_stops_says_why_in_status_alert_and_page(sandbox, target):
    page = target.folder / "run.html"
    done = target.run([*people(1), "no message"], report_path=str(page))
    assert done.returncode == 1
    why = "Line 4 of the input is not a JSON object"
    last = target.status()["last_run"]
    assert (last["exit_code"], last["state"], last["outcomes"]) == (1, "ended", {"delivered": 1})
    assert last["failure"].startswith(why)
    alert = octanist("status", "--alert", "--ledger", str(target.ledger), home=target.folder)
    assert alert.returncode == 1
    assert why in alert.stdout
    shown = Page(page.read_text(encoding="utf-8")).text
    assert f"What to do next The run stopped: {why}" in shown
    verdict, _ = shown.split("What to do next")
    assert verdict.rstrip().endswith("The run stopped early."), "its reason is told once, below"


def test_a_dry_run_has_a_page_and_no_journal(sandbox, target):
    page = target.folder / "run.html"
    done = target.run(people(2), dry_run=True, report_path=str(page))
    assert done.returncode == 0, done.stderr
    assert not target.ledger.exists()
    text = Page(page.read_text(encoding="utf-8")).text
    assert "2 of 2 records would arrive as leads." in text
    assert "It was a dry run: nothing was sent." in text


def test_a_page_that_cannot_be_written_is_a_warning_and_no_more(sandbox, target):
    folder = target.folder / "reports"
    folder.mkdir()
    process = target.start(report_path=str(folder / "run.html"))
    feed(process, people(1))
    sandbox.wait_until(lambda s: s.leads())
    folder.rmdir()
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert "report_path:" in done.stderr
    assert "cannot be written (No such file or directory)" in done.stderr
    assert target.status()["last_run"]["exit_code"] == 0


def test_a_page_replaces_the_one_before_and_leaves_nothing_beside_it(sandbox, target):
    folder = target.folder / "reports"
    folder.mkdir()
    for _ in range(2):
        assert target.run(people(1), report_path=str(folder / "run.html")).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["run.html"]
    assert "0 of 1 records arrived as leads." in (folder / "run.html").read_text(encoding="utf-8")


def test_a_journal_of_an_earlier_version_can_be_read(sandbox, target):
    target.run(people(2))
    with closing(sqlite3.connect(target.ledger)) as journal:
        journal.execute("DROP TABLE octanist_figures")
    status = target.status()
    assert status["outcomes"]["delivered"] == 2
    assert (status["last_run"]["exit_code"], status["last_run"]["outcomes"]) == (0, None)
    assert report_json(target)["now"]["outcomes"] == {"delivered": 2}
    assert "No figures of this run were kept." in Page(report(target, "--out", "-").stdout).text
    # The next run makes the table.
    assert target.run(people(3)).returncode == 0
    assert target.status()["last_run"]["outcomes"] == {"delivered": 1, "duplicate": 2}


def test_what_a_human_settles_is_counted_with_the_run_that_wrote_it_down(sandbox, target):
    sandbox.fault("drop", **LEADS, times=1)
    target.run(people(1), on_unknown="hold")
    (doubt,) = target.status()["in_doubt"]
    config = str(target.folder / "config.json")
    there = ("--delivered", doubt["source"][:12])
    done = octanist("reconcile", "--config", config, *there, home=target.folder)
    assert done.returncode == 0, done.stderr
    assert "1 lead was in doubt. Now: 1 delivered" in done.stdout
    last = target.status()["last_run"]
    assert (last["kind"], last["outcomes"]) == ("reconcile", {})
    assert last["recovered"] == {"delivered": 1}


def test_a_record_that_comes_with_every_run_is_named_once(sandbox, target):
    for _ in range(3):
        target.run([schema(), record(id=1, email="nowhere")])
    (reason,) = report_json(target, "--since", "1d")["totals"]["reasons"]
    assert (reason["count"], len(reason["references"])) == (3, 1)
    page = Page(report(target, "--since", "1d", "--out", "-").stdout)
    assert "3 were rejected, and kept as dead letters." in page.text
    assert "a record that comes again counts again" in page.text


def test_a_headline_is_true_where_no_record_was_settled(sandbox, target):
    def told(*options):
        return Page(report(target, *options, "--out", "-").stdout).text

    def status():
        return octanist("status", "--ledger", str(target.ledger), home=target.folder).stdout

    Journal.open(str(target.ledger)).close()
    assert "Nothing happened. There was no run yet." in told()
    assert status().startswith("There was no run yet.\n")

    assert target.run([schema()]).returncode == 0
    assert "No record came. All went well." in told()
    assert "1 run, 1 successful No record came." in told("--since", "1d")

    sandbox.fault("401", method="POST", path="/leads")
    assert target.run(people(2)).returncode == 1
    assert (
        "No record was settled. The run stopped early. What to do next The run stopped: the API"
        in told()
    )
    assert "No record was settled. 1 of 2 runs failed." in told("--since", "1d")
    said = status()
    assert said.count("the API refuses the key") == 1, "once, with what to do about it"
    assert "Fix that" not in said
    last = said.split("What to do next:")[1].strip()
    assert last.startswith("The last run stopped: the API refuses the key")
    assert last.endswith("set api_key to a key of this organisation, and run again.")
