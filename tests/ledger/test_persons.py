"""Whose leads the journal has: what a lead's own row names is what there is, whatever happens."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_octanist.ledger.changes import Change
from target_octanist.ledger.claims import UNDELIVERABLE, Claim, Refused
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.prune import Ages, Pruner
from target_octanist.ledger.recovery import Reopen
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"

LEADS = "SELECT source, persons FROM octanist_leads ORDER BY source"
PERSONS = "SELECT digest, source FROM octanist_persons ORDER BY source, digest"


def lead(source, *persons, digest="p1", again=None):
    return Claim(source, "contacts", persons, 0, digest, '{"name":"A"}', again=again)


def claim(journal, *claims):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=NOW)]


def test_a_lead_names_its_persons_and_what_is_none_names_nobody(journal, look):
    kinds = claim(journal, lead("a", "jane", "phone"), lead("b"), lead("c", "joe", "tel"))
    assert kinds == ["send", "send", "send"]
    with journal.turn() as turn:
        turn.settle([Settlement("a", State.DELIVERED)], now=NOW)
    assert claim(journal, lead("d", "jane"), lead("e", "ann")) == ["duplicate", "send"]
    assert look(LEADS) == [
        ("a", "jane phone"),
        ("b", None),
        ("c", "joe tel"),
        ("d", None),
        ("e", "ann"),
    ]
    assert look(PERSONS) == [
        ("jane", "a"),
        ("phone", "a"),
        ("joe", "c"),
        ("tel", "c"),
        ("ann", "e"),
    ]


def test_a_change_is_nobodys_lead(journal, look):
    claim(journal, lead("a", "jane"))
    with journal.turn() as turn:
        turn.settle([Settlement("a", State.DELIVERED, lead_id="lead_1")], now=NOW)
    won = Change("won", None, ("a",))
    asked = Claim("x", "deals", ("jane",), 0, "won", '{"status":"won"}', change=won)
    assert claim(journal, asked) == ["send"]
    assert look(LEADS) == [("a", "jane"), ("x", None)]
    assert look(PERSONS) == [("jane", "a")]


def test_a_dead_letter_that_is_tried_again_is_whose_it_is_by_now(journal, look):
    claim(journal, lead("a", "jane", "old"))
    with journal.turn() as turn:
        turn.settle([Settlement("a", State.REJECTED, record='{"id":1}')], now=NOW)
    was = Refused(State.REJECTED, "p1")
    assert claim(journal, lead("a", "jane", "new", digest="p2", again=was)) == ["send"]
    assert look(LEADS) == [("a", "jane new")]
    assert look(PERSONS) == [("jane", "a"), ("new", "a")]
    with journal.turn() as turn:
        turn.put_back({"a": was})
    assert claim(journal, lead("a", "joe", digest="p3", again=was)) == ["send"]
    assert look(PERSONS) == [("joe", "a")]


#: What a run, or somebody else, may do: its name, and which lead it is about.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            "claim unmappable start deliver reject give-up filter doubt release replay put-back "
            "restart reopen prune-persons prune-leads discard".split()
        ),
        st.sampled_from("abc"),
        st.lists(st.sampled_from(["p", "q", "r"]), max_size=2, unique=True),
        st.sampled_from(["one", "two"]),
    ),
    max_size=25,
)

_OUTCOMES = {
    "deliver": (State.DELIVERED, None),
    "reject": (State.REJECTED, "INVALID"),
    "give-up": (State.REJECTED, UNDELIVERABLE),
    "filter": (State.FILTERED, None),
    "doubt": (State.IN_DOUBT, None),
}


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=_STEPS)
def test_whatever_happens_each_row_of_a_person_is_named_by_its_lead(tmp_path_factory, steps):
    path = str(tmp_path_factory.mktemp("journal") / "ledger.db")
    with closing(Journal.open(path)) as journal, closing(sqlite3.connect(path)) as other:
        journal.begin_run(HERE, "key", now=NOW)
        for step in steps:
            take(journal, other, step)
            named = [
                (digest, source)
                for source, digests in other.execute(LEADS).fetchall()
                for digest in sorted((digests or "").split())
            ]
            assert other.execute(PERSONS).fetchall() == named, step


def take(journal, other, step):
    """Do one of the `_STEPS`; what makes no sense just now changes nothing."""
    what, source, persons, digest = step
    states = dict(other.execute("SELECT source, state FROM octanist_leads").fetchall())
    is_open = states.get(source) in {"claimed", "sending"}
    dead = [
        Refused(State(state), was)
        for state, was in other.execute(
            "SELECT state, payload_digest FROM octanist_leads"
            " WHERE source = ? AND state IN ('rejected', 'filtered')",
            (source,),
        )
    ]
    if what == "restart":
        journal.begin_run(HERE, "key", now=NOW)
    if what.startswith("prune"):
        ages = Ages(NOW + 1, **{what.removeprefix("prune-"): NOW + 1})
        Pruner(journal, ages).prune()
        return
    with journal.turn() as turn:
        if what == "claim":
            turn.claim([lead(source, *persons, digest=digest)], now=NOW)
        elif what == "unmappable":
            turn.claim([Claim(source, "contacts", (), 0, digest, None, "why")], now=NOW)
        elif what == "replay":
            for was in dead:
                turn.claim([lead(source, *persons, digest=digest, again=was)], now=NOW)
        elif what == "put-back":
            turn.put_back({source: Refused(State.REJECTED, digest)})
        elif what == "start" and states.get(source) == "claimed":
            turn.start_sending([source], now=NOW)
        elif what in _OUTCOMES and is_open:
            state, code = _OUTCOMES[what]
            turn.settle([Settlement(source, state, code=code, record="{}")], now=NOW)
        elif what == "release":
            turn.release([source])
        elif what == "restart":
            turn.take_over(HERE, now=NOW)
        elif what == "reopen":
            turn.reopen(HERE, Reopen(send=frozenset(source)), now=NOW)
        elif what == "discard":
            turn.discard([source], State.REJECTED)
