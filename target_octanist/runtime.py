"""One run, put together: journal, client, engine and what they report; `sign_off` ends it.

Both shells, the Singer target and the commands for people, send through this.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from target_octanist import __version__, catalogue
from target_octanist.collector import keep_what_is_there
from target_octanist.delivery.brake import Brake
from target_octanist.delivery.client import OctanistClient
from target_octanist.delivery.dry_run import DryRunSender
from target_octanist.delivery.engine import Engine
from target_octanist.delivery.job import Candidate
from target_octanist.delivery.pace import Pace
from target_octanist.delivery.pair import Pair
from target_octanist.delivery.policy import Policy
from target_octanist.delivery.quota import Quota, Usage
from target_octanist.delivery.reasons import SAME_RECORD
from target_octanist.delivery.transport import choose_sender
from target_octanist.errors import OctanistError
from target_octanist.ledger.claims import NOTHING
from target_octanist.ledger.database import TEMPORARY
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.ledger.settled import SettledRecords
from target_octanist.record_text import encode_record
from target_octanist.reporting.metrics import MetricsReporter
from target_octanist.reporting.outcomes import ALL_OUTCOMES, OUTCOMES
from target_octanist.reporting.progress import Progress, Snapshot
from target_octanist.reporting.recorder import Recorder
from target_octanist.reporting.run_id import new_run_id, shown
from target_octanist.reporting.tally import REFERENCES, Reference, Tally
from target_octanist.sign_off import SignOff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_octanist.delivery.client import Sender
    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.recovery import Reopen
    from target_octanist.reporting.prometheus import PrometheusFile
    from target_octanist.reporting.summary import Summary
    from target_octanist.settings import Settings

logger = logging.getLogger("target-octanist")

#: Records that are passed over are counted so many at a time.
_PASSED_AT_ONCE: Final = 500

#: How long a run that was told to stop waits for requests that are in flight.
GRACE_SECONDS = 10.0


class Run:
    """A run from its first record to its last word.

    Its methods belong to one thread. `close` must be called, whatever happens.
    """

    def __init__(
        self,
        settings: Settings,
        reopens: Reopen | None = None,
        *,
        kind: str = "run",
        progress: Progress | None = None,
        noun: str = "record",
        place: Callable[[], int] | None = None,
        name: Callable[[], str] | None = None,
    ) -> None:
        """Open the journal and start, with what dead runs left behind first of all.

        Args:
            settings: Of the run.
            reopens: How to take up again what is in doubt, if at all.
            kind: What the run is, as its figures have it.
            progress: Shows how far things are; by default on stderr.
            noun: What the input consists of.
            place: Says where in the input the record is that is being handed over; by
                default its number.
            name: Names that record in the log; by default by its place.

        Raises:
            OctanistError: The journal cannot be used, or the quota forbids to begin.
        """
        self.settings = settings
        # Monitors wait for runs, not for what a person does beside them.
        self._is_watched = kind in {"run", "load"} and not settings.dry_run
        self.run_id = new_run_id()
        where = "nowhere: dry_run is on" if settings.dry_run else f"to {settings.base_url}"
        logger.info("Run %s begins; leads go %s.", shown(self.run_id), where)
        self.tally = Tally()
        recorder = Recorder(self.tally, kind=kind, dry_run=settings.dry_run)
        started_at = time.monotonic()
        self._count = 0
        self._passed = 0
        self._passed_stream = ""
        self._passed_first: list[Reference] = []
        self._told: set[tuple[str, str]] = set()
        self._closed = False
        #: Of earlier runs; None where there cannot be any yet.
        self.settled: SettledRecords | None = None
        self._place = place or (lambda: self._count + 1)
        self._name = name or (lambda: f"{noun.capitalize()} {self._place()}")
        metrics_file = self._metrics_file()
        try:
            sender, quota = self._connect()
            self.journal = self._open_journal()
        except OctanistError:
            if metrics_file is not None:
                # Or the file would go on to tell of the run before.
                metrics_file.end(1, success=False)
                metrics_file.write()
            raise
        # What a human asks for by name is not held.
        brakes = kind == "run" and settings.tells_outcomes
        known = self.journal.changed(settings.base_url) if brakes else 0
        self.engine = Engine(
            settings,
            self.journal,
            sender,
            policy=Policy(settings.max_attempts, settings.on_unknown),
            pace=Pace(settings.max_concurrency, settings.requests_per_second),
            quota=quota,
            tally=self.tally,
            reopens=reopens,
            figures_if_due=recorder.if_due,
            brake=Brake(settings.max_changes, known) if brakes else None,
        )
        self._metrics = MetricsReporter(self.tally, self.engine.gauges, metrics_file)
        self._progress = progress or Progress(sys.stderr)
        self._sign_off = SignOff(
            settings,
            run_id=self.run_id,
            started_at=started_at,
            noun=noun,
            is_watched=self._is_watched,
            journal=self.journal,
            engine=self.engine,
            tally=self.tally,
            recorder=recorder,
            metrics=self._metrics,
        )
        keep_what_is_there()
        self.engine.start()

    # How it is put together

    def _metrics_file(self) -> PrometheusFile | None:
        if not (self._is_watched and self.settings.metrics_path):
            return None
        # Its library is there only where it was asked for.
        from target_octanist.reporting.prometheus import PrometheusFile

        return PrometheusFile(self.settings.metrics_path, run_id=self.run_id, version=__version__)

    def _connect(self) -> tuple[Sender, Quota]:
        settings = self.settings
        if settings.dry_run:
            return DryRunSender(), Quota(Usage(None, None), "off")
        client = OctanistClient(
            settings.base_url, settings.api_key or "", timeout_seconds=settings.timeout_seconds
        )
        sender = choose_sender(settings, client)
        return sender, Quota.ask(client, settings.check_quota, settings.base_url)

    def _open_journal(self) -> Journal:
        journal = Journal.open(TEMPORARY if self.settings.dry_run else self.settings.ledger)
        try:
            self._begin(journal)
            self.settled = self._open_settled()
        except BaseException:
            journal.close()
            raise
        return journal

    def _open_settled(self) -> SettledRecords | None:
        """Open what tells of settled records; None where there cannot be any yet."""
        if self.settings.dry_run:
            return None
        settled = SettledRecords(self.settings.ledger)
        try:
            if settled.any_yet():
                return settled
        except BaseException:
            settled.close()
            raise
        settled.close()
        return None

    def _begin(self, journal: Journal) -> None:
        settings = self.settings
        key_digest = hashlib.blake2b(
            (settings.api_key or "").encode(), digest_size=16, key=journal.salt
        ).hexdigest()
        if journal.begin_run(settings.base_url, key_digest, now=now_ms(), run=self.run_id):
            logger.warning(
                "api_key: the last run with this journal used another key. If it belongs to "
                "another organisation, give that one a `ledger` of its own: people that were "
                "sent to the first are not sent to the second."
            )

    # How things stand

    @property
    def salt(self) -> bytes:
        """What keys the digests of records and persons."""
        return self.journal.salt

    @property
    def accepted(self) -> int:
        """How many records were handed over."""
        return self._count + self._passed

    @property
    def settled_through(self) -> int:
        """The number of the last record up to which every one is settled on disk."""
        return self.engine.settled_through

    @property
    def records(self) -> Mapping[str, int]:
        """Stream to number of settled records."""
        return self.tally.records

    @property
    def failure(self) -> OctanistError | None:
        """Why the run must end, or None."""
        return self.engine.failure

    @property
    def summary(self) -> Summary | None:
        """What the run came to; None before its end."""
        return self._sign_off.summary

    # The way of a record

    def submit(
        self,
        claims: Sequence[Claim],
        record: Mapping[str, Any],
        notes: Sequence[str],
        while_waiting: Callable[[], None],
    ) -> bool:
        """Hand over a record; False if the run is stopping and did not take it.

        Args:
            claims: What the record asks of the journal: one claim, or two, of its lead and of
                what became of it.
            record: As it came.
            notes: What was left out of its lead or changed in it, in sentences.
            while_waiting: Called every now and then during a wait.
        """
        if self._passed:
            self._count_passed()
        for claim in claims:
            is_refused = claim.reason is not None and claim.code != NOTHING
            self._tell(claim.stream, [f"rejected: {claim.reason}"] if is_refused else notes)
        if not self.engine.submit(self._candidates(claims, record), while_waiting):
            return False
        self._count += 1
        return True

    def _candidates(self, claims: Sequence[Claim], record: Mapping[str, Any]) -> list[Candidate]:
        number, place = self._count + 1, self._place()
        # Its text takes less memory than itself.
        text = encode_record(record)
        pair = Pair() if len(claims) > 1 else None
        return [
            # Of what is tried again the journal has the record already.
            Candidate(number, place, claim, text if claim.again is None else None, pair)
            for claim in claims
        ]

    def _tell(self, stream: str, sentences: Sequence[str]) -> None:
        """Log each kind of trouble once for a stream, not once for a record."""
        for sentence in sentences:
            if (stream, sentence) not in self._told:
                self._told.add((stream, sentence))
                entry = next(catalogue.of_reason(sentence), None)
                extra = {"error_id": entry.id} if entry else {}
                logger.warning("%s, of %s: %s", self._name(), stream, sentence, extra=extra)

    def pass_over(self, stream: str, sources: Sequence[str]) -> None:
        """Count records that are settled for good, as `settled` says: duplicates, all of them.

        They come one after the other; the first is the one that is being handed over.
        """
        if stream != self._passed_stream:
            self._count_passed()
            self._passed_stream = stream
        if len(self._passed_first) < REFERENCES:
            numbered = enumerate(sources[:REFERENCES], start=self._place())
            self._passed_first += [Reference(place, source, None) for place, source in numbered]
        self._passed += len(sources)
        if self._passed >= _PASSED_AT_ONCE:
            self._count_passed()

    def pass_over_changes(self, stream: str, passed: Sequence[tuple[str, str, str]]) -> None:
        """Count what records came to of which nothing is left to do: source, outcome and reason.

        They come one after the other; the first is the one that is being handed over.
        """
        self._count_passed()
        groups: dict[tuple[str, str], list[Reference]] = {}
        for place, (source, outcome, reason) in enumerate(passed, start=self._place()):
            groups.setdefault((outcome, reason), []).append(Reference(place, source, None))
        for (outcome, reason), found in groups.items():
            first = found[:REFERENCES]
            self.tally.passed_over(stream, reason, len(found), first, outcome=outcome)
        self.engine.pass_over(self._count + 1, len(passed))
        self._count += len(passed)

    def _count_passed(self) -> None:
        passed, self._passed = self._passed, 0
        if not passed:
            return
        first, self._passed_first = self._passed_first[:REFERENCES], []
        self.tally.passed_over(self._passed_stream, SAME_RECORD, passed, first)
        self.engine.pass_over(self._count + 1, passed)
        self._count += passed

    # What goes on beside that, and the end

    def report(self) -> None:
        """Tell how things are going, as often as is of use."""
        self._count_passed()
        self._metrics.report_if_due()
        self._progress.show(self._snapshot())

    def _snapshot(self) -> Snapshot:
        gauges = self.engine.gauges()
        return Snapshot(
            # Name by name: the engine may add one while this thread looks.
            outcomes={name: self.tally.outcomes[name] for name in ALL_OUTCOMES},
            recovered=sum(self.tally.recovered[name] for name in OUTCOMES),
            accepted=self._count,
            # What is beyond waits for its turn at the senders.
            in_flight=min(gauges["in_flight"], gauges["pace"]),
            pace=gauges["pace"],
        )

    def breathe(self) -> None:
        """Report, and notice a failure.

        Raises:
            OctanistError: The engine has stopped, and this is why.
        """
        self.report()
        if self.failure is not None:
            raise self.failure

    def halt(self) -> None:
        """Start nothing more."""
        self.engine.halt()

    def settle_all(
        self, while_waiting: Callable[[], None], interrupted: Callable[[], bool]
    ) -> None:
        """Wait until all is settled; once interrupted, only for what is in flight."""
        self._count_passed()
        halted_at: float | None = None
        if not interrupted():
            self._progress.expect(self._count)
        self.engine.flush()
        while not self.engine.wait():
            while_waiting()
            self.report()
            if halted_at is None and interrupted():
                self.engine.halt()
                halted_at = time.monotonic()
                logger.info(
                    "Stopping: nothing more is sent; what is in flight has %d seconds to be answered.",
                    GRACE_SECONDS,
                )
            if halted_at is not None and time.monotonic() > halted_at + GRACE_SECONDS:
                logger.warning(
                    "Requests in flight got no answer within %d seconds; "
                    "the next run finds out what became of them.",
                    GRACE_SECONDS,
                )
                return

    def close(self, exit_code: int, cause: BaseException | None = None) -> None:
        """Sign off: let go of what was not sent, and say what was done.

        Args:
            exit_code: Of the process.
            cause: What ended it, besides a failure of the engine.
        """
        if self._closed:
            return
        self._closed = True
        self._progress.close()
        has_ended = self.engine.wait()
        reason = self.failure or cause
        try:
            self._sign_off.say(exit_code, reason, accepted=self._count, has_ended=has_ended)
        finally:
            if self.settled is not None:
                self.settled.close()
            if has_ended:
                self.journal.close()
