"""``--since`` and ``--until`` read dates, times and ages."""

from __future__ import annotations

import time

import click
import pytest

from target_octanist.cli.period import Moment
from tests.support.target import octanist

DAY = 86_400_000


@pytest.fixture(params=["UTC", "Europe/Amsterdam"], autouse=True)
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def read(text):
    return Moment().convert(text, None, None)


def test_a_date_is_midnight_where_the_machine_is(zone):
    # 2026-11-20T00:00Z is 1795132800; Amsterdam's midnight was an hour before.
    early = 0 if zone == "UTC" else 3_600_000
    assert read("2026-11-20") == 1_795_132_800_000 - early
    assert read("2026-11-20T03:00") == 1_795_132_800_000 + 3 * 3_600_000 - early


@pytest.mark.parametrize("text", ["2026-11-20T03:00Z", "2026-11-20T04:00+01:00"])
def test_a_zone_that_is_named_counts(text):
    assert read(text) == 1_795_132_800_000 + 3 * 3_600_000


@pytest.mark.parametrize(("age", "ms"), [("24h", DAY), ("7d", 7 * DAY), ("2w", 14 * DAY)])
def test_an_age_counts_back_from_now(age, ms):
    before = int(time.time() * 1000)
    assert before - ms - 1 <= read(age) <= int(time.time() * 1000) - ms


@pytest.mark.parametrize("text", ["yesterday", "7", "2026-13-01", "", "-7d", "99999w" * 3])
def test_anything_else_is_told_with_what_to_write(text):
    with pytest.raises(click.BadParameter, match="2026-11-20, 2026-11-20T03:00, 24h or 7d"):
        read(text)


@pytest.mark.parametrize("command", [("report",), ("dead-letters", "list")])
@pytest.mark.parametrize("span", [("7d", "8d"), ("2026-11-20", "2026-11-20")])
def test_a_span_in_which_nothing_can_be_is_refused(tmp_path, command, span):
    done = octanist(*command, "--since", span[0], "--until", span[1], home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "--until has to be later than --since; an age counts back from now, as in "
        "--since 8d --until 7d.\n"
    )
    assert list(tmp_path.iterdir()) == []
