"""The reader: every line once, in any chunks, and no line repeated in a message."""

from __future__ import annotations

import io
import json
import os
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.errors import InputError
from target_octanist.reader import InterruptibleReader, StopReading


class Owner:
    def __init__(self):
        self.breaths, self.abandoned = 0, 0

    def breathe(self):
        self.breaths += 1

    def abandon(self):
        self.abandoned += 1

    def recognise(self, lines):
        return None


def read(source, owner=None):
    messages = []
    reader = InterruptibleReader(owner)
    counts = reader.process_lines(source, {"RECORD": messages.append})
    return messages, counts


def through_a_pipe(chunks, owner=None):
    """Write chunks to a real pipe from another thread and read them."""
    read_end, write_end = os.pipe()

    def write():
        with os.fdopen(write_end, "wb", buffering=0) as pipe:
            for chunk in chunks:
                pipe.write(chunk)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with os.fdopen(read_end, "rb") as source:
            return read(source, owner)
    finally:
        writer.join()


LINES = [
    json.dumps({"type": "RECORD", "n": n, "text": "é" * n}, ensure_ascii=False) for n in range(20)
]


@given(st.lists(st.integers(1, 400), max_size=20), st.booleans())
def test_lines_survive_any_chunks(sizes, ended):
    data = ("\n".join(LINES) + ("\n" if ended else "")).encode()
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    chunks.append(data[at:])
    messages, counts = through_a_pipe([chunk for chunk in chunks if chunk])
    assert [message["n"] for message in messages] == list(range(20))
    assert counts["RECORD"] == 20


def test_text_files_and_objects_with_lines_are_read_alike(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(LINES), encoding="utf-8")
    with path.open(encoding="ascii") as as_text:
        assert len(read(as_text)[0]) == 20
    assert len(read(io.StringIO("\n".join(LINES)))[0]) == 20


def test_numbers_keep_their_exact_text():
    line = '{"type": "RECORD", "a": 1.10, "b": 12345678901234567890, "c": 5}'
    (message,), _ = read(io.StringIO(line))
    assert message["a"] == Decimal("1.10")
    assert str(message["a"]) == "1.10"
    assert message["b"] == 12345678901234567890
    assert isinstance(message["c"], int)


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "1" * 5000, "1e400", "0." + "1" * 5000])
def test_numbers_of_any_length_are_exact(number):
    (message,), _ = read(io.StringIO(f'{{"type": "RECORD", "a": {number}}}'))
    assert message["a"] == Decimal(number)


@pytest.mark.parametrize(
    ("number", "value"), [("1e99999999999999999999", float("inf")), ("-1e-99999999999999999999", 0)]
)
def test_numbers_beyond_all_bounds_are_as_large_or_small_as_can_be(number, value):
    (message,), _ = read(io.StringIO(f'{{"type": "RECORD", "a": {number}}}'))
    assert message["a"] == value


def test_what_taps_write_and_json_forbids_is_read():
    lines = '\ufeff{"type": "RECORD", "v": NaN}\n\n  \n{"type": "RECORD", "v": "\\ud83d"}\n'
    messages, _ = read(io.StringIO(lines))
    assert len(messages) == 2


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "RECORD", "email": "jane@example.com"',
        '["jane@example.com"]',
        '{"type": "JANE@EXAMPLE.COM"}',
        '{"email": "jane@example.com"}',
        '{"type": 5, "email": "jane@example.com"}',
        "jane@example.com",
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_named_by_its_number_and_never_repeated(line):
    owner = Owner()
    with pytest.raises(InputError, match=r"Line 3 of the input") as caught:
        read(io.StringIO(f"{LINES[0]}\n{LINES[1]}\n{line}\n"), owner)
    assert "jane" not in str(caught.value).lower()
    assert owner.abandoned == 1


def test_a_truncated_last_line_is_told():
    with pytest.raises(InputError, match="Line 2"):
        through_a_pipe([LINES[0].encode() + b"\n", LINES[1].encode()[:-5]])


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        (b'"Ren\xe9"', "is not UTF-8 text"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"[1", "is not a JSON object"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(inside, told):
    with pytest.raises(InputError, match=told):
        through_a_pipe([b'{"type": "RECORD", "record": ' + inside])


def test_the_depths_of_a_record_are_left_out_and_those_of_a_state_are_not():
    nested = "[" * 300 + "]" * 300
    (message,), _ = read(io.StringIO(f'{{"type": "RECORD", "a": {nested}, "b": {{"c": [1]}}}}'))
    assert message["b"] == {"c": [1]}
    levels, inner = 0, message["a"]
    while inner:
        levels, inner = levels + 1, inner[0]
    assert levels == 99, "with the message itself it is a hundred"
    with pytest.raises(InputError, match="Line 1 of the input is nested too deeply"):
        read(io.StringIO(f'{{"type": "STATE", "value": {nested}}}'))


def test_many_brackets_are_not_many_levels():
    value = [{"a": [n]} for n in range(200)]
    (message,), _ = read(io.StringIO(json.dumps({"type": "RECORD", "record": value})))
    assert message["record"] == value


def test_what_a_message_lacks_is_told_without_its_values():
    with pytest.raises(InputError, match="lacks record") as caught:
        InterruptibleReader.assert_line_requires(
            {"type": "RECORD", "email": "jane@example.com"}, {"record"}
        )
    assert "jane" not in str(caught.value)


def test_stop_ends_the_wait_for_a_silent_tap():
    read_end, write_end = os.pipe()
    seen = threading.Event()
    reader = InterruptibleReader()

    def stop_when_reading():
        seen.wait(30)
        reader.stop()

    stopper = threading.Thread(target=stop_when_reading)
    stopper.start()
    os.write(write_end, LINES[0].encode() + b"\n")
    with os.fdopen(read_end, "rb") as source:
        reader.process_lines(source, {"RECORD": lambda _: seen.set()})
    stopper.join()
    os.close(write_end)


def test_the_owner_is_called_while_the_tap_is_silent():
    read_end, write_end = os.pipe()

    class Closer(Owner):
        def breathe(self):
            super().breathe()
            if self.breaths == 3:
                os.close(write_end)

    owner = Closer()
    with os.fdopen(read_end, "rb") as source:
        read(source, owner)
    assert owner.breaths >= 3


def test_a_callback_can_end_the_reading_in_good_order():
    owner = Owner()

    def enough(_message):
        raise StopReading

    counts = InterruptibleReader(owner).process_lines(
        io.StringIO("\n".join(LINES)), {"RECORD": enough}
    )
    assert counts["RECORD"] == 0
    assert owner.abandoned == 0
