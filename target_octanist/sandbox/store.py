"""The leads and pixel sessions, in memory and, where asked, in a JSONL file.

The file is a log: one JSON object a line, ``{"op": "create" | "update" | "session", …}``. Each line is
handed to the operating system before the answer is sent, so what was answered survives a kill
of the process (not a power cut: a stand-in has no need of that).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from target_octanist.sandbox.query import ROW_KEYS, SOURCES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from target_octanist.sandbox.query import ListQuery


@dataclass
class Lead:
    """One stored lead. ``organisation`` tells apart the leads of different API keys.

    ``body`` is the request that made it, as it came; ``history`` are its updates in order.
    """

    id: str
    organisation: str
    created_at: str
    fields: dict[str, object]
    body: str = ""
    state: dict[str, object] = field(default_factory=dict)
    history: list[Mapping[str, object]] = field(default_factory=list)
    haystack: str = ""

    def row(self) -> dict[str, object]:
        """Return the lead as the list endpoint shows it: every column, null where not set."""
        have = {
            "status": "open",
            "source": "api",
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
            **self.fields,
            **self.state,
            "id": self.id,
        }
        return {key: have.get(key) for key in ROW_KEYS}

    def shown(self) -> dict[str, object]:
        """Return the columns that are set, for people and tests."""
        row = {key: value for key, value in self.row().items() if value is not None}
        return {**row, "organisation": self.organisation}


class Store:
    """All leads of all organisations. Raises OSError where the file cannot be used."""

    def __init__(self, path: Path | None = None) -> None:
        """Start empty, or with what the file at ``path`` holds (created with mode 0600)."""
        self.sessions: dict[str, dict[str, object]] = {}
        self._reset()
        self._file = None if path is None else os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if self._file is not None:
            self._load(self._file)

    def create(self, lead: Lead, payload: Mapping[str, object]) -> None:
        """Store a new lead. ``payload`` is what the client sent, to tell identical requests."""
        digest = blake2b(json.dumps(payload, sort_keys=True).encode(), digest_size=8).hexdigest()
        self._write(
            {
                "op": "create",
                "id": lead.id,
                "organisation": lead.organisation,
                "createdAt": lead.created_at,
                "digest": digest,
                "fields": lead.fields,
                "body": lead.body,
            }
        )
        self._add(lead, digest)

    def update(self, lead: Lead, changes: Mapping[str, object]) -> None:
        """Change columns of a stored lead."""
        self._write({"op": "update", "id": lead.id, "changes": changes})
        self._change(lead, changes)

    def add_session(self, session_id: str, attribution: Mapping[str, object]) -> None:
        """Register a pixel session, or replace it."""
        self._write({"op": "session", "id": session_id, "attribution": attribution})
        self.sessions[session_id] = dict(attribution)

    def clear(self) -> None:
        """Forget every lead; sessions stay."""
        self._reset()
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            for session_id, attribution in self.sessions.items():
                self._write({"op": "session", "id": session_id, "attribution": attribution})

    def close(self) -> None:
        """Close the file; the store can be read but not changed afterwards."""
        if self._file is not None:
            os.close(self._file)

    def all(self) -> list[Lead]:
        """Return every lead in the order of arrival."""
        return list(self._by_id.values())

    def find(self, lead_id: str) -> Lead | None:
        """Find a lead of any organisation by its id."""
        return self._by_id.get(lead_id)

    def get(self, organisation: str, lead_id: str) -> Lead | None:
        """Find one lead of an organisation by its id."""
        lead = self._by_id.get(lead_id)
        return lead if lead is not None and lead.organisation == organisation else None

    def matching(self, organisation: str, key: str, value: str) -> list[Lead]:
        """Find the leads that an update names: ``key`` is id, email or phone."""
        if key == "id":
            lead = self.get(organisation, value)
            return [] if lead is None else [lead]
        return [
            lead for lead in self._by_org.get(organisation, ()) if lead.fields.get(key) == value
        ]

    def select(
        self, organisation: str, query: ListQuery, visible_before: str
    ) -> tuple[list[dict[str, object]], int]:
        """Return one page of rows and how many there are on all pages.

        Leads created at or after ``visible_before`` (API time text) are not in the index yet.
        """
        leads = [
            lead
            for lead in reversed(self._by_org.get(organisation, []))
            if query.search in lead.haystack and lead.created_at < visible_before
        ]
        start = (query.page - 1) * query.limit
        end = start + query.limit
        if not query.tests and (query.sort_by, query.descending) == ("createdAt", True):
            # The usual case needs no row but those it shows; there may be very many others.
            total, page = len(leads), [lead.row() for lead in leads[start:end]]
        else:
            rows = [row for row in (lead.row() for lead in leads) if query.accepts(row)]
            rows = _sorted(rows, query.sort_by, descending=query.descending)
            total, page = len(rows), rows[start:end]
        return [{key: row[key] for key in query.columns} for row in page], total

    def totals(self, organisation: str) -> tuple[int, dict[str, int], dict[str, int]]:
        """Count the leads of an organisation: all, by status, by source."""
        leads = self._by_org.get(organisation, [])
        by_status = Counter(str(lead.state.get("status", "open")) for lead in leads)
        return (
            len(leads),
            {status: by_status[status] for status in STATUSES},
            {source: len(leads) if source == "api" else 0 for source in SOURCES},
        )

    def counts(self) -> dict[str, int]:
        """Count leads, and how many of them repeat an earlier one (payload, e-mail address)."""
        return {
            "leads": len(self._by_id),
            "duplicates_by_payload": self._payloads.total() - len(self._payloads),
            "duplicates_by_email": self._emails.total() - len(self._emails),
        }

    def _reset(self) -> None:
        self._by_id: dict[str, Lead] = {}
        self._by_org: dict[str, list[Lead]] = {}
        self._payloads: Counter[tuple[str, str]] = Counter()
        self._emails: Counter[tuple[str, str]] = Counter()

    def _add(self, lead: Lead, digest: str) -> None:
        names = (lead.fields.get(key) for key in ("name", "email", "phone"))
        # A line break between them keeps a search from matching across two columns.
        lead.haystack = "\n".join(str(name) for name in names if name is not None).lower()
        self._by_id[lead.id] = lead
        self._by_org.setdefault(lead.organisation, []).append(lead)
        self._payloads[(lead.organisation, digest)] += 1
        email = lead.fields.get("email")
        if isinstance(email, str):
            self._emails[(lead.organisation, email.lower())] += 1

    def _change(self, lead: Lead, changes: Mapping[str, object]) -> None:
        lead.state.update(changes)
        lead.history.append(changes)

    def _write(self, entry: Mapping[str, object]) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def _load(self, file: int) -> None:
        with os.fdopen(os.dup(file), "rb") as lines:
            end = 0
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break  # The process was killed within a write; nobody was answered.
                self._replay(number, line)
                end += len(line)
        os.ftruncate(file, end)
        os.lseek(file, end, os.SEEK_SET)

    def _replay(self, number: int, line: bytes) -> None:
        try:
            entry = json.loads(line)
            if entry["op"] == "create":
                lead = Lead(
                    entry["id"],
                    entry["organisation"],
                    entry["createdAt"],
                    entry["fields"],
                    entry.get("body", ""),  # Older files lack it.
                )
                self._add(lead, entry["digest"])
            elif entry["op"] == "update":
                self._change(self._by_id[entry["id"]], entry["changes"])
            elif entry["op"] == "session":
                self.sessions[entry["id"]] = entry["attribution"]
        except (ValueError, KeyError, TypeError):
            msg = f"line {number} is not an entry of a sandbox data file"
            raise OSError(msg) from None


def _sorted(
    rows: list[dict[str, object]], key: str, *, descending: bool
) -> list[dict[str, object]]:
    # Rows arrive newest first; ties keep the order of the direction. Nulls come last either way.
    oldest_first = rows[::-1]
    have = [row for row in oldest_first if row[key] is not None]
    lack = [row for row in oldest_first if row[key] is None]
    have.sort(key=lambda row: row[key])  # type: ignore[arg-type,return-value]
    return (have[::-1] if descending else have) + lack
