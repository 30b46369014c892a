"""Metric points in the SDK's own form, so that Meltano and log shippers read them.

Durations of requests are told as percentiles for an interval, not a line for each.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Any, Final, cast

from singer_sdk import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_octanist.reporting.tally import Tally

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

    def __init__(self, tally: Tally, gauges: Callable[[], dict[str, int]]) -> None:
        self._tally = tally
        self._gauges = gauges
        self._logger = metrics.get_metrics_logger()
        self._started_at = time.monotonic()
        self._reported_at = self._started_at

    def report_if_due(self) -> None:
        """Log the points of the last interval, if it is over."""
        if time.monotonic() - self._reported_at >= INTERVAL_SECONDS:
            self.report()

    def report(self) -> None:
        """Log what was counted since the last report."""
        self._reported_at = time.monotonic()
        counts = self._tally.take()
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
        if counts.retries:
            self._log("counter", OctanistMetric.RETRY_COUNT, counts.retries, {})
        self._percentiles(metrics.Metric.HTTP_REQUEST_DURATION, counts.request_seconds)
        self._percentiles(OctanistMetric.JOURNAL_DURATION, counts.journal_seconds)
        for name, value in self._gauges().items():
            self._log("gauge", OctanistMetric(name), value, {})

    def finish(self, status: metrics.Status) -> None:
        """Log the last points and one summary of the job."""
        self.report()
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
