"""CSV and its relatives, as programs and people write them."""

from __future__ import annotations

import gzip
import zipfile

import pytest

from target_octanist.errors import InputError
from target_octanist.tables.table import Options, open_table


@pytest.fixture
def read(tmp_path):
    """Write a file and give its table and all its rows."""

    def read(content, name="leads.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = open_table(path, Options(**options))
        return table, list(table.rows())

    return read


def values(found):
    return [row.values for row in found[1]]


def refusal(read, content, name="leads.csv", **options):
    with pytest.raises(InputError) as caught:
        read(content, name, **options)
    return str(caught.value)


def test_everything_is_text_and_what_is_empty_is_null(read):
    content = "id,name,phone,note\n007,NA,0031612345678,\n12345678901234567890,null,1e5,NaN\n"
    assert values(read(content)) == [
        {"id": "007", "name": "NA", "phone": "0031612345678", "note": None},
        {"id": "12345678901234567890", "name": "null", "phone": "1e5", "note": "NaN"},
    ]


def test_quoted_fields_may_hold_anything(read):
    content = 'name,note\r\n"Vries, Jan de","He said ""hi""\r\nand left"\r\n'
    assert values(read(content)) == [
        {"name": "Vries, Jan de", "note": 'He said "hi"\r\nand left'},
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do_and_the_last_may_be_missing(read, end):
    assert values(read(f"a,b{end}1,2{end}3,4")) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("naam\nJosé Łukasz\n".encode(), None),
        ("naam\nJosé Łukasz\n".encode("utf-8-sig"), None),
        ("naam\nJosé Łukasz\n".encode("utf-8-sig"), "utf-8"),
        ("naam\nJosé Łukasz\n".encode("utf-16"), None),
        (b"\xfe\xff" + "naam\nJosé Łukasz\n".encode("utf-16-be"), None),
        ("naam\nJosé Łukasz\n".encode("utf-16-le"), "utf-16-le"),
        ("naam\nJosé Łukasz\n".encode("iso8859-2"), "iso8859-2"),
    ],
)
def test_encodings(read, content, encoding):
    table, rows = read(content, encoding=encoding)
    assert [row.values for row in rows] == [{"naam": "José Łukasz"}]
    assert table.remarks == []


def test_what_is_not_utf8_is_read_as_windows_1252_and_that_is_said(read):
    # The only letter that tells is far beyond what anybody would take as a sample.
    content = b"name\n" + b"Jan de Vries\n" * 200_000 + "Zoë €\n".encode("cp1252")
    table, rows = read(content)
    assert rows[-1].values == {"name": "Zoë €"}
    assert len(rows) == 200_001
    (remark,) = table.remarks
    assert "Windows-1252" in remark
    assert "--encoding" in remark


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (b"name\n\x81\n", {}, "--encoding"),
        ("name\nJan\n".encode("utf-16-le"), {}, "utf-16-le"),
        (b"name\nJan\n", {"encoding": "klingon"}, "--encoding: klingon"),
        (b"name\nJan\n", {"encoding": "hex"}, "--encoding: hex"),
        ("name\né\n".encode(), {"encoding": "ascii"}, "is not in ascii"),
        (b"", {}, "is empty"),
        (b"\n\n  \n", {}, "is empty"),
        (b"a,b\n1,2\n", {"delimiter": ",,"}, "--delimiter"),
        (b"a,b\n1,2\n", {"sheet": "Leads"}, "--sheet"),
        (b'a,b\n1,2\n3,"4\n5,6\n', {}, "row 3 is never closed"),
        (b'a,b\n1,2\n3,"4' + b"\n5,6" * 50_000, {}, "row 3 cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(read, content, options, told):
    assert told in refusal(read, content, **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(read, delimiter):
    content = f'"Last, first; all"{delimiter}email{delimiter}note\nA{delimiter}b{delimiter}"c,;|"\n'
    expected = [{"Last, first; all": "A", "email": "b", "note": "c,;|"}]
    assert values(read(content)) == expected


def test_the_delimiter_may_be_given_or_named_by_the_file(read):
    assert values(read("a:b,c\n1:2,3\n", delimiter=":")) == [{"a": "1", "b,c": "2,3"}]
    assert values(read("a,b\tc\n1,2\t3\n", delimiter="tab")) == [{"a,b": "1,2", "c": "3"}]
    assert values(read("a,b,c\n1,2,3\n", "leads.tsv")) == [{"a,b,c": "1,2,3"}]
    _, rows = read("sep=;\r\na;b,c,d\r\n1;2\r\n")
    assert [(row.number, row.values) for row in rows] == [(3, {"a": "1", "b,c,d": "2"})]


def test_names_of_columns_are_made_to_be_of_use(read):
    table, rows = read(" email ,name,,email,email,\n1,2,3,4,5,6\n")
    assert table.columns == ["email", "name", "column_3", "email_2", "email_3", "column_6"]
    assert list(rows[0].values.values()) == ["1", "2", "3", "4", "5", "6"]
    padded, unnamed, repeated = table.remarks
    assert "without spaces around them: email." in padded
    assert "column_3, column_6" in unnamed
    assert "email_2, email_3" in repeated


def test_short_rows_end_in_empty_fields_and_long_ones_are_bad(read):
    _, rows = read("a,b,c\n1\n1,2,3,\n1,2,3,4\n1,2,3,,,6\n1,2,3\n")
    assert [row.values for row in rows[:2]] == [
        {"a": "1", "b": None, "c": None},
        {"a": "1", "b": "2", "c": "3"},
    ]
    assert [row.problem is not None for row in rows] == [False, False, True, True, False]
    assert rows[2].values == {"a": "1", "b": "2", "c": "3", "surplus_1": "4"}
    assert rows[3].values == {"a": "1", "b": "2", "c": "3", "surplus_1": "6"}
    assert len(read("a\n" + "1," * 500 + "2\n")[1][0].values) == 501
    assert [row.number for row in rows] == [2, 3, 4, 5, 6]


def test_a_first_row_that_is_too_long_shifts_nothing(read):
    _, rows = read("a,b\n1,2,3,4\n5,6\n")
    assert rows[0].problem is not None
    assert rows[1].values == {"a": "5", "b": "6"}


def test_short_rows_before_a_wide_field_lose_nothing(read):
    """Padding them has cost parsers the end of the field."""
    columns = ",".join(f"column{number}" for number in range(2000))
    content = f"{columns}\n" + "a\n" * 40 + "X" * 100_000 + "\n"
    _, rows = read(content)
    assert rows[-1].values["column0"] == "X" * 100_000
    assert len(rows) == 41


def test_marks_that_are_not_doubled_stay(read):
    content = 'a,b,c\n5" pipe,"x"y,"He said "hi" twice"\nx,5",z\n'
    assert values(read(content)) == [
        {"a": '5" pipe', "b": "xy", "c": 'He said hi" twice"'},
        {"a": "x", "b": '5"', "c": "z"},
    ]


def test_blank_rows_are_none_but_count_as_in_a_spreadsheet(read):
    _, rows = read('\na,b\n\n1,2\n,,\n  \n3,"4\n4"\n5,6\n')
    assert [(row.number, row.values["a"]) for row in rows] == [(4, "1"), (7, "3"), (8, "5")]


def test_rows_keep_their_numbers_across_chunks(read):
    table, rows = read("id,text\n" + "".join(f'{n},"a\nb"\n' for n in range(2, 3502)))
    assert all(row.number == int(row.values["id"]) for row in rows)
    assert len(rows) == 3500
    assert table.size == 3500


def test_compressed_files_are_read_as_they_are(read, tmp_path):
    assert values(read(gzip.compress(b"a,b\n1,2\n"), "leads.csv.gz")) == [{"a": "1", "b": "2"}]
    path = tmp_path / "leads.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leads/of may.csv", "a,b\n1,2\n")
        archive.writestr("__MACOSX/leads/._of may.csv", b"\0\1")
    assert [row.values for row in open_table(path, Options()).rows()] == [{"a": "1", "b": "2"}]


def test_a_damaged_archive_is_told(read, tmp_path):
    told = refusal(read, gzip.compress(b"a,b\n" * 1000)[:-9], "leads.csv.gz")
    assert "damaged or cut off" in told
    assert "cannot be unpacked" in refusal(read, b"no archive", "leads.csv.zip")
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(InputError, match="holds 2 files"):
        open_table(path, Options())


def test_no_sentence_repeats_what_is_in_the_file(read):
    for content in (b'secret,b\n1,"hidden\n', b'a,b\n1,"' + b"hidden," * 50_000):
        told = refusal(read, content)
        assert "hidden" not in told


@pytest.mark.parametrize(
    ("name", "told"),
    [("leads.xls", "save it as .xlsx"), ("leads.pdf", ".parquet"), ("leads", ".csv")],
)
def test_other_kinds_of_files_are_refused(read, name, told):
    assert told in refusal(read, b"x", name)
