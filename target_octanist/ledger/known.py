"""What the journal knows of the records of a batch, and of the people in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.ledger.claims import TAKEN, Known, Taken
from target_octanist.ledger.statements import LEADS_OF, ROWS_OF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim


def known_rows(connection: Connection, claims: Sequence[Claim]) -> dict[str, Known]:
    """Give the rows of these records that are there: source to row."""
    rows = ROWS_OF.ask(connection, {claim.source for claim in claims})
    return {source: Known(state, run, digest, code) for source, state, run, digest, code in rows}


def taken_persons(connection: Connection, claims: Sequence[Claim]) -> dict[str, list[Taken]]:
    """Give the leads of the same people which count: digest of a person to leads."""
    digests = {person for claim in claims for person in claim.persons}
    taken: dict[str, list[Taken]] = {}
    for digest, source, state, run, at in LEADS_OF.ask(connection, digests):
        # Not a condition of the query: SQLite would take it for the more
        # selective one, and read every delivered lead for each batch.
        if state in TAKEN:
            taken.setdefault(digest, []).append(Taken(source, state, run, at))
    return taken
