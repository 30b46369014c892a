"""Takes the pictures of the documentation: real commands against the sandbox, on a real terminal.

    make screenshots

Each picture is a function below `PICTURES`, and a file in docs/images/. The people in them are
those of sample_data, who are invented.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tests.support.browser import PHONE, Browser, find_programs, running_browser
from tests.support.processes import SCRIPTS
from tests.support.sandbox import Sandbox
from tests.support.target import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS, ROWS = 120, 32
MOST_BYTES = 200_000

SETTINGS = {
    "api_key": "sandbox-key",
    "phone_region": "NL",
    "streams": {
        "web_leads": {
            "mapping": {
                "name": "full_name",
                "email": "email",
                "phone": "phone",
                "gclid": "gclid",
                "utm_source": "utm_source",
                "consent": {"analytics": "cookies_analytics", "marketing": "cookies_marketing"},
            }
        }
    },
}
#: What is shown in place of the port and the folder that a picture happens to be taken at.
ORIGIN = "http://127.0.0.1:8321"
FILTER = ("--filter", "email=*@competitor.example.net")


@dataclass(frozen=True)
class Stage:
    """Where a picture is taken: a folder with settings and sample files, and a sandbox."""

    folder: Path
    sandbox: Sandbox

    def type(self, command: str, *, until: str | None = None) -> str:
        """Run a command on a terminal, and give what is seen on it.

        Args:
            command: As it is typed.
            until: Look away as soon as this is seen (a regular expression); else at the end.
        """
        environ = environment(self.folder, LANG="C.UTF-8", TERM="xterm-256color")
        environ["PATH"] = f"{SCRIPTS}:{environ['PATH']}"
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        seen = _watch(ours, until)
        os.close(ours)
        if process.poll() is None and until is not None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        return seen.replace(self.sandbox.origin, ORIGIN).replace(f"{self.folder}/", "")


def _watch(terminal: int, until: str | None) -> str:
    seen = b""
    while until is None or not re.search(until, seen.decode(errors="replace")):
        try:
            block = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        seen += block
    return seen.decode(errors="replace")


@contextmanager
def stage(*options: str) -> Iterator[Stage]:
    """Set a stage up, with these options of the sandbox."""
    with tempfile.TemporaryDirectory() as name, Sandbox(*FILTER, *options) as sandbox:
        folder = Path(name)
        config = json.dumps({**SETTINGS, "base_url": sandbox.base_url})
        (folder / "config.json").write_text(config, encoding="utf-8")
        shutil.copy(ROOT / "sample_data" / "web_leads.csv", folder)
        for path in (ROOT / "sample_data" / "singer").iterdir():
            shutil.copy(path, folder)
        yield Stage(folder, sandbox)


LOAD = "octanist load web_leads.csv --config config.json --key lead_id"


def progress() -> None:
    """Show a load on its way."""
    with stage("--latency-ms", "500") as here:
        drawn_for_a_while = r"(\r\x1b\[K[^\r]*){14}"
        draw("progress", LOAD, here.type(LOAD, until=drawn_for_a_while))


def summary() -> None:
    """Show what a load says at its end."""
    with stage() as here:
        draw("summary", LOAD, here.type(LOAD))


def check() -> None:
    """Show that everything is ready."""
    with stage("--leads-limit", "5000") as here:
        command = "octanist check --config config.json"
        draw("check", command, here.type(command))


def preview() -> None:
    """Show records before and after."""
    with stage() as here:
        command = "octanist preview web_leads.singer.jsonl --config config.json --records 1"
        draw("preview", command, here.type(command))


def status() -> None:
    """Show what the journal knows."""
    with stage() as here:
        here.type(LOAD)
        command = "octanist status --config config.json"
        draw("status", command, here.type(command))


def sandbox() -> None:
    """Show the sandbox's page with the leads of a load, and one of them."""
    with stage("--leads-limit", "5000") as here, browser() as page:
        here.type(LOAD)
        page.open(here.sandbox.origin)
        page.until(lambda: len(page.all("#rows .row")) > 1)
        photograph(page, "sandbox")
        page.all("#rows .row")[2].click()
        page.until(lambda: page.find("#detail").is_displayed())
        page.show(dark=True)
        photograph(page, "sandbox-lead")


def report() -> None:
    """Show the report of a load, on a desk and on a phone at night."""
    with stage("--leads-limit", "5000", "--latency-ms", "300") as here, browser() as page:
        here.type(LOAD)
        here.type("octanist report --config config.json")
        page.open((here.folder / "octanist-report.html").as_uri())
        page.show(size=(1000, 1500))
        photograph(page, "report")
        page.show(size=PHONE, dark=True)
        photograph(page, "report-phone")


#: All pictures; `make screenshots` takes them in this order.
PICTURES: tuple[Callable[[], None], ...] = (
    progress,
    summary,
    check,
    preview,
    status,
    sandbox,
    report,
)


def draw(name: str, command: str, seen: str) -> None:
    """Draw what was seen on a terminal as an SVG that needs no font from elsewhere."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(seen.replace("\r\n", "\n").rstrip()))
    svg = console.export_svg(title=command.partition(" --")[0], unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "monospace")
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser to take pictures of pages."""
    programs = find_programs()
    if programs is None:
        sys.exit("Pages need a browser: install chromium and chromedriver (chromium-driver).")
    with running_browser(programs, "--hide-scrollbars") as page:
        yield page


def photograph(page: Browser, name: str) -> None:
    """Save what a browser shows of a page as a PNG."""
    page.screenshot(IMAGES / f"{name}.png")


def main() -> None:
    """Take the pictures that are named, or all of them."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    names = [picture.__name__ for picture in PICTURES]
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; default: all")
    wanted = parser.parse_args().name
    if unknown := set(wanted) - set(names):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    IMAGES.mkdir(exist_ok=True)
    for picture in PICTURES:
        if not wanted or picture.__name__ in wanted:
            print(f"docs/images/{picture.__name__}", flush=True)
            picture()
    too_large = [path.name for path in IMAGES.iterdir() if path.stat().st_size > MOST_BYTES]
    if too_large:
        sys.exit(f"Too large for a repository: {', '.join(too_large)}")


if __name__ == "__main__":
    main()
