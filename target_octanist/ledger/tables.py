"""The tables of the journal, for SQLite and PostgreSQL alike.

Nothing here names a person: people and source records are kept as keyed digests.
Payloads and records are kept only while a lead is unsettled, and of those that made none.
"""

from __future__ import annotations

import enum
from typing import Final

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

#: Raised when a table changes in a way that older versions would not keep up; `upgrade` brings
#: a journal of an earlier one up to it.
SCHEMA_VERSION = 2

#: People are told a record by so many digits of its digest.
_ID_DIGITS = 12

metadata = MetaData()


def short_id(source: str) -> str:
    """Give the name of a record for people: none of its values, and enough to find it by."""
    return source[:_ID_DIGITS]


class State(str, enum.Enum):
    """Where a source record stands. Unsettled: claimed and sending; the rest is settled."""

    #: Written down and owned by a run; not one byte was sent.
    #: → sending, → (row released when the run stops cleanly)
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


#: States that somebody is about to settle.
UNSETTLED: Final = (State.CLAIMED.value, State.SENDING.value)

meta = Table(
    "octanist_meta",
    metadata,
    Column("name", String(40), primary_key=True, comment="`version` of these tables, or `salt`."),
    Column("value", Text, nullable=False, comment="Its value; the salt keys all digests."),
    comment="What holds for the journal as a whole.",
)

runs = Table(
    "octanist_runs",
    metadata,
    Column("id", String(32), primary_key=True, comment="Made at random when the run began."),
    Column(
        "destination",
        Text,
        nullable=False,
        comment="`base_url`: two destinations on one journal do not see each other's leads.",
    ),
    Column(
        "key_digest",
        String(32),
        nullable=False,
        comment="Of the API key, to notice that another organisation's key is in use.",
    ),
    Column(
        "place",
        Text,
        nullable=False,
        comment="Where `pid` means something: host, boot and PID namespace in one text.",
    ),
    Column("pid", Integer, nullable=False, comment="Of its process."),
    Column("started_at", BigInteger, nullable=False, comment="When it began."),
    Column("heartbeat_at", BigInteger, nullable=False, comment="When it last said that it lives."),
    Column(
        "turns",
        BigInteger,
        nullable=False,
        default=0,
        comment=(
            "How many turns it has written: tells whether a commit went through whose answer "
            "was lost."
        ),
    ),
    Column("ended_at", BigInteger, comment="When it ended; empty while it runs."),
    Column("exit_code", Integer, comment="How it ended; empty if it was cut off."),
    comment="One row for each run. Times are milliseconds since 1970 UTC throughout.",
)

leads = Table(
    "octanist_leads",
    metadata,
    Column(
        "source",
        String(32),
        primary_key=True,
        comment="Keyed digest of destination, stream and record key.",
    ),
    Column("stream", Text, nullable=False, comment="The stream's name."),
    Column("state", String(12), nullable=False, comment="Where it stands."),
    Column(
        "run",
        String(32),
        ForeignKey(runs.c.id),
        nullable=False,
        comment="The run that owns it while it is unsettled, later the one that settled it.",
    ),
    Column("payload_digest", String(32), nullable=False, comment="Keyed digest of what is sent."),
    Column(
        "persons",
        Text,
        comment=(
            "The digests under which `octanist_persons` has it, with a space between them; empty "
            "if it has none."
        ),
    ),
    Column(
        "payload",
        Text,
        comment="The lead as JSON; kept while it is unsettled, in doubt, rejected or filtered.",
    ),
    Column(
        "record",
        Text,
        comment=(
            "The source record as it came, kept of what made no lead so that a fixed mapping "
            "can be tried on it; and meanwhile, for the case that it makes none again."
        ),
    ),
    Column(
        "attempts",
        Integer,
        nullable=False,
        default=0,
        comment="How many requests were started for it.",
    ),
    Column("claimed_at", BigInteger, nullable=False, comment="When it was written down."),
    Column("sent_at", BigInteger, comment="When its last request was started."),
    Column("settled_at", BigInteger, comment="When its outcome was known."),
    Column("lead_id", Text, comment="The id that the API gave it."),
    Column("request_id", Text, comment="The API's name for the request that settled it."),
    Column("code", Text, comment="Why it was rejected, in one word: the API's, or one of ours."),
    Column(
        "reason", Text, comment="Why, in a sentence of ours, which holds no value of the record."
    ),
    Column(
        "message",
        Text,
        comment="What the API said. It may quote a value, and is never logged.",
    ),
    Column("twin", String(32), comment="The source of the lead that this one is a duplicate of."),
    CheckConstraint(
        "state IN ({})".format(", ".join(f"'{state.value}'" for state in State)),
        name="octanist_leads_state",
    ),
    Index("octanist_leads_by_state", "state", "run"),
    Index("octanist_leads_by_lead_id", "lead_id"),
    comment="One row for each source record.",
)

figures = Table(
    "octanist_figures",
    metadata,
    Column("run", String(32), ForeignKey(runs.c.id), primary_key=True, comment="Whose they are."),
    Column("updated_at", BigInteger, nullable=False, comment="When they were last written."),
    Column("figures", Text, nullable=False, comment="As JSON; see reporting/figures.py."),
    comment="What each run counted.",
)

changes = Table(
    "octanist_changes",
    metadata,
    Column(
        "source",
        String(32),
        primary_key=True,
        comment="Keyed digest of the record that says what became of a lead.",
    ),
    Column("lead", String(32), nullable=False, comment="Keyed digest of how the lead is named."),
    Column("status", Text, comment="The status in the change that was last claimed."),
    Column(
        "delivered_digest", String(32), comment="Of the change that was last delivered, if any was."
    ),
    Column("delivered_status", Text, comment="The last status that was delivered."),
    Column("delivered_at", BigInteger, comment="When that was."),
    Index("octanist_changes_by_lead", "lead"),
    comment=(
        "One row for each record that changes a lead; it outlives the row of `octanist_leads`, "
        "which is about its last change."
    ),
)

pending = Table(
    "octanist_pending",
    metadata,
    Column("source", String(32), primary_key=True, comment="Of the record that has the change."),
    Column(
        "waits_for",
        String(32),
        primary_key=True,
        comment="The source of the record whose lead is to be changed, in one of its spellings.",
    ),
    Column("destination", Text, nullable=False, comment="`base_url`."),
    Column("stream", Text, nullable=False, comment="The stream of the change."),
    Column("payload_digest", String(32), nullable=False, comment="Keyed digest of the change."),
    Column("payload", Text, nullable=False, comment="The change as JSON, without the lead's id."),
    Column("status", Text, comment="The status in it."),
    Column("since", BigInteger, nullable=False, comment="When it came."),
    Column("place", BigInteger, nullable=False, comment="Orders them as they came."),
    Index("octanist_pending_by_waits_for", "waits_for"),
    comment="Changes of leads that are not known yet; each goes out when its lead is.",
)

# A lead's row names its rows here, so that these are found by their key alone. An index on the
# sources, which are at random, would cost more than all else of a claim. Nor is the source
# declared as a foreign key: without that index, to delete a lead would read the whole table.
persons = Table(
    "octanist_persons",
    metadata,
    Column(
        "digest",
        String(32),
        primary_key=True,
        comment="Keyed digest of destination, the `dedupe_by` entry and its normalised value.",
    ),
    Column(
        "source",
        String(32),
        primary_key=True,
        comment="The lead of this person.",
    ),
    comment="Which leads are whose.",
    sqlite_with_rowid=False,
)
