"""fbc, made of a click id and a time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.leads.clicks import fbc, milliseconds

MOMENT = 1767348245678  # 2026-01-02 10:04:05.678 UTC


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-01-02T10:04:05.678Z", MOMENT),
        ("2026-01-02T10:04:05.678901+00:00", MOMENT),
        ("2026-01-02 10:04:05,678", MOMENT),
        ("2026-01-02T12:04:05.678+0200", MOMENT),
        ("2026-01-02T04:34:05.678-05:30", MOMENT),
        ("2026-01-02T12:04:05.678+02", MOMENT),
        ("2026-01-02 10:04:05.678 UTC", MOMENT),
        ("2026-01-02T10:04:05.6Z", MOMENT - 78),
        ("2026-01-02T10:04:05z", MOMENT - 678),
        ("2026-01-02T10:04", MOMENT - 5678),
        (" 2026-01-02 ", 1767312000000),
        (1767348245, MOMENT - 678),
        (1767348245.678, MOMENT),
        (Decimal("1767348245.678"), MOMENT),
        (MOMENT, MOMENT),
        (MOMENT * 1000 + 999, MOMENT),
        (str(MOMENT), MOMENT),
        ("1767348245.678", MOMENT),
        (datetime(2026, 1, 2, 10, 4, 5, 678999, tzinfo=timezone.utc), MOMENT),
        (datetime(2026, 1, 2, 10, 4, 5, 678000), MOMENT),  # noqa: DTZ001 - sources have them
        (
            datetime(2026, 1, 2, 11, 4, 5, 678000, tzinfo=timezone(timedelta(hours=1))),
            MOMENT,
        ),
        (date(2026, 1, 2), 1767312000000),
        *((unreadable, None) for unreadable in (None, "", True, 0, -5, float("nan"), 10**18)),
        *((unreadable, None) for unreadable in ("02/01/2026", "2026-13-01", "yesterday", "2026")),
        *((unreadable, None) for unreadable in ("1969-12-31", {}, [1767348245], float("inf"))),
        ("0001-01-01T00:00:00+14:00", None),
    ],
    ids=str,
)
def test_a_moment_is_read_in_milliseconds(time, expected):
    assert milliseconds(time) == expected


@pytest.mark.parametrize(
    ("click_id", "time", "expected"),
    [
        ("IwAR0_x", "2026-01-02T10:04:05.678Z", (f"fb.1.{MOMENT}.IwAR0_x", None)),
        ("fb.1.1700000000000.IwAR0_x", None, ("fb.1.1700000000000.IwAR0_x", None)),
        ("fb.1.1700000000000.IwAR0_x", MOMENT, ("fb.1.1700000000000.IwAR0_x", None)),
        ("IwAR0_x", None, (None, "no_time")),
        ("IwAR0_x", "soon", (None, "no_time")),
        (None, MOMENT, (None, None)),
    ],
)
def test_a_click_id_without_a_time_makes_no_fbc(click_id, time, expected):
    assert fbc((click_id, None), time) == expected


@given(st.integers() | st.floats() | st.decimals() | st.text() | st.datetimes() | st.dates())
def test_any_value_is_a_moment_or_none(time):
    moment = milliseconds(time)
    assert moment is None or 0 <= moment < 10**15
