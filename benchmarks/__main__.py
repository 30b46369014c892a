"""``make bench``: the installed command against its own sandbox, with a yardstick beside it.

The yardstick is the same number of leads, posted by the same number of threads with a
bare ``requests.Session``: no mapping, no journal, no STATE. Both are measured in turn, in
the same run, so that their ratio says something on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.support.sandbox import API_KEY, Sandbox
from tests.support.target import Target, finish, person, record, schema, state


def main() -> None:
    """Measure, and print a table of medians."""
    options = read_options()
    lines = [schema(), *(record(**person(n)) for n in range(options.records)), state({"at": 1})]
    given = "".join(f"{line}\n" for line in lines).encode()
    rows: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, value in measure(given, options).items():
            rows.setdefault(name, []).append(value)
    print(
        f"{options.records} records, {options.concurrency} at once, "
        f"{options.latency_ms} ms latency, {options.rounds} rounds, "
        f"transport: {options.transport}"
    )
    for name, values in rows.items():
        print(
            f"{name:<44}{statistics.median(values):>12.2f}  ({min(values):.2f}..{max(values):.2f})"
        )


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--latency-ms", type=int, default=25)
    parser.add_argument("--transport", choices=["auto", "fast", "requests"], default="auto")
    return parser.parse_args()


def measure(given: bytes, options: argparse.Namespace) -> dict[str, float]:
    """Measure one round of everything; seconds, leads a second, MiB and ratios."""
    latency = ("--latency-ms", str(options.latency_ms))
    with tempfile.TemporaryDirectory() as folder, Sandbox(*latency) as sandbox:
        target = Target(
            Path(folder),
            sandbox.base_url,
            max_concurrency=options.concurrency,
            transport=options.transport,
        )
        start, _ = run(target, b"")
        cold, memory = run(target, given)
        assert len(sandbox.leads()) == options.records, "every lead arrived once"
        again, _ = run(target, given)
        assert len(sandbox.leads()) == options.records, "and none a second time"
        bare = post_bare(sandbox.base_url, options.records, options.concurrency)
    return {
        "start and end of the process, s": start,
        "new leads a second": options.records / (cold - start),
        "known leads a second": options.records / max(again - start, 1e-3),
        "bare requests a second (yardstick)": options.records / bare,
        "time for new leads / yardstick": (cold - start) / bare,
        "largest resident size, MiB": memory,
    }


def run(target: Target, given: bytes) -> tuple[float, float]:
    """Run the target; gives seconds, and the largest resident size of any child in MiB."""
    began = time.monotonic()
    done = finish(target.start(), given)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    # Linux counts in KiB, macOS in bytes.
    unit = 1024 * 1024 if os.uname().sysname == "Darwin" else 1024
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit


def post_bare(base_url: str, count: int, threads: int) -> float:
    """Post as many leads with as many threads and nothing else; gives seconds."""
    numbers = iter(range(count, 2 * count))
    lock = threading.Lock()

    def work() -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                lead: dict[str, Any] = {**person(number)}
                del lead["id"]
                answer = session.post(
                    f"{base_url}/leads",
                    data=json.dumps(lead),
                    headers={"X-API-KEY": API_KEY, "Content-Type": "application/json"},
                    timeout=30,
                )
                assert answer.status_code == 201, answer.text

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
