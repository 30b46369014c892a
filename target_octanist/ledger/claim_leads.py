"""Claiming leads: which of a batch of records are sent, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.ledger.claims import STARTS, Taken, Verdict, decide, undecided
from target_octanist.ledger.known import known_rows, taken_persons
from target_octanist.ledger.rows import Rows, write_rows
from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim


def claim_leads(
    connection: Connection, run: str, claims: Sequence[Claim], *, now: int, start: int
) -> list[Verdict]:
    """Decide for each record, in order, and write down what is to be sent.

    Args:
        connection: In the transaction of the turn.
        run: The id of this run.
        claims: Of leads.
        now: Milliseconds since 1970 UTC.
        start: How many of them are sent as soon as this is on disk.
    """
    known = known_rows(connection, claims)
    taken = taken_persons(connection, undecided(claims, known))
    rows = Rows(known, run, now)
    verdicts: list[Verdict] = []
    for claim in claims:
        verdict = decide(claim, known.get(claim.source), taken, run)
        if verdict.kind == "send" and start > 0:
            verdict = STARTS
            start -= 1
        verdicts.append(verdict)
        rows.add(claim, verdict)
        if verdict.kind in {"send", "start"}:
            # A later record of the batch may be of the same person.
            for person in claim.persons:
                taken.setdefault(person, []).append(
                    Taken(claim.source, State.CLAIMED.value, run, now)
                )
    write_rows(connection, rows)
    return verdicts
