"""One transaction on the journal: what can be read and written down in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from sqlalchemy import (
    Connection,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)

from target_octanist.kill_points import reached
from target_octanist.ledger.borrowed import Lent, borrow, lend
from target_octanist.ledger.changes import Holding, decide_change
from target_octanist.ledger.claims import (
    DISCARDED,
    REPLACED,
    STARTS,
    TAKEN,
    Claim,
    Known,
    Refused,
    Taken,
    Verdict,
    decide,
    undecided,
)
from target_octanist.ledger.fingerprints import write_fingerprints
from target_octanist.ledger.history import forget_old_figures, keep_figures
from target_octanist.ledger.pending import due_changes, pending_among, replaced, write_pending
from target_octanist.ledger.recovery import Recovered, Reopen, reopen, take_over
from target_octanist.ledger.rows import Rows, person_rows
from target_octanist.ledger.standings import Standing, Standings
from target_octanist.ledger.statements import (
    CLAIM_AGAIN,
    DELETE_PERSONS,
    HEARTBEAT,
    INSERT_CLAIMS,
    INSERT_LEADS,
    INSERT_PERSONS,
    KNOWN_IDS,
    LEADS_OF,
    ROWS_OF,
    SETTLE_DONE,
    SETTLE_KEPT,
    START_SENDING,
)
from target_octanist.ledger.tables import State, leads, runs
from target_octanist.ledger.told import write_changes, write_delivered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement

#: After these nothing is left to do for a change, or for an earlier version of it.
_ENDS: Final = {"send", "start", "duplicate", "filtered", "rejected"}
#: After these it is to be done, and is not in the journal.
_WAITS: Final = {"behind", "busy", "held"}

#: Nothing of these is kept that is needed to send them.
_DONE = {State.DELIVERED, State.DUPLICATE}


class Settlement(Struct, frozen=True, gc=False):
    """How a claimed lead ended.

    Attributes:
        reason: Our own sentence; it holds no value of the record.
        message: What the API said. It may quote the lead, so it is never logged.
        record: The source record as JSON text, for what no lead was made of; what the
            journal has of it already stays.
        is_change: Whether it may be a change of a lead.
    """

    source: str
    state: State
    lead_id: str | None = None
    request_id: str | None = None
    code: str | None = None
    reason: str | None = None
    message: str | None = None
    record: str | None = None
    is_change: bool = False


class Turn:
    """What can be done to the journal inside one transaction.

    Attributes:
        done: What was done, by the names of the places in `kill_points`.
    """

    def __init__(self, connection: Connection, run: str, salt: bytes, destination: str) -> None:
        self._connection = connection
        self._run = run
        self._salt = salt
        self._destination = destination
        self.done: list[str] = []

    def heartbeat(self, *, now: int, number: int) -> bool:
        """Sign that this run lives, and that this is its turn of that number.

        Returns:
            False if another run took this one for dead, and with it what it had
            claimed. It must then stop: to send now could double a lead.
        """
        result = self._connection.execute(
            HEARTBEAT, {"b_run": self._run, "b_now": now, "b_number": number}
        )
        return result.rowcount == 1

    def last_number(self) -> int:
        """Give the number of the last turn of this run that is on disk."""
        number = select(runs.c.turns).where(runs.c.id == self._run)
        return int(self._connection.execute(number).scalar_one())

    def claim(
        self,
        claims: Sequence[Claim],
        *,
        now: int,
        holding: Holding | None = None,
        start: int = 0,
    ) -> list[Verdict]:
        """Decide for each record, in order, and write down what is to be sent.

        Leads come before the changes of leads, which may wait for them.

        Args:
            claims: Of the records.
            now: Milliseconds since 1970 UTC.
            holding: Which changes are to be held; None if none is.
            start: How many of the leads are sent as soon as this is on disk: they are
                written down as sending.
        """
        asked = [claim for claim in claims if claim.change is not None]
        if asked:
            asked_leads = [claim for claim in claims if claim.change is None]
            of_leads = iter(self._claim_leads(asked_leads, now=now, start=start))
            of_changes = iter(self._claim_changes(asked, now=now, holding=holding))
            verdicts = [next(of_leads if claim.change is None else of_changes) for claim in claims]
        else:
            verdicts = self._claim_leads(claims, now=now, start=start)
        write_fingerprints(self._connection, claims, verdicts, now=now)
        return verdicts

    def _claim_leads(self, claims: Sequence[Claim], *, now: int, start: int) -> list[Verdict]:
        if not claims:
            return []
        known = self._rows_of(claims)
        taken = self._persons_of(undecided(claims, known))
        verdicts: list[Verdict] = []
        rows = Rows(known, self._run, now)
        for claim in claims:
            verdict = decide(claim, known.get(claim.source), taken, self._run)
            if verdict.kind == "send" and start > 0:
                verdict = STARTS
                start -= 1
            verdicts.append(verdict)
            if verdict.kind in {"behind", "busy"} or (
                verdict.kind == "duplicate" and verdict.other is None
            ):
                continue
            rows.add(claim, verdict)
            if verdict.kind in {"send", "start"}:
                for person in claim.persons:
                    taken.setdefault(person, []).append(
                        Taken(claim.source, State.CLAIMED.value, self._run, now)
                    )
        self._keep(rows)
        self._did("claim")
        if any(verdict.kind == "start" for verdict in verdicts):
            self._did("sending")
        return verdicts

    def _claim_changes(
        self, claims: Sequence[Claim], *, now: int, holding: Holding | None
    ) -> list[Verdict]:
        known, taken = self._rows_of(claims), self._persons_of(claims)
        standings = Standings(self._connection, self._salt, claims)
        held = set() if holding is None else set(holding.leads)
        if holding is not None:
            holding = Holding(held, holding.began)
        verdicts: list[Verdict] = []
        rows = Rows(known, self._run, now)
        claimed: list[tuple[Claim, Standing]] = []
        gone = replaced(self._connection, claims)
        outdated = self._outdated(claims, known)
        waits: dict[str, Verdict] = {}
        waiting: dict[str, Claim] = {}
        over: set[str] = set()
        for claim in claims:
            place = claim.change.place if claim.change is not None else None
            is_late = place is not None and claim.source in gone | over
            if is_late or claim.source in outdated:
                verdicts.append(REPLACED)
                continue
            standing = standings.of(claim)
            # A later version of a record never goes ahead of an earlier one.
            verdict = waits.get(claim.source) or decide_change(
                claim, known.get(claim.source), standing, taken, self._run, holding=holding
            )
            verdicts.append(verdict)
            # An earlier version that is pending must not come behind it.
            if verdict.kind in _ENDS or (verdict.kind in _WAITS and place is None):
                over.add(claim.source)
                waiting.pop(claim.source, None)
            match verdict.kind:
                case "behind" | "busy":
                    waits[claim.source] = verdict
                case "held":
                    if verdict.other is not None:
                        held.add(verdict.other)
                # What was pending keeps its row: a new one would be due again behind the others.
                case "pending" if place is None:
                    waiting[claim.source] = claim
                case "send" | "start":
                    rows.add(claim, verdict)
                    standings.claimed(claim, standing, self._run)
                    claimed.append((claim, standing))
                case "duplicate":
                    if verdict.other is not None:
                        rows.add(claim, verdict)
                case "filtered":
                    # What was delivered is still how things are.
                    if not _is_delivered(known.get(claim.source)):
                        rows.add(claim, verdict)
                case "rejected":
                    rows.add(claim, verdict)
                case "pending" | "skipped" | "replaced":
                    pass
        self._keep(rows)
        write_changes(self._connection, claimed, standings)
        write_pending(self._connection, list(waiting.values()), over, self._destination, now=now)
        self._did("claim")
        return verdicts

    def _outdated(self, claims: Sequence[Claim], known: Mapping[str, Known]) -> set[str]:
        """Name the changes of old records of which a later version was taken since."""
        old = [claim for claim in claims if claim.change is not None and claim.change.yields]
        if not old:
            return set()
        pending = pending_among(self._connection, (claim.source for claim in old))
        # What is tried again is known, and only if it is still as it was (see `has_a_chance`).
        later = {claim.source for claim in old if claim.again is None} & known.keys()
        return pending | later

    def due_changes(
        self,
        *,
        forward: bool,
        behind: Collection[str] | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> tuple[list[Claim], int]:
        """Give pending changes whose leads may be known by now (see `pending.due_changes`)."""
        return due_changes(
            self._connection,
            self._destination,
            forward=forward,
            behind=behind,
            after=after,
            limit=limit,
        )

    def look(self, claims: Sequence[Claim]) -> list[tuple[Known | None, Verdict]]:
        """For each lead its row and what would be decided, writing nothing down."""
        known = self._rows_of(claims)
        taken = self._persons_of(undecided(claims, known))
        rows = (known.get(claim.source) for claim in claims)
        return [
            (row, decide(claim, row, taken, self._run))
            for claim, row in zip(claims, rows, strict=True)
        ]

    def statuses(self, claims: Sequence[Claim]) -> list[str | None]:
        """For each change the status of its lead, as last delivered; None if none was."""
        standings = Standings(self._connection, self._salt, claims)
        return [standings.of(claim).status for claim in claims]

    def lend(self, claims: Sequence[Claim]) -> list[Lent]:
        """Give what decides about some changes, for another journal to `borrow`."""
        return lend(self._connection, self._salt, claims, self._rows_of(claims))

    def borrow(self, lent: Iterable[Lent]) -> None:
        """Write down what another journal knows, where this one knows nothing."""
        borrow(self._connection, self._run, lent)

    def start_sending(self, sources: Iterable[str], *, now: int) -> None:
        """Write down that requests for these leads may be on their way."""
        sending = {"b_state": State.SENDING.value, "b_now": now, "b_attempts": 1}
        rows = [{"b_source": source, **sending} for source in sources]
        if rows:
            START_SENDING.run(self._connection, rows)
            self._did("sending")

    def not_stored(self, sources: Iterable[str], *, unsent: Collection[str] = ()) -> None:
        """Write down that the API surely did not store these leads; they may be sent again.

        Args:
            sources: Of the leads.
            unsent: Of those for which no request was started after all.
        """
        rows = [
            {
                "b_source": source,
                "b_state": State.CLAIMED.value,
                "b_unsent": int(source in unsent),
            }
            for source in sources
        ]
        if rows:
            CLAIM_AGAIN.run(self._connection, rows)
            self._did("not-stored")

    def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Say which of these lead ids belong to leads of this journal."""
        return frozenset(lead_id for (lead_id,) in KNOWN_IDS.ask(self._connection, set(ids)))

    def contested(self, sources: Collection[str]) -> frozenset[str]:
        """Name those of these leads that may be stored, and whose payload another one has.

        The other one may be stored just now too, so a row of the API's list that looks like
        one of them could be either's.
        """
        sending = self._connection.execute(
            select(leads.c.source, leads.c.payload_digest).where(
                leads.c.state == State.SENDING.value
            )
        ).all()
        others = {digest for source, digest in sending if source not in sources}
        return frozenset(
            source for source, digest in sending if source in sources and digest in others
        )

    def settle(self, settlements: Sequence[Settlement], *, now: int) -> None:
        """Write down how leads ended."""
        if not settlements:
            return
        done: list[dict[str, object]] = []
        kept: list[dict[str, object]] = []
        for s in settlements:
            row: dict[str, object] = {
                "b_source": s.source,
                "b_state": s.state.value,
                "b_run": self._run,
                "b_lead_id": s.lead_id,
                "b_request_id": s.request_id,
                "b_code": s.code,
                "b_reason": s.reason,
                "b_message": s.message,
                "b_record": s.record,
                "b_is_filtered": s.state is State.FILTERED,
                "b_now": now,
            }
            (done if s.state in _DONE else kept).append(row)
        SETTLE_DONE.run(self._connection, done)
        SETTLE_KEPT.run(self._connection, kept)
        delivered = [s.source for s in settlements if s.is_change and s.state is State.DELIVERED]
        write_delivered(self._connection, delivered, now=now)
        self._did("settle")

    def take_over(self, destination: str, *, now: int) -> list[Recovered]:
        """Take over what dead runs to the same destination had claimed."""
        recovered = take_over(self._connection, self._run, destination, now=now)
        if recovered:
            self._did("take-over")
        return recovered

    def reopen(self, destination: str, how: Reopen, *, now: int) -> list[Recovered]:
        """Take up again what is in doubt, as if this run had sent it."""
        self.settle(
            [
                Settlement(
                    source, State.DELIVERED, reason="found in Octanist by hand", is_change=True
                )
                for source in sorted(how.delivered)
            ],
            now=now,
        )
        recovered = reopen(self._connection, self._run, destination, send=how.send)
        if recovered:
            self._did("reopen")
        return recovered

    def release(self, sources: Iterable[str]) -> None:
        """Forget leads that were claimed and never sent; their STATE is not out yet.

        The tap sends them again, and a mapping that is fixed by then applies to them.
        """
        mine = (leads.c.run == self._run, leads.c.state == State.CLAIMED.value)
        for source in sources:
            this = (leads.c.source == source, *mine)
            self._forget_persons(*this)
            self._connection.execute(delete(leads).where(*this))
            self._did("release")

    def put_back(self, letters: Mapping[str, Refused]) -> None:
        """Make dead letters again of those that were claimed to be tried again, and never sent."""
        for source, was in letters.items():
            self._connection.execute(
                update(leads)
                .where(leads.c.source == source)
                .where(leads.c.run == self._run, leads.c.state == State.CLAIMED.value)
                .values(
                    state=was.state.value,
                    payload_digest=was.payload_digest,
                    # It was made of the record, and will be again.
                    payload=case((leads.c.record.is_not(None), None), else_=leads.c.payload),
                )
            )
            self._did("release")

    def discard(self, sources: Sequence[str], state: State) -> int:
        """Erase what is kept of those rows that are still in this state; gives their number."""
        if not sources:
            return 0
        kept = or_(leads.c.record.is_not(None), leads.c.payload.is_not(None))
        result = self._connection.execute(
            update(leads)
            .where(leads.c.source == bindparam("b_source"), leads.c.state == state.value, kept)
            .values(payload=None, record=None, message=None, code=DISCARDED),
            [{"b_source": source} for source in sources],
        )
        return result.rowcount

    def keep_figures(self, text: str, *, now: int) -> None:
        """Write down what this run has counted so far, as JSON."""
        keep_figures(self._connection, self._run, text, now=now)

    def sign_off(self, *, now: int, exit_code: int, figures: str | None = None) -> None:
        """Write down that this run is over, and what it counted, as JSON."""
        if figures is not None:
            keep_figures(self._connection, self._run, figures, now=now)
            forget_old_figures(self._connection)
        self._connection.execute(
            update(runs)
            .where(runs.c.id == self._run)
            .values(ended_at=now, heartbeat_at=now, exit_code=exit_code)
        )
        self._did("sign-off")

    def _keep(self, rows: Rows) -> None:
        only_claims = all(row["settled_at"] is None for row in rows.fresh)
        insert_leads = INSERT_CLAIMS if only_claims else INSERT_LEADS
        insert_leads.run(self._connection, rows.fresh)
        self._overwrite(rows.changed)
        self._overwrite(rows.again)
        INSERT_PERSONS.run(self._connection, rows.persons)

    def _overwrite(self, rows: Sequence[dict[str, object]]) -> None:
        """Give known rows, which all name the same columns, other values; nobody's at first."""
        if not rows:
            return
        self._forget_persons(leads.c.source.in_([row["source"] for row in rows]))
        columns = [name for name in rows[0] if name != "source"]
        self._connection.execute(
            update(leads)
            .where(leads.c.source == bindparam("b_source"))
            .values({name: bindparam(f"b_{name}") for name in columns}),
            [{f"b_{name}": value for name, value in row.items()} for row in rows],
        )

    def _forget_persons(self, *which: ColumnElement[bool]) -> None:
        """Delete the rows that say whose these leads are."""
        named = select(leads.c.source, leads.c.persons).where(*which, leads.c.persons.is_not(None))
        found = self._connection.execute(named).all()
        DELETE_PERSONS.run(self._connection, [r for row in found for r in person_rows(*row)])

    def _did(self, what: str) -> None:
        self.done.append(what)
        reached(what)

    def _rows_of(self, claims: Sequence[Claim]) -> dict[str, Known]:
        rows = ROWS_OF.ask(self._connection, {claim.source for claim in claims})
        return {
            source: Known(state, run, digest, code) for source, state, run, digest, code in rows
        }

    def _persons_of(self, claims: Sequence[Claim]) -> dict[str, list[Taken]]:
        digests = {person for claim in claims for person in claim.persons}
        taken: dict[str, list[Taken]] = {}
        for digest, source, state, run, at in LEADS_OF.ask(self._connection, digests):
            # Not a condition of the query: SQLite would take it for the more
            # selective one, and read every delivered lead for each batch.
            if state in TAKEN:
                taken.setdefault(digest, []).append(Taken(source, state, run, at))
        return taken


def _is_delivered(row: Known | None) -> bool:
    return row is not None and row.state == State.DELIVERED
