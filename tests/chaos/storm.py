"""One storm: some leads, a plan of everything that goes wrong on their way, and the count.

A plan comes from a seed, so that a storm can be had again. Runs are started, killed and
started again, while the sandbox and the journal's database misbehave; then the weather
clears, and one more run gets the same input. What counts is what the sandbox has stored
in the end.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_octanist.kill_points import KILL_POINTS
from tests.support.sandbox import Sandbox
from tests.support.target import Target, finish, octanist, person, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.postgres import PostgresServer

#: All that the sandbox can do to a lead, but for verdicts on the lead itself.
POST_FAULTS = (
    "drop",
    "drop-after-commit",
    "500",
    "500-after-commit",
    "html-502",
    "html-502-after-commit",
    "html-503",
    "html-520",
    "unreadable",
    "half",
    "hang",
    "hang-after-commit",
    "429-retry-after",
    "429-retry-after-date",
    "503-retry-after",
)

#: What ends a run: the next one starts where it left off.
STOPPING_FAULTS = ("401", "404", "405", "html-403", "redirect")

LIST_FAULTS = ("drop", "500", "html-502", "half", "429-retry-after")

#: More runs than this are not needed to get through any storm.
MOST_RUNS = 30


@dataclass
class Plan:
    """What goes wrong, and when.

    Attributes:
        faults: Rules for the sandbox.
        kills: For each run that is killed: a kill point, or seconds until ``kill -9``.
        cuts: How often the connections to the journal's database are cut.
        processes: How many runs work on the same input at the same time.
    """

    seed: int
    leads: int = 60
    faults: list[dict[str, Any]] = field(default_factory=list)
    kills: list[str | float] = field(default_factory=list)
    cuts: int = 0
    processes: int = 1


@dataclass
class Toll:
    """What a storm has cost, and what it was made of."""

    injected: Counter[str] = field(default_factory=Counter)
    leads: int = 0
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    in_doubt: int = 0
    state_ahead: int = 0

    def __add__(self, other: Toll) -> Toll:
        """Add up two storms."""
        return Toll(
            self.injected + other.injected,
            self.leads + other.leads,
            self.runs + other.runs,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.in_doubt + other.in_doubt,
            self.state_ahead + other.state_ahead,
        )

    @property
    def harm(self) -> int:
        """All that must be zero."""
        return self.lost + self.doubled + self.in_doubt + self.state_ahead


def make_plan(seed: int, *, cuts: bool, leads: int = 60) -> Plan:
    """Make a plan from a seed.

    Args:
        seed: The same seed gives the same plan.
        cuts: Whether the journal's connections can be cut.
        leads: How many leads there are.
    """
    chance = random.Random(seed)
    faults = [
        rule("POST", action, every=chance.randint(3, 12), times=chance.randint(1, 6))
        for action in chance.sample(POST_FAULTS, k=8)
    ]
    faults += [
        rule("GET", action, nth=chance.randint(1, 4), times=1)
        for action in chance.sample(LIST_FAULTS, k=2)
    ]
    if chance.random() < 0.3:
        faults.append(rule("POST", chance.choice(STOPPING_FAULTS), nth=chance.randint(5, leads)))
    kills: list[str | float] = [
        f"{chance.choice(KILL_POINTS)}:{chance.choice([1, 1, 2, 3])}"
        if chance.random() < 0.6
        else chance.uniform(0.5, 2.0)
        for _ in range(chance.randint(0, 4))
    ]
    return Plan(
        seed,
        leads,
        faults,
        kills,
        cuts=chance.randint(1, 4) if cuts else 0,
        processes=chance.choice([1, 1, 2, 3]),
    )


def rule(method: str, action: str, *, times: int = 1, **match: Any) -> dict[str, Any]:
    """Give a rule for the sandbox about leads."""
    return {"action": action, "times": times, "method": method, "path": "/leads", **match}


def weather(plan: Plan, postgres: PostgresServer | None = None) -> Toll:
    """Go through a storm and count what it cost.

    Args:
        plan: What goes wrong.
        postgres: Where the journal is to be; else it is a file.
    """
    toll = Toll(leads=plan.leads)
    with _place(plan, postgres) as place:
        for fault in plan.faults:
            match = {k: v for k, v in fault.items() if k not in {"action", "times"}}
            place.sandbox.fault(fault["action"], times=fault["times"], **match)
        for kill in plan.kills:
            place.run_and_kill(kill, toll)
        done = False
        while not done and toll.runs < MOST_RUNS:
            done = place.run_together(plan, toll)
        for fault in place.sandbox.faults():
            toll.injected[_name(fault)] += fault["used"]
        place.sandbox.clear_faults()
        place.run_in_the_calm(toll)
        place.count(toll)
    return toll


@contextmanager
def _place(plan: Plan, postgres: PostgresServer | None) -> Iterator[_Place]:
    with tempfile.TemporaryDirectory() as name, Sandbox("--latency-ms", "5") as sandbox:
        yield _Place(Path(name), sandbox, plan, postgres)


class _Place:
    """A sandbox, a journal, an input, and runs that start from them."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, plan: Plan, postgres: PostgresServer | None
    ) -> None:
        self.sandbox = sandbox
        self.chance = random.Random(plan.seed + 1)
        self._postgres = postgres
        self._database = postgres.new_database() if postgres else ""
        self._ledger = postgres.url(self._database) if postgres else str(folder / "ledger.db")
        self._folder = folder
        self._leads = plan.leads
        self._input = folder / "input.jsonl"
        self._input.write_text("".join(f"{line}\n" for line in self._lines()), encoding="utf-8")

    def _lines(self) -> Iterator[str]:
        yield schema()
        for number in range(1, self._leads + 1):
            yield record(**person(number))
            if self.chance.random() < 0.1:
                # The same record once more, and the same person under another key.
                yield record(**person(number))
                yield record(**person(number) | {"id": 10_000 + number})
            yield state({"at": number})

    def start(self, name: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a run over the whole input."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        target = Target(
            folder,
            self.sandbox.base_url,
            ledger=self._ledger,
            max_concurrency=8,
            timeout_seconds=2,
            max_attempts=20,
            batch_size_rows=20,
        )
        target.env = env
        with self._input.open("rb") as given:
            return target.start(stdin=given)

    def run_and_kill(self, kill: str | float, toll: Toll) -> None:
        """Start a run and kill it, unless it is done before."""
        if isinstance(kill, str):
            process = self.start("one", OCTANIST_KILL_AT=kill)
        else:
            process = self.start("one")
            try:
                process.wait(timeout=kill)
            except subprocess.TimeoutExpired:
                process.kill()
        done = finish(process)
        toll.runs += 1
        if done.returncode == -signal.SIGKILL:
            where = kill.partition(":")[0] if isinstance(kill, str) else "at random"
            toll.injected[f"kill -9 {where}"] += 1
        self._check_state(done.states, toll)

    def run_together(self, plan: Plan, toll: Toll) -> bool:
        """Start all the runs of the plan at once; True if all of them came through."""
        names = ["one", "two", "three"][: plan.processes]
        processes = [self.start(name) for name in names]
        self._cut(plan.cuts, processes, toll)
        codes = []
        for process in processes:
            done = finish(process)
            toll.runs += 1
            codes.append(done.returncode)
            assert "Traceback" not in done.stderr, done.stderr
            self._check_state(done.states, toll)
        plan.cuts = 0
        return not any(codes)

    def run_in_the_calm(self, toll: Toll) -> None:
        """Start one more run, with which nothing is the matter."""
        done = finish(self.start("one"))
        toll.runs += 1
        assert done.returncode == 0, done.stderr
        assert done.states[-1] == {"at": self._leads}
        self._check_state(done.states, toll)

    def count(self, toll: Toll) -> None:
        """Compare what was given with what was stored."""
        stored = Counter(lead["email"] for lead in self.sandbox.leads())
        given = {person(number)["email"] for number in range(1, self._leads + 1)}
        assert stored.keys() <= given
        toll.lost += len(given - stored.keys())
        toll.doubled += sum(stored.values()) - len(stored)
        done = octanist("status", "--json", "--ledger", self._ledger, home=self._folder)
        toll.in_doubt += json.loads(done.stdout)["outcomes"]["in_doubt"]

    def _cut(self, times: int, processes: Sequence[subprocess.Popen[bytes]], toll: Toll) -> None:
        """Cut the connections to the journal, each time after some more leads."""
        for _ in range(times):
            least = len(self.sandbox.leads()) + self.chance.randint(1, 5)
            while len(self.sandbox.leads()) < least:
                if all(process.poll() is not None for process in processes):
                    return
                time.sleep(0.01)
            assert self._postgres is not None
            self._postgres.cut(self._database)
            toll.injected["journal's connections cut"] += 1

    def _check_state(self, states: list[Any], toll: Toll) -> None:
        """See that no STATE went out for a lead that is not stored."""
        if not states:
            return
        stored = {lead["email"] for lead in self.sandbox.leads()}
        promised = {person(number)["email"] for number in range(1, states[-1]["at"] + 1)}
        toll.state_ahead += len(promised - stored)


def _name(fault: dict[str, Any]) -> str:
    method = fault["match"].get("method", "")
    action = fault["action"]
    return f"{method} {action if isinstance(action, str) else action['kind']}"
