"""What a person at a terminal sees of a run, and what a pipe gets in its place."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.support.processes import SCRIPTS
from tests.support.target import (
    environment,
    feed,
    octanist,
    people,
    person,
    record,
    schema,
    state,
)
from tests.support.terminal import Terminal

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}

#: A line of progress always has this in it, and nothing else that is printed has.
DELIVERED = re.compile(r"^(?:.* )?[\d,]+ delivered(?: · .*)?$")

COLOURS = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|9[0-7])[;m]")


@pytest.fixture
def on_terminal(target):
    """Start the target over some lines on a terminal."""

    def start(lines, *, columns=100, env=None, stdout=False, **settings):
        config = target.folder / "config.json"
        config.write_text(json.dumps(target.settings | settings), encoding="utf-8")
        return Terminal(
            [SCRIPTS / "target-octanist", "--config", str(config)],
            environment(target.folder, **(env or {})),
            columns=columns,
            stdout=stdout,
            given="".join(f"{line}\n" for line in lines).encode(),
        )

    return start


def left_of_progress(terminal):
    return [line for line in terminal.screen() if DELIVERED.match(line)]


def test_one_line_writes_over_itself_and_goes_away_at_the_end(sandbox, on_terminal):
    sandbox.fault(kind="delay", latency_ms=300, **LEADS)
    terminal = on_terminal(people(40), max_concurrency=8, columns=120)
    terminal.read_until("40 read")
    assert terminal.finish() == 0
    drawn = [line for line in terminal.drawings() if line]
    assert "0 read · 0 delivered · 0 of 8 in flight · 0 a second" in drawn[0]
    assert any(re.search(r"40 read · \d+ delivered · \d of 8 in flight", line) for line in drawn)
    assert left_of_progress(terminal) == []
    assert "\x1b[?25l" not in terminal.raw, "the cursor is never hidden"
    screen = terminal.screen()
    assert any("40 records in" in line for line in screen)
    assert "40 leads have arrived in Octanist." in screen


def test_log_lines_stay_whole_above_it(sandbox, on_terminal):
    bad = [record(id=n, name="Canary", email="canary(at)example") for n in range(41, 44)]
    sandbox.fault(kind="delay", latency_ms=100, **LEADS)
    terminal = on_terminal(
        [*people(40), *bad], columns=400, max_concurrency=4, max_rejected_percent=50
    )
    assert terminal.finish() == 0
    lines = terminal.screen()
    logged = [line for line in lines if " | " in line]
    assert any("Record 41, of leads: rejected: email" in line for line in logged)
    assert any("METRIC: {" in line and line.endswith("}") for line in logged)
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in logged)
    assert "canary" not in terminal.raw.casefold()


def test_states_on_the_same_terminal_stay_whole(sandbox, on_terminal):
    sandbox.fault(kind="delay", latency_ms=400, **LEADS)
    terminal = on_terminal(people(12), columns=200, max_concurrency=4, stdout=True)
    terminal.read_until('{"at":12}')
    feed(terminal.process, people(24))
    assert terminal.finish() == 0
    states = [json.loads(line) for line in terminal.screen() if line.startswith('{"at"')]
    assert states[-1] == {"at": 24}
    assert len(states) > 1
    assert left_of_progress(terminal) == []


@pytest.mark.parametrize("columns", [20, 40, 50, 80])
def test_it_fits_into_a_narrow_terminal(sandbox, on_terminal, columns):
    sandbox.fault(kind="delay", latency_ms=300, **LEADS)
    terminal = on_terminal(people(16), columns=columns, max_concurrency=8)
    assert terminal.finish() == 0
    drawn = [line for line in terminal.drawings() if "delivered" in line]
    assert drawn
    assert max(map(len, drawn)) < columns
    assert left_of_progress(terminal) == []


def test_a_signal_leaves_nothing_of_it(sandbox, on_terminal):
    sandbox.fault(kind="delay", latency_ms=1500, **LEADS)
    terminal = on_terminal(people(20), max_concurrency=4)
    terminal.read_until("4 of 4 in flight")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.finish() == 143
    assert left_of_progress(terminal) == []
    assert any(re.match(r"\d+ records? in", line) for line in terminal.screen())


def test_a_failure_leaves_nothing_of_it_and_is_told_last(sandbox, on_terminal):
    sandbox.fault(kind="delay", latency_ms=500, **LEADS, nth=1)
    sandbox.fault("401", **LEADS, times=1)
    terminal = on_terminal(people(3), max_concurrency=1, columns=300)
    terminal.read_until("of 1 in flight")
    assert terminal.finish() == 1
    assert left_of_progress(terminal) == []
    assert "nothing more is sent" in [line for line in terminal.screen() if line][-1]


def test_the_last_words_are_a_table_that_holds_no_value(sandbox, on_terminal):
    sandbox.fault(kind="status", status=400, message="canary", **LEADS, nth=2)
    terminal = on_terminal(people(3), max_concurrency=1)
    assert terminal.finish() == 0
    screen = [line.rstrip() for line in terminal.screen() if line]
    assert "2 leads have arrived in Octanist." in screen
    assert " records   outcome    why                                    ID of the first" in screen
    (row,) = [line for line in screen if line.startswith("       1   rejected")]
    assert "the API rejected the lead (HTTP 400)" in row
    assert row.endswith(" record 2")
    command = f"  octanist dead-letters list --config {on_config(terminal)}"
    assert any(line.startswith(command[:90]) for line in screen)
    assert "canary" not in terminal.raw.casefold()


def on_config(terminal):
    return terminal.process.args[2]


def test_colours_can_be_switched_off(sandbox, on_terminal):
    sandbox.fault(kind="status", status=400, **LEADS, nth=2)
    coloured = on_terminal(people(3), max_concurrency=1)
    coloured.finish()
    assert COLOURS.search(coloured.raw)
    plain = on_terminal(people(6), max_concurrency=1, env={"NO_COLOR": "1"})
    plain.finish()
    assert not COLOURS.search(plain.raw)


def test_a_terminal_that_can_do_nothing_gets_what_a_pipe_gets(sandbox, on_terminal):
    terminal = on_terminal(people(3), env={"TERM": "dumb"}, columns=200)
    assert terminal.finish() == 0
    assert "\x1b" not in terminal.raw
    assert "| 3 leads have arrived in Octanist." in terminal.raw


def test_a_pipe_gets_no_codes(sandbox, target):
    done = target.run([*people(3), record(id=4, name="x", email="y"), state({"at": 4})])
    assert done.returncode == 0
    config = str(target.folder / "config.json")
    stream = target.folder / "leads.singer.jsonl"
    stream.write_text("\n".join([schema(), record(**person(1))]))
    said = [done.stdout, done.stderr]
    for command in (
        ("check", "--config", config),
        ("presets",),
        ("preview", str(stream), "--config", config),
        ("reconcile", "--config", config),
        ("load", str(write_csv(target.folder)), "--config", config),
    ):
        ran = octanist(*command, home=target.folder, FORCE_COLOR="")
        assert ran.returncode == 0, ran.stderr
        said += [ran.stdout, ran.stderr]
    assert not any("\x1b" in text or "\r" in text for text in said)


def write_csv(folder):
    path = folder / "leads.csv"
    path.write_text("id,name,email\n1,Canary,canary.9@example.com\n")
    return path


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize(
    ("command", "heads"),
    [
        (["check"], ["check", "result", "finding"]),
        (["preview", "leads.singer.jsonl"], ["records", "what becomes of them"]),
        (["presets"], ["preset", "version", "streams", "description"]),
    ],
)
def test_commands_print_tables_that_fit(sandbox, target, columns, command, heads):
    target.folder.joinpath("config.json").write_text(json.dumps(target.settings))
    stream = target.folder / "leads.singer.jsonl"
    stream.write_text("\n".join([schema(), record(**person(1))]))
    settings = [] if command == ["presets"] else ["--config", str(target.folder / "config.json")]
    arguments = [str(stream) if "." in part else part for part in command]
    terminal = Terminal(
        [SCRIPTS / "octanist", *arguments, *settings],
        environment(target.folder),
        columns=columns,
        stdout=True,
    )
    assert terminal.finish() == 0, terminal.raw
    screen = terminal.screen()
    assert any(all(head in line for head in heads) for line in screen)
    assert "canary" not in terminal.raw.casefold()
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", terminal.raw).splitlines())) <= columns
