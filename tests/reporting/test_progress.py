"""The line of progress: what is left out where there is little room, and what a log gets."""

from __future__ import annotations

import io
import logging

import pytest

from target_octanist.reporting.progress import Part, Progress, Snapshot, fitting

PARTS = [
    Part("1,850 of 5,000 read", 2),
    Part("1,100 delivered", 0),
    Part("80 duplicate", 5),
    Part("3 rejected", 1),
    Part("14 of 16 in flight", 8),
    Part("88 a second", 7),
    Part("44 s left", 3),
]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            120,
            (
                "1,850 of 5,000 read · 1,100 delivered · 80 duplicate · 3 rejected · "
                "14 of 16 in flight · 88 a second · 44 s left"
            ),
        ),
        (
            95,
            (
                "1,850 of 5,000 read · 1,100 delivered · 80 duplicate · 3 rejected · "
                "88 a second · 44 s left"
            ),
        ),
        (64, "1,850 of 5,000 read · 1,100 delivered · 3 rejected · 44 s left"),
        (50, "1,850 of 5,000 read · 1,100 delivered · 3 rejected"),
        (30, "1,100 delivered · 3 rejected"),
        (5, "1,100 delivered"),
    ],
)
def test_a_narrow_terminal_gets_what_matters_most(width, expected):
    assert " · ".join(part.text for part in fitting(PARTS, width)) == expected


def snapshot(delivered, *, duplicate=0, in_flight=14):
    outcomes = {"delivered": delivered, "duplicate": duplicate}
    return Snapshot(outcomes, 0, delivered + duplicate + in_flight, in_flight, 16)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def shown(progress, clock, caplog, *moments):
    """What a log gets if progress is shown at these seconds."""
    with caplog.at_level(logging.INFO, logger="target-octanist"):
        for clock.now, state in moments:
            progress.show(state)
    return [record.getMessage() for record in caplog.records]


def test_a_log_gets_a_line_every_half_minute(caplog):
    clock = Clock()
    progress = Progress(io.StringIO(), clock=clock)
    assert shown(
        progress,
        clock,
        caplog,
        (1, snapshot(10)),
        (29, snapshot(800)),
        (30, snapshot(1100, duplicate=100)),
        (45, snapshot(1500, duplicate=100)),
        (60, snapshot(2000, duplicate=200, in_flight=0)),
    ) == [
        (
            "1,200 records: 1,100 delivered, 100 duplicate, 0 filtered, 0 rejected, 0 in doubt; "
            "14 in flight, 40 a second."
        ),
        (
            "2,200 records: 2,000 delivered, 200 duplicate, 0 filtered, 0 rejected, 0 in doubt; "
            "0 in flight, 33 a second."
        ),
    ]


def test_where_the_total_is_known_it_says_how_long_it_takes(caplog):
    clock = Clock()
    progress = Progress(io.StringIO(), noun="row", clock=clock)
    progress.expect(5000)
    assert shown(progress, clock, caplog, (30, snapshot(1200))) == [
        (
            "1,200 of about 5,000 rows: 1,200 delivered, 0 duplicate, 0 filtered, 0 rejected, "
            "0 in doubt; 14 in flight, 40 a second, about 2 min left."
        )
    ]


def test_a_log_is_told_nothing_while_nothing_happens(caplog):
    clock = Clock()
    progress = Progress(io.StringIO(), clock=clock)
    idle = snapshot(5, in_flight=0)
    assert len(shown(progress, clock, caplog, (30, idle), (60, idle), (90, idle))) == 1
    progress.close()
    assert len(shown(progress, clock, caplog, (120, snapshot(6)))) == 1
