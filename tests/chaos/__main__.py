"""``make chaos``: storms until so many faults were injected, and a table of what they cost."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.chaos.sources import SOURCES
from tests.chaos.storm import Plan, Toll, make_plan, weather
from tests.support.postgres import find_programs, running_server

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer


def main() -> None:
    """Go through storms and print the table; exit code 1 if there was any harm."""
    options = read_options()
    tolls: dict[str, Toll] = {}
    with ExitStack() as stack:
        servers: dict[str, PostgresServer | None] = {"SQLite": None}
        programs = find_programs()
        if programs is None:
            print("PostgreSQL is not installed here: its storms are left out.", file=sys.stderr)
        else:
            servers["PostgreSQL"] = stack.enter_context(running_server(programs))
        for name, server in servers.items():
            tolls[name] = go_through(name, server, options)
    print_table(tolls)
    sys.exit(1 if any(toll.harm for toll in tolls.values()) else 0)


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="at least so many (1000)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first storm")
    parser.add_argument("--leads", type=int, default=60, help="in one storm (60)")
    parser.add_argument("--mode", choices=SOURCES, help="of the stream (each of them)")
    parser.add_argument("--jobs", type=int, default=3, help="storms at the same time (3)")
    return parser.parse_args()


def go_through(name: str, server: PostgresServer | None, options: argparse.Namespace) -> Toll:
    """Go through storms until enough faults were injected."""
    total = Toll()
    seed = options.seed

    def storm(plan: Plan) -> tuple[Plan, Toll]:
        return plan, weather(plan, server)

    with ThreadPoolExecutor(options.jobs) as pool:
        while total.injected.total() < options.faults:
            plans = [
                make_plan(seed + n, cuts=server is not None, leads=options.leads, mode=mode)
                for n in range(options.jobs)
                for mode in ([options.mode] if options.mode else SOURCES)
            ]
            seed += options.jobs
            for plan, toll in pool.map(storm, plans):
                total += toll
                print(
                    f"{name}, {plan.mode}, seed {plan.seed}: {toll.injected.total()} faults, "
                    f"{toll.runs} runs, {toll.lost} lost, {toll.doubled} doubled, {toll.in_doubt} in doubt, "
                    f"{toll.state_ahead} ahead, {toll.repeated} repeated",
                    file=sys.stderr,
                )
    return total


def print_table(tolls: dict[str, Toll]) -> None:
    """Print what was injected, and what it cost."""
    kinds = sorted({kind for toll in tolls.values() for kind in toll.injected})
    width = max(map(len, kinds)) + 2
    print("".ljust(width) + "".join(name.rjust(14) for name in tolls))
    for kind in kinds:
        print(kind.ljust(width) + "".join(str(t.injected[kind]).rjust(14) for t in tolls.values()))
    rows = {
        "faults injected": [toll.injected.total() for toll in tolls.values()],
        "runs": [toll.runs for toll in tolls.values()],
        "leads": [toll.leads for toll in tolls.values()],
        "lost": [toll.lost for toll in tolls.values()],
        "doubled": [toll.doubled for toll in tolls.values()],
        "in doubt": [toll.in_doubt for toll in tolls.values()],
        "STATE ahead of a lead": [toll.state_ahead for toll in tolls.values()],
        "repeated at last": [toll.repeated for toll in tolls.values()],
    }
    for title, numbers in rows.items():
        print(title.ljust(width) + "".join(str(number).rjust(14) for number in numbers))


if __name__ == "__main__":
    main()
