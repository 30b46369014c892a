"""A file of text: opened, unpacked, and in the encoding that it turns out to be in."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from target_octanist.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES: Final = 1 << 20

_UTF8 = "utf-8-sig"  # with a byte order mark or without

_WESTERN = "cp1252"

_ENCRYPTED: Final = 1  # a flag of a ZIP archive's member


class TextFile:
    """A text file, plain, gzipped, or alone in a ZIP archive.

    Attributes:
        encoding: Python's name for it.
        remarks: What there is to say about that, in sentences.
    """

    def __init__(self, path: Path, encoding: str | None) -> None:
        """Find out the encoding, or check the one given, against the whole file.

        Raises:
            FileError: It cannot be read, or not as text.
        """
        self.path = path
        self.remarks: list[str] = []
        with self._readable_errors():
            self.encoding = self._find_encoding(_known(encoding))
        self._refuse_zero_bytes()
        if self.encoding == _WESTERN and not encoding:
            self.remarks.append(
                f"{path.name} is not UTF-8 and is read as Windows-1252; if letters with "
                "accents look wrong, say what it is in with --encoding."
            )

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Open it as text, with its line ends as they are.

        Raises:
            FileError: It cannot be read.
        """
        with (
            self._readable_errors(),
            self._open_bytes() as unpacked,
            io.TextIOWrapper(unpacked, encoding=self.encoding, newline="") as text,
        ):
            yield text

    @contextmanager
    def _open_bytes(self) -> Iterator[IO[bytes]]:
        with self.path.open("rb") as raw:
            match self.path.suffix.lower():
                case ".gz":
                    with gzip.GzipFile(fileobj=raw) as unpacked:
                        yield cast("IO[bytes]", unpacked)
                case ".zip":
                    with (
                        zipfile.ZipFile(raw) as archive,
                        archive.open(self._only_member(archive)) as unpacked,
                    ):
                        yield unpacked
                case _:
                    yield raw

    def _only_member(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        # macOS adds a folder of its own to every archive.
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            message = f"{self.path.name} holds {len(members)} files; it must hold one."
            raise FileError(message)
        if members[0].flag_bits & _ENCRYPTED:
            message = f"{self.path.name} is encrypted; unpack it first."
            raise FileError(message)
        return members[0]

    def _find_encoding(self, given: str | None) -> str:
        candidates = [given] if given else self._candidates()
        for encoding in candidates:
            if self._is_in(encoding):
                return encoding
        if given:
            message = f"--encoding: {self.path.name} is not in {given}."
        else:
            message = (
                f"{self.path.name} is text in neither {' nor '.join(candidates)}; say what it "
                "is in with --encoding."
            )
        raise FileError(message)

    def _candidates(self) -> list[str]:
        with self._open_bytes() as file:
            start = file.read(2)
        if start in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            return ["utf-16"]
        return [_UTF8, _WESTERN]

    def _refuse_zero_bytes(self) -> None:
        # UTF-16 without its mark is valid UTF-8, with a zero byte after every letter.
        with self.open() as text:
            if "\0" in text.read(_BLOCK_BYTES):
                message = (
                    f"{self.path.name} holds zero bytes, so it is not text in {self.encoding}; "
                    "say what it is in with --encoding (utf-16-le?)."
                )
                raise FileError(message)

    def _is_in(self, encoding: str) -> bool:
        """Say whether the whole file is; a mistake on the last line counts."""
        decoder = codecs.getincrementaldecoder(encoding)()
        with self._open_bytes() as file:
            try:
                while block := file.read(_BLOCK_BYTES):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
            except UnicodeError:
                return False
        return True

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        name = self.path.name
        try:
            yield
        except (EOFError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile):
            message = f"{name} is damaged or cut off: it cannot be unpacked."
            raise FileError(message) from None
        except OSError as error:
            message = f"{name} cannot be read ({error.strerror})."
            raise FileError(message) from None


def _known(encoding: str | None) -> str | None:
    """Check the name of an encoding.

    Raises:
        FileError: Python does not know it, or it is not for text.
    """
    if encoding is None:
        return None
    try:
        "".encode(encoding)
    except LookupError:
        message = f"--encoding: {encoding} is not a text encoding that Python knows."
        raise FileError(message, error_id="file-option") from None
    return _UTF8 if codecs.lookup(encoding).name == "utf-8" else encoding
