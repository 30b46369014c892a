"""The tables of the journal, for SQLite and PostgreSQL alike.

Nothing here names a person: people and source records are kept as keyed digests.
Payloads and records are kept only while a lead is unsettled, and of those that made none.
"""

from __future__ import annotations

import enum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

#: Raised when a table changes in a way that older versions cannot read.
SCHEMA_VERSION = 1

metadata = MetaData()


class State(str, enum.Enum):
    """Where a source record stands. Unsettled: claimed and sending; the rest is settled."""

    #: Written down and owned by a run; not one byte was sent.
    #: → sending, → (row released when the run stops in good order)
    CLAIMED = "claimed"

    #: A request may be on its way. What a killed run leaves behind in this state may
    #: or may not have reached the API.
    #: → delivered, filtered, rejected, in_doubt, or claimed again (surely not stored)
    SENDING = "sending"

    #: The API stored it and gave it an id.
    DELIVERED = "delivered"

    #: Another lead of the same person was sent before; this record makes none.
    DUPLICATE = "duplicate"

    #: The organisation's rules refused it. → claimed, if the payload changes or a human asks
    FILTERED = "filtered"

    #: A dead letter, until it is discarded.
    #: → claimed, if the payload changes, nobody ever judged it or a human asks
    REJECTED = "rejected"

    #: Sent, and no answer tells what came of it. Never sent again by itself.
    #: → delivered or claimed, by asking the API or by a human
    IN_DOUBT = "in_doubt"


meta = Table(
    "octanist_meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "octanist_runs",
    metadata,
    Column("id", String(32), primary_key=True),
    # base_url: two destinations on one journal do not see each other's leads.
    Column("destination", Text, nullable=False),
    # A digest of the API key, to notice that another organisation's key is in use.
    Column("key_digest", String(32), nullable=False),
    # Where `pid` means something: host, boot and PID namespace in one text.
    Column("place", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    # Times are milliseconds since 1970 UTC throughout.
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    # How many turns it has written: tells whether a commit went through whose answer
    # was lost.
    Column("turns", BigInteger, nullable=False, default=0),
    Column("ended_at", BigInteger),
    Column("exit_code", Integer),
)

leads = Table(
    "octanist_leads",
    metadata,
    # Keyed digest of destination, stream and record key: one row for a source record.
    Column("source", String(32), primary_key=True),
    Column("stream", Text, nullable=False),
    Column("state", String(12), nullable=False),
    # The run that owns the row while it is unsettled, later the one that settled it.
    Column("run", String(32), ForeignKey(runs.c.id), nullable=False),
    Column("payload_digest", String(32), nullable=False),
    Column("payload", Text),
    # The source record as it came, kept of what made no lead so that a mended mapping
    # can be tried on it; and meanwhile, for the case that it makes none again.
    Column("record", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("claimed_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("lead_id", Text),
    Column("request_id", Text),
    Column("code", Text),
    # Our own sentence, which holds no value of the record; and what the API said,
    # which may quote one and is never logged.
    Column("reason", Text),
    Column("message", Text),
    # The source of the lead that this one is a duplicate of.
    Column("twin", String(32)),
    CheckConstraint(
        "state IN ({})".format(", ".join(f"'{state.value}'" for state in State)),
        name="octanist_leads_state",
    ),
    Index("octanist_leads_by_state", "state", "run"),
    Index("octanist_leads_by_lead_id", "lead_id"),
)

figures = Table(
    "octanist_figures",
    metadata,
    Column("run", String(32), ForeignKey(runs.c.id), primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    # What the run counted, as JSON; see reporting/figures.py.
    Column("figures", Text, nullable=False),
)

persons = Table(
    "octanist_persons",
    metadata,
    # Keyed digest of destination, the dedupe_by entry and its normalised value.
    Column("digest", String(32), primary_key=True),
    Column("source", String(32), ForeignKey(leads.c.source), primary_key=True),
    Index("octanist_persons_by_source", "source"),
)
