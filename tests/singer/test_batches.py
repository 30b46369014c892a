"""BATCH messages: their records go the way of all records, and their files stay."""

from __future__ import annotations

import gzip
import json
import signal
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from target_octanist.batches import open_batch
from target_octanist.errors import InputError
from target_octanist.json_lines import LineError
from tests.support.target import finish, person, record, schema, state

GZIPPED = {"format": "jsonl", "compression": "gzip"}
PLAIN = {"format": "jsonl"}
PARQUET = {"format": "parquet"}


def message(encoding, *files):
    return {"type": "BATCH", "stream": "leads", "encoding": encoding, "manifest": list(files)}


def write(path, encoding, rows):
    if encoding is PARQUET:
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)
    else:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(data) if encoding is GZIPPED else data)
    return path


def people(first, last):
    return [person(number) for number in range(first, last + 1)]


def emails(sandbox):
    return sorted(lead["email"] for lead in sandbox.leads())


def emails_of(rows):
    return sorted(row["email"] for row in rows)


# What is read


@pytest.mark.parametrize("encoding", [PLAIN, GZIPPED, PARQUET], ids=["jsonl", "gzip", "parquet"])
def test_files_are_read_in_order(tmp_path, encoding):
    files = [
        write(tmp_path / "a", encoding, people(1, 700)).as_uri(),
        str(write(tmp_path / "b", encoding, people(701, 703))),
    ]
    assert list(open_batch(message(encoding, *files))) == people(1, 703)


@pytest.mark.parametrize("name", ["a b", "a%20b", "ä#1?x=%"])
def test_odd_names_are_found_however_they_are_written(tmp_path, name):
    path = write(tmp_path / name, PLAIN, people(1, 1))
    for url in (str(path), f"file://{path}", path.as_uri()):
        assert list(open_batch(message(PLAIN, url))) == people(1, 1)


def test_a_record_of_a_file_is_read_as_one_of_a_line(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b'\xef\xbb\xbf{"id": 12345678901234567890, "v": 1.10}\n\n{"v": NaN}')
    first, second = open_batch(message(PLAIN, str(path)))
    assert first == {"id": 12345678901234567890, "v": Decimal("1.10")}
    assert second.keys() == {"v"}


def test_a_row_of_a_parquet_file_is_as_the_line_would_be(tmp_path):
    row = {
        "at": datetime(2026, 5, 1, 12, 30, tzinfo=timezone.utc),
        "price": Decimal("1.10"),
        "tags": [{"name": "a"}],
        "none": None,
    }
    path = write(tmp_path / "a", PARQUET, [row])
    assert list(open_batch(message(PARQUET, str(path)))) == [
        {
            "at": "2026-05-01T12:30:00Z",
            "price": Decimal("1.10"),
            "tags": [{"name": "a"}],
            "none": None,
        }
    ]


def test_a_file_is_not_read_ahead_of_its_records(tmp_path):
    """The broken third line is met when its turn comes, and not before."""
    path = tmp_path / "a"
    path.write_text('{"n": 1}\n{"n": 2}\nno json\n')
    records = open_batch(message(PLAIN, str(path)))
    assert [next(records), next(records)] == [{"n": 1}, {"n": 2}]
    with pytest.raises(InputError, match=r"^Line 3 of the batch file a is not a JSON object"):
        next(records)


@pytest.mark.parametrize(
    ("encoding", "content", "told"),
    [
        (GZIPPED, b"{}\n", "damaged or cut off after line 0"),
        (GZIPPED, gzip.compress(b'{"n": 1}\n' * 5000)[:-50], "damaged or cut off after line"),
        (PARQUET, b"PAR1 no parquet PAR1", "cannot be read as Parquet after row 0"),
        (PARQUET, b"", "cannot be read as Parquet after row 0"),
        (PLAIN, b'{"n": 1}\n[2]\n', "Line 2 of the batch file"),
        (PLAIN, b'{"n": "\xe9"}\n', "is not UTF-8"),
        (PLAIN, b'{"n": ' + b"[" * 100_000, "is nested too deeply"),
    ],
    ids=["no gzip", "cut gzip", "no parquet", "empty parquet", "no object", "no utf-8", "depths"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, encoding, content, told):
    path = tmp_path / "canary-7.bin"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(open_batch(message(encoding, str(path))))
    assert told in str(caught.value)
    assert "canary-7.bin" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///no/such/leads.jsonl", "leads.jsonl is not there"),
        ("s3://bucket/leads.jsonl", "s3fs"),
        ("nonsense://bucket/leads.jsonl", "leads.jsonl cannot be opened"),
        ("/", "cannot be opened"),
        ("a\x00b", r"a\x00b"),
        ("", "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(url, told):
    with pytest.raises(InputError) as caught:
        list(open_batch(message(PLAIN, url)))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": None},
        {"manifest": "a"},
        {"manifest": [1]},
        {"encoding": None},
        {"encoding": "jsonl"},
        {"encoding": {}},
        {"encoding": {"format": "csv"}},
        {"encoding": {"format": "jsonl", "compression": "zstd"}},
        {"encoding": {"format": ["jsonl"]}},
    ],
)
def test_a_message_that_cannot_be_understood_is_told(change):
    with pytest.raises(LineError, match="is a BATCH"):
        open_batch(message(PLAIN, "a") | change)


def test_without_pyarrow_parquet_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(LineError, match=r"pip install .*\[files\]"):
        open_batch(message(PARQUET, "a"))


# What becomes of it


@pytest.mark.e2e
@pytest.mark.parametrize("encoding", [PLAIN, GZIPPED, PARQUET], ids=["jsonl", "gzip", "parquet"])
def test_batches_and_lines_become_leads_alike_and_each_once(sandbox, target, tmp_path, encoding):
    path = write(tmp_path / "a", encoding, people(1, 250))
    lines = [
        schema(),
        record(**person(100)),
        json.dumps(message(encoding, path.as_uri())),
        state({"at": 250}),
        *(record(**row) for row in people(200, 260)),
        state({"at": 260}),
    ]
    done = target.run(lines)
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == emails_of(people(1, 260))
    assert done.states[-1] == {"at": 260}
    assert path.exists(), "the tap's files are not this target's to delete"

    again = target.run([schema(), json.dumps(message(encoding, path.as_uri()))])
    assert again.returncode == 0, again.stderr
    assert len(sandbox.leads()) == 260


@pytest.mark.e2e
def test_stream_maps_and_checks_count_for_batches_too(sandbox, target, tmp_path):
    rows = [
        *people(1, 3),
        {"id": 4, "name": ["odd"], "email": "d@example.com"},
        {"name": "no key"},
        person(6) | {"_sdc_deleted_at": "2026-05-01T00:00:00Z"},
    ]
    path = write(tmp_path / "a", PLAIN, rows)
    done = target.run(
        [schema(), json.dumps(message(PLAIN, str(path)))],
        stream_maps={"leads": {"__filter__": "_.get('id') != 2", "email": "'x.' + email"}},
        validate_records=True,
    )
    assert done.returncode == 0, done.stderr
    assert emails(sandbox) == ["x.canary.1@example.com", "x.canary.3@example.com"]
    assert target.status()["outcomes"]["rejected"] == 2
    assert "1 deleted records made no lead" in done.stderr


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["no json"], "Line 31 of the batch file broken.jsonl is not a JSON object"),
        (None, "The batch file broken.jsonl is not there"),
    ],
)
def test_what_came_before_a_broken_file_is_settled(sandbox, target, tmp_path, lines, told):
    path = tmp_path / "broken.jsonl"
    if lines:
        path.write_text("\n".join([*map(json.dumps, people(1, 30)), *lines]))
    whole = write(tmp_path / "whole", PLAIN, people(31, 60))
    done = target.run(
        [
            schema(),
            json.dumps(message(PLAIN, str(whole))),
            state({"at": 1}),
            json.dumps(message(PLAIN, str(path))),
            state({"at": 2}),
        ]
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.states == [{"at": 1}]
    assert emails(sandbox) == emails_of(people(1 if lines else 31, 60))


@pytest.mark.e2e
def test_a_batch_before_its_schema_is_refused(sandbox, target):
    done = target.run([json.dumps(message(PLAIN, "a"))])
    assert done.returncode == 1
    assert "Line 1 of the input is a BATCH of leads before its SCHEMA" in done.stderr


@pytest.mark.e2e
def test_a_signal_in_the_middle_of_a_file_ends_the_run_in_good_order(sandbox, target, tmp_path):
    sandbox.fault(kind="delay", latency_ms=20, method="POST", path="/leads")
    path = write(tmp_path / "a", GZIPPED, people(1, 20_000))
    lines = [schema(), state({"at": 0}), json.dumps(message(GZIPPED, str(path))), state({"at": 1})]
    process = target.start(max_concurrency=4)
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.flush()
    sandbox.wait_until(lambda s: len(s.leads()) >= 20)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.returncode == 143, done.stderr
    assert done.states == [{"at": 0}]
    assert len(sandbox.leads()) < 20_000
    assert target.status()["outcomes"]["sending"] == 0, "what was in flight is settled"
