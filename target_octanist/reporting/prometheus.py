"""The counts of a run as a file for the textfile collector of Prometheus' node_exporter.

It holds no personal data, and others may read it: node_exporter is another user.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    write_to_textfile,
)
from prometheus_client.parser import text_string_to_metric_families

from target_octanist.reporting.run_id import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_octanist.reporting.tally import Counts

logger = logging.getLogger("target-octanist")

LAST_SUCCESS: Final = "octanist_last_success_timestamp_seconds"

_MODE: Final = 0o644

_REQUEST_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TURN_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)


class PrometheusFile:
    """What a run has done so far, in a file that is replaced as a whole.

    Counters begin with the run; only the time of the last success outlives it.
    """

    def __init__(self, path: str, *, run_id: str, version: str) -> None:
        """Begin; nothing is written yet.

        Args:
            path: Of the file; node_exporter reads those that end in ``.prom``.
            run_id: As in the journal.
            version: Of this program.
        """
        # A second series for each counter says when it was made, which is the run's start.
        disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types
        self._path = Path(path)
        self._told = False
        self._registry = registry = CollectorRegistry()

        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"octanist_{name}", says, labels, registry=registry)

        def gauge(name: str, says: str) -> Gauge:
            return Gauge(f"octanist_{name}", says, registry=registry)

        def histogram(name: str, says: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"octanist_{name}", says, buckets=buckets, registry=registry)

        Info("octanist_run", "The run that wrote this file.", registry=registry).info(
            {"run_id": run_id, "run": shown(run_id), "version": version}
        )
        gauge("run_start_timestamp_seconds", "When the run began.").set(time.time())
        self._leads = counter(
            "leads_total", "Records of this run by what became of them.", "stream", "outcome"
        )
        self._recovered = counter(
            "recovered_leads_total",
            "Leads that an earlier run had left open, by what became of them.",
            "outcome",
        )
        self._requests = counter(
            "requests_total", "Requests for leads by HTTP status; none: no answer.", "status"
        )
        self._retries = counter("retries_total", "Leads that had to be sent again.")
        self._request_seconds = histogram(
            "request_duration_seconds", "How long the answer to a lead took.", _REQUEST_BUCKETS
        )
        self._turn_seconds = histogram(
            "journal_turn_duration_seconds",
            "How long a transaction of the journal took.",
            _TURN_BUCKETS,
        )
        self._last_success = gauge(
            "last_success_timestamp_seconds", "When a run last went well; 0: never."
        )
        self._gauges = {
            "in_flight": gauge("in_flight", "Leads that are on their way."),
            "pace": gauge("pace", "Most requests in flight that the pace allows just now."),
            "queue_depth": gauge("queue_depth", "Records that wait to be claimed or sent."),
        }

    def add(self, counts: Counts, gauges: Mapping[str, int]) -> None:
        """Take what was counted since the last call, and how things are now."""
        for (stream, outcome), number in counts.outcomes.items():
            self._leads.labels(stream, outcome).inc(number)
        for outcome, number in counts.recovered.items():
            self._recovered.labels(outcome).inc(number)
        for status, number in counts.requests.items():
            self._requests.labels(status).inc(number)
        self._retries.inc(counts.retries)
        for seconds in counts.request_seconds:
            self._request_seconds.observe(seconds)
        for seconds in counts.journal_seconds:
            self._turn_seconds.observe(seconds)
        for name, value in gauges.items():
            self._gauges[name].set(value)

    def end(self, exit_code: int, *, success: bool) -> None:
        """Say how the run ended; a run that is cut off never says so."""

        def say(name: str, says: str, value: float) -> None:
            Gauge(f"octanist_{name}", says, registry=self._registry).set(value)

        now = time.time()
        say("run_end_timestamp_seconds", "When the run ended; missing while it goes on.", now)
        say("run_exit_code", "The run's exit code; missing while it goes on.", exit_code)
        say("run_success", "1 if the run went well, else 0; missing while it goes on.", success)
        if success:
            self._last_success.set(now)

    def write(self) -> None:
        """Replace the file; where that fails, say so once and go on."""
        try:
            self._keep_last_success()
            write_to_textfile(str(self._path), self._registry)
            self._path.chmod(_MODE)
        except OSError as error:
            if not self._told:
                self._told = True
                logger.warning(
                    "metrics_path: %s cannot be written (%s); the run goes on without.",
                    self._path,
                    error.strerror,
                )

    def _keep_last_success(self) -> None:
        """Let the time stand that the file has, unless this run knows a later one."""
        own = self._registry.get_sample_value(LAST_SUCCESS) or 0.0
        self._last_success.set(max(own, _last_success(self._path)))


def _last_success(path: Path) -> float:
    """Read when a run last went well from the file of an earlier one; 0 if it does not say."""
    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0.0
    samples = (sample for family in families for sample in family.samples)
    return next((sample.value for sample in samples if sample.name == LAST_SUCCESS), 0.0)
