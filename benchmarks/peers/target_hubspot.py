"""A peer: MeltanoLabs/target-hubspot itself, with its HubSpot moved to the loopback address.

Nothing of it is changed but the host that its client library takes where none is given. It sends
up to 10,000 records as one CSV file, and then asks every two seconds how the import goes.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path

from hubspot.crm import imports
from target_hubspot.target import TargetHubSpot

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))
    imports.Configuration = functools.partial(imports.Configuration, host=config["import_url"])
    TargetHubSpot.cli()
