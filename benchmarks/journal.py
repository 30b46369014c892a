"""What the journal costs: a look-up in journals of many sizes, a commit, and its bytes.

Run as ``python -m benchmarks.journal``; ``--leads 10000000`` adds a journal of that size (it
takes a quarter of an hour and 10 GB), and ``--folder`` keeps the journals for the next time. What is
compared is measured in turn, in the same run, and a bare ``sqlite3`` that does the same
statements by hand is the floor. Durability is on throughout.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, nullcontext
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.ledger.preview import look
from target_octanist.ledger.settled import SettledRecords
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_octanist.ledger.turn import Turn

    Work = Callable[[Sequence[Claim]], object]

SIZES = (0, 10_000, 100_000, 1_000_000)
BATCH = 500
COMMITS = {1: 100, 10: 300, 100: 2000, 500: 4000}  #: leads a commit to leads in all

DESTINATION = "http://127.0.0.1/api"
PAYLOAD = '{"name":"Canary","email":"canary@example.com","notes":"%s"}' % ("x" * 350)

#: Leads come in so many portions. Digests of persons are sorted in each, which is as fast as
#: a sorted input, and leaves pages as full as one in random order.
PORTIONS = 8


def main() -> None:
    """Measure, and print tables in Markdown."""
    options = read_options()
    sizes = sorted({*SIZES, *([options.leads] if options.leads else [])})
    keep = options.folder is not None
    with nullcontext(options.folder) if keep else tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {size: built(folder, size) for size in sizes}
        print(f"SQLite {sqlite3.sqlite_version}, {options.rounds} rounds, medians.\n")
        print(look_up_table(look_ups(paths, options.rounds)))
        print(commit_table(commits(folder, options.rounds)))
        print(byte_table(folder))


def read_options() -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--leads", type=int, help="measure a journal of so many leads as well")
    parser.add_argument("--folder", type=Path, help="where journals are kept and used again")
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


# Journals of any size


def built(folder: Path, size: int) -> Path:
    """Give a journal of so many delivered leads, each with two digests of its person."""
    path = folder / f"journal-{size}.db"
    if not path.exists():
        new = folder / f"journal-{size}.db.new"
        new.unlink(missing_ok=True)
        began = time.monotonic()
        fill(new, size)
        new.rename(path)
        took = time.monotonic() - began
        print(f"Made a journal of {size:,} leads in {took:.0f} s.", file=sys.stderr)
    return path


def fill(path: Path, size: int) -> None:
    """Make a journal and put so many leads into it, past our own code."""
    with closing(Journal.open(str(path))) as journal:
        journal.begin_run(DESTINATION, "key", now=now_ms())
        run = journal.run
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "secure_delete=OFF",
            "cache_size=-131072",
        ):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        portion = max(-(-size // PORTIONS), 1)
        for start in range(0, size, portion):
            add(connection, run, range(start, min(start + portion, size)))
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode=WAL")


def add(connection: sqlite3.Connection, run: str, numbers: range) -> None:
    """Put a portion of leads into a journal."""
    connection.execute("BEGIN")
    (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM octanist_leads").fetchone()
    connection.execute("CREATE TEMP TABLE fresh (source, payload_digest, one, two)")
    connection.executemany("INSERT INTO fresh VALUES (?, ?, ?, ?)", (row(n) for n in numbers))
    # As in a run: a row is written with its payload, and loses it when it is settled.
    connection.execute(
        "INSERT INTO octanist_leads (source, stream, state, run, payload_digest, persons, payload,"
        " attempts, claimed_at, sent_at) SELECT source, 'contacts', 'sending', ?, payload_digest,"
        " one || ' ' || two, ?, 1, 1800000000000, 1800000000100 FROM fresh",
        (run, PAYLOAD),
    )
    connection.execute(
        "UPDATE octanist_leads SET state = 'delivered', payload = NULL,"
        " settled_at = 1800000000200, lead_id = 'lead_' || substr(payload_digest, 1, 24),"
        " request_id = 'req_' || substr(payload_digest, 1, 12) WHERE rowid > ?",
        (last,),
    )
    connection.execute(
        "INSERT INTO octanist_persons (digest, source) SELECT one, source FROM fresh"
        " UNION ALL SELECT two, source FROM fresh ORDER BY 1"
    )
    connection.execute("DROP TABLE fresh")
    connection.execute("COMMIT")


def row(number: int) -> tuple[str, str, str, str]:
    """Give source, digest of the payload, and two of the person; nothing tells their number."""
    digits = blake2b(str(number).encode(), digest_size=64).hexdigest()
    return digits[:32], digits[32:64], digits[64:96], digits[96:]


def claim(number: int) -> Claim:
    """Make the claim of one record."""
    source, payload_digest, *people = row(number)
    return Claim(source, "contacts", tuple(people), 0, payload_digest, PAYLOAD)


# Look-ups


class Looked(NamedTuple):
    """One batch: what was looked up how, in a journal of which size; µs of CPU a record."""

    size: int
    way: str
    cost: float


def look_ups(paths: dict[int, Path], rounds: int) -> list[Looked]:
    """Look for batches of records that are known, and of new ones, in all journals in turn."""
    measured = []
    chance = random.Random(1)
    journals = {size: Journal.open(str(path)) for size, path in paths.items()}
    readers = {size: SettledRecords(str(path)) for size, path in paths.items()}
    bare = {size: sqlite3.connect(path, isolation_level=None) for size, path in paths.items()}
    for journal in journals.values():
        journal.begin_run(DESTINATION, "key", now=now_ms())
    for at in range(rounds * 4):
        for size, journal in journals.items():
            # Others each time, or their pages would be in memory.
            new = [claim(size + 1 + at * BATCH + n) for n in range(BATCH)]
            ways: dict[str, tuple[Work, list[Claim]]] = {
                "pass over new ones": (partial(pass_over, readers[size]), new),
                "look for new ones": (partial(look, journal), new),
                "bare look for new ones": (partial(bare_look, bare[size]), new),
            }
            if size:
                following = [claim((at * BATCH + n) % size) for n in range(BATCH)]
                ways |= {
                    "pass over known ones": (partial(pass_over, readers[size]), following),
                    "look for known ones": (partial(look, journal), known(size, chance)),
                    "claim known ones": (partial(claim_all, journal), known(size, chance)),
                    "look for known ones, shuffled": (
                        partial(look, journal),
                        [claim(chance.randrange(size)) for _ in range(BATCH)],
                    ),
                    "bare look for known ones": (
                        partial(bare_look, bare[size], persons=False),
                        known(size, chance),
                    ),
                }
            for way, (work, claims) in ways.items():
                began = time.process_time()
                work(claims)
                cost = (time.process_time() - began) / len(claims) * 1e6
                if at >= 2:  # the first ones compile statements
                    measured.append(Looked(size, way, cost))
    for connection in bare.values():
        connection.close()
    for reader in readers.values():
        reader.close()
    for journal in journals.values():
        journal.close()
    return measured


def known(size: int, chance: random.Random) -> list[Claim]:
    """Make the claims of a batch that comes again in its old order, as from most taps."""
    first = chance.randrange(max(size - BATCH, 1))
    return [claim(first + n) for n in range(min(BATCH, size))]


def pass_over(reader: SettledRecords, claims: Sequence[Claim]) -> None:
    """Ask which records are settled, as the reader of a run does before all else."""
    reader.among([claim.source for claim in claims])


def claim_all(journal: Journal, claims: Sequence[Claim]) -> None:
    """Claim records in a turn."""
    with journal.turn() as turn:
        turn.claim(claims, now=now_ms())


def bare_look(
    connection: sqlite3.Connection, claims: Sequence[Claim], *, persons: bool = True
) -> None:
    """Ask by hand for what a claim is decided by; by persons only if it is not known."""
    marks = ",".join("?" * len(claims))
    connection.execute(
        "SELECT source, state, run, payload_digest, code FROM octanist_leads"  # noqa: S608
        f" WHERE source IN ({marks})",
        [claim.source for claim in claims],
    ).fetchall()
    if not persons:
        return
    people = [person for claim in claims for person in claim.persons]
    marks = ",".join("?" * len(people))
    connection.execute(
        "SELECT digest, l.source, state, run, coalesce(settled_at, claimed_at)"  # noqa: S608
        " FROM octanist_persons p JOIN octanist_leads l ON l.source = p.source"
        f" WHERE digest IN ({marks})",
        people,
    ).fetchall()


def look_up_table(measured: Sequence[Looked]) -> str:
    """Tell what a record costs, and in brackets how often as much as in the empty journal."""
    sizes = sorted({one.size for one in measured})
    lines = [
        f"µs of CPU a record, in batches of {BATCH}; in brackets: times that of the empty one.\n",
        "| | " + " | ".join(f"{size:,} leads" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for way in dict.fromkeys(one.way for one in measured):
        costs = {size: cost_of(measured, way, size) for size in sizes}
        cells = [
            f"{cost:.1f} ({times_empty(measured, way, size):.2f})" if cost else ""
            for size, cost in costs.items()
        ]
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def cost_of(measured: Sequence[Looked], way: str, size: int) -> float:
    """Give the median of what a record costs; 0 if there is none."""
    return statistics.median(
        [one.cost for one in measured if (one.way, one.size) == (way, size)] or [0]
    )


def times_empty(measured: Sequence[Looked], way: str, size: int) -> float:
    """Give how often as much as in the empty journal a record costs in one of a size."""
    base = next((b for b in ("bare look for", "pass over") if way.startswith(b)), "look for")
    return cost_of(measured, way, size) / cost_of(measured, f"{base} new ones", 0)


# Commits


class Committed(NamedTuple):
    """What a lead cost in three commits, of so many leads each: µs in all, and of CPU."""

    way: str
    batch: int
    elapsed: float
    cpu: float


def commits(folder: Path, rounds: int) -> list[Committed]:
    """Claim, start and settle leads, through the journal and by hand in turn."""
    measured = []
    for at in range(rounds):
        for batch, count in COMMITS.items():
            for way in (through_journal, by_hand):
                path = folder / "commits.db"
                remove(path)
                claims = [claim(at * count + n) for n in range(count)]
                steps = way(path, [claims[n : n + batch] for n in range(0, count, batch)])
                next(steps)  # the first one compiles statements
                elapsed, cpu = time.monotonic(), time.process_time()
                for _ in steps:
                    pass
                elapsed, cpu = time.monotonic() - elapsed, time.process_time() - cpu
                each = (count - batch) / 1e6
                measured.append(Committed(way.__name__, batch, elapsed / each, cpu / each))
    remove(folder / "commits.db")
    return measured


def through_journal(path: Path, batches: Iterable[Sequence[Claim]]) -> Iterator[None]:
    """Write down leads as the target does; comes back after each batch."""

    def claim_them(claims: Sequence[Claim], turn: Turn) -> None:
        turn.claim(claims, now=now_ms())

    def start_them(claims: Sequence[Claim], turn: Turn) -> None:
        turn.start_sending([c.source for c in claims], now=now_ms())

    def settle_them(claims: Sequence[Claim], turn: Turn) -> None:
        turn.settle([delivered(c) for c in claims], now=now_ms())

    with closing(Journal.open(str(path))) as journal:
        journal.begin_run(DESTINATION, "key", now=now_ms())
        for claims in batches:
            for step in (claim_them, start_them, settle_them):
                journal.write(partial(step, claims))
            yield


def delivered(claim: Claim) -> Settlement:
    """Give the outcome of a lead that the API took."""
    return Settlement(
        claim.source, State.DELIVERED, f"lead_{claim.source[:24]}", f"req_{claim.source[:12]}"
    )


def by_hand(path: Path, batches: Iterable[Sequence[Claim]]) -> Iterator[None]:
    """Write down the same with the least that it takes."""
    with closing(Journal.open(str(path))) as journal:
        journal.begin_run(DESTINATION, "key", now=now_ms())
        run = journal.run
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        for claims in batches:
            begin(connection, run)
            bare_look(connection, claims)
            connection.executemany(
                "INSERT INTO octanist_leads (source, stream, state, run, payload_digest, persons,"
                " payload, attempts, claimed_at) VALUES (?, ?, 'claimed', ?, ?, ?, ?, 0, ?)",
                [
                    (
                        c.source,
                        c.stream,
                        run,
                        c.payload_digest,
                        " ".join(c.persons),
                        c.payload,
                        now_ms(),
                    )
                    for c in claims
                ],
            )
            connection.executemany(
                "INSERT INTO octanist_persons (digest, source) VALUES (?, ?)",
                [(person, c.source) for c in claims for person in c.persons],
            )
            connection.execute("COMMIT")
            begin(connection, run)
            connection.executemany(
                "UPDATE octanist_leads SET state = 'sending', sent_at = ?,"
                " attempts = attempts + 1 WHERE source = ?",
                [(now_ms(), c.source) for c in claims],
            )
            connection.execute("COMMIT")
            begin(connection, run)
            connection.executemany(
                "UPDATE octanist_leads SET state = 'delivered', run = ?, lead_id = ?,"
                " request_id = ?, payload = NULL, settled_at = ? WHERE source = ?",
                [
                    (run, f"lead_{c.source[:24]}", f"req_{c.source[:12]}", now_ms(), c.source)
                    for c in claims
                ],
            )
            connection.execute("COMMIT")
            yield


def begin(connection: sqlite3.Connection, run: str) -> None:
    """Begin a turn by hand, with its sign of life."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE octanist_runs SET heartbeat_at = ? WHERE id = ?", (now_ms(), run))


def commit_table(measured: Sequence[Committed]) -> str:
    """Tell what a lead costs by the size of its batches."""
    ways: dict[tuple[str, int], list[Committed]] = defaultdict(list)
    for one in measured:
        ways[one.way, one.batch].append(one)
    lines = [
        "µs a lead for claim, start and settle, each a commit on disk; CPU in brackets.\n",
        "| leads a commit | journal | by hand | ratio of CPU |",
        "|---:|---:|---:|---:|",
    ]
    for batch in COMMITS:
        cells, cpus = [], []
        for way in ("through_journal", "by_hand"):
            elapsed = statistics.median(one.elapsed for one in ways[way, batch])
            cpus.append(statistics.median(one.cpu for one in ways[way, batch]))
            cells.append(f"{elapsed:.0f} ({cpus[-1]:.0f})")
        lines.append(f"| {batch} | {' | '.join(cells)} | {cpus[0] / cpus[1]:.2f} |")
    return "\n".join([*lines, ""])


# Bytes


def byte_table(folder: Path, leads: int = 100_000) -> str:
    """Tell how large a journal is in which so many leads went the whole way."""
    path = folder / "bytes.db"
    remove(path)
    batches = ([claim(n) for n in range(at, at + BATCH)] for at in range(0, leads, BATCH))
    for _ in through_journal(path, batches):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        grown = parts(connection)
        connection.execute("VACUUM")
        tidied = parts(connection)
    remove(path)
    lines = [
        f"Bytes a lead with two digests of its person, of {leads:,} leads.\n",
        "| | as it grows | after `octanist ledger prune` |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| `{name}` | {grown[name] / leads:.0f} | {tidied[name] / leads:.0f} |"
        for name in sorted(grown, key=grown.__getitem__, reverse=True)
        if grown[name] >= leads
    ]
    whole = [sum(found.values()) / leads for found in (grown, tidied)]
    return "\n".join([*lines, f"| all | {whole[0]:.0f} | {whole[1]:.0f} |"])


def parts(connection: sqlite3.Connection) -> dict[str, int]:
    """Give the bytes of each table and index; one sum where SQLite does not tell them apart."""
    try:
        rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        return dict(rows.fetchall())
    except sqlite3.OperationalError:  # it was built without dbstat
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        return {"all": pages * size}


def remove(path: Path) -> None:
    """Remove a journal with the files beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
