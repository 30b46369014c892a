"""Everything in the catalogue can happen: each entry is provoked, and found by what is said."""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from target_octanist import catalogue
from target_octanist.cli import main
from target_octanist.errors import OctanistError, SettingsError, with_id
from target_octanist.leads.mapping import Unmappable, compile_mapping
from target_octanist.leads.problems import RULES
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.runtime import Run
from target_octanist.sdk_errors import readable_errors
from target_octanist.settings import Settings
from target_octanist.settings_reader import read_settings
from tests.support.target import feed, finish, octanist, people, person, record, schema

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]

LEADS = {"method": "POST", "path": "/leads"}
SECOND = {**LEADS, "field": {"email": "canary.2@*"}}

#: What becomes of a record, as against what stops a run or a command.
OF_RECORDS = {"rejected", "filtered", "in doubt", "duplicate", "skipped", "changed"}

#: A rule that nothing can break.
NEVER = {"invalid_custom"}

PROVOCATIONS = {}


def provokes(error_id, says):
    """Mark what provokes an entry; `says` is what to do, as the sentence has it."""

    def mark(function):
        PROVOCATIONS[error_id] = function, says
        return function

    return mark


class World:
    """Where things go wrong; a sandbox is started when it is asked for."""

    def __init__(self, request, folder, capsys):
        self._request = request
        self.folder = folder
        self._capsys = capsys

    @property
    def sandbox(self):
        return self._request.getfixturevalue("sandbox")

    @property
    def target(self):
        return self._request.getfixturevalue("target")

    @property
    def patch(self):
        return self._request.getfixturevalue("monkeypatch")

    def settings(self, **settings):
        """What is wrong with settings."""
        return self.told(lambda: read_settings({"api_key": "any"} | settings, {}))

    def mapping(self, mapping, **settings):
        return self.settings(streams=[{"stream": "a", "mapping": mapping}], **settings)

    def preset(self, text):
        path = self.folder / "mine.yml"
        path.write_text(text, encoding="utf-8")
        return self.settings(streams=[{"stream": "a", "preset": str(path)}])

    def told(self, call):
        """What a call of ours ends with, as people are shown it."""
        with pytest.raises(OctanistError) as caught, readable_errors():
            call()
        return "\n".join(map(with_id, caught.value.problems))

    def run(self, lines, **settings):
        """What a real run that ends with 1 says."""
        done = self.target.run(lines, **settings)
        assert done.returncode == 1, done.stderr
        return done.stderr

    def command(self, *arguments):
        """What a command that ends with 1 says."""
        self.patch.setattr("sys.argv", ["octanist", *map(str, arguments)])
        for name in [name for name in os.environ if name.startswith("TARGET_OCTANIST_")]:
            self.patch.delenv(name)
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 1
        return self._capsys.readouterr().err

    def load(self, name, content, *options):
        path = self.folder / name
        path.write_bytes(content)
        config = self.folder / "load.json"
        here = {"api_key": "any", "base_url": "http://127.0.0.1:9/api", "check_quota": "off"}
        config.write_text(json.dumps(here | {"ledger": str(self.folder / "ledger.db")}))
        return self.command("load", path, "--config", config, *options)

    def reason(self, lines, state, **settings):
        """The one reason that the journal has for a state after a real run."""
        done = self.target.run(lines, **settings)
        assert done.returncode == 0, done.stderr
        (reason,) = {row["reason"] for row in self.target.status()[state]}
        return reason

    def refusal(self, mapping, *, mode="create", **values):
        """Why a mapping makes no lead or change of a record."""
        found = compile_mapping(mapping, where="streams.a.mapping", mode=mode).apply(values)
        assert isinstance(found, Unmappable)
        return found.reasons[0].sentence()

    def note(self, mapping, *, mode="create", **values):
        """What a mapping remarks of a record of which it makes a lead or a change."""
        compiled = compile_mapping(mapping, where="streams.a.mapping", mode=mode)
        (note,) = compiled.apply(values).notes
        return note.sentence()


@pytest.fixture
def world(request, tmp_path, capsys):
    return World(request, tmp_path, capsys)


# Settings


@provokes("settings-value", "must be from 1 to 1024")
def settings_value(world):
    return world.settings(max_concurrency=0)


@provokes("settings-unknown", 'did you mean "mapping"?')
def settings_unknown(world):
    return world.settings(streams=[{"stream": "a", "maping": {}}])


@provokes("settings-missing", "set it to the key")
def settings_missing(world):
    return world.settings(api_key=None)


@provokes("settings-insecure", "use https")
def settings_insecure(world):
    return world.settings(base_url="http://example.com/api")


@provokes("settings-unreadable", "fix it at line 1, column 2")
def settings_unreadable(world):
    path = world.folder / "config.json"
    path.write_text("{")
    return world.command("check", "--config", path)


@provokes("transport-proxy", "set transport to auto")
def transport_proxy(world):
    world.patch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    world.patch.delenv("NO_PROXY", raising=False)
    world.patch.delenv("no_proxy", raising=False)
    settings = Settings(api_key="k", base_url="https://octanist.invalid/api", transport="fast")
    return world.told(lambda: Run(settings))


@provokes("proxy-address", "except the host of base_url in NO_PROXY")
def proxy_address(world):
    world.patch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    world.patch.delenv("NO_PROXY", raising=False)
    world.patch.delenv("no_proxy", raising=False)
    return world.told(lambda: Run(Settings(api_key="k", base_url="https://octanist.invalid/api")))


@provokes("ca-bundle", "or be left out")
def ca_bundle(world):
    world.patch.setenv("REQUESTS_CA_BUNDLE", str(world.folder / "ca.pem"))
    return world.told(lambda: Run(Settings(api_key="k", base_url="https://octanist.invalid/api")))


@provokes("metrics-path", "make it, or name another one")
def metrics_path(world):
    return world.settings(metrics_path="/no/such/folder/octanist.prom")


@provokes("extra-missing", "[prometheus]'")
def extra_missing(world):
    world.patch.setitem(__import__("sys").modules, "prometheus_client", None)
    return world.settings(metrics_path=str(world.folder / "octanist.prom"))


@provokes("mapping-field-unknown", 'did you mean "email"?')
def mapping_field_unknown(world):
    return world.mapping({"emial": "mail"})


@provokes("mapping-key-unknown", 'did you mean "from"?')
def mapping_key_unknown(world):
    return world.mapping({"email": {"form": "mail"}})


@provokes("mapping-path", "streams.a.mapping.email")
def mapping_path(world):
    return world.mapping({"email": "emails[0"})


@provokes("mapping-value", "must be true or false")
def mapping_value(world):
    return world.mapping({"email": {"from": "mail", "required": "x"}})


@provokes("preset-unknown", "`octanist presets` lists them")
def preset_unknown(world):
    return world.settings(streams=[{"stream": "a", "preset": "hubspot_contact"}])


@provokes("preset-unreadable", "is not YAML that can be read")
def preset_unreadable(world):
    return world.preset("a: [")


@provokes("preset-value", "write format: 1")
def preset_value(world):
    return world.preset("mapping: {email: mail}")


@provokes("stream-maps", "fix it in the settings")
def stream_maps(world):
    return world.run([schema()], stream_maps={"leads": {"name": "name +"}})


@provokes("stream-unmapped", "add to your settings")
def stream_unmapped(world):
    return world.run([schema("people", ("id", "Mail"))])


@provokes("stream-lacks-required", "did you mean")
def stream_lacks_required(world):
    mapping = {"email": {"from": "emial", "required": True}}
    return world.run([schema()], streams={"leads": {"mapping": mapping}})


# Input


@provokes("input-line", "was the tap cut off?")
def input_line(world):
    return world.run([schema(), '{"type": "REC'])


@provokes("input-schema-missing", "Check that the Tap")
def input_schema_missing(world):
    return world.run([schema(), record("others", id=1)])


@provokes("input-schema-invalid", "set validate_records to false")
def input_schema_invalid(world):
    odd = {"type": "SCHEMA", "stream": "leads", "key_properties": [], "schema": {}}
    odd["schema"] = {"properties": {"email": {"type": 5}}}
    return world.run([json.dumps(odd), record(email="a@example.com")], validate_records=True)


@provokes("input-key-missing", "look at the tap")
def input_key_missing(world):
    return world.run([schema(), record(email="a@example.com")])


@provokes("batch-file", "tap and target must see the same folder")
def batch_file(world):
    batch = {"type": "BATCH", "stream": "leads", "encoding": {"format": "jsonl"}}
    return world.run([schema(), json.dumps(batch | {"manifest": ["/no/such/file.jsonl"]})])


@provokes("suggest-nothing", "No mapping for the stream deals")
def suggest_nothing(world):
    path = world.folder / "deals.jsonl"
    path.write_text(schema("deals", ("id", "amount")) + "\n")
    return world.command("suggest", path)


# Files


@provokes("file-unreadable", "is never closed")
def file_unreadable(world):
    return world.load("a.csv", b'email\n"a@example.com\n')


@provokes("file-kind", "save it as .xlsx")
def file_kind(world):
    return world.load("a.xls", b"x")


@provokes("file-empty", "it has no row with names of columns")
def file_empty(world):
    return world.load("a.csv", b"\n")


@provokes("file-option", "leave it out")
def file_option(world):
    return world.load("a.csv", b"email\na@example.com\n", "--sheet", "x")


@provokes("load-key", "it has email")
def load_key(world):
    return world.load("a.csv", b"email\na@example.com\n", "--key", "id")


# The journal


@provokes("ledger-missing", "has a run used it yet?")
def ledger_missing(world):
    return world.command("status", "--ledger", world.folder / "none.db")


@provokes("ledger-unwritable", "set `ledger` to a file in a folder that this user may write to")
def ledger_unwritable(world):
    return world.told(lambda: Journal.open("/proc/no/such/ledger.db"))


@provokes("ledger-address", "only a file path (SQLite) or a postgresql:// URL")
def ledger_address(world):
    return world.told(lambda: Journal.open("mysql://host/database"))


@provokes("ledger-locked", "close what holds it")
def ledger_locked(world):
    path = str(world.folder / "ledger.db")
    Journal.open(path).close()
    for name in ("BUSY_TIMEOUT_SECONDS", "SILENT_SECONDS"):
        world.patch.setattr(f"target_octanist.ledger.database.{name}", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        return world.told(lambda: Journal.open(path))


@provokes("ledger-full", "make room on its disk")
def ledger_full(world):
    process = world.target.start()
    feed(process, people(5))
    world.sandbox.wait_until(lambda s: len(s.leads()) == 5)
    # No file of this process may grow any more: to SQLite, a disk without room.
    size = max(path.stat().st_size for path in world.target.folder.glob("ledger.db*"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    done = finish(process, "".join(f"{line}\n" for line in people(2000)[1:]).encode())
    assert done.returncode == 1
    return done.stderr


@provokes("ledger-replaced", "was removed or replaced while it was in use")
def ledger_replaced(world):
    process = world.target.start()
    feed(process, people(1))
    world.sandbox.wait_until(lambda s: len(s.leads()) == 1)
    world.target.ledger.unlink()
    done = finish(process, "".join(f"{line}\n" for line in people(9)[1:]).encode())
    assert done.returncode == 1
    return done.stderr


@provokes("ledger-damaged", "put a backup back")
def ledger_damaged(world):
    path = world.folder / "ledger.db"
    path.write_bytes(b"no database at all" * 1000)
    return world.told(lambda: Journal.open(str(path)))


@provokes("ledger-away", "see that it answers")
def ledger_away(world):
    return world.told(lambda: Journal.open(f"postgresql://x@/y?host={world.folder}"))


@provokes("ledger-newer", "upgrade")
def ledger_newer(world):
    path = str(world.folder / "ledger.db")
    Journal.open(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE octanist_meta SET value = '99' WHERE name = 'version'")
    return world.told(lambda: Journal.open(path))


@provokes("ledger-older-run", "run again when that run is over")
def ledger_older_run(world):
    path = str(world.folder / "ledger.db")
    Journal.open(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE octanist_meta SET value = '1' WHERE name = 'version'")
        now = time.time_ns() // 1_000_000
        other.execute(
            "INSERT INTO octanist_runs VALUES"
            f" ('r', 'http://127.0.0.1/api', 'key', 'elsewhere', 1, {now}, {now}, 0, NULL, NULL)"
        )
    return world.told(lambda: Journal.open(path))


@provokes("ledger-taken-over", "so that none is sent twice")
def ledger_taken_over(world):
    path = str(world.folder / "ledger.db")
    journal = Journal.open(path)
    journal.begin_run("http://127.0.0.1/api", "key", now=1)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE octanist_runs SET ended_at = 2")
    try:
        return world.told(lambda: journal.write(lambda turn: None))
    finally:
        journal.close()


@provokes("ledger-failed", "see that the database is there")
def ledger_failed(world):
    path = str(world.folder / "ledger.db")
    journal = Journal.open(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE octanist_leads")
    try:
        return world.told(journal.totals)
    finally:
        journal.close()


# Delivery


@provokes("api-key-refused", "set api_key to a key of this organisation")
def api_key_refused(world):
    world.sandbox.fault("401", **LEADS)
    return world.run(people(1))


@provokes("api-proxy-login", "give the proxy's login in HTTPS_PROXY")
def api_proxy_login(world):
    world.sandbox.fault(kind="status", status=407, **LEADS)
    return world.run(people(1))


@provokes("api-not-found", "set base_url to the API's address")
def api_not_found(world):
    world.sandbox.fault("404", **LEADS)
    return world.run(people(1))


@provokes("api-denied", "see what stands between this machine and the API")
def api_denied(world):
    world.sandbox.fault("html-403", **LEADS)
    return world.run(people(1))


@provokes("api-unreachable", "run again when it can")
def api_unreachable(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        return world.run(people(1), base_url=nowhere, max_attempts=1)


@provokes("api-quota-used", "check_quota")
def api_quota_used(world):
    from tests.support.sandbox import Sandbox

    with Sandbox("--leads-limit", "1") as full:
        return world.run(people(3), base_url=full.base_url, check_quota="fail")


@provokes("too-many-rejected", "fix the mapping or the source")
def too_many_rejected(world):
    return world.run([schema(), *(record(id=n, email="nobody") for n in range(20))])


@provokes("changes-over-limit", "set max_changes higher for one run")
def changes_over_limit(world):
    before, after = (
        [*people(1), schema("deals", DEAL), deal(status=status)] for status in ("qualified", "won")
    )
    assert world.target.run(before, streams=CHANGING).returncode == 0
    return world.run(after, streams=CHANGING, max_changes=0)


@provokes("state-unwritable", "Run again")
def state_unwritable(world):
    process = world.target.start()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate("".join(f"{x}\n" for x in people(1)).encode(), timeout=60)
    assert process.returncode == 1
    return err.decode()


@provokes("internal-failure", "please report it")
def internal_failure(world):
    def bug():
        raise ZeroDivisionError

    return world.told(bug)


# Commands


@provokes("command-refused", "leave the option out")
def command_refused(world):
    def refuse():
        raise OctanistError("--x: means nothing here; leave the option out.")

    return world.told(refuse)


@provokes("dry-run-on", "switch dry_run off")
def dry_run_on(world):
    path = world.folder / "config.json"
    path.write_text('{"dry_run": true}')
    return world.command("reconcile", "--config", path)


@provokes("lead-id-unknown", "`octanist reconcile` lists them")
def lead_id_unknown(world):
    config = world.folder / "some.json"
    ledger = str(world.folder / "ledger.db")
    config.write_text(json.dumps({"api_key": "any", "ledger": ledger}))
    Journal.open(ledger).close()
    return world.command("reconcile", "--config", config, "--send", "3f9c")


@provokes("run-id-unknown", "`octanist status` lists the last ones")
def run_id_unknown(world):
    assert world.target.run(people(1)).returncode == 0
    config = world.target.folder / "config.json"
    return world.command("report", "--run", "none", "--format", "json", "--config", config)


@provokes("output-unwritable", "Name another file")
def output_unwritable(world):
    stream, out = world.folder / "a.jsonl", world.folder / "out.jsonl"
    stream.write_text(schema() + "\n")
    out.write_text("mine")
    out.chmod(0o644)
    config = world.folder / "some.json"
    config.write_text('{"api_key": "any"}')
    return world.command("preview", stream, "--config", config, "--out", out)


@provokes("explain-unknown", "`octanist explain` lists all")
def explain_unknown(world):
    return world.command("explain", "no-such-thing")


# What becomes of a record


@provokes("lead-no-contact", "needs one")
def lead_no_contact(world):
    return world.refusal({"email": "mail"}, mail=None)


@provokes("lead-required", "name (from first)")
def lead_required(world):
    mapping = {"email": "mail", "name": {"from": "first", "required": True}}
    return world.refusal(mapping, mail="a@example.com")


@provokes("lead-invalid-email", "email (from mail)")
def lead_invalid_email(world):
    return world.refusal({"email": "mail"}, mail="nobody")


@provokes("lead-invalid-phone", "phone (from tel)")
def lead_invalid_phone(world):
    return world.refusal({"phone": "tel"}, tel="+31 6 12")


@provokes("lead-invalid-text", "name (from who)")
def lead_invalid_text(world):
    return world.refusal({"name": "who"}, who={"first": "A"})


@provokes("lead-invalid-number", "note (from n)")
def lead_invalid_number(world):
    mapping = {"email": "mail", "note": {"from": "n", "type": "number", "required": True}}
    return world.refusal(mapping, mail="a@example.com", n="many")


@provokes("lead-unclear-number", "value (from n)")
def lead_unclear_number(world):
    mapping = {"email": "mail", "value": {"from": "n", "required": True}}
    return world.refusal(mapping, mode="update", mail="a@example.com", n="1,250")


@provokes("lead-invalid-session", "sessionId (from sid)")
def lead_invalid_session(world):
    mapping = {"email": "mail", "sessionId": {"from": "sid", "required": True}}
    return world.refusal(mapping, mail="a@example.com", sid="x")


@provokes("lead-no-click-time", "fbc (from id)")
def lead_no_click_time(world):
    mapping = {"email": "mail", "fbc": {"from": "id", "time": "at", "required": True}}
    return world.refusal(mapping, mail="a@example.com", id="AbCdEf")


@provokes("lead-lost-number", "name (from n)")
def lead_lost_number(world):
    mapping = {"email": "mail", "name": {"from": "n", "required": True}}
    return world.refusal(mapping, mail="a@example.com", n=float("nan"))


@provokes("lead-schema-mismatch", "validate_records")
def lead_schema_mismatch(world):
    lines = [schema(), record(**person(1)), record(id=2, email=[1])]
    return world.reason(lines, "rejected", validate_records=True)


@provokes("lead-no-key", "lacks id")
def lead_no_key(world):
    lines = [schema(), record(**person(1)), record(email="b@example.com")]
    return world.reason(lines, "rejected")


@provokes("lead-stream-map", "ZeroDivisionError")
def lead_stream_map(world):
    maps = {"leads": {"name": "1 / (id - 1)"}}
    return world.reason([schema(), record(**person(1))], "rejected", stream_maps=maps)


@provokes("lead-long-row", "more fields than the header")
def lead_long_row(world):
    path = world.folder / "a.csv"
    path.write_text("email,name\na@example.com,A,too,many\n")
    config = world.folder / "load.json"
    config.write_text(json.dumps(world.target.settings))
    done = octanist("load", str(path), "--config", str(config), home=world.folder)
    assert done.returncode == 0, done.stderr
    (row,) = world.target.status()["rejected"]
    return row["reason"]


@provokes("lead-unmappable", "UNMAPPABLE")
def lead_unmappable(world):
    world.reason([schema(), record(id=1, email="nobody")], "rejected")
    return code_of(world, "rejected")


@provokes("lead-unread", "INVALID_RECORD")
def lead_unread(world):
    world.reason([schema(), record(**person(1)), record(email="b@example.com")], "rejected")
    return code_of(world, "rejected")


@provokes("lead-refused", "HTTP 400")
def lead_refused(world):
    world.sandbox.fault(kind="status", status=400, **LEADS)
    return world.reason(people(1), "rejected")


@provokes("change-names-none", "names no record of leads")
def change_names_none(world):
    return world.reason([schema("deals", DEAL), deal(lead=None)], "rejected", streams=CHANGING)


@provokes("change-unknown-lead", "HTTP 404")
def change_unknown_lead(world):
    lines = [schema("deals", DEAL), deal()]
    return world.reason(lines, "rejected", streams=BY_EMAIL)


@provokes("change-many-leads", "HTTP 409")
def change_many_leads(world):
    twins = [record(**person(1) | {"id": number}) for number in (1, 2)]
    lines = [schema(), *twins]
    assert world.target.run(lines, dedupe_by=[]).returncode == 0
    lines = [schema("deals", DEAL), deal()]
    return world.reason(lines, "rejected", streams=BY_EMAIL)


@provokes("change-goes-back", "the lead is won")
def change_goes_back(world):
    lines = [*people(1), schema("deals", DEAL), deal(status="won")]
    assert world.target.run(lines, streams=CHANGING).returncode == 0
    assert world.target.run([*lines, deal(id=2, status="lost")], streams=CHANGING).returncode == 0
    ((_, reason, _),) = Journal.open(str(world.target.ledger)).reasons(State.FILTERED)
    return reason


@provokes("lead-undeliverable", "UNDELIVERABLE")
def lead_undeliverable(world):
    world.sandbox.fault("drop", **SECOND)
    world.reason(people(3), "rejected", max_attempts=1)
    return code_of(world, "rejected")


@provokes("lead-discarded", "DISCARDED")
def lead_discarded(world):
    world.reason([schema(), record(id=1, email="nobody")], "rejected")
    config = str(world.target.folder / "config.json")
    arguments = ("dead-letters", "discard", "--all", "--yes", "--config", config)
    done = octanist(*arguments, home=world.folder)
    assert done.returncode == 0, done.stderr
    return code_of(world, "rejected")


@provokes("lead-filtered", "filter rules")
def lead_filtered(world):
    world.sandbox.fault(kind="status", status=403, **LEADS)
    return reasons_of_run(world, on_unknown="hold")


@provokes("lead-no-answer", "no answer came")
def lead_no_answer(world):
    world.sandbox.fault("drop", **LEADS)
    return world.reason(people(1), "in_doubt", on_unknown="hold")


@provokes("lead-server-error", "HTTP 500")
def lead_server_error(world):
    world.sandbox.fault("500", **LEADS)
    return world.reason(people(1), "in_doubt", on_unknown="hold")


@provokes("lead-cut-off", "cut off")
def lead_cut_off(world):
    world.sandbox.fault("hang", **LEADS)
    process = world.target.start()
    feed(process, people(1))
    world.sandbox.wait_until_faulted()
    process.send_signal(signal.SIGKILL)
    finish(process)
    return world.reason([schema()], "in_doubt", on_unknown="hold")


@provokes("lead-look-alike", "several leads")
def lead_look_alike(world):
    world.sandbox.fault("drop-after-commit", **LEADS)
    twins = [record(**person(1) | {"id": number}) for number in (1, 2)]
    return world.reason([schema(), *twins], "in_doubt", dedupe_by=[])


@provokes("lead-list-refused", "cannot be read")
def lead_list_refused(world):
    world.sandbox.fault("drop", **LEADS)
    world.sandbox.fault(kind="status", status=400, method="GET", path="/leads")
    return world.reason(people(1), "in_doubt")


@provokes("lead-known", "settled before")
def lead_known(world):
    assert world.target.run(people(1)).returncode == 0
    return reasons_of_run(world)


@provokes("lead-same-person", "same person")
def lead_same_person(world):
    assert world.target.run([schema(), record(**person(1) | {"id": 5})]).returncode == 0
    return reasons_of_run(world)


@provokes("lead-in-octanist", "lookup")
def lead_in_octanist(world):
    assert world.target.run(people(1)).returncode == 0
    fresh = {"ledger": str(world.folder / "fresh.db")}
    streams = {"leads": {"mode": "upsert", "lookup": True, "mapping": {"email": "email"}}}
    done = world.target.run(people(1), streams=streams, **fresh)
    assert done.returncode == 0, done.stderr
    return done.stderr


@provokes("change-known", "delivered before")
def change_known(world):
    lines = [*people(1), schema("deals", DEAL), deal()]
    assert world.target.run(lines, streams=CHANGING).returncode == 0
    done = world.target.run([schema("deals", DEAL), deal()], streams=CHANGING)
    return done.stderr


@provokes("change-says-nothing", "contains no update for its lead")
def change_says_nothing(world):
    lines = [*people(1), schema("deals", DEAL), deal(status=None)]
    assert world.target.run(lines, streams=CHANGING).returncode == 0
    ((reason,),) = (
        [one["reason"] for one in run["reasons"] if one["outcome"] == "skipped"]
        for run in [world.target.status()["last_run"]]
    )
    return reason


@provokes("change-no-status", "is not qualified, won or lost")
def change_no_status(world):
    mapping = {"email": "mail", "status": "stage", "value": "n"}
    return world.note(mapping, mode="update", mail="a@example.com", stage="contract", n=1)


@provokes("lead-no-region", "phone_region is not set")
def lead_no_region(world):
    return world.note({"phone": "tel"}, tel="06 12345678")


@provokes("lead-no-number", "words instead of a phone number")
def lead_no_number(world):
    return world.note({"phone": "tel", "email": "mail"}, tel="call me", mail="a@example.com")


@provokes("lead-unknown-region", "country")
def lead_unknown_region(world):
    return world.note({"phone": {"from": "tel", "region": "land"}}, tel="0612345678", land="Oz")


@provokes("lead-unknown-word", "denied")
def lead_unknown_word(world):
    return world.note({"name": "n", "ad_storage": "ok"}, n="A", ok="perchance")


@provokes("lead-too-long", "max_length")
def lead_too_long(world):
    return world.note({"name": {"from": "n", "max_length": 2}}, n="Abc")


DEAL = ("id", "lead", "email", "status")

CHANGES = {"mode": "update", "mapping": {"status": "status"}}

#: Deals that name their lead by its record, or by its e-mail address.
CHANGING = {"leads": {}, "deals": CHANGES | {"link": {"stream": "leads", "by": "lead"}}}
BY_EMAIL = {"deals": CHANGES | {"mapping": {"status": "status", "email": "email"}}}


def deal(**values):
    """Give the one deal of the first person of all."""
    return record(
        "deals", **{"id": 1, "lead": 1, "email": person(1)["email"], "status": "won"} | values
    )


def code_of(world, state):
    with closing(sqlite3.connect(world.target.ledger)) as connection:
        query = "SELECT DISTINCT code FROM octanist_leads WHERE state = ?"
        ((code,),) = connection.execute(query, [state])
    return code


def reasons_of_run(world, **settings):
    """The one reason that a run of this process counts for the first person of all."""
    run = Run(
        Settings(
            api_key="sandbox-key",
            base_url=world.sandbox.base_url,
            ledger=str(world.target.ledger),
            **settings,
        )
    )
    target = target_of(run)
    target.process_lines([schema(), record(**person(1))])
    target.process_endofpipe()
    ((_, _, reason),) = run.tally.reasons
    return reason


def target_of(run):
    from target_octanist.target import TargetOctanist

    class Opened(TargetOctanist):
        def open_run(self):
            return run

    return Opened(config={"api_key": "sandbox-key", "base_url": run.settings.base_url})


# And now all of them


@pytest.mark.parametrize("entry", catalogue.ENTRIES, ids=lambda entry: entry.id)
def test_each_entry_can_happen_and_is_found_by_what_is_said(world, entry):
    assert entry.id in PROVOCATIONS, "no provocation for this entry"
    provoke, says = PROVOCATIONS[entry.id]
    told = provoke(world)
    assert says in told
    assert "Traceback" not in told
    if entry.group in OF_RECORDS:
        assert entry in (catalogue.find(told), *catalogue.of_reason(told))
    else:
        assert f"({entry.id})" in told


def test_nothing_is_provoked_that_is_not_in_the_catalogue():
    assert PROVOCATIONS.keys() == {entry.id for entry in catalogue.ENTRIES}


def test_ids_are_words_and_each_name_has_one_entry():
    names = [name for entry in catalogue.ENTRIES for name in (entry.id, *entry.codes)]
    assert len(names) == len(set(names)) == len(catalogue.names())
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", entry.id) for entry in catalogue.ENTRIES)


def test_each_entry_is_sentences():
    for entry in catalogue.ENTRIES:
        assert all(text.endswith(".") for text in (entry.what, entry.why, entry.remedy)), entry.id


def ids_in_the_source():
    """Every id that is given where something is raised, with the file that gives it."""
    for path in (ROOT / "target_octanist").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for value in given(node):
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value, path.name


def given(node):
    """The expressions of a node that are ids."""
    if isinstance(node, ast.Assign):
        names = {getattr(name, "id", "") for name in node.targets}
        if "error_id" in names:
            yield node.value
        if names & {"_IDS", "_FILE_ERRORS"}:
            yield from node.value.values
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "error_id")
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        place = {"Problem": 1, "MappingError": 1, "add": 2}.get(name)
        if place is not None:
            yield from node.args[place : place + 1]


def test_what_is_raised_has_an_id_of_the_catalogue_and_the_other_way_round():
    known = {entry.id for entry in catalogue.ENTRIES if entry.group not in OF_RECORDS}
    used = dict(ids_in_the_source())
    # The default of a parameter, not of a class or a call.
    used["mapping-value"] = "problems.py"
    assert {name: file for name, file in used.items() if name not in known} == {}
    assert known - used.keys() == set()


def test_each_rule_of_the_mapping_has_an_entry():
    for rule, words in RULES.items():
        assert bool(list(catalogue.of_reason(words))) is (rule not in NEVER), rule


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("a later record says it anew", "change-known"),
        ("its lead was told the same before", "change-known"),
        ("the record says nothing of its lead", "change-says-nothing"),
        (
            "the lead is won, and `transitions` lets none go back from there",
            "change-goes-back",
        ),
        ("the API's list cannot be had (HTTP 403)", "lead-list-refused"),
        ("several leads of the list could be this one", "lead-look-alike"),
        ("a lead of the list resembles it, but differs", "lead-look-alike"),
        ("of several leads that match, some are changed", "lead-look-alike"),
        (
            "sessionId (from sid) is not a session id (a UUID), which would cost the whole lead.",
            "lead-invalid-session",
        ),
        (
            "fbc (from f) has no time that can be read beside it, and fbc cannot be made.",
            "lead-no-click-time",
        ),
        (
            "phone (from p) has no country code and the country beside it is not one that is known.",
            "lead-unknown-region",
        ),
        (
            "status (from s) is none of qualified, won and lost, so the status is left out.",
            "change-no-status",
        ),
        (
            "ad_storage (from c) is neither a yes nor a no, so consent is taken as denied.",
            "lead-unknown-word",
        ),
        (
            "gclid (from g) is NaN, infinite or longer than 400 digits, so it is taken as empty.",
            "lead-lost-number",
        ),
    ],
)
def test_reasons_in_the_words_of_earlier_versions_are_known(reason, expected):
    """Journals keep them."""
    assert [entry.id for entry in catalogue.of_reason(reason)] == [expected]


# The command


def test_the_command_explains_an_id_a_code_and_a_reason(tmp_path):
    by_id = octanist("explain", "lead-invalid-email", home=tmp_path)
    assert by_id.returncode == 0
    assert "What happened: The value is not a valid e-mail address." in by_id.stdout
    assert "What to do:    Fix the address in the source" in by_id.stdout
    reason = "email (from mail) is not a valid e-mail address."
    assert octanist("explain", reason, home=tmp_path).stdout == by_id.stdout
    code = octanist("explain", "UNDELIVERABLE", home=tmp_path)
    assert code.stdout.startswith("lead-undeliverable, UNDELIVERABLE  (rejected)")


def test_the_command_lists_all_for_people_and_for_programs(tmp_path):
    listed = octanist("explain", home=tmp_path).stdout.splitlines()
    assert len(listed) == 1 + len(catalogue.ENTRIES)
    (entry,) = json.loads(octanist("explain", "ledger-newer", "--json", home=tmp_path).stdout)[
        "entries"
    ]
    assert entry == {
        "id": "ledger-newer",
        "group": "journal",
        "what": "A newer version of target-octanist made the journal.",
        "why": "Machines that share it have different versions, or this one was downgraded.",
        "remedy": "Upgrade this one.",
        "codes": [],
        "says": [],
    }


def test_a_near_miss_is_put_right(tmp_path):
    done = octanist("explain", "ledger-loked", home=tmp_path)
    assert done.returncode == 1
    assert 'did you mean "ledger-locked"?' in done.stderr


def test_the_id_stands_before_the_lines_to_copy():
    error = SettingsError(["streams: add to your settings:\nstreams:\n  - stream: a"])
    assert with_id(error.problems[0]) == (
        "streams: add to your settings: (settings-value)\nstreams:\n  - stream: a"
    )
