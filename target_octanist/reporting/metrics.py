"""Metric points in the SDK's own form, so that Meltano and log shippers read them.

Durations of requests are reported as percentiles for an interval, not a line for each.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Any, Final, cast

from singer_sdk import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_octanist.reporting.prometheus import PrometheusFile
    from target_octanist.reporting.tally import Counts, Tally

INTERVAL_SECONDS: Final = 60.0

_PERCENTILES = (50, 95, 99)


class OctanistMetric(str, enum.Enum):
    """Metrics beyond the SDK's own."""

    LEAD_COUNT = "lead_count"
    RETRY_COUNT = "retry_count"
    JOURNAL_DURATION = "journal_duration"
    IN_FLIGHT = "in_flight"
    PACE = "pace"
    QUEUE_DEPTH = "queue_depth"


class MetricsReporter:
    """Logs what the tally counted, about once a minute and at the end."""

    def __init__(
        self,
        tally: Tally,
        gauges: Callable[[], dict[str, int]],
        file: PrometheusFile | None = None,
    ) -> None:
        """Begin with nothing counted.

        Args:
            tally: What is counted there is taken from there.
            gauges: Tells how things are: name to number.
            file: Is written whenever there is a report, and once at the start.
        """
        self._tally = tally
        self._gauges = gauges
        self._file = file
        if file is not None:
            file.write()
        self._logger = metrics.get_metrics_logger()
        self._started_at = time.monotonic()
        self._reported_at = self._started_at

    def report_if_due(self) -> None:
        """Log the points of the last interval, if it is over."""
        if time.monotonic() - self._reported_at >= INTERVAL_SECONDS:
            self.report()

    def report(self) -> None:
        """Log what was counted since the last report, and write the file."""
        self._reported_at = time.monotonic()
        counts, gauges = self._tally.take(), self._gauges()
        self._log_all(counts, gauges)
        if self._file is not None:
            self._file.add(counts, gauges)
            self._file.write()

    def _log_all(self, counts: Counts, gauges: Mapping[str, int]) -> None:
        for (stream, outcome), number in sorted(counts.outcomes.items()):
            self._log(
                "counter",
                OctanistMetric.LEAD_COUNT,
                number,
                {metrics.Tag.STREAM: stream, "outcome": outcome},
            )
        for outcome, number in sorted(counts.recovered.items()):
            self._log(
                "counter",
                OctanistMetric.LEAD_COUNT,
                number,
                {"recovered": True, "outcome": outcome},
            )
        for status, number in sorted(counts.requests.items()):
            tags = {metrics.Tag.ENDPOINT: "/leads", metrics.Tag.HTTP_STATUS_CODE: status}
            self._log("counter", metrics.Metric.HTTP_REQUEST_COUNT, number, tags)
        if counts.batches:
            self._log("counter", metrics.Metric.BATCH_COUNT, counts.batches, {})
        if counts.retries:
            self._log("counter", OctanistMetric.RETRY_COUNT, counts.retries, {})
        self._percentiles(metrics.Metric.HTTP_REQUEST_DURATION, counts.request_seconds)
        self._percentiles(OctanistMetric.JOURNAL_DURATION, counts.journal_seconds)
        for name, value in gauges.items():
            self._log("gauge", OctanistMetric(name), value, {})

    def finish(self, exit_code: int, *, success: bool) -> None:
        """Log the last points and one summary of the job, and write the file for good."""
        if self._file is not None:
            self._file.end(exit_code, success=success)
        self.report()
        status = metrics.Status.SUCCEEDED if exit_code == 0 else metrics.Status.FAILED
        self._log(
            "timer",
            metrics.Metric.JOB_DURATION,
            round(time.monotonic() - self._started_at, 3),
            {
                metrics.Tag.JOB_TYPE: "load",
                metrics.Tag.STATUS: status.value,
                "requests": self._tally.requests,
                **dict(sorted(self._tally.outcomes.items())),
            },
        )

    def _percentiles(self, metric: enum.Enum, seconds: list[float]) -> None:
        if not seconds:
            return
        seconds.sort()
        for percent in _PERCENTILES:
            at = min(len(seconds) - 1, len(seconds) * percent // 100)
            self._log("timer", metric, round(seconds[at], 6), {"percentile": percent})

    def _log(self, kind: str, metric: enum.Enum, value: float, tags: dict[Any, Any]) -> None:
        point = metrics.Point(kind, cast("metrics.Metric", metric), value, tags)
        metrics.log(self._logger, point)
