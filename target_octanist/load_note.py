"""How far a file was loaded: a small file beside the journal, for the next load of it.

It is no more than a short cut. The journal knows every row that was settled, so without
this note a load only takes longer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Final

from target_octanist.errors import FileError
from target_octanist.settings import default_ledger
from target_octanist.state import StateWriter

logger = logging.getLogger("target-octanist")

_BLOCK_BYTES: Final = 1 << 20


class LoadNote(StateWriter):
    """Keeps the newest STATE of a load, and with it the promise that STATE is.

    Its name is a keyed digest of what is loaded and how. A file that was changed is
    another file; and where settings were changed, rows that made no lead may make one
    now, so these are gone through again, too.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @classmethod
    def of(cls, file: Path, how: Any, *, ledger: str, salt: bytes) -> LoadNote:
        """Find the place of a note.

        Args:
            file: What is loaded.
            how: Whatever decides what becomes of its rows; plain values.
            ledger: The journal. A note of one on a server lies in the user's own folder.
            salt: The journal's own; with another journal nothing is settled yet.

        Raises:
            FileError: The file cannot be read.
        """
        digest = hashlib.blake2b(digest_size=16, key=salt)
        digest.update(json.dumps(how, sort_keys=True, default=str).encode())
        try:
            with file.open("rb") as content:
                while block := content.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            message = f"{file.name} cannot be read ({error.strerror})."
            raise FileError(message) from None
        beside = default_ledger(os.environ) if "://" in ledger else Path(ledger).expanduser()
        name = f"{beside.name}.load-{digest.hexdigest()}"
        return cls(beside.with_name(name))

    def row(self) -> int:
        """Give the last row up to which all are settled; 0 if there is none."""
        try:
            row = json.loads(self._path.read_bytes())["row"]
        except (OSError, ValueError, TypeError, KeyError):
            return 0
        return row if isinstance(row, int) else 0

    def remove(self) -> None:
        """Forget it: the next load begins with the first row."""
        self._path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        # Written aside and renamed, so that it is whole whenever the process ends.
        aside = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(line)
            aside.replace(self._path)
        except OSError as error:
            self._silent = True
            logger.warning(
                "How far the load is cannot be noted beside the journal (%s): if it is cut off, "
                "the next one goes through all rows again. No lead is sent twice.",
                error.strerror,
            )
