"""BATCH messages: the records of their files, one after the other.

A file is never held in memory as a whole, and it is left where it is: the next run may
need it again. Sentences name a file by the last part of its address alone.
"""

from __future__ import annotations

import gzip
import zlib
from decimal import Decimal
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import fsspec
import msgspec

from target_octanist.errors import InputError, printable
from target_octanist.extras import extra_hint
from target_octanist.json_lines import LineError, decode_object, shallow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Read = Callable[[IO[bytes], str], Iterator[dict[str, Any]]]

#: Rows of a Parquet file that are held at once.
_ROWS: Final = 500


def open_batch(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Understand a BATCH message and give the records of all its files, in order.

    Raises:
        LineError: The message names no files, or a format that is not known.
        InputError: While reading: a file cannot be read, or holds something else than
            records. The file and the line are named; what came before has been given.
    """
    encoding, manifest = message.get("encoding"), message.get("manifest")
    if not isinstance(manifest, list) or not all(isinstance(url, str) for url in manifest):
        raise LineError("is a BATCH without a list of files in `manifest`")
    if not isinstance(encoding, dict):
        raise LineError("is a BATCH without an `encoding`")
    read = _reader_of(encoding.get("format"), encoding.get("compression"))
    return _records(manifest, read)


def _records(manifest: Iterable[str], read: Read) -> Iterator[dict[str, Any]]:
    for url in manifest:
        with _open(url) as file:
            yield from read(file, _name(url))


def _reader_of(file_format: object, compression: object) -> Read:
    match file_format, compression:
        case "jsonl", None | "none":
            return _json_lines
        case "jsonl", "gzip":
            return _gzipped_json_lines
        case "parquet", _:
            # How a Parquet file is compressed, the file says itself.
            return _parquet_reader()
        case _:
            raise LineError("is a BATCH in another format than jsonl, gzipped jsonl and parquet")


def _json_lines(file: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        for line in file:
            number += 1
            if line.strip():
                yield shallow(line, decode_object(line))
    except LineError as error:
        message = f"Line {number} of the batch file {name} {error}."
        raise InputError(message, error_id="batch-file") from None
    except (OSError, EOFError, zlib.error):
        message = f"The batch file {name} is damaged or cut off after line {number}."
        raise InputError(message, error_id="batch-file") from None


def _gzipped_json_lines(file: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    with gzip.GzipFile(fileobj=file) as unzipped:
        yield from _json_lines(unzipped, name)


def _parquet_reader() -> Read:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise LineError(
            "is a BATCH of Parquet files, which need pyarrow: install it with "
            f"{extra_hint('files')}, or let the tap write jsonl"
        ) from None
    return partial(_rows, ParquetFile)


def _rows(parquet_file: Callable[..., Any], file: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        for rows in parquet_file(file).iter_batches(batch_size=_ROWS, use_threads=False):
            for row in rows.to_pylist():
                number += 1
                # As the same record would come in a line: a date, for one, is text.
                yield msgspec.to_builtins(row, builtin_types=(Decimal,), enc_hook=str)
    except Exception as error:  # noqa: BLE001 - of many kinds, and the text may quote the data
        raise InputError(
            f"The batch file {name} cannot be read as Parquet after row {number} "
            f"({type(error).__name__}).",
            error_id="batch-file",
        ) from None


def _open(url: str) -> IO[bytes]:
    name = _name(url)
    try:
        storage, path = fsspec.core.url_to_fs(url)
        try:
            file: IO[bytes] = storage.open(path, "rb")
        except FileNotFoundError:
            # Some taps write a blank as %20, and others as it is.
            file = storage.open(unquote(path), "rb")
    except FileNotFoundError:
        message = f"The batch file {name} is not there; tap and target must see the same folder."
        raise InputError(message, error_id="batch-file") from None
    except ImportError as error:
        message = f"The batch file {name} is in a storage that needs another package ({error})."
        raise InputError(message, error_id="extra-missing") from None
    except Exception as error:  # noqa: BLE001 - each kind of storage has its own
        message = f"The batch file {name} cannot be opened ({type(error).__name__})."
        raise InputError(message, error_id="batch-file") from None
    return file


def _name(url: str) -> str:
    return printable(url.replace("\\", "/").rstrip("/").rpartition("/")[2])
