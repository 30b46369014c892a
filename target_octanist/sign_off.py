"""The end of a run: what is written down about it, and who is told what it did."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from target_octanist import catalogue
from target_octanist.delivery.heartbeat import beat
from target_octanist.errors import LedgerError, OctanistError, describe_bug
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.tables import State
from target_octanist.reporting.figures import encode_figures
from target_octanist.reporting.last_words import tell
from target_octanist.reporting.next_steps import next_steps, typed_here
from target_octanist.reporting.run_id import shown
from target_octanist.reporting.summary import Summary, alarm

if TYPE_CHECKING:
    from target_octanist.delivery.engine import Engine
    from target_octanist.ledger.journal import Journal
    from target_octanist.reporting.figures import Figures
    from target_octanist.reporting.metrics import MetricsReporter
    from target_octanist.reporting.next_steps import Step
    from target_octanist.reporting.recorder import Recorder
    from target_octanist.reporting.tally import Tally
    from target_octanist.settings import Settings

logger = logging.getLogger("target-octanist")


class SignOff:
    """Signs a run off: in the journal, the metrics and the log, to the monitor, in the report.

    Attributes:
        summary: What the run came to; None before its end.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        run_id: str,
        started_at: float,
        noun: str,
        is_watched: bool,
        journal: Journal,
        engine: Engine,
        tally: Tally,
        recorder: Recorder,
        metrics: MetricsReporter,
    ) -> None:
        """Take what there is to say something of, and where.

        Args:
            settings: Of the run.
            run_id: Its name in the journal and the log.
            started_at: Monotonic seconds.
            noun: What its input consists of.
            is_watched: Whether a monitor waits for its end.
            journal: Open.
            engine: It knows what was not sent.
            tally: What was counted.
            recorder: Makes the run's figures of that.
            metrics: They get their last points.
        """
        self.summary: Summary | None = None
        self._settings = settings
        self._run_id = run_id
        self._started_at = started_at
        self._noun = noun
        self._is_watched = is_watched
        self._journal = journal
        self._engine = engine
        self._tally = tally
        self._recorder = recorder
        self._metrics = metrics

    def say(
        self, exit_code: int, reason: BaseException | None, *, accepted: int, has_ended: bool
    ) -> None:
        """Sign the run off.

        Args:
            exit_code: Of the process.
            reason: What stopped the run, if anything did.
            accepted: How many records were handed over.
            has_ended: Whether the engine has; if not, what it has in hand is left to the next run.
        """
        # Only our own errors are sentences that hold no value of a record.
        sentence = str(reason) if isinstance(reason, OctanistError) else None
        figures = self._recorder.figures(exit_code, sentence)
        self._write_down(figures, exit_code, has_ended=has_ended)
        nothing_good = alarm(self._tally.outcomes)
        success = exit_code == 0 and nothing_good is None
        self._metrics.finish(exit_code, success=success)
        self.summary = self._sum_up(exit_code, accepted)
        level = logging.WARNING if self._needs_somebody() else logging.INFO
        tell(self.summary, sys.stderr, level)
        # What stopped the run says it, too.
        if nothing_good and reason is None:
            logger.warning("%s", nothing_good)
        if success and self._is_watched and self._settings.heartbeat_url:
            beat(self._settings.heartbeat_url)
        # At the very end: to draw takes a while.
        self._write_report(figures)
        logger.info("Run %s ended with exit code %d.", shown(self._run_id), exit_code)

    def _write_down(self, figures: Figures, exit_code: int, *, has_ended: bool) -> None:
        try:
            with self._journal.turn() as turn:
                if has_ended:
                    self._engine.let_go(turn)
                turn.sign_off(now=now_ms(), exit_code=exit_code, figures=encode_figures(figures))
        except LedgerError as error:
            # The run's own failure matters more; the next run finds it by its silence.
            logger.warning("The run could not be signed off: %s", error)

    def _sum_up(self, exit_code: int, accepted: int) -> Summary:
        tally, dry_run = self._tally, self._settings.dry_run
        return Summary(
            outcomes=tally.outcomes,
            recovered=tally.recovered,
            reasons=tally.reasons,
            seconds=time.monotonic() - self._started_at,
            exit_code=exit_code,
            dry_run=dry_run,
            noun=self._noun,
            steps=[] if dry_run else _steps(tally),
            made=tally.made,
            changes=tally.changes.total(),
            unsettled=max(0, accepted - tally.outcomes.total()),
        )

    def _needs_somebody(self) -> bool:
        """Say whether leads are left that only a person can help on."""
        left = (State.REJECTED.value, State.IN_DOUBT.value)
        return any(self._tally.outcomes[state] or self._tally.recovered[state] for state in left)

    def _write_report(self, figures: Figures) -> None:
        """Write the HTML report, if one is wanted; a failure is told, and costs nothing else."""
        path = self._settings.report_path
        if path is None:
            return
        # Its libraries take a second to load.
        from target_octanist.reporting.html.write import write_run_report

        try:
            write_run_report(Path(path).expanduser(), self._journal, figures)
        except OSError as error:
            logger.warning("report_path: %s cannot be written (%s).", path, error.strerror)
        except OctanistError as error:
            logger.warning("report_path: the report was not written. %s", error)
        except Exception as bug:  # noqa: BLE001 - a page must not cost a run its exit code
            logger.warning("report_path: the report was not written. %s", describe_bug(bug))


def _steps(tally: Tally) -> list[Step]:
    """Say what to do next about what the run has come to."""
    both = tally.outcomes + tally.recovered
    unread = sum(
        group.count
        for (_, outcome, reason), group in tally.reasons.items()
        if outcome == State.REJECTED.value and catalogue.is_unread(reason)
    )
    standing = {
        "in_doubt": both["in_doubt"],
        "dead_letters": both["rejected"],
        "unread": unread,
    }
    return typed_here(next_steps(standing))
