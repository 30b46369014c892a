"""One transaction on the journal: what can be read and written down in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from target_octanist.ledger.claim_changes import claim_changes
from target_octanist.ledger.claim_leads import claim_leads
from target_octanist.ledger.claims import (
    DISCARDED,
    Claim,
    Refused,
    Verdict,
)
from target_octanist.ledger.fingerprints import write_fingerprints
from target_octanist.ledger.history import forget_old_figures, keep_figures
from target_octanist.ledger.pending import due_changes
from target_octanist.ledger.recovery import Recovered, Reopen, reopen, take_over
from target_octanist.ledger.rows import forget_persons
from target_octanist.ledger.statements import (
    CLAIM_AGAIN,
    HEARTBEAT,
    KNOWN_IDS,
    SETTLE_DONE,
    SETTLE_KEPT,
    START_SENDING,
)
from target_octanist.ledger.tables import State, leads, runs
from target_octanist.ledger.told import write_delivered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_octanist.ledger.changes import Holding

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
        verdicts = claim_leads(self._connection, self._run, claims, now=now, start=start)
        self._did("claim")
        if any(verdict.kind == "start" for verdict in verdicts):
            self._did("sending")
        return verdicts

    def _claim_changes(
        self, claims: Sequence[Claim], *, now: int, holding: Holding | None
    ) -> list[Verdict]:
        verdicts = claim_changes(
            self._connection,
            self._run,
            claims,
            salt=self._salt,
            destination=self._destination,
            now=now,
            holding=holding,
        )
        self._did("claim")
        return verdicts

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
            forget_persons(self._connection, *this)
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

    def _did(self, what: str) -> None:
        self.done.append(what)
        reached(what)
