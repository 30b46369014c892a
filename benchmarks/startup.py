"""``python -m benchmarks.startup``: how long commands take to start and to end.

Each command is a process of its own. All of them are started in turn, round after round, so
that what else the machine does falls upon all alike; what counts are the ratios within a round,
of which the medians are shown. The yardstick is the framework alone, which any target pays:
``python -c "import singer_sdk.target_base"``. Beside the run of one record stands that of a stock
``RecordSink``, which keeps no journal.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.processes import SCRIPTS
from tests.support.sandbox import API_KEY, Sandbox
from tests.support.target import environment, person, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Sequence

YARDSTICK = "the framework alone (yardstick)"

_ROOT = Path(__file__).parents[1]

#: The least that a target can be.
_STOCK = """
from singer_sdk import RecordSink, Target

class Stock(Target):
    name = "target-stock"
    config_jsonschema = {"properties": {}}
    default_sink_class = RecordSink

Stock.cli()
"""


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rows = measure(options.rounds)
    yardstick = dict(rows)[YARDSTICK]
    print(f"{options.rounds} rounds; seconds of a process, and their ratio to the yardstick's")
    print(f"{'':<34}{'start to end':>22}{'ratio':>8}{'CPU':>8}{'ratio':>8}")
    for name, costs in rows:
        wall, cpu = zip(*costs, strict=True)
        span = f"{statistics.median(wall):.2f} ({min(wall):.2f}..{max(wall):.2f})"
        wall_ratio, cpu_ratio = map(ratio, (wall, cpu), zip(*yardstick, strict=True))
        print(
            f"{name:<34}{span:>22}{wall_ratio:>8.2f}{statistics.median(cpu):>8.2f}{cpu_ratio:>8.2f}"
        )


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Give the median of the ratios round by round."""
    return statistics.median(one / other for one, other in zip(of, to, strict=True))


class Cost(NamedTuple):
    """What a process took: seconds from its start to its end, and seconds of the processor."""

    seconds: float
    cpu_seconds: float


def measure(rounds: int) -> list[tuple[str, list[Cost]]]:
    """Start each command once in every round; gives its name and what it took in each."""
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        commands = commands_of(Path(folder), sandbox.base_url)
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        # The first round fills the caches of the disk and is not counted.
        for number in range(rounds + 1):
            given = "\n".join([schema(), record(**person(number)), state({"at": number}), ""])
            for name, (command, code) in commands.items():
                cost = cost_of(command, given, code, Path(folder))
                if number > 0:
                    costs[name].append(cost)
        assert len(sandbox.leads()) == 2 * (rounds + 1), "each run of one record sent its lead"
    return list(costs.items())


def commands_of(folder: Path, base_url: str) -> dict[str, tuple[Sequence[str], int]]:
    """Name each command, with the exit code that it has to end with."""
    target = str(SCRIPTS / "target-octanist")
    octanist = str(SCRIPTS / "octanist")
    settings = {"base_url": base_url, "api_key": API_KEY}
    good, bad = folder / "config.json", folder / "mistake.json"
    good.write_text(json.dumps(settings), encoding="utf-8")
    bad.write_text(json.dumps(settings | {"max_concurrency": 0}), encoding="utf-8")
    python = (sys.executable, "-c")
    peer = (sys.executable, "-m", "benchmarks.peers.record_sink")
    return {
        YARDSTICK: ((*python, "import singer_sdk.target_base"), 0),
        "stock target --version": ((*python, _STOCK, "--version"), 0),
        "target-octanist --version": ((target, "--version"), 0),
        "target-octanist --about": ((target, "--about"), 0),
        "target-octanist, a wrong setting": ((target, "--config", str(bad)), 1),
        "stock RecordSink, one record": ((*peer, "--config", str(good)), 0),
        "target-octanist, one record": ((target, "--config", str(good)), 0),
        "octanist --version": ((octanist, "--version"), 0),
        "octanist --help": ((octanist, "--help"), 0),
    }


def cost_of(command: Sequence[str], given: str, code: int, home: Path) -> Cost:
    """Run a command to its end."""
    env = environment(home, PYTHONPATH=str(_ROOT))
    before, began = cpu_seconds(), time.perf_counter()
    done = subprocess.run(
        command, input=given, env=env, capture_output=True, text=True, check=False
    )
    cost = Cost(time.perf_counter() - began, cpu_seconds() - before)
    assert done.returncode == code, done.stderr
    return cost


def cpu_seconds() -> float:
    """Say what the processes that have ended took of the processor."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
