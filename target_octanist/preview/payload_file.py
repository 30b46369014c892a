"""Leads in a file, one JSON object a line: personal data, for their owner's eyes alone."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import msgspec

from target_octanist.errors import OctanistError
from target_octanist.leads.schema import FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: No lead is longer; a file with a longer first line is not a file of leads.
_LONGEST_LINE = 1024 * 1024


class PayloadFile:
    """Writes leads to a new file, or over the leads of an earlier time."""

    def __init__(
        self, path: Path, *, keys: Collection[str] = FIELDS.keys(), option: str = "--out"
    ) -> None:
        """Open the file, with mode 0600 from its first moment.

        Args:
            path: Where it is to be.
            keys: Those of the objects in it: a file with others is not overwritten.
            option: What the path was given as, for messages.

        Raises:
            OctanistError: It cannot be written, or is something else than leads of ours.
        """
        self._path = path
        self._option = option
        try:
            # Not through a link, and without waiting for a reader if it is a pipe.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        if not _is_private(descriptor) or not _holds_leads(descriptor, keys):
            os.close(descriptor)
            message = (
                f"{option}: {path} is there already, and is not a file of leads that only this "
                "user may read; it is left as it is. Name another file."
            )
            raise OctanistError(message, error_id="output-unwritable")
        os.ftruncate(descriptor, 0)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, payload: bytes) -> None:
        """Write one lead.

        Raises:
            OctanistError: The disk is full, or similar.
        """
        try:
            self._file.write(payload + b"\n")
        except OSError as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Write what is left, and close the file.

        Raises:
            OctanistError: The disk is full, or similar.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> OctanistError:
        message = f"{self._option}: {self._path} cannot be written ({error.strerror})."
        return OctanistError(message, error_id="output-unwritable")


def _is_private(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and found.st_nlink == 1
        and stat.S_IMODE(found.st_mode) & 0o077 == 0
    )


def _holds_leads(descriptor: int, keys: Collection[str]) -> bool:
    """Say whether the file is empty or begins with an object that has no other keys."""
    start = os.pread(descriptor, _LONGEST_LINE, 0)
    try:
        first = start.partition(b"\n")[0]
        return not start or msgspec.json.decode(first, type=dict).keys() <= set(keys)
    except msgspec.DecodeError:
        return False
