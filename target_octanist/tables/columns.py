"""Names of columns, from headers that people typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTE_ORDER_MARK = "\ufeff"


def column_names(header: Iterable[object]) -> tuple[list[str], list[str]]:
    """Make names of a header's cells, no two alike and none empty.

    Returns:
        The names, and what was changed, in sentences.
    """
    names: list[str] = []
    padded: list[str] = []
    unnamed: list[str] = []
    repeated: list[str] = []
    for position, cell in enumerate(header, 1):
        raw = "" if cell is None else str(cell).removeprefix(_BYTE_ORDER_MARK)
        name = raw.strip()
        if name != raw and name:
            padded.append(name)
        if not name:
            name = _free(f"column_{position}", names)
            unnamed.append(name)
        elif name in names:
            name = _free(f"{name}_2", names)
            repeated.append(name)
        names.append(name)
    remarks = []
    if padded:
        remarks.append(f"Names of columns are taken without spaces around them: {_list(padded)}.")
    if unnamed:
        remarks.append(f"Columns without a name are called by their place: {_list(unnamed)}.")
    if repeated:
        remarks.append(f"Columns with the name of one before them are renamed: {_list(repeated)}.")
    return names, remarks


def _free(name: str, taken: list[str]) -> str:
    stem, _, number = name.rpartition("_")
    while name in taken:
        number = str(int(number) + 1)
        name = f"{stem}_{number}"
    return name


def _list(names: list[str]) -> str:
    return ", ".join(names)
