"""The site builds without a warning, holds together, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from target_octanist import catalogue
from target_octanist.cli import COMMANDS
from target_octanist.config_schema import config_jsonschema
from target_octanist.leads.custom import CUSTOM_KEYS
from target_octanist.leads.presets import preset_names
from target_octanist.leads.schema import FIELDS, UPDATE_FIELDS
from target_octanist.leads.spec import SPEC_KEYS
from target_octanist.ledger.tables import metadata
from target_octanist.reporting.metrics import OctanistMetric
from tests.support.pages import DOCS
from tests.support.processes import SCRIPTS
from tests.support.target import environment, run_command


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids, self.words = [], [], {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in {"index", "search", "next", "prev"}:
            self.loads.append(given["href"])
        elif given.get("src"):
            self.loads.append(given["src"])

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Every page of the site by its path."""
    folder = tmp_path_factory.mktemp("site")
    sphinx = [SCRIPTS / "python", "-m", "sphinx", "-EWq", "--keep-going"]
    done = run_command(
        [*sphinx, "-d", folder / "doctrees", DOCS, folder / "html"],
        environment(folder, LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1"),
    )
    assert done.returncode == 0, done.stderr
    return {path.resolve(): Page(path) for path in (folder / "html").rglob("*.html")}


def page(site, name):
    (found,) = [page for path, page in site.items() if path.as_posix().endswith(f"/html/{name}")]
    return found.text


def test_links_within_the_site_lead_somewhere(site):
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert there.is_file(), f"{path.name}: {link}"
            if there in site:
                assert unquote(parts.fragment) in site[there].ids, f"{path.name}: {link}"


def test_a_reader_needs_no_network(site):
    for path, page in site.items():
        for address in page.loads:
            parts = urlsplit(address)
            assert not parts.scheme or parts.scheme == "data", f"{path.name}: {address}"
            assert parts.scheme or (path.parent / unquote(parts.path)).is_file(), address
    styles = [s for path in site for s in (path.parent / "_static").rglob("*.css")]
    for style in set(styles):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", text), style.name


#: Pages of the reference, and what each must name.
REFERENCE = {
    "reference/settings.html": config_jsonschema()["properties"],
    "reference/mapping.html": [*SPEC_KEYS, *CUSTOM_KEYS, *FIELDS, *UPDATE_FIELDS],
    "reference/presets.html": preset_names(),
    "reference/commands.html": [f"octanist {name}" for name in COMMANDS],
    "reference/metrics.html": [metric.value for metric in OctanistMetric],
    "reference/errors.html": catalogue.names(),
    "reference/journal.html": [c.name for t in metadata.sorted_tables for c in t.columns],
}


def test_the_reference_leaves_nothing_out(site):
    for name, words in REFERENCE.items():
        text = page(site, name)
        for word in words:
            assert re.search(rf"\b{re.escape(word)}\b", text), f"{name}: {word}"


def test_every_column_of_the_journal_is_explained():
    for table in metadata.sorted_tables:
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"
