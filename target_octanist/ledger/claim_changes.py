"""Claiming changes of leads: which of a batch are sent, which wait, and their rows.

What becomes of one change is decided in `changes`, and which of several of one record
counts in `versions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.ledger.changes import Holding, decide_change
from target_octanist.ledger.claims import REPLACED
from target_octanist.ledger.known import known_rows, taken_persons
from target_octanist.ledger.pending import write_pending
from target_octanist.ledger.rows import Rows, write_rows
from target_octanist.ledger.standings import Standing, Standings
from target_octanist.ledger.told import write_changes
from target_octanist.ledger.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim, Verdict


def claim_changes(
    connection: Connection,
    run: str,
    claims: Sequence[Claim],
    *,
    salt: bytes,
    destination: str,
    now: int,
    holding: Holding | None,
) -> list[Verdict]:
    """Decide for each change, in order, and write down what is to be sent and what waits.

    Args:
        connection: In the transaction of the turn.
        run: The id of this run.
        claims: Of changes.
        salt: That of the journal.
        destination: The ``base_url`` of all of them.
        now: Milliseconds since 1970 UTC.
        holding: Which of them are to be held; None if none is.
    """
    known, taken = known_rows(connection, claims), taken_persons(connection, claims)
    standings = Standings(connection, salt, claims)
    versions = Versions(connection, claims, known)
    rows = Rows(known, run, now)
    held = set() if holding is None else set(holding.leads)
    if holding is not None:
        # Once a change of a lead is held, so are the later ones of the batch.
        holding = Holding(held, holding.began)
    verdicts: list[Verdict] = []
    claimed: list[tuple[Claim, Standing]] = []
    for claim in claims:
        if versions.is_replaced(claim):
            verdicts.append(REPLACED)
            continue
        standing = standings.of(claim)
        verdict = versions.waits_behind(claim) or decide_change(
            claim, known.get(claim.source), standing, taken, run, holding=holding
        )
        verdicts.append(verdict)
        versions.add(claim, verdict)
        rows.add(claim, verdict)
        if verdict.kind in {"send", "start"}:
            standings.claimed(claim, standing, run)
            claimed.append((claim, standing))
        elif verdict.kind == "held" and verdict.other is not None:
            held.add(verdict.other)
    write_rows(connection, rows)
    write_changes(connection, claimed, standings)
    write_pending(connection, versions.pending(), versions.over, destination, now=now)
    return verdicts
