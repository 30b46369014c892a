"""Excel, Parquet and JSON lines: files that know numbers and dates."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from target_octanist.errors import InputError
from target_octanist.tables.table import Options, open_table

NOON = datetime(2026, 11, 1, 12, 30, 15)  # noqa: DTZ001 - Excel knows no time zones
MIDNIGHT = datetime(2026, 11, 1)  # noqa: DTZ001


def numbered(table):
    return [(row.number, row.values) for row in table.rows()]


@pytest.fixture
def workbook(tmp_path):
    """Write sheets, each a list of rows, and give the file's path."""

    def write(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "leads.xlsx"
        book.save(path)
        return path

    return write


@pytest.fixture
def parquet_file(tmp_path):
    def write(**columns):
        path = tmp_path / "leads.parquet"
        parquet.write_table(pa.table(columns), path, row_group_size=2)
        return path

    return write


@pytest.fixture
def json_lines(tmp_path):
    def write(text):
        path = tmp_path / "leads.jsonl"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_sheets_values_become_what_json_has(workbook):
    path = workbook(
        Leads=[
            ["id", "phone", "seen", "day", "at", "share", "ok", "none"],
            [1.0, 31612345678.0, NOON, MIDNIGHT, time(9, 5), 0.25, True, None],
            ["007", "0031612345678", "NA", date(2026, 1, 2), "", 10**15, False, "#N/A"],
        ]
    )
    table = open_table(path, Options())
    assert numbered(table) == [
        (
            2,
            {
                "id": 1,
                "phone": 31612345678,
                "seen": "2026-11-01T12:30:15",
                "day": "2026-11-01",
                "at": "09:05:00",
                "share": 0.25,
                "ok": True,
                "none": None,
            },
        ),
        (
            3,
            {
                "id": "007",
                "phone": "0031612345678",
                "seen": "NA",
                "day": "2026-01-02",
                "at": None,
                "share": 10**15,
                "ok": False,
                "none": None,
            },
        ),
    ]
    table.close()


def test_blank_and_ragged_rows_of_a_sheet(workbook):
    path = workbook(Leads=[[], ["a", " b "], [1], [], [1, 2, None, "x"], [3, 4]])
    table = open_table(path, Options())
    rows = list(table.rows())
    assert table.columns == ["a", "b"]
    assert [(row.number, row.problem is None) for row in rows] == [(3, True), (5, False), (6, True)]
    assert rows[1].values == {"a": 1, "b": 2, "surplus_1": "x"}
    table.close()


def test_a_sheet_may_be_asked_for_and_the_first_is_the_default(workbook):
    path = workbook(First=[["a"], [1]], Second=[["b"], [2]])
    for sheet, expected in ((None, {"a": 1}), ("First", {"a": 1}), ("Second", {"b": 2})):
        table = open_table(path, Options(sheet=sheet))
        assert numbered(table) == [(2, expected)]
        table.close()
    with pytest.raises(InputError, match=r"--sheet: .* First, Second"):
        open_table(path, Options(sheet="Third"))


def test_parquet_keeps_what_it_knows(parquet_file):
    path = parquet_file(
        id=[2**60 + 1, None, 3],
        phone=pa.array([31612345678.0, None, float("nan")], pa.float64()),
        at=pa.array([datetime(2026, 11, 1, 12, tzinfo=timezone.utc), None, None]),
        day=[date(2026, 11, 1), None, None],
        amount=pa.array([Decimal("10.50"), None, None]),
        emails=[[{"value": "a@example.com"}], [], None],
        raw=[b"text", b"\xff", None],
        name=["NA", "", "x"],
    )
    table = open_table(path, Options())
    rows = numbered(table)
    assert table.size == 3
    assert rows[0] == (
        1,
        {
            "id": 1152921504606846977,
            "phone": 31612345678,
            "at": "2026-11-01T12:00:00+00:00",
            "day": "2026-11-01",
            "amount": Decimal("10.50"),
            "emails": [{"value": "a@example.com"}],
            "raw": "text",
            "name": "NA",
        },
    )
    assert (rows[1][1]["raw"], rows[1][1]["name"], rows[2][1]["phone"]) == (None, None, None)
    table.close()


def test_json_lines_have_the_columns_of_all_lines(json_lines):
    text = '{"id": 12345678901234567890, "a": {"b": [1]}}\n\n{"late": 0.10, "id": null}\n'
    table = open_table(json_lines(text), Options())
    assert table.columns == ["id", "a", "late"]
    assert numbered(table) == [
        (1, {"id": 12345678901234567890, "a": {"b": [1]}, "late": None}),
        (3, {"id": None, "a": None, "late": Decimal("0.10")}),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"id": 1}\n{"id": 2}\n{"id": ', "line 3"),
        ('{"id": 1}\n[1]\n', "line 2"),
        ('{"type": "SCHEMA", "stream": "leads"}\n', "target-octanist --input"),
    ],
)
def test_json_lines_that_are_none_are_told_before_any_row(json_lines, text, told):
    with pytest.raises(InputError, match=told):
        open_table(json_lines(text), Options())


@pytest.mark.parametrize("name", ["leads.xlsx", "leads.parquet"])
def test_a_file_that_is_something_else_is_told(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"secret content")
    with pytest.raises(InputError, match="cannot be read") as caught:
        open_table(path, Options())
    assert "secret" not in str(caught.value)
