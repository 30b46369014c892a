"""A peer: a process of curl for each lead, so many at once, by ``xargs``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.lead import headers, lead_of


def main() -> None:
    """Deliver what comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))
    curl = ["curl", "--silent", "--fail", "--output", "/dev/null", f"{config['base_url']}/leads"]
    for name, value in headers(config).items():
        curl += ["--header", f"{name}: {value}"]
    xargs = ["xargs", "-r", "-d", "\n", "-n", "1", "-P", str(config["workers"])]
    process = subprocess.Popen(
        [*xargs, *curl, "--data-binary"], stdin=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdin is not None
    with process.stdin as bodies:
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "RECORD":
                bodies.write(f"{json.dumps(lead_of(message['record']))}\n")
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
