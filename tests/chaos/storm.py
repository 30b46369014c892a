"""One storm: some leads, a plan of everything that goes wrong on their way, and the count.

A plan comes from a seed, so that a storm can be had again. Runs are started, killed and
started again, while the sandbox and the journal's database misbehave; then the weather
clears, and one more run gets the rest of the input, and one all of it. What counts is what
the sandbox has stored in the end.
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
from tests.chaos.sources import SOURCES, Arrived
from tests.support.sandbox import Sandbox
from tests.support.target import Target, finish, octanist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.postgres import PostgresServer
    from tests.support.target import Finished

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

#: All that the sandbox can do to a change; the last one carries it out when nobody waits for it.
PATCH_FAULTS = (*POST_FAULTS, {"kind": "delay", "latency_ms": 3000})

#: Any other answer is about the change itself.
STOPPING_PATCH_FAULTS = ("401", "html-403", "redirect")

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
        mode: That of the stream, one of `SOURCES`.
    """

    seed: int
    leads: int = 60
    faults: list[dict[str, Any]] = field(default_factory=list)
    kills: list[str | float] = field(default_factory=list)
    cuts: int = 0
    processes: int = 1
    mode: str = "create"


@dataclass
class Toll:
    """What a storm has cost, and what it was made of.

    Attributes:
        lost: Leads that are not there, or are not as was said last.
        doubled: Leads that are there twice, and what they were told twice in a row.
        repeated: Requests of a run for which nothing was left to do.
    """

    injected: Counter[str] = field(default_factory=Counter)
    leads: int = 0
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    in_doubt: int = 0
    state_ahead: int = 0
    repeated: int = 0

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
            self.repeated + other.repeated,
        )

    @property
    def harm(self) -> int:
        """All that must be zero."""
        return self.lost + self.doubled + self.in_doubt + self.state_ahead + self.repeated


def make_plan(seed: int, *, cuts: bool, leads: int = 60, mode: str = "create") -> Plan:
    """Make a plan from a seed.

    Args:
        seed: The same seed gives the same plan.
        cuts: Whether the journal's connections can be cut.
        leads: How many leads there are.
        mode: That of the stream.
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
    kills = [_kill(chance) for _ in range(chance.randint(0, 4))]
    plan = Plan(
        seed,
        leads,
        faults,
        kills,
        cuts=chance.randint(1, 4) if cuts else 0,
        processes=chance.choice([1, 1, 2, 3]),
        mode=mode,
    )
    if mode != "create":
        plan.faults += faults_of_changes(chance)
        plan.kills += [_kill(chance) for _ in range(chance.randint(1, 4))]
    return plan


def _kill(chance: random.Random) -> str | float:
    if chance.random() < 0.6:
        return f"{chance.choice(KILL_POINTS)}:{chance.choice([1, 1, 2, 3])}"
    return chance.uniform(0.5, 2.0)


def faults_of_changes(chance: random.Random) -> list[dict[str, Any]]:
    """Make what goes wrong with changes of leads, and when they are asked about."""
    faults = [
        rule("PATCH", action, every=chance.randint(3, 12), times=chance.randint(1, 6))
        for action in chance.sample(PATCH_FAULTS, k=8)
    ]
    faults += [
        rule("GET", action, nth=chance.randint(1, 4), path="/leads/*")
        for action in chance.sample(LIST_FAULTS, k=2)
    ]
    if chance.random() < 0.3:
        stops = chance.choice(STOPPING_PATCH_FAULTS)
        faults.append(rule("PATCH", stops, nth=chance.randint(5, 60)))
    return faults


def rule(
    method: str, action: str | dict[str, Any], *, times: int = 1, **match: Any
) -> dict[str, Any]:
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
        for step in range(place.steps):
            place.grow(step)
            for kill in plan.kills[step :: place.steps]:
                place.run_and_kill(kill, toll)
            if step + 1 < place.steps and place.chance.random() < 0.5:
                place.run_together(plan, toll)
        done = False
        while not done and toll.runs < MOST_RUNS:
            done = place.run_together(plan, toll)
        for fault in place.sandbox.faults():
            toll.injected[_name(fault)] += fault["used"]
        place.sandbox.clear_faults()
        place.run_in_the_calm(toll)
        place.count(toll)
        place.run_once_more(toll)
    return toll


@contextmanager
def _place(plan: Plan, postgres: PostgresServer | None) -> Iterator[_Place]:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "sandbox.jsonl"
        with Sandbox("--latency-ms", "5", "--data", str(data)) as sandbox:
            yield _Place(data, sandbox, plan, postgres)


class _Place:
    """A sandbox, a journal, an input that grows, and runs that start from them."""

    def __init__(
        self, data: Path, sandbox: Sandbox, plan: Plan, postgres: PostgresServer | None
    ) -> None:
        self.sandbox = sandbox
        self.chance = random.Random(plan.seed + 1)
        self._postgres = postgres
        self._database = postgres.new_database() if postgres else ""
        self._folder, self._data = data.parent, data
        self._ledger = postgres.url(self._database) if postgres else str(self._folder / "ledger.db")
        self._source = SOURCES[plan.mode](self.chance, plan.leads)
        self._begin = self._end = 0
        self._input = self._folder / "input.jsonl"

    @property
    def steps(self) -> int:
        """How often the input grows."""
        return len(self._source.steps)

    def grow(self, step: int) -> None:
        """Let more records come in."""
        self._end = self._source.steps[step]
        self._begin_at(self._begin)

    def start(self, name: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a run over the input."""
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
            **self._source.settings,
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
        self._take_state([done], toll)

    def run_together(self, plan: Plan, toll: Toll) -> bool:
        """Start all the runs of the plan at once; True if all of them came through."""
        names = ["one", "two", "three"][: plan.processes]
        processes = [self.start(name) for name in names]
        self._cut(plan.cuts, processes, toll)
        finished = [finish(process) for process in processes]
        for done in finished:
            toll.runs += 1
            assert "Traceback" not in done.stderr, done.stderr
        self._take_state(finished, toll)
        plan.cuts = 0
        return not any(done.returncode for done in finished)

    def run_in_the_calm(self, toll: Toll) -> None:
        """Start one more run, with which nothing is the matter."""
        done = finish(self.start("one"))
        toll.runs += 1
        assert done.returncode == 0, done.stderr
        assert done.states[-1] == {"at": self._end}
        self._take_state([done], toll)

    def run_once_more(self, toll: Toll) -> None:
        """Start a run over all there ever was, with nothing left to do."""
        before = max(request["number"] for request in self.sandbox.requests())
        self._begin_at(0)
        self.run_in_the_calm(toll)
        toll.repeated += sum(
            request["number"] > before and request["method"] in {"POST", "PATCH"}
            for request in self.sandbox.requests()
            if request["path"] == "/leads"
        )

    def count(self, toll: Toll) -> None:
        """Compare what was given with what was stored."""
        arrived = Arrived.read(self._data)
        toll.lost += self._source.lost(arrived)
        toll.doubled += arrived.doubled
        done = octanist("status", "--json", "--ledger", self._ledger, home=self._folder)
        toll.in_doubt += json.loads(done.stdout)["outcomes"]["in_doubt"]

    def _begin_at(self, begin: int) -> None:
        """Have the next runs begin here."""
        self._begin = begin
        lines = self._source.lines(begin, self._end)
        self._input.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _cut(self, times: int, processes: Sequence[subprocess.Popen[bytes]], toll: Toll) -> None:
        """Cut the connections to the journal, each time after some more requests."""
        for _ in range(times):
            least = self.sandbox.stats()["requests"] + self.chance.randint(1, 5)
            while self.sandbox.stats()["requests"] < least:
                if all(process.poll() is not None for process in processes):
                    return
                time.sleep(0.01)
            assert self._postgres is not None
            self._postgres.cut(self._database)
            toll.injected["journal's connections cut"] += 1

    def _take_state(self, finished: Sequence[Finished], toll: Toll) -> None:
        """See that no STATE went out for what is not settled, and have the next runs go on there.

        Of runs at the same time the one that came less far is the one that goes on.
        """
        arrived = Arrived.read(self._data)
        reached = []
        for done in finished:
            reached.append(done.states[-1]["at"] if done.states else self._begin)
            toll.state_ahead += self._source.ahead(reached[-1], self._end, arrived)
        if self._source.resumes:
            self._begin_at(min(reached))


def _name(fault: dict[str, Any]) -> str:
    method = fault["match"].get("method", "")
    action = fault["action"]
    return f"{method} {action if isinstance(action, str) else action['kind']}"
