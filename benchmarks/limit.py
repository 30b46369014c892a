"""``python -m benchmarks.limit``: what a machine can do at all with the load server.

wrk and h2load (Debian: wrk, nghttp2-client) are C programs that post the same lead again and
again and look at nothing but the status. What they need is the limit for a system that also
reads, maps, and remembers. The load server's own CPU time is measured with them: as long as it is
less than that of the system that sends, the server is not what holds that up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.lead import headers, lead_of
from benchmarks.rows import Row, medians, table
from benchmarks.server import LoadServer
from benchmarks.streams import rows as stream_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADERS = headers({"api_key": "sandbox-key"})

#: Latency in ms, and connections.
SCENARIOS = ((50, 128), (50, 512), (0, 128))

TOOLS = ("wrk", "h2load")


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limit", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    options = parser.parse_args()
    print(table(measure_all(options.rounds, options.seconds)))


def measure_all(rounds: int = 3, seconds: int = 5) -> list[Row]:
    """Measure every tool that is installed, in turn, in each round; gives medians."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    found = [Row(tool, "", note="not measured: it is not installed") for tool in missing]
    for _ in range(rounds):
        for latency_ms, connections in SCENARIOS:
            for tool in TOOLS:
                if tool not in missing:
                    found += measure(tool, latency_ms, connections, seconds)
    return medians(found)


def measure(tool: str, latency_ms: float, connections: int, seconds: int) -> list[Row]:
    """Let a tool post for so long; gives its row, and that of the server."""
    body = json.dumps(lead_of(next(stream_rows(1))))
    with tempfile.TemporaryDirectory() as name, LoadServer(latency_ms) as server:
        before = server.count()
        write = {"wrk": wrk, "h2load": h2load}[tool]
        command = write(Path(name), body, f"{server.base_url}/leads", connections, seconds)
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        after = server.count()
    leads = after.leads - before.leads
    assert process.returncode == 0, said
    assert leads, said
    ideal = f"ideal: {connections / latency_ms * 1000:,.0f}/s" if latency_ms else ""
    scenario, system = f"{latency_ms:g} ms", f"{tool}, {connections} connections"
    server_cpu = (after.cpu_seconds - before.cpu_seconds) / leads * 1e6
    return [
        Row(
            system,
            scenario,
            leads,
            took,
            (used.ru_utime + used.ru_stime) / leads * 1e6,
            ideal,
        ),
        Row(f"the server under {system}", scenario, leads, took, server_cpu),
    ]


def wrk(folder: Path, body: str, url: str, connections: int, seconds: int) -> Sequence[str]:
    """Give the command that posts with wrk."""
    script = folder / "post.lua"
    lines = ['wrk.method = "POST"', f"wrk.body = {lua(body)}"]
    lines += [f"wrk.headers[ {lua(name)} ] = {lua(value)}" for name, value in HEADERS.items()]
    script.write_text("\n".join(lines), encoding="utf-8")
    return ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url)


def lua(text: str) -> str:
    """Give a text as Lua writes it, whatever is in it; not to stand beside another bracket."""
    return f"[===[{text}]===]"


def h2load(folder: Path, body: str, url: str, connections: int, seconds: int) -> Sequence[str]:
    """Give the command that posts with h2load, by HTTP/1.1."""
    data = folder / "lead.json"
    data.write_text(body, encoding="utf-8")
    options = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    return (
        *("h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", "-d", str(data)),
        *options,
        url,
    )


if __name__ == "__main__":
    main()
