"""A peer: syslog-ng with its HTTP destination, a log shipper in C (Debian: syslog-ng-mod-http).

It reads the Singer stream as a file, picks the leads out of it with its own JSON parser and
template, and posts one message a request, from as many workers as are asked for. It takes a file
for a log that may grow for ever, so it is stopped when all its leads have arrived.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.server import ask_count

CONFIG = r"""@version: 3.38
options { stats-freq(0); };
log {
  source {
    file(
      "{folder}/stream.jsonl" flags(no-parse) read-old-records(yes) follow-freq(0.05)
      log-iw-size(10000) log-fetch-limit(1000)
    );
  };
  parser { json-parser(prefix("m.")); };
  filter { "${m.type}" eq "RECORD" };
  destination {
    http(
      url("{base_url}/leads") method("POST") workers({workers}) log-fifo-size(20000)
      headers("X-API-KEY: {api_key}" "Content-Type: application/json")
      body("$(format-json name='${m.record.first_name} ${m.record.last_name}'
        email='${m.record.email}' phone='${m.record.phone}' note='${m.record.note}'
        gclid='${m.record.gclid}' utm_source='${m.record.utm.source}'
        utm_campaign='${m.record.utm.campaign}' ad_storage='${m.record.consent_marketing}'
        ad_user_data='${m.record.consent_marketing}'
        ad_personalization='${m.record.consent_marketing}'
        custom.status='${m.record.status}' custom.score='${m.record.score}')")
    );
  };
  flags(flow-control);
};
"""


def main() -> None:
    """Deliver what comes on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))
    folder = Path.cwd()
    stream = sys.stdin.buffer.read()
    (folder / "stream.jsonl").write_bytes(stream)
    text = CONFIG
    for name, value in {"folder": folder, **config}.items():
        text = text.replace(f"{{{name}}}", str(value))
    (folder / "syslog-ng.conf").write_text(text, encoding="utf-8")
    files = {"-f": "syslog-ng.conf", "-R": "persist", "-p": "pid", "-c": "control"}
    options = [part for option, name in files.items() for part in (option, folder / name)]
    process = subprocess.Popen(["syslog-ng", "-F", "--no-caps", *options])  # noqa: S607  # as found
    wanted = stream.count(b'"type":"RECORD"')
    while process.poll() is None and ask_count(config["base_url"]).leads < wanted:
        time.sleep(0.05)
    process.terminate()
    process.wait()


if __name__ == "__main__":
    main()
