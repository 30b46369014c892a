"""STATE lines: never ahead of what is settled, never more often than is of use."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from target_octanist.state import StateWriter


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_state_waits_for_the_records_before_it(capsys):
    writer = StateWriter()
    writer.received({"at": 2}, after=2)
    writer.advance(1, last=True)
    assert lines(capsys) == []
    writer.advance(2, last=True)
    assert lines(capsys) == [{"at": 2}]


def test_a_state_without_records_before_it_is_written(capsys):
    writer = StateWriter()
    writer.received({"at": 0}, after=0)
    writer.advance(0)
    assert lines(capsys) == [{"at": 0}]


def test_later_states_replace_earlier_ones_until_there_is_time(capsys):
    writer = StateWriter()
    for number in range(1, 100):
        writer.received({"at": number}, after=number)
        writer.advance(number)
    assert lines(capsys) == [{"at": 1}]
    writer.advance(99, last=True)
    assert lines(capsys) == [{"at": 99}]


def test_the_same_state_is_not_written_twice(capsys):
    writer = StateWriter()
    for _ in range(3):
        writer.received({"at": 1}, after=1)
        writer.advance(1, last=True)
    assert lines(capsys) == [{"at": 1}]


def test_an_empty_state_is_a_state(capsys):
    writer = StateWriter()
    writer.received({}, after=0)
    writer.advance(0)
    assert lines(capsys) == [{}]


def test_numbers_are_written_as_they_came(capsys):
    writer = StateWriter()
    writer.received({"at": Decimal("1.10"), "é": 1}, after=0)
    writer.advance(0)
    out = capsys.readouterr().out
    assert '"at":1.10' in out
    assert out.isascii()


def test_a_dry_run_writes_none(capsys):
    writer = StateWriter(silent=True)
    writer.received({"at": 1}, after=0)
    writer.advance(0, last=True)
    assert lines(capsys) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=30))
def test_no_state_is_ever_ahead(steps):
    written = []

    class Recorder(StateWriter):
        def advance(self, settled_through, *, last=False):
            import contextlib
            import io

            with contextlib.redirect_stdout(io.StringIO()) as out:
                super().advance(settled_through, last=last)
            written.extend(
                (json.loads(line)["at"], settled_through) for line in out.getvalue().splitlines()
            )

    writer, received, settled = Recorder(), 0, 0
    for more, through in steps:
        received = max(received, more)
        writer.received({"at": received}, after=received)
        settled = max(settled, min(through, received))
        writer.advance(settled, last=True)
    assert all(at <= through for at, through in written)
    assert [at for at, _ in written] == sorted(at for at, _ in written)
