"""What the parts of the benchmark share: how much is measured, and on what."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import FailedError, Usage, run
from benchmarks.server import LoadServer
from benchmarks.streams import MAPPING, STREAM, stream_in
from target_octanist.ledger.journal import Journal, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TARGET: Final = Path(sys.executable).with_name("target-octanist")

#: A run of a million leads takes minutes.
RUN_SECONDS: Final = 3600


@dataclass(frozen=True)
class Bench:
    """How much is measured, and where.

    Attributes:
        rounds: how often all that is compared is measured in turn.
        quick: everything is small: to see that it works, and not to measure.
        folder: for streams and journals; on a disk.
        kept: for what takes long to make, and is there the next time.
        records: the size of the largest stream.
        journal_leads: the size of the largest journal to look records up in.
    """

    rounds: int
    quick: bool
    folder: Path
    kept: Path
    records: int
    journal_leads: int

    def size(self, records: int) -> int:
        """Give how many records there are where so many would be measured."""
        return max(records // 100, 20) if self.quick else records

    def seconds(self, seconds: int) -> int:
        """Give how long what would be measured for so long is measured."""
        return 1 if self.quick else seconds

    def stream(self, records: int, *, quoted_key: bool = False) -> Path:
        """Give the file of a stream."""
        return stream_in(self.folder, records, quoted_key=quoted_key)

    def round_numbers(self) -> Iterator[int]:
        """Count the rounds, and say so."""
        for number in range(1, self.rounds + 1):
            self.say(f"round {number} of {self.rounds}")
            yield number

    @staticmethod
    def say(what: str) -> None:
        """Tell who waits what is going on."""
        print(f"  {what}", file=sys.stderr, flush=True)

    def tidy(self) -> None:
        """Remove the streams of a part: the largest has a gigabyte."""
        for path in self.folder.glob("*.jsonl"):
            path.unlink()

    @contextmanager
    def place(self, latency_ms: float = 0) -> Iterator[Place]:
        """Give a new folder and a load server, for a while."""
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as name,
            LoadServer(latency_ms) as server,
        ):
            yield Place(Path(name), server)


@dataclass(frozen=True)
class Place:
    """A folder with the journals of one destination."""

    folder: Path
    server: LoadServer

    def target(self, stream: Path, ledger: str = "journal.db", **settings: Any) -> Usage:
        """Run the target on a stream; its journal stays.

        Raises:
            FailedError: It did not end well.
        """
        entry = {"stream": STREAM, "mapping": MAPPING, "phone_region": "NL"}
        entry |= settings.pop("entry", {})
        if key := settings.pop("key", None):
            entry["key"] = key
        config = self.folder / "config.json"
        own = {"base_url": self.server.base_url, "api_key": "sandbox-key", "ledger": ledger}
        config.write_text(json.dumps({**own, "streams": [entry], **settings}), encoding="utf-8")
        return self._run([TARGET, "--config", config], stream)

    def floor(self, stream: Path, floor: str, *options: str | int) -> Usage:
        """Run a floor on a stream.

        Raises:
            FailedError: It did not end well.
        """
        command = [sys.executable, "-m", "benchmarks.floors", floor, *map(str, options)]
        return self._run(command, stream)

    def deliver(self, stream: Path, ledger: str, at_once: int, way: str) -> Usage:
        """Run the floor that delivers."""
        options = (self.journal(ledger), self.server.base_url, at_once, way)
        return self.floor(stream, "deliver", *options)

    def journal(self, name: str) -> str:
        """Give the path of a journal that a floor can write to; makes it if it is not there."""
        path = self.folder / name
        if not path.exists():
            journal = Journal.open(str(path))
            journal.begin_run(self.server.base_url, "", now=now_ms())
            journal.close()
        return str(path)

    @contextmanager
    def expecting(self, leads: int) -> Iterator[None]:
        """See that so many leads arrive, each once.

        Raises:
            FailedError: More or fewer did.
        """
        before = self.server.count()
        yield
        arrived = self.server.count().leads - before.leads
        if arrived != leads:
            raise FailedError(f"of {leads} leads {arrived} arrived")

    def _run(self, command: Sequence[str | Path], stream: Path) -> Usage:
        return run(command, stream, self.folder, seconds=RUN_SECONDS)


def net(work: Callable[[Path], Usage], stream: Path, empty: Path) -> Usage:
    """Measure a program on a stream, without what it takes for an empty one."""
    start = work(empty)
    return work(stream).without(start)
