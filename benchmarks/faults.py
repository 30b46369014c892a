"""``make bench-faults``: what the same faults of the server do to this target and to its peers.

Each system delivers the same leads to a sandbox of its own, under the same rules of misbehaviour.
A scheduler starts it again after a run that failed, with the last STATE that it wrote, as Meltano
does night after night. In the end the leads in the sandbox are compared with those of the source.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import SCRIPTS
from tests.support.sandbox import API_KEY, Sandbox
from tests.support.target import environment, octanist, person, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]

#: As long as a run may take; it is ended then, and counts as failed.
RUN_SECONDS = 900

#: The tap writes a STATE after so many records.
STATE_EVERY = 100


@dataclass(frozen=True)
class System:
    """Something that delivers leads.

    Attributes:
        name: as in the table.
        command: what starts it, without ``--config``.
        settings: its own, besides those that all have.
        journal: whether ``octanist status`` knows what became of its leads.
    """

    name: str
    command: Sequence[str | Path]
    settings: Mapping[str, Any] = field(default_factory=dict)
    journal: bool = False


@dataclass(frozen=True)
class FaultSet:
    """What goes wrong.

    Attributes:
        name: as in the table.
        faults: action of the sandbox to n: one request in n ends so, if no earlier rule took it.
        kills: how many of the first runs are killed, each after a random number of requests.
    """

    name: str
    faults: Mapping[str, int] = field(default_factory=dict)
    kills: int = 0


@dataclass
class Result:
    """What became of the leads of one source."""

    system: str
    faults: str
    leads: int
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    in_doubt: int | None = None
    runs: int = 0
    exit_code: int = 0
    seconds: float = 0.0


PEER = (sys.executable, "-m")
SYSTEMS = (
    System("target-octanist", (SCRIPTS / "target-octanist",), journal=True),
    System("RecordSink", (*PEER, "benchmarks.peers.record_sink")),
    # Its waits are cut to a hundredth, to save time; what is sent stays the same.
    System(
        "RecordSink, 5 tries",
        (*PEER, "benchmarks.peers.record_sink"),
        {"max_tries": 5, "wait_percent": 1},
    ),
    System("import job", (*PEER, "benchmarks.peers.import_job")),
)

#: Nothing is stored; then: the lead is stored, and its answer is lost. One request in so many.
BEFORE = {"drop": 13, "500": 17, "html-502": 19, "429-retry-after": 29, "hang": 211}
AFTER = {"drop-after-commit": 7, "500-after-commit": 11, "unreadable": 23, "hang-after-commit": 197}
EVERYTHING = AFTER | BEFORE
FAULT_SETS = (
    FaultSet("none"),
    FaultSet("refused", BEFORE),
    FaultSet("rare", {action: 40 * n for action, n in EVERYTHING.items()}),
    FaultSet("rough", EVERYTHING),
    FaultSet("killed", kills=3),
    FaultSet("rough, killed", EVERYTHING, kills=3),
)


def main() -> None:
    """Measure each system under each set of faults, and print a table."""
    options = read_options()
    print(f"{dt.date.today().isoformat()}: {versions()}.")  # noqa: DTZ011  # a day for people
    print(
        f"{options.records} leads, {options.runs} runs at most, {options.latency_ms} ms latency, "
        f"time-out {options.timeout_seconds} s, seed {options.seed}.\n"
    )
    print_row(
        "faults", "system", "leads", "stored", "lost", "doubled", "in doubt", "runs", "exit", "s"
    )
    print_row("---", "---", *["---:"] * 8)
    for faults in FAULT_SETS:
        for system in SYSTEMS:
            if options.only in f"{faults.name}/{system.name}":
                show(measure(system, faults, options))


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench-faults", description=__doc__)
    parser.add_argument("--records", type=int, default=1500)
    parser.add_argument("--runs", type=int, default=7, help="a week of nights")
    parser.add_argument("--latency-ms", type=int, default=5)
    parser.add_argument("--timeout-seconds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of kill -9")
    parser.add_argument("--only", default="", help="a part of FAULTS/SYSTEM")
    return parser.parse_args()


def measure(system: System, faults: FaultSet, options: argparse.Namespace) -> Result:
    """Let the system deliver every lead, in as many runs as it needs and the scheduler grants."""
    chance = random.Random(f"{options.seed} {faults.name}")
    result = Result(system.name, faults.name, options.records)
    last: Any = None
    with (
        tempfile.TemporaryDirectory() as name,
        Sandbox("--latency-ms", str(options.latency_ms)) as sandbox,
    ):
        folder = Path(name)
        for action, n in faults.faults.items():
            sandbox.fault(action, method="POST", path="/leads", every=n)
        settings = {
            "base_url": sandbox.base_url,
            "api_key": API_KEY,
            "timeout_seconds": options.timeout_seconds,
            **system.settings,
        }
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        for number in range(options.runs):
            kill_after = chance.randint(1, options.records // 4) if number < faults.kills else None
            write_source(folder / "in.jsonl", last, options.records)
            began = time.monotonic()
            result.exit_code = run(system, folder, sandbox, kill_after)
            result.seconds += time.monotonic() - began
            result.runs += 1
            last = last_state(folder / "out.jsonl", last)
            if result.exit_code == 0:
                break
        count(result, sandbox)
        if system.journal:
            result.in_doubt = in_doubt(folder)
    return result


def write_source(path: Path, last: Any, records: int) -> None:
    """Write what the tap emits when it starts from a STATE: what comes after it."""
    begin = last["leads"] if last else 0
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in messages(begin, records))


def messages(begin: int, end: int) -> Iterator[str]:
    """Yield the Singer messages of some people."""
    yield schema()
    for number in range(begin, end):
        yield record(**person(number))
        if (number + 1) % STATE_EVERY == 0:
            yield state({"leads": number + 1})
    yield state({"leads": end})


def run(system: System, folder: Path, sandbox: Sandbox, kill_after: int | None) -> int:
    """Run it once; ``kill -9`` after so many requests, if that is wanted. Gives its exit code."""
    before = sandbox.stats()["requests"]
    with (
        (folder / "in.jsonl").open("rb") as source,
        (folder / "out.jsonl").open("wb") as states,
        (folder / "log").open("wb") as log,
    ):
        process = subprocess.Popen(
            [*system.command, "--config", folder / "config.json"],
            stdin=source,
            stdout=states,
            stderr=log,
            cwd=ROOT,
            env=environment(folder),
        )
        end = time.monotonic() + RUN_SECONDS
        while process.poll() is None:
            requests = sandbox.stats()["requests"] - before
            if time.monotonic() > end or (kill_after is not None and requests >= kill_after):
                process.kill()
            time.sleep(0.01)
    return process.returncode


def last_state(path: Path, before: Any) -> Any:
    """Give the last STATE that was written to the end, as Meltano keeps it."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return json.loads(lines[-1]) if lines else before


def count(result: Result, sandbox: Sandbox) -> None:
    """Compare what arrived with what the source has, by e-mail address."""
    arrived = Counter(lead["email"] for lead in sandbox.leads())
    wanted = {person(number)["email"] for number in range(result.leads)}
    assert arrived.keys() <= wanted, "only leads of the source arrive"
    result.stored = arrived.total()
    result.lost = len(wanted - arrived.keys())
    result.doubled = arrived.total() - len(arrived)


def in_doubt(folder: Path) -> int:
    """Ask the journal how many leads it cannot tell anything of."""
    ledger = folder / "octanist-ledger.db"
    done = octanist("status", "--json", "--ledger", str(ledger), home=folder)
    assert done.returncode == 0, done.stderr
    found: int = json.loads(done.stdout)["outcomes"]["in_doubt"]
    return found


def show(result: Result) -> None:
    """Print a result as a row."""
    print_row(
        result.faults,
        result.system,
        result.leads,
        result.stored,
        result.lost,
        result.doubled,
        "–" if result.in_doubt is None else result.in_doubt,
        result.runs,
        result.exit_code,
        f"{result.seconds:.0f}",
    )


def print_row(*cells: object) -> None:
    """Print a row of a Markdown table that also reads well as it is."""
    widths = (13, 19, 5, 6, 5, 7, 8, 4, 4, 5)
    first, second, *numbers = (str(cell) for cell in cells)
    texts = [first.ljust(widths[0]), second.ljust(widths[1])]
    texts += [text.rjust(width) for text, width in zip(numbers, widths[2:], strict=True)]
    print(f"| {' | '.join(texts)} |", flush=True)


def versions() -> str:
    """Name what was measured with."""
    packages = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("target-octanist", "singer-sdk", "requests", "urllib3")
    ]
    return ", ".join(
        [f"Python {platform.python_version()}", *packages, f"SQLite {sqlite3.sqlite_version}"]
    )


if __name__ == "__main__":
    main()
