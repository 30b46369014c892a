"""What is old is forgotten, and nothing that is still needed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from target_octanist.ledger.changes import Change
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.database import open_database
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.prune import Ages, Pruned, Pruner
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

DAY = 24 * 60 * 60 * 1000
NOW = 1_800_000_000_000
OLD = NOW - 400 * DAY
NEVER = 0
HERE = "http://127.0.0.1/api"

LEADS = "SELECT source FROM octanist_leads ORDER BY source"
PERSONS = "SELECT digest, source FROM octanist_persons ORDER BY digest"


def lead(source, *persons, payload='{"name":"A"}', digest="p1"):
    return Claim(source, "contacts", persons, 0, digest, payload, record='{"id":1}')


def change(source, status, link):
    """Give a change of the lead that a record made."""
    payload = f'{{"status":"{status}"}}'
    return Claim(source, "deals", (), 0, status, payload, change=Change(status, None, (link,)))


def claim(journal, *claims, now=OLD):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=now)]


def settle(journal, source, state=State.DELIVERED, *, now=OLD, **more):
    with journal.turn() as turn:
        turn.settle([Settlement(source, state, is_change=True, **more)], now=now)


def deliver(journal, source, *persons, now=OLD):
    claim(journal, lead(source, *persons), now=now)
    settle(journal, source, lead_id=f"lead_{source}", request_id=f"req_{source}", now=now)


def prune(journal, *, details=NEVER, persons=None, leads=None):
    """Prune, having seen that what is counted before is what is forgotten."""
    ages = Ages(details, persons, leads)
    counted = Pruner(journal, ages).count()
    pruned = Pruner(journal, ages).prune()
    assert pruned == counted
    assert Pruner(journal, ages).prune() == Pruned(kept=pruned.kept), "nothing is left to do"
    return pruned


def test_details_of_old_leads_go_and_all_that_is_decided_by_stays(journal, look):
    deliver(journal, "a", "jane")
    deliver(journal, "b", "joe", now=NOW)
    claim(journal, lead("c"))
    settle(journal, "c", State.REJECTED, request_id="req_c", reason="why", message="so")
    assert prune(journal, details=NOW - DAY) == Pruned(details=1)
    assert look("SELECT source, request_id, lead_id FROM octanist_leads ORDER BY source") == [
        ("a", None, "lead_a"),
        ("b", "req_b", "lead_b"),
        ("c", "req_c", None),
    ]
    assert look(PERSONS) == [("jane", "a"), ("joe", "b")]
    again = claim(journal, lead("a", digest="changed"), lead("d", "jane"), now=NOW)
    assert again == ["duplicate", "duplicate"]


def test_a_lead_that_is_forgotten_makes_a_new_one_if_it_comes_again(journal, look):
    deliver(journal, "a", "jane")
    deliver(journal, "b", "joe", now=NOW)
    assert prune(journal, leads=NOW - DAY) == Pruned(leads={"delivered": 1}, persons=1)
    assert look(LEADS) == [("b",)]
    assert look(PERSONS) == [("joe", "b")]
    assert claim(journal, lead("a", "jane"), lead("b", "joe"), now=NOW) == ["send", "duplicate"]


def test_only_what_is_settled_for_good_is_forgotten(journal, look):
    deliver(journal, "delivered", "jane")
    for state in (State.FILTERED, State.REJECTED, State.IN_DOUBT):
        claim(journal, lead(state.value))
        settle(journal, state.value, state)
    for source in ("discarded", "discarded-filtered"):
        claim(journal, lead(source))
        state = State.FILTERED if "filtered" in source else State.REJECTED
        settle(journal, source, state, record='{"id":1}')
        with journal.turn() as turn:
            assert turn.discard([source], state) == 1
    claim(journal, lead("duplicate", "jane"), lead("claimed"), lead("sending"))
    with journal.turn() as turn:
        turn.start_sending(["sending"], now=OLD)
    pruned = prune(journal, details=NOW, persons=NOW, leads=NOW)
    assert pruned.leads == {"delivered": 1, "duplicate": 1, "filtered": 2, "rejected": 1}
    assert look(LEADS) == [("claimed",), ("in_doubt",), ("rejected",), ("sending",)]


def test_persons_that_are_forgotten_leave_their_leads_known(journal, look):
    deliver(journal, "a", "jane", "jane-phone")
    claim(journal, lead("b", "joe"))
    settle(journal, "b", State.IN_DOUBT)
    assert prune(journal, persons=NOW) == Pruned(persons=2)
    assert look(PERSONS) == [("joe", "b")]
    again = claim(journal, lead("a", "jane"), lead("c", "jane"), lead("d", "joe"), now=NOW)
    assert again == ["duplicate", "send", "duplicate"]


def test_leads_by_which_changes_go_stay_and_so_do_the_changes(journal, look):
    deliver(journal, "told", "jane")
    claim(journal, lead("told's duplicate", "jane"))
    deliver(journal, "untold", "joe")
    assert claim(journal, change("x", "won", "told's duplicate")) == ["send"]
    settle(journal, "x")
    # No lead was made of this one yet, so that its change waits.
    claim(journal, lead("waited for"))
    settle(journal, "waited for", State.FILTERED)
    assert claim(journal, change("y", "won", "waited for")) == ["pending"]
    assert prune(journal, leads=NOW) == Pruned(leads={"delivered": 1}, persons=1, kept=4)
    assert look(LEADS) == [("told",), ("told's duplicate",), ("waited for",), ("x",)]
    assert claim(journal, change("x", "won", "told"), now=NOW) == ["duplicate"]
    assert claim(journal, change("z", "lost", "told's duplicate"), now=NOW) == ["filtered"]


def test_old_runs_go_of_which_nothing_is_left(ledger, look):
    journal = Journal.open(ledger)
    try:
        for run in ("idle", "has a lead", "has figures", "young", "lives"):
            journal.begin_run(HERE, "key", now=OLD, run=run)
            if run == "has a lead":
                deliver(journal, "a")
            with journal.turn() as turn:
                if run != "lives":
                    figures = "{}" if run == "has figures" else None
                    ended_at = NOW if run == "young" else OLD
                    turn.sign_off(now=ended_at, exit_code=0, figures=figures)
        pruned = prune(journal, details=NOW - DAY)
    finally:
        journal.close()
    assert pruned == Pruned(runs=1, details=1)
    left = look("SELECT id FROM octanist_runs ORDER BY id")
    assert left == [("has a lead",), ("has figures",), ("lives",), ("young",)]


def test_a_lead_whose_run_is_gone_cannot_be_written_afterwards(file_ledger):
    journal = Journal.open(file_ledger)
    try:
        journal.begin_run(HERE, "key", now=OLD)
        with journal.turn() as turn:
            turn.sign_off(now=OLD, exit_code=0)
        assert prune(journal, details=NOW).runs == 1
        with pytest.raises(Exception, match="FOREIGN KEY"):
            claim(journal, lead("a"))
    finally:
        journal.close()


def test_what_is_old_is_found_beyond_one_page(journal, look):
    sources = [f"{number:04}" for number in range(2500)]
    claim(journal, *(lead(source, f"person-{source}") for source in sources))
    with journal.turn() as turn:
        turn.settle([Settlement(source, State.DELIVERED) for source in sources[:-1]], now=OLD)
    assert prune(journal, leads=NOW) == Pruned(leads={"delivered": 2499}, persons=2499)
    assert look(LEADS) == [("2499",)]


@pytest.mark.parametrize("later_tables", [(), ("changes", "pending", "figures")])
def test_a_journal_is_counted_without_writing_to_it(journal, ledger, later_tables):
    deliver(journal, "a", "jane")
    engine = open_database(ledger)
    with engine.begin() as connection:
        for table in later_tables:  # an earlier version made none of these
            connection.execute(text(f"DROP TABLE octanist_{table}"))
    engine.dispose()
    reader = Journal.open_to_read(ledger)
    try:
        assert Pruner(reader, Ages(NOW, NOW, NOW)).count() == Pruned(
            leads={"delivered": 1}, persons=1
        )
    finally:
        reader.close()


def test_a_file_is_smaller_when_it_is_compact(file_ledger):
    journal = Journal.open(file_ledger)
    try:
        journal.begin_run(HERE, "key", now=NOW)
        sources = [f"{number:032}" for number in range(1000)]
        claim(journal, *(lead(source, f"person-{source}") for source in sources))
        with journal.turn() as turn:
            turn.settle([Settlement(source, State.DELIVERED) for source in sources], now=OLD)
        full = journal.size()
        prune(journal, leads=NOW)
        assert journal.size() == full, "what is free is used again, not given back"
        journal.compact()
        assert journal.size() < full / 2
        assert claim(journal, lead("a")) == ["send"]
    finally:
        journal.close()


def test_the_size_of_a_journal_is_known_on_each_database(journal):
    assert journal.size() > 8192
    journal.compact()
