"""A peer: a sync of drt, a reverse ETL tool, from a SQLite table to its REST destination.

The table is filled first with the leads of the Singer stream on standard input, which costs next
to nothing. All that is set is the address and that there is no rate limit; without it drt sends
ten requests a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.lead import headers, lead_of

COLUMNS = (
    "name email phone note gclid utm_source utm_campaign ad_storage ad_user_data"
    " ad_personalization custom"
).split()


def main() -> None:
    """Deliver what comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))
    home = Path.cwd()
    database = home / "warehouse.db"
    fill(database)
    destination = {
        "type": "rest_api",
        "url": f"{config['base_url']}/leads",
        "method": "POST",
        "headers": headers(config),
    }
    sync = {
        "name": "leads",
        "model": "SELECT * FROM leads",
        "destination": destination,
        "sync": {"mode": "full", "rate_limit": {"requests_per_second": 0}},
    }
    # YAML takes JSON as it is.
    write(home / "drt_project.yml", {"name": "peer", "version": "0.1", "profile": "local"})
    write(home / "syncs/leads.yml", sync)
    write(home / ".drt/profiles.yml", {"local": {"type": "sqlite", "database": str(database)}})
    # It asks before it reports home; a benchmark answers nothing.
    environment = {**os.environ, "HOME": str(home), "DO_NOT_TRACK": "1"}
    command = [str(Path(sys.executable).with_name("drt")), "run", "--quiet"]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def fill(database: Path) -> None:
    """Write the leads of the stream to a table, as a warehouse has them."""
    with sqlite3.connect(database) as connection:
        connection.execute(f"CREATE TABLE leads ({', '.join(COLUMNS)})")
        marks = ", ".join("?" * len(COLUMNS))
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "RECORD":
                lead = lead_of(message["record"])
                lead["custom"] = json.dumps(lead["custom"])
                row = [lead.get(column) for column in COLUMNS]
                connection.execute(f"INSERT INTO leads VALUES ({marks})", row)  # noqa: S608  # no input
    connection.close()


def write(path: Path, content: object) -> None:
    """Write a file of the project."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
