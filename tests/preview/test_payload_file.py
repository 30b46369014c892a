"""A file of leads is for its owner alone, and nothing else is ever written over."""

from __future__ import annotations

import os
import stat

import pytest

from target_octanist.errors import OctanistError
from target_octanist.preview.payload_file import PayloadFile

LEAD = b'{"email":"canary@example.com"}'


def write(path, *payloads):
    file = PayloadFile(path)
    for payload in payloads:
        file.write(payload)
    file.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "payloads.jsonl"


def test_it_is_for_its_owner_alone_whatever_the_umask(path):
    before = os.umask(0)
    try:
        write(path, LEAD)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == LEAD + b"\n"


def test_an_earlier_one_is_written_over(path):
    write(path, LEAD, LEAD)
    write(path, LEAD)
    assert path.read_bytes() == LEAD + b"\n"
    write(path)
    assert path.read_bytes() == b""
    write(path, LEAD)
    assert path.read_bytes() == LEAD + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b'{"api_key": "k", "streams": {}}\n',
        b'{"type": "SCHEMA", "stream": "leads"}\n',
        b"[1]\n",
        b"text\n",
        b"\n" + LEAD,
        b"\xff\xfe",
    ],
)
def test_what_holds_something_else_stays(path, content):
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(OctanistError, match="--out"):
        PayloadFile(path)
    assert path.read_bytes() == content


def test_what_others_may_read_stays(path):
    path.write_bytes(LEAD + b"\n")
    path.chmod(0o644)
    with pytest.raises(OctanistError, match="--out"):
        PayloadFile(path)
    assert path.read_bytes() == LEAD + b"\n"


def test_links_are_not_followed(path, tmp_path):
    other = tmp_path / "other"
    write(other, LEAD)
    path.symlink_to(other)
    with pytest.raises(OctanistError, match="--out"):
        PayloadFile(path)
    path.unlink()
    path.hardlink_to(other)
    with pytest.raises(OctanistError, match="--out"):
        PayloadFile(path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OctanistError, match="--out"):
        PayloadFile(path)
    assert not (tmp_path / "nowhere").exists()
    assert other.read_bytes() == LEAD + b"\n"


def test_what_is_no_file_is_told(path, tmp_path):
    os.mkfifo(path)
    for place in (path, tmp_path, tmp_path / "no" / "such" / "folder", "/dev/null"):
        with pytest.raises(OctanistError, match="--out"):
            PayloadFile(place)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")  # noqa: PTH110
def test_a_full_disk_is_told_in_a_sentence(path, monkeypatch):
    file = PayloadFile(path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._file.fileno())
    os.close(full)
    file.write(LEAD)
    with pytest.raises(OctanistError, match="No space left"):
        file.close()
