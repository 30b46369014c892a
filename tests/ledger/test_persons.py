"""Whose leads the journal has: what a lead's own row names is what there is, whatever happens."""

from __future__ import annotations

from contextlib import closing

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from target_octanist.ledger.changes import Change
from target_octanist.ledger.claims import UNDELIVERABLE, Claim, Refused
from target_octanist.ledger.database import TEMPORARY
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
            "claim claim claim claim unmappable start deliver reject give-up filter doubt release replay put-back "
            "restart reopen prune-persons prune-leads discard".split()
        ),
        st.sampled_from("ab"),
        st.lists(st.sampled_from(["p", "q", "r"]), max_size=2, unique=True),
        st.sampled_from(["one", "two"]),
    ),
    min_size=10,
    max_size=40,
)

_OUTCOMES = {
    "deliver": (State.DELIVERED, None),
    "reject": (State.REJECTED, "INVALID"),
    "give-up": (State.REJECTED, UNDELIVERABLE),
    "filter": (State.FILTERED, None),
    "doubt": (State.IN_DOUBT, None),
}


# To find a shorter list of steps would take minutes.
@settings(phases=[Phase.generate])
@given(steps=_STEPS)
def test_whatever_happens_each_row_of_a_person_is_named_by_its_lead(steps):
    with closing(Journal.open(TEMPORARY)) as journal:
        journal.begin_run(HERE, "key", now=NOW)
        for step in steps:
            take(journal, step)
            named = [
                (digest, source)
                for source, digests in rows(journal, LEADS)
                for digest in sorted((digests or "").split())
            ]
            assert rows(journal, PERSONS) == named, step


def rows(journal, sql):
    with journal.reading() as connection:
        return list(map(tuple, connection.exec_driver_sql(sql)))


def take(journal, step):
    """Do one of the `_STEPS`; what makes no sense just now changes nothing."""
    what, source, persons, digest = step
    found = {
        source: Refused(State(state), was)
        for source, state, was in rows(
            journal, "SELECT source, state, payload_digest FROM octanist_leads"
        )
    }
    was = found.get(source)
    is_open = was is not None and was.state in {State.CLAIMED, State.SENDING}
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
        elif what == "replay" and was is not None:
            turn.claim([lead(source, *persons, digest=digest, again=was)], now=NOW)
        elif what == "put-back":
            turn.put_back({source: Refused(State.REJECTED, digest)})
        elif what == "start" and is_open:
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
