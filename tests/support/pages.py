"""Reads the documentation's pages: their fenced blocks, and what is said about running them.

A line ``% not run: WHY`` before a block of commands keeps it from being run; ``% sandbox``
says that it starts the sandbox in another terminal, and ``% exit code 1`` how it ends.
A block of ``text`` that follows a block of commands directly is their output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

#: Every page with commands in it, by its path in the project.
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]
    if "_build" not in path.parts
)

_BLOCK = re.compile(
    r"(?P<remarks>(?:^% .*\n)*)^(?P<fence>```+)(?P<language>[a-z]+)\n(?P<text>(?:.*\n)*?)(?P=fence)$",
    re.MULTILINE,
)
_COMMENT = re.compile(r"<!-- (not run: .*|sandbox|exit code \d+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: What the fence names.
        line: Where it begins.
        not_run: Why it is not run, if it is not.
        is_sandbox: Whether it starts the sandbox.
        exit_code: That its commands end with.
        output: What they print, if the page shows it.
    """

    language: str
    text: str
    line: int
    not_run: str | None
    is_sandbox: bool
    exit_code: int
    output: str | None = None


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page in order; output belongs to the block that it follows."""
    # README shows `%` to its readers, so its remarks are comments of HTML.
    text = _COMMENT.sub(r"% \1", (ROOT / page).read_text(encoding="utf-8"))
    found: list[Block] = []
    end = 0
    for match in _BLOCK.finditer(text):
        follows = bool(found) and not text[end : match.start()].strip()
        end = match.end()
        if match["language"] == "text" and follows and found[-1].language == "sh":
            found[-1] = Block(**{**vars(found[-1]), "output": match["text"]})
            continue
        remarks = [line.removeprefix("% ") for line in match["remarks"].splitlines()]
        found.append(
            Block(
                language=match["language"],
                text=match["text"],
                line=text.count("\n", 0, match.start()) + 1 + len(remarks),
                not_run=_after("not run: ", remarks),
                is_sandbox="sandbox" in remarks,
                exit_code=int(_after("exit code ", remarks) or 0),
            )
        )
    return found


def commands(page: str) -> list[Block]:
    """Give the blocks of commands of a page, those that are not run among them."""
    return [block for block in blocks(page) if block.language == "sh"]


def shows(expected: str, printed: str) -> bool:
    """Say whether output is as a page shows it.

    ``…`` stands for anything within a line, and on a line of its own for any lines. What
    differs from run to run (seconds, times, digests) may differ.
    """
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else _pattern_of(line) + r" *\n"
        for line in _steady(expected).splitlines()
    )
    return re.fullmatch(rf"\n*{pattern}\n*", _steady(printed.rstrip() + "\n")) is not None


def _pattern_of(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("…"))


def _steady(text: str) -> str:
    """Give a text without what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?", "TIME", text)
    text = re.sub(r"\b\d+\.\d+ s(?: \(\d+ a second\))?", "N s", text)
    return re.sub(r"\b(?=[a-z]*\d)[0-9a-f]{12}(?:[0-9a-f]{20})?\b", "DIGEST", text)


def _after(prefix: str, remarks: list[str]) -> str | None:
    return next((r.removeprefix(prefix) for r in remarks if r.startswith(prefix)), None)
