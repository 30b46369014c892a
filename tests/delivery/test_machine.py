"""Journal and engine as a state machine: runs and replays that go through, crash or are stopped.

The API is a model in memory, which keeps the documented promises and no more: a request
that it has read may be stored, whatever the answer. The journal is a real file, and a
crash leaves of it what was committed. After each run the API's leads, the journal and what
STATE would have promised are compared.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import uuid
from collections import Counter
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from target_octanist.delivery.engine import Engine
from target_octanist.delivery.job import Candidate
from target_octanist.delivery.outcome import NoAnswer, NotSent, Response
from target_octanist.delivery.pace import Pace
from target_octanist.delivery.policy import Policy
from target_octanist.delivery.quota import Quota, Usage
from target_octanist.errors import OctanistError
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.dead_letters import DeadLetters, Which
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.reporting.tally import Tally
from target_octanist.settings import Settings

PERSONS = 4
RECORD = "{}"
HERE = "http://127.0.0.1/api"

#: What may become of a request; True: it is stored. The list of leads has its own.
ANSWERS = {
    "created": True,
    "lost after storing": True,
    "500 after storing": True,
    "unreadable": True,
    "lost before storing": False,
    "500": False,
    "400": False,
    "429": False,
    "not sent": False,
}

records = st.lists(st.integers(min_value=1, max_value=3 * PERSONS), min_size=1, max_size=12)
answers = st.lists(st.sampled_from(sorted(ANSWERS)), max_size=8)
lists = st.lists(st.sampled_from(["listed", "500", "lost"]), max_size=2)


class Api:
    """The other side. Calls come from several threads; each step of it is atomic."""

    def __init__(self):
        self.leads = []
        self.answers = []
        self.lists = []

    def send(self, payload):
        answer = next(iter(self.answers), "created")
        self.answers = self.answers[1:]
        lead_id = f"lead_{uuid.uuid4().hex}"
        if ANSWERS[answer]:
            moment = datetime.now(timezone.utc).isoformat()
            self.leads.append({"id": lead_id, "createdAt": moment, **json.loads(payload)})
        match answer:
            case "created":
                return reply(201, {"success": True, "data": {"id": lead_id}})
            case "unreadable":
                return Response(201, b"<html>")
            case "400":
                return Response(400, b"{}")
            case "429":
                return Response(429, b"{}", retry_after="0")
            case "not sent":
                return NotSent("refused")
            case "500" | "500 after storing":
                return Response(500, b"{}")
        return NoAnswer("cut")

    def listing(self, query):
        answer = next(iter(self.lists), "listed")
        self.lists = self.lists[1:]
        if answer == "500":
            return Response(500, b"{}")
        if answer == "lost":
            return NoAnswer("cut")
        since, until = query.get("createdAt[gte]"), query.get("createdAt[lte]")
        found = [
            lead
            for lead in self.leads
            if since is None or moment(since) <= moment(lead["createdAt"]) <= moment(until)
        ]
        meta = {"timestamp": datetime.now(timezone.utc).isoformat()}
        return reply(200, {"data": found, "meta": meta | {"pagination": {"hasMore": False}}})


class FragileJournal(Journal):
    """A journal whose process dies at a turn, before or after the commit."""

    turns_left = -1
    dies_after_commit = False

    @contextmanager
    def turn(self):
        if self.turns_left == 0:
            raise Crash
        self.turns_left -= 1
        with super().turn() as turn:
            yield turn
            if self.turns_left == 0 and not self.dies_after_commit:
                raise Crash
        if self.turns_left == 0:
            raise Crash


class Crash(OctanistError):  # noqa: N818 - it names what happened
    """The process is gone."""

    def __init__(self):
        super().__init__("the process is gone")


class Deliveries(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = str(Path(self.folder.name) / "ledger.db")
        self.api = Api()
        self.given = []
        self.with_record = set()

    def teardown(self):
        self.run(self.given or [1], [], [])
        self.replay([], [])
        expected = Counter(person(number) for number in self.given or [1])
        assert Counter(lead["email"] for lead in self.api.leads) == Counter(expected.keys())
        assert {state for _, state, _ in self.rows()} <= {"delivered", "duplicate"}
        self.folder.cleanup()

    @rule(numbers=records, answers=answers, lists=lists)
    def a_run_goes_through(self, numbers, answers, lists):
        promised = self.run(numbers, answers, lists)
        assert promised == len(numbers)

    @rule(answers=answers, lists=lists)
    def a_replay_goes_through(self, answers, lists):
        self.replay(answers, lists)

    @rule(
        numbers=records,
        answers=answers,
        lists=lists,
        turns=st.integers(min_value=1, max_value=8),
        dies_after_commit=st.booleans(),
    )
    def a_run_crashes(self, numbers, answers, lists, turns, dies_after_commit):
        self.run(numbers, answers, lists, turns, dies_after_commit)

    @rule(
        answers=answers,
        lists=lists,
        turns=st.integers(min_value=1, max_value=8),
        dies_after_commit=st.booleans(),
    )
    def a_replay_crashes(self, answers, lists, turns, dies_after_commit):
        self.replay(answers, lists, turns, dies_after_commit)

    @rule(numbers=records, answers=answers, after=st.integers(min_value=0, max_value=12))
    def a_run_is_told_to_stop(self, numbers, answers, after):
        self.run(numbers, answers, [], stops_after=after)

    @rule(answers=answers, after=st.integers(min_value=0, max_value=12))
    def a_replay_is_told_to_stop(self, answers, after):
        self.replay(answers, [], stops_after=after)

    @invariant()
    def no_person_and_no_record_made_two_leads(self):
        leads = self.api.leads
        assert max(Counter(lead["email"] for lead in leads).values(), default=1) == 1
        assert max(Counter(lead["name"] for lead in leads).values(), default=1) == 1

    @invariant()
    def what_the_journal_calls_delivered_is_there(self):
        stored = {lead["id"]: lead["name"] for lead in self.api.leads}
        rows = self.rows()
        delivered = {lead_id: source for source, state, lead_id in rows if state == "delivered"}
        assert delivered.items() <= stored.items()
        open_ = {source for source, state, _ in rows if state in {"sending", "in_doubt"}}
        assert {name for lead_id, name in stored.items() if lead_id not in delivered} <= open_

    @invariant()
    def what_made_no_lead_is_kept(self):
        letters, rows = self.dead_letters(), self.rows()
        kept = {letter.source for letter in letters}
        assert kept == {source for source, state, _ in rows if state == "rejected"}
        self.with_record |= {letter.source for letter in letters if letter.record == RECORD}
        assert all(letter.record for letter in letters if letter.source in self.with_record)
        assert self.with_record <= {source for source, _, _ in rows}

    def run(self, numbers, *how, **more):
        """Run once over some records; gives how many of them STATE would promise."""
        self.given += numbers
        return self.deliver([(claim(number), RECORD) for number in numbers], *how, **more)

    def replay(self, *how, **more):
        """Try all dead letters again."""
        letters = self.dead_letters()
        again = [
            replace(claim(int(letter.source)), record=letter.record, again=letter.was)
            for letter in letters
        ]
        self.deliver([(claim, None) for claim in again], *how, **more)

    def deliver(  # noqa: PLR0917 - a rule gives all of it
        self, claims, answers, lists, turns=-1, dies_after_commit=False, stops_after=None
    ):
        self.api.answers, self.api.lists = list(answers), list(lists)
        journal = FragileJournal.open(self.ledger)
        journal.begin_run(HERE, "key", now=now_ms())
        journal.turns_left, journal.dies_after_commit = turns, dies_after_commit
        engine = engine_of(journal, self.api)
        engine.start()
        for place, (claim, record) in enumerate(claims, 1):
            if stops_after == place - 1:
                engine.halt()
            candidate = Candidate(place, place, claim, record)
            if not engine.submit([candidate], lambda: None):
                break
        engine.flush()
        while not engine.wait():
            pass
        crashed = isinstance(engine.failure, Crash)
        assert crashed or engine.failure is None, engine.failure
        with suppress(Crash), journal.turn() as turn:
            if not crashed:
                engine.let_go(turn)
                turn.sign_off(now=now_ms(), exit_code=0)
        journal.close()
        promised = engine.settled_through
        settled = {
            source for source, state, _ in self.rows() if state not in {"claimed", "sending"}
        }
        assert {claim.source for claim, _ in claims[:promised]} <= settled
        return promised

    def dead_letters(self):
        if not Path(self.ledger).exists():
            return []
        with closing(Journal.open_to_read(self.ledger)) as journal:
            letters = DeadLetters(journal, Which(HERE))
            return list(letters.contents(letters.sources()))

    def rows(self):
        if not Path(self.ledger).exists():
            return []
        with closing(sqlite3.connect(self.ledger)) as connection:
            query = "SELECT source, state, lead_id FROM octanist_leads"
            return connection.execute(query).fetchall()


def engine_of(journal, api):
    settings = Settings(
        base_url=HERE,
        max_concurrency=3,
        batch_size_rows=3,
        batch_wait_ms=0,
        max_attempts=50,
        max_rejected_percent=100,
    )
    return Engine(
        settings,
        journal,
        api,
        policy=Policy(50, "reconcile", lambda _: 0.0, 0.0, 0.0),
        pace=Pace(3),
        quota=Quota(Usage(None, None), "off"),
        tally=Tally(),
    )


def claim(number):
    payload = json.dumps({"name": str(number), "email": person(number)})
    return Claim(str(number), "leads", (person(number),), 0, f"digest {number}", payload)


def person(number):
    return f"person{number % PERSONS}@example.com"


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def reply(status, body):
    return Response(status, json.dumps(body).encode())


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = hypothesis_settings(
    max_examples=25, stateful_step_count=8, deadline=None, print_blob=True
)
