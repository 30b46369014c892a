"""Delivers sample leads and their outcomes with Meltano to a local sandbox, twice; fails on a loss.

    make demo

Everything it makes is below `.demo/`: Meltano's plugins stay there from one time to the next,
the journal and Meltano's state do not. Your own journal, `.env` and `.meltano` are not touched.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
RUN = HOME / "run"
REPORT = RUN / "report.html"
EXPECTED = ROOT / "sample_data" / "expected.json"

API_KEY = "sandbox-key"
FILTER = "email=*@competitor.example.net"
TARGET = "target-octanist"
#: The job of meltano.yml, and the streams of its taps in their order.
JOB = "sample-leads"
STREAMS = ("hubspot_contacts", "hubspot_deals", "web_leads")
#: This one makes no leads, and says what became of those of another.
DEALS = "hubspot_deals"
OUTCOMES = ("delivered", "duplicate", "filtered", "rejected", "in doubt", "pending", "skipped")
#: The target's own last line, once for each stream, as Meltano logs it.
SUMMARY = re.compile(r"\d+ records in [\d.]+ s(?: \([^)]*\))?: (?P<counts>\d+ delivered[^.;]*)")

FOREIGN = re.compile(r"(TARGET_OCTANIST|OCTANIST|MELTANO|TAP)_")
PROXY = re.compile(r"(http|https|all|no)_proxy", re.IGNORECASE)


class DemoFailedError(Exception):
    """Something did not turn out as the demo promises."""


def main() -> None:
    """Run the demo; exit with 1 if it does not show what it should."""
    parser = argparse.ArgumentParser(description="Deliver the sample leads to a local sandbox.")
    parser.add_argument("--meltano", default="meltano", help="Meltano's command.")
    meltano = parser.parse_args().meltano
    meltano = str(Path(meltano).absolute()) if os.sep in meltano else meltano
    signal.signal(signal.SIGTERM, leave)
    started = time.monotonic()
    try:
        tell(meltano)
    except DemoFailedError as error:
        sys.exit(f"\nThe demo failed: {error}")
    print(f"\nAll as it should be, in {time.monotonic() - started:.0f} seconds.")


def leave(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """End by way of every `finally`, so that nothing is left running."""
    sys.exit(128 + signum)


def tell(meltano: str) -> None:
    """Tell the story, step by step.

    Raises:
        DemoFailedError: A step failed, or its result is not the expected one.
    """
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    total = expected["total"]["delivered"]
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)

    print("1. Meltano installs the tap and the target ...", flush=True)
    install(meltano)
    with sandbox() as url:
        print(f"2. The sandbox, a stand-in for the API, takes leads at {url}", flush=True)

        print("3. Meltano runs the sample leads, and then their deals, through the target ...\n")
        first = run(meltano, url, "first")
        show(first)
        for stream, outcomes in first.items():
            wanted = {**dict.fromkeys(OUTCOMES, 0), **expected[stream]}
            came_to = {**dict.fromkeys(OUTCOMES, 0), **outcomes}
            check(came_to == wanted, f"{stream} came to {came_to}, expected was {wanted}.")
        arrived, became = count(url), statuses(url)
        said = ", ".join(f"{number} {status}" for status, number in became.items())
        print(f"\n   The sandbox has {arrived} leads, and was told of the deals: {said}.")
        check(arrived == total, f"the sandbox has {arrived} leads, expected were {total}.")
        check(became == expected["statuses"], f"leads are {said}.")

        print("\n4. The same records once more, as a full refresh ...\n", flush=True)
        second = run(meltano, url, "second", "--full-refresh")
        show(second)
        new = count(url) - arrived
        print(f"\n   The sandbox has {new} new leads.")
        check(new == 0, f"the second run made {new} leads again.")
        delivered = sum(outcomes["delivered"] for outcomes in second.values())
        check(delivered == 0, f"the second run says that it delivered {delivered} records.")

        print("\n5. What the journal knows (`octanist status`):\n", flush=True)
        told = first[DEALS]["delivered"]
        status(url, told)

        print("\n6. The same as a page for a browser (`octanist report`):\n", flush=True)
        report(url, told)


def install(meltano: str) -> None:
    """Let Meltano install its plugins, which it does only where something has changed."""
    command = [meltano, "--env-file", os.devnull, "install"]
    log = RUN / "install.log"
    # Meltano's own choice, uv, is quick; pip knows the index of a pip.conf.
    for backend in ("uv", "virtualenv"):
        env = environment(MELTANO_VENV_BACKEND=backend)
        if call(command, env, log) == 0:
            return
    raise DemoFailedError(f"the plugins cannot be installed.\n{tail(log)}")


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """Run the sandbox on a free port; give the base URL of its API."""
    ready = RUN / "sandbox.url"
    command = [beside_python("octanist"), "sandbox", "--port", "0", "--ready-file", str(ready)]
    command += ["--api-key", API_KEY, "--filter", FILTER]
    log = RUN / "sandbox.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=without_proxies(environment()), stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        while not (ready.exists() and ready.read_text(encoding="utf-8").strip()):
            if server.poll() is not None or time.monotonic() > deadline:
                raise DemoFailedError(f"the sandbox does not start.\n{tail(log)}")
            time.sleep(0.05)
        yield ready.read_text(encoding="utf-8").strip()
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def run(meltano: str, url: str, name: str, *options: str) -> dict[str, dict[str, int]]:
    """Run the job; give stream to outcome to number of records."""
    log = RUN / f"{name}.log"
    command = [meltano, "--env-file", os.devnull, "--log-format", "uncolored"]
    command += ["--environment", "dev", "run", *options, JOB]
    print(f"   meltano run {' '.join([*options, JOB])}\n", flush=True)
    if call(command, without_proxies(settings(url)), log) != 0:
        raise DemoFailedError(f"`meltano run` failed.\n{tail(log)}")
    found = SUMMARY.findall(log.read_text(encoding="utf-8", errors="replace"))
    if len(found) != len(STREAMS):
        raise DemoFailedError(f"the target did not say what it did.\n{tail(log)}")
    outcomes = {}
    for stream, counts in zip(STREAMS, found, strict=True):
        parts = (part.split(" ", 1) for part in counts.split(", "))
        outcomes[stream] = {outcome: int(number) for number, outcome in parts}
    return outcomes


def status(url: str, told: int) -> None:
    """Print what the journal knows, and compare it with the sandbox."""
    env = without_proxies(settings(url))
    command = [beside_python("octanist"), "status"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    report = json.loads(subprocess.check_output([*command, "--json"], cwd=ROOT, env=env))
    known, arrived = report["outcomes"]["delivered"] - told, count(url)
    check(known == arrived, f"the journal knows {known} delivered leads, not {arrived}.")


def report(url: str, told: int) -> None:
    """Write the report of all that was done, and compare it with what arrived."""
    env = without_proxies(settings(url))
    command = [beside_python("octanist"), "report", "--since", "1d"]
    subprocess.run([*command, "--out", str(REPORT)], cwd=ROOT, env=env, check=True)
    found = json.loads(subprocess.check_output([*command, "--format", "json"], cwd=ROOT, env=env))
    reported, arrived = found["totals"]["outcomes"]["delivered"] - told, count(url)
    check(reported == arrived, f"the report has {reported} delivered leads, not {arrived}.")


def show(outcomes: dict[str, dict[str, int]]) -> None:
    """Print a table of outcomes."""
    rows = [(stream, [counts.get(o, 0) for o in OUTCOMES]) for stream, counts in outcomes.items()]
    rows.append(("total", [sum(column) for column in zip(*(row for _, row in rows), strict=True)]))
    print(f"   {'records of':<18}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES), flush=True)
    for stream, numbers in rows:
        print(f"   {stream:<18}" + "".join(f"{number:>11}" for number in numbers))


def count(url: str) -> int:
    """Ask the sandbox how many leads it has."""
    return len(leads(url))


def statuses(url: str) -> dict[str, int]:
    """Ask the sandbox how many leads have which status, apart from those that are open."""
    found = Counter(lead["status"] for lead in leads(url))
    return {status: number for status, number in found.most_common() if status != "open"}


def leads(url: str) -> list[dict[str, Any]]:
    """Ask the sandbox for its leads."""
    address = url.removesuffix("/api") + "/_sandbox/leads"
    with build_opener(ProxyHandler({})).open(address, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def environment(**more: str) -> dict[str, str]:
    """Give the environment without anybody's settings, and with Meltano kept to itself."""
    return {
        **{name: value for name, value in os.environ.items() if not FOREIGN.match(name)},
        "MELTANO_PROJECT_ROOT": str(ROOT),
        "MELTANO_SYS_DIR_ROOT": str(HOME / "meltano"),
        "MELTANO_DATABASE_URI": f"sqlite:///{RUN / 'meltano.db'}",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
        **more,
    }


def settings(url: str) -> dict[str, str]:
    """Give the environment with the target's settings for the sandbox."""
    return environment(
        TARGET_OCTANIST_API_KEY=API_KEY,
        TARGET_OCTANIST_BASE_URL=url,
        TARGET_OCTANIST_LEDGER=str(RUN / "octanist-ledger.db"),
    )


def without_proxies(env: dict[str, str]) -> dict[str, str]:
    """Give the environment for talking to the loopback address only."""
    return {name: value for name, value in env.items() if not PROXY.fullmatch(name)}


def call(command: list[str], env: dict[str, str], log: Path) -> int:
    """Run a command with its output in a file; take it along when the demo is ended."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(30)


def beside_python(command: str) -> str:
    """Give the path of a command that is installed with this Python."""
    return str(Path(sys.executable).parent / command)


def tail(log: Path, lines: int = 40) -> str:
    """Give the end of a log file."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def check(holds: bool, complaint: str) -> None:  # noqa: FBT001 - an assertion
    """Raise the complaint unless it holds."""
    if not holds:
        raise DemoFailedError(complaint)


if __name__ == "__main__":
    main()
