"""What the journal says to changes of leads, on each kind of database."""

from __future__ import annotations

import dataclasses
import json

import pytest
from msgspec.structs import replace

from target_octanist.ledger.changes import Change, Holding
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"


def lead(source, *persons):
    return Claim(source, "contacts", persons, 0, f"lead {source}", '{"name":"A"}')


def change(source, status, *, link=None, about=None, digest=None, forward=True, persons=()):
    """Give a change of the lead that a record made (`link`), or that is named itself (`about`)."""
    links = () if link is None else (link, f"{link} as a number")
    return Claim(
        source=source,
        stream="deals",
        persons=persons,
        window_start=0,
        payload_digest=digest or f"{status} of {link or about}",
        payload=json.dumps({"status": status}),
        change=Change(status, about, links, forward),
    )


@pytest.fixture
def other(ledger):
    """Another run on the same journal."""
    opened = Journal.open(ledger)
    opened.begin_run(HERE, "key", now=NOW)
    yield opened
    opened.close()


def ask(journal, *claims, held=None, now=NOW):
    holding = None if held is None else Holding(held, NOW + 1)
    with journal.turn() as turn:
        return turn.claim(claims, now=now, holding=holding)


def kinds(journal, *claims, **more):
    return [verdict.kind for verdict in ask(journal, *claims, **more)]


def settle(journal, source, state=State.DELIVERED, *, lead_id=None, now=NOW):
    with journal.turn() as turn:
        turn.settle([Settlement(source, state, lead_id=lead_id, is_change=True)], now=now)


def deliver(journal, claim, *, now=NOW):
    assert kinds(journal, claim, now=now) == ["send"]
    settle(journal, claim.source, lead_id=f"id of {claim.source}", now=now)


def due(journal, **more):
    with journal.turn() as turn:
        claims, last = turn.due_changes(forward=True, **more)
    return [claim.source for claim in claims], last


def test_a_batch_may_have_any_number_of_links(usual_limits, journal):
    ask(journal, lead("contact 69999"))
    settle(journal, "contact 69999", lead_id="lead_1")
    links = [tuple(f"contact {n}" for n in range(at, at + 7)) for at in range(0, 70_000, 7)]
    asked = [
        Claim(str(n), "deals", (), 0, "won", '{"status":"won"}', change=Change("won", None, of))
        for n, of in enumerate(links)
    ]
    verdicts = ask(journal, *asked)
    assert {verdict.kind for verdict in verdicts[:-1]} == {"pending"}
    assert verdicts[-1].payload == '{"id":"lead_1","status":"won"}'


def test_a_change_is_addressed_to_the_lead_that_its_record_made(journal):
    deliver(journal, lead("ann"))
    (verdict,) = ask(journal, change("deal", "won", link="ann"))
    assert verdict.kind == "send"
    assert json.loads(verdict.payload) == {"id": "id of ann", "status": "won"}


def test_a_record_in_another_spelling_is_found(journal):
    deliver(journal, lead("ann as a number"))
    assert kinds(journal, change("deal", "won", link="ann")) == ["send"]


def test_a_change_comes_behind_its_lead_in_one_batch_whatever_their_order(journal):
    (verdict, of_lead) = ask(journal, change("deal", "won", link="ann"), lead("ann"))
    assert (verdict.kind, verdict.other, of_lead.kind) == ("behind", "ann", "send")


def test_what_another_run_is_sending_is_waited_for(journal, other):
    assert kinds(other, lead("ann")) == ["send"]
    assert kinds(journal, change("deal", "won", link="ann")) == ["busy"]
    deliver(journal, lead("bob"))
    assert kinds(other, change("first", "qualified", link="bob")) == ["send"]
    assert kinds(journal, change("second", "won", link="bob")) == ["busy"]


def test_a_change_of_a_person_waits_while_a_lead_of_that_person_is_on_its_way(journal):
    assert kinds(journal, lead("ann", "ann@")) == ["send"]
    (verdict,) = ask(journal, change("deal", "won", about="lead ann@", persons=("ann@",)))
    assert (verdict.kind, verdict.other) == ("behind", "ann")


def test_changes_of_one_lead_go_one_after_the_other(journal):
    deliver(journal, lead("ann"))
    first, second = ask(
        journal, change("one", "qualified", link="ann"), change("two", "won", link="ann")
    )
    assert (first.kind, second.kind, second.other) == ("send", "behind", "one")
    settle(journal, "one")
    assert kinds(journal, change("two", "won", link="ann")) == ["send"]


def test_what_was_delivered_last_is_not_sent_again(journal):
    deliver(journal, lead("ann"))
    qualified, won = (change("deal", status, link="ann") for status in ("qualified", "won"))
    deliver(journal, qualified)
    assert kinds(journal, qualified) == ["duplicate"]
    deliver(journal, won, now=NOW + 1)
    assert kinds(journal, won) == ["duplicate"]


def test_what_another_record_said_of_the_lead_is_not_said_again(journal):
    deliver(journal, lead("ann"))
    deliver(journal, change("one", "won", link="ann"))
    (verdict,) = ask(journal, change("two", "won", link="ann"))
    assert (verdict.kind, verdict.other) == ("duplicate", "one")


def test_a_change_that_is_in_doubt_is_not_sent_again_but_a_newer_one_is(journal):
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "qualified", link="ann"))
    assert kinds(journal, change("deal", "lost", link="ann")) == ["send"]
    settle(journal, "deal", State.IN_DOUBT)
    assert kinds(journal, change("deal", "lost", link="ann")) == ["duplicate"]
    assert kinds(journal, change("deal", "qualified", link="ann")) == ["send"], (
        "nobody knows what the lead's status is now"
    )


def test_no_lead_goes_back_from_won_unless_it_may(journal):
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "won", link="ann"))
    assert kinds(journal, change("deal", "lost", link="ann")) == ["filtered"]
    assert kinds(journal, change("other", "qualified", link="ann")) == ["filtered"]
    assert kinds(journal, change("deal", None, link="ann")) == ["send"], "no status, no way back"
    settle(journal, "deal")
    assert kinds(journal, change("deal", "lost", link="ann", forward=False)) == ["send"]


def test_what_a_record_told_of_another_lead_stays_true_of_that_one_alone(journal):
    for name in ("ann", "bob"):
        deliver(journal, lead(name))
    won = change("deal", "won", link="ann")
    for later in (0, 2):
        if later:
            assert kinds(journal, won) == ["duplicate"], "ann's lead was told so before"
            assert kinds(journal, change("deal", "won", link="ann", digest="more")) == ["send"]
            settle(journal, "deal", now=NOW + later)
        else:
            deliver(journal, won)
        moved = change("deal", None, link="bob", digest=f"a value {later}")
        deliver(journal, moved, now=NOW + later + 1)
        assert kinds(journal, change("other", "lost", link="ann")) == ["filtered"]
        assert kinds(journal, moved) == ["duplicate"]
    assert kinds(journal, change("other", "lost", link="bob")) == ["send"]


def test_an_old_change_that_is_tried_again_stands_back_behind_what_came_since(journal):
    old = change("deal", "won", link="nobody")
    old = replace(old, change=dataclasses.replace(old.change, yields=True))
    assert kinds(journal, old) == ["pending"]
    assert kinds(journal, change("deal", "lost", link="nobody")) == ["pending"]
    assert kinds(journal, old) == ["replaced"]
    assert due(journal, behind=["nobody"])[0] == ["deal"]
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "lost", link="ann"))
    assert kinds(journal, old) == ["replaced"], "a later one was told by now"


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED, State.IN_DOUBT])
def test_a_change_of_a_lead_that_is_not_there_is_pending(journal, state):
    assert kinds(journal, change("deal", "won", link="nobody")) == ["pending"]
    assert kinds(journal, lead("ann")) == ["send"]
    settle(journal, "ann", state)
    assert kinds(journal, change("deal", "won", link="ann")) == ["pending"]
    assert journal.pending() == [("deals", 1)], "it has taken the place of the one before"


def test_what_is_pending_is_due_in_its_order_when_its_lead_is_there(journal):
    waiting = [change(name, "won", link="ann", digest=name) for name in "zyx"]
    assert kinds(journal, *waiting, change("no", "won", link="bob")) == ["pending"] * 4
    assert due(journal)[0] == []
    deliver(journal, lead("ann"))
    first, last = due(journal, limit=2)
    assert first == ["z", "y"]
    assert due(journal, after=last)[0] == ["x"]
    assert due(journal, behind={"ann"})[0] == ["z", "y", "x"]


def test_what_goes_out_is_pending_no_more(journal):
    assert kinds(journal, change("deal", "won", link="ann")) == ["pending"]
    deliver(journal, lead("ann"))
    with journal.turn() as turn:
        claims, _ = turn.due_changes(forward=True)
        (verdict,) = turn.claim(claims, now=NOW)
    assert json.loads(verdict.payload) == {"id": "id of ann", "status": "won"}
    assert journal.pending() == []


def test_what_was_pending_does_not_go_out_behind_a_later_version(journal, other):
    assert kinds(journal, change("deal", "qualified", link="ann")) == ["pending"]
    deliver(journal, lead("ann"))
    with journal.turn() as turn:
        claims, _ = turn.due_changes(forward=True)
    deliver(other, change("deal", "lost", link="ann"))
    assert kinds(journal, *claims) == ["replaced"]


def test_what_was_pending_does_not_go_out_behind_a_later_version_that_waits(journal):
    assert kinds(journal, change("deal", "qualified", link="ann")) == ["pending"]
    deliver(journal, lead("ann"))
    with journal.turn() as turn:
        claims, _ = turn.due_changes(forward=True)
    assert kinds(journal, change("another", "lost", link="ann")) == ["send"]
    later = change("deal", "won", link="ann")
    assert kinds(journal, later) == ["behind"]
    settle(journal, "another")
    assert kinds(journal, later, *claims) == ["send", "replaced"]
    assert journal.pending() == []


def test_what_was_pending_goes_out_beside_a_dead_letter_that_stands_back(journal):
    assert kinds(journal, change("deal", "won", link="ann")) == ["pending"]
    deliver(journal, lead("ann"))
    with journal.turn() as turn:
        claims, _ = turn.due_changes(forward=True)
    old = change("deal", "qualified", link="ann")
    old = replace(old, change=dataclasses.replace(old.change, yields=True))
    assert kinds(journal, old, *claims) == ["replaced", "send"]
    assert journal.pending() == []


def test_what_was_pending_is_replaced_whoever_else_has_its_place(journal, other):
    assert kinds(journal, change("deal", "qualified", link="ann")) == ["pending"]
    assert kinds(other, change("another", "won", link="nobody")) == ["pending"]
    deliver(journal, lead("ann"))
    with journal.turn() as turn:
        claims, _ = turn.due_changes(forward=True)
    deliver(other, change("deal", "lost", link="ann"))
    assert kinds(journal, *claims) == ["replaced"]


def test_what_stays_pending_is_not_due_again_behind_the_others(journal):
    assert kinds(journal, change("deal", "won", link="ann")) == ["pending"]
    assert kinds(journal, lead("ann")) == ["send"]
    settle(journal, "ann", lead_id=None)
    with journal.turn() as turn:
        claims, last = turn.due_changes(forward=True)
    assert kinds(journal, *claims, now=NOW + 1) == ["pending"]
    assert due(journal, after=last)[0] == []
    assert due(journal)[0] == ["deal"]


def test_later_versions_wait_as_long_as_earlier_ones(journal):
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "lost", link="ann"))
    versions = [change("deal", status, link="ann") for status in ("qualified", "lost")]
    another = change("another", "lost", link="ann", digest="another")
    assert kinds(journal, another, *versions) == ["send", "behind", "behind"]


def test_a_duplicates_change_goes_to_the_lead_that_was_made(journal):
    deliver(journal, lead("ann", "ann@"))
    assert kinds(journal, lead("twin", "ann@")) == ["duplicate"]
    (verdict,) = ask(journal, change("deal", "won", link="twin"))
    assert json.loads(verdict.payload)["id"] == "id of ann"


def test_only_changes_of_what_was_told_before_are_held(journal):
    for name in ("ann", "bob"):
        deliver(journal, lead(name))
    deliver(journal, change("deal", "qualified", link="ann"))
    again, new = change("deal", "won", link="ann"), change("new", "won", link="bob")
    held, sent = ask(journal, again, new, held=set())
    assert (held.kind, sent.kind) == ("held", "send")
    behind = change("other", "lost", link="ann")
    assert kinds(journal, behind, held={held.other}) == ["held"], "behind what is held"
    same = change("deal", "qualified", link="ann")
    assert kinds(journal, same, held={held.other}) == ["duplicate"], "and is not to be changed"
    assert kinds(journal, again, held=None) == ["send"]


def test_what_was_told_in_this_run_is_not_held(journal):
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "qualified", link="ann"), now=NOW + 2)
    assert kinds(journal, change("deal", "won", link="ann"), held=set()) == ["send"]


def test_an_old_version_that_comes_again_does_not_hide_what_was_delivered(journal, look):
    deliver(journal, lead("ann"))
    deliver(journal, change("deal", "won", link="ann"))
    assert kinds(journal, change("deal", "qualified", link="ann")) == ["filtered"]
    assert look("SELECT state FROM octanist_leads WHERE source = 'deal'") == [("delivered",)]


def test_what_a_dead_run_left_behind_is_known_for_a_change(journal, other):
    deliver(journal, lead("ann"))
    assert kinds(journal, change("deal", "won", link="ann"), lead("bob")) == ["send", "send"]
    with journal.turn() as turn:
        turn.sign_off(now=NOW, exit_code=1)
    with other.turn() as turn:
        left = {lead.source: lead.is_change for lead in turn.take_over(HERE, now=NOW + 1)}
    assert left == {"deal": True, "bob": False}
