"""The floors: the same work done by hand, for this one stream, without a line to spare.

Each is a program that reads the stream from its standard input, as the target does::

    python -m benchmarks.floors decode            # decode each line, and nothing else
    python -m benchmarks.floors map               # and map it, and name lead and person
    python -m benchmarks.floors known JOURNAL     # and look each record up in a journal
    python -m benchmarks.floors deliver JOURNAL URL NUMBER wire|connections|requests

The last one claims, sends and settles, and is the sum of the floors in one process. It makes the
very leads that the target makes, with its libraries for addresses and numbers, and writes the same
facts to a journal of the same durability. It sends so many at once: over connections of the target,
by one thread or by one for each, or by threads with a bare `requests.Session` each. It has nothing else: no settings, other streams, faults,
retries, deduplication in flight, STATE, metrics or signals, and it would lose leads.
"""

from __future__ import annotations

import json
import queue
import selectors
import sqlite3
import sys
import threading
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec
import requests

from benchmarks.streams import STREAM
from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.outcome import Response
from target_octanist.leads.contact import email, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_octanist.delivery.connection import Connection
    from target_octanist.delivery.outcome import Answer

    Send = Callable[[bytes], bytes]
    Outbox = queue.SimpleQueue["Lead"]
    Inbox = queue.SimpleQueue[list[tuple["Lead", bytes]]]

KEY: Final = b"0123456789abcdef"
BATCH: Final = 500

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


class Lead:
    """A lead, and the names that a journal has for it."""

    __slots__ = ("body", "digest", "persons", "source")

    def __init__(self, row: dict[str, Any]) -> None:
        body = encode(lead_of(row))
        address, number = (row["email"] or "").casefold(), row["phone"] or ""
        self.body = body
        self.source = name(f"source {STREAM} {row['id']}".encode())
        self.digest = name(body)
        self.persons = [name(f"email {address}".encode()), name(f"phone {number}".encode())]


def name(what: bytes) -> str:
    """Give the keyed digest of something."""
    return blake2b(what, digest_size=16, key=KEY).hexdigest()


def lead_of(row: dict[str, Any]) -> dict[str, Any]:
    """Give the lead that `streams.MAPPING` makes of a row."""
    utm = row["utm"] or {}
    lead = {
        "name": f"{row['first_name']} {row['last_name']}".strip(),
        "email": email(row["email"])[0],
        "phone": phone(row["phone"], "NL")[0],
        "custom": {
            key: value
            for key, value in (("status", row["status"]), ("score", row["score"]))
            if value is not None
        },
        "note": row["note"],
        "gclid": row["gclid"],
        "utm_source": utm.get("source"),
        "utm_campaign": utm.get("campaign"),
    }
    consent = row["consent_marketing"]
    for flag in ("ad_storage", "ad_user_data", "ad_personalization"):
        lead[flag] = consent
    return {key: value for key, value in lead.items() if value is not None}


def rows(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the rows of a stream."""
    for line in lines:
        message = decode(line)
        if message["type"] == "RECORD":
            yield message["record"]


def batches(lines: Iterable[bytes]) -> Iterator[list[Lead]]:
    """Give the leads of a stream, many at a time."""
    batch: list[Lead] = []
    for row in rows(lines):
        batch.append(Lead(row))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Ledger:
    """A journal in the target's own layout, written by hand."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON"
        )
        [(self._run,)] = self._db.execute("SELECT id FROM octanist_runs LIMIT 1").fetchall()

    def known(self, batch: list[Lead]) -> set[str]:
        """Give the sources of those that are there already."""
        marks = ",".join("?" * len(batch))
        found = self._db.execute(
            f"SELECT source, state FROM octanist_leads WHERE source IN ({marks})",  # noqa: S608 - marks
            [lead.source for lead in batch],
        ).fetchall()
        return {source for source, _ in found}

    def claim(self, batch: list[Lead]) -> list[Lead]:
        """Claim what is not known by its record or person, and mark it as sending."""
        now = time.time_ns() // 1_000_000
        self._db.execute("BEGIN IMMEDIATE")
        known = self.known(batch)
        people = [person for lead in batch for person in lead.persons]
        marks = ",".join("?" * len(people))
        taken = {
            digest
            for digest, _ in self._db.execute(
                "SELECT p.digest, l.state FROM octanist_persons p JOIN octanist_leads l"  # noqa: S608 - marks
                f" ON l.source = p.source WHERE p.digest IN ({marks})",
                people,
            )
        }
        fresh = [
            lead
            for lead in batch
            if lead.source not in known and not taken.intersection(lead.persons)
        ]
        self._db.executemany(
            "INSERT INTO octanist_leads (source, stream, state, run, payload_digest, persons, payload,"
            " attempts, claimed_at, sent_at) VALUES (?, ?, 'sending', ?, ?, ?, ?, 1, ?, ?)",
            [
                (
                    x.source,
                    STREAM,
                    self._run,
                    x.digest,
                    " ".join(x.persons),
                    x.body.decode(),
                    now,
                    now,
                )
                for x in fresh
            ],
        )
        self._db.executemany(
            "INSERT INTO octanist_persons VALUES (?, ?)",
            [(person, lead.source) for lead in fresh for person in lead.persons],
        )
        self._db.execute("COMMIT")
        return fresh

    def settle(self, answers: list[tuple[Lead, bytes]]) -> None:
        """Write down the ids of leads that have arrived."""
        now = time.time_ns() // 1_000_000
        found = [(lead, decode(body)) for lead, body in answers]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "UPDATE octanist_leads SET state = 'delivered', payload = NULL, settled_at = ?, lead_id = ?,"
            " request_id = ? WHERE source = ?",
            [(now, x["data"]["id"], x["meta"]["requestId"], lead.source) for lead, x in found],
        )
        self._db.execute("COMMIT")


def in_threads(send: Send, threads: int, outbox: Outbox, inbox: Inbox) -> None:
    """Send what is in the outbox, each lead by a thread that waits for its answer."""

    def work() -> None:
        while True:
            lead = outbox.get()
            inbox.put([(lead, send(lead.body))])

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()


def with_requests(base_url: str) -> Send:
    """Post with `requests`, and a session for each thread."""
    local = threading.local()
    url, headers = f"{base_url}/leads", {"X-API-KEY": "key", "Content-Type": "application/json"}

    def send(body: bytes) -> bytes:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
            session.trust_env = False  # it would look for proxies each time
        answer = session.post(url, data=body, headers=headers, timeout=30)
        assert answer.status_code == 201, answer
        return answer.content

    return send


def with_connections(base_url: str) -> Send:
    """Post with the target's connections, and one of them for each thread."""
    client = FastClient(base_url, "key", timeout_seconds=30)
    return lambda body: body_of(client.send(body))


def over_wire(base_url: str, connections: int, outbox: Outbox, inbox: Inbox) -> None:
    """Send what is in the outbox by one thread, which waits for all of its connections."""
    client = FastClient(base_url, "key", timeout_seconds=30)
    selector = selectors.DefaultSelector()
    idle = [client.connect(time.monotonic() + 30) for _ in range(connections)]
    for connection in idle:
        selector.register(connection, selectors.EVENT_READ, connection)
    sent: dict[Connection, Lead] = {}

    def work() -> None:
        while True:
            while idle and not (sent and outbox.empty()):
                lead = outbox.get()
                connection = idle.pop()
                assert connection.begin(client.request(lead.body)) is None, "it is sent at once"
                sent[connection] = lead
            answers = []
            for key, _ in selector.select():
                connection = key.data
                if (answer := connection.step()) is not None:
                    answers.append((sent.pop(connection), body_of(answer)))
                    idle.append(connection)
            inbox.put(answers)

    threading.Thread(target=work, daemon=True).start()


def body_of(answer: Answer) -> bytes:
    """Give the body of an answer to a new lead."""
    assert isinstance(answer, Response), answer
    assert answer.status == 201, answer
    return answer.body


def deliver(lines: Iterable[bytes], path: str, base_url: str, threads: int, transport: str) -> int:
    """Claim, send and settle all leads of a stream; gives how many were sent."""
    ledger = Ledger(path)
    outbox: Outbox = queue.SimpleQueue()
    inbox: Inbox = queue.SimpleQueue()
    if transport == "wire":
        over_wire(base_url, threads, outbox, inbox)
    else:
        ways = {"connections": with_connections, "requests": with_requests}
        in_threads(ways[transport](base_url), threads, outbox, inbox)
    sent, open_ = 0, 0
    for batch in batches(lines):
        fresh = ledger.claim(batch)
        for lead in fresh:
            outbox.put(lead)
        sent += len(fresh)
        open_ += len(fresh)
        while open_ > BATCH:
            open_ -= settle_some(ledger, inbox, threads)
    while open_:
        open_ -= settle_some(ledger, inbox, min(open_, threads))
    return sent


def settle_some(ledger: Ledger, inbox: Inbox, count: int) -> int:
    """Wait for so many answers or more, and write them down; gives their number."""
    answers: list[tuple[Lead, bytes]] = []
    while len(answers) < count:
        answers += inbox.get()
    ledger.settle(answers)
    return len(answers)


def main() -> None:
    """Run the floor that the command line names, and print how many records there were."""
    floor, *options = sys.argv[1:]
    lines = sys.stdin.buffer
    floors: dict[str, Callable[[], int]] = {
        "decode": lambda: sum(1 for _ in rows(lines)),
        "map": lambda: sum(len(batch) for batch in batches(lines)),
        "known": lambda: known(lines, *options),
        "deliver": lambda: deliver(lines, options[0], options[1], int(options[2]), options[3]),
    }
    print(json.dumps({"records": floors[floor]()}))


def known(lines: Iterable[bytes], path: str) -> int:
    """Look all leads of a stream up; gives how many are known."""
    ledger = Ledger(path)
    return sum(len(ledger.known(batch)) for batch in batches(lines))


if __name__ == "__main__":
    main()
