"""Of which records nothing is left to do if they come again as they were, on each database."""

from __future__ import annotations

import random

import pytest

from target_octanist.ledger.changes import Change
from target_octanist.ledger.claims import NOTHING, UNDELIVERABLE, Claim, Fingerprint
from target_octanist.ledger.fingerprints import Done
from target_octanist.ledger.prune import Ages, Pruner
from target_octanist.ledger.settled import SettledRecords
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000


@pytest.fixture
def known(ledger, journal):
    found = SettledRecords(ledger)
    yield found
    found.close()


def lead(name, *, mark=None):
    return Claim(name, "people", (), 0, "lead", '{"name":"A"}', fingerprint=mark)


def change(name, version, *, about="ann", links=(), makes_lead=False):
    """Give what a version of a record says of a lead; it says nothing of it without one."""
    mark = Fingerprint(name, f"print of {version}", makes_lead)
    says = {"payload_digest": version or "", "payload": f'{{"status":"{version}"}}'}
    if version is None:
        says = {"payload_digest": "", "payload": None, "reason": "nothing", "code": NOTHING}
    asked = Change(version and version.split()[0], None if links else about, links)
    return Claim(f"of {name}", "deals", (), 0, **says, change=asked, fingerprint=mark)


def claim(journal, *claims, now=NOW):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=now)]


def settle(journal, source, state=State.DELIVERED, **more):
    with journal.turn() as turn:
        turn.settle([Settlement(source, state, is_change=True, **more)], now=NOW)


def deliver(journal, *claims):
    assert claim(journal, *claims) == ["send"] * len(claims)
    for one in claims:
        settle(journal, one.source, lead_id=f"id of {one.source}")


def test_nothing_is_left_to_do_of_a_change_that_was_delivered(journal, known):
    won = change("deal", "won")
    assert known.done_among(["deal"]) == {}
    assert claim(journal, won) == ["send"]
    assert known.done_among(["deal"]) == {}, "it is claimed"
    with journal.turn() as turn:
        turn.start_sending([won.source], now=NOW)
    assert known.done_among(["deal"]) == {}, "it may be on its way"
    settle(journal, won.source)
    done = Done("print of won", None, "of deal", "won")
    assert known.done_among(["deal", "another"]) == {"deal": done}
    assert claim(journal, won) == ["duplicate"]
    assert known.done_among(["deal"]) == {"deal": done}


def test_what_says_nothing_is_known_again(journal, known):
    assert claim(journal, change("deal", None)) == ["skipped"]
    assert known.done_among(["deal"]) == {"deal": Done("print of None", None, "of deal", None)}


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED, State.IN_DOUBT])
@pytest.mark.parametrize("version", ["won", None])
def test_what_was_not_delivered_is_asked_again(journal, known, state, version):
    claim(journal, change("deal", "won"))
    settle(journal, "of deal", state, code=UNDELIVERABLE)
    claim(journal, change("deal", version))
    assert known.done_among(["deal"]) == {}


def test_another_version_that_is_pending_is_not_forgotten(journal, known):
    deliver(journal, lead("ann"))
    won = change("deal", "won", links=("ann",))
    deliver(journal, won)
    assert known.done_among(["deal"])
    assert claim(journal, change("deal", "lost", links=("bob",))) == ["pending"]
    assert known.done_among(["deal"]) == {}
    assert claim(journal, won) == ["duplicate"]
    assert known.done_among(["deal"])


def test_of_what_another_version_said_meanwhile_this_one_is_no_more_the_last(journal, known):
    deliver(journal, change("deal", "qualified"))
    unmarked = Claim(
        "of deal", "deals", (), 0, "won", '{"status":"won"}', change=Change("won", "a")
    )
    deliver(journal, unmarked)
    assert known.done_among(["deal"]) == {}


def test_a_record_that_makes_a_lead_needs_that_to_be_settled_too(journal, known):
    won = change("ann", "won", links=("ann",), makes_lead=True)
    assert claim(journal, lead("ann"), won) == ["send", "behind"]
    settle(journal, "ann", lead_id="1")
    deliver(journal, won)
    done = Done("print of won", "ann", "of ann", "won")
    assert known.done_among(["ann"]) == {"ann": done}
    alone = lead("bob", mark=Fingerprint("bob", "print", makes_lead=True))
    claim(journal, alone)
    assert known.done_among(["ann", "bob"]) == {"ann": done}
    settle(journal, "bob", State.REJECTED)
    assert known.done_among(["ann", "bob"]) == {"ann": done}


def test_a_lead_that_was_pruned_is_made_anew(journal, known):
    deliver(journal, lead("bob", mark=Fingerprint("bob", "print", makes_lead=True)))
    assert known.done_among(["bob"]) == {"bob": Done("print", "bob", None, None)}
    Pruner(journal, Ages(0, leads=NOW + 1)).prune()
    assert known.done_among(["bob"]) == {}


def test_old_ones_are_pruned_with_old_leads(journal, known, look):
    rows = "SELECT count(*) FROM octanist_fingerprints"
    records = [change(f"{n:04d}", None) for n in range(2500)]
    claim(journal, *records[::2], now=NOW - 10)
    claim(journal, *records[1::2])
    Pruner(journal, Ages(NOW)).prune()
    assert look(rows) == [(2500,)], "no leads are to be forgotten"
    Pruner(journal, Ages(NOW, leads=NOW)).prune()
    assert look(rows) == [(1250,)]
    assert known.done_among(["0000", "0001"]).keys() == {"0001"}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happened_nothing_would_be_done_of_what_is_passed_over(journal, known, seed):
    chance = random.Random(seed)
    names, versions = ["a", "b"], ["qualified", "won", "lost", None]
    deliver(journal, lead("ann"))
    passed = 0
    for _ in range(150):
        name, version = chance.choice(names), chance.choice(versions)
        link = chance.choice(["ann", "ann", "ann", "nobody"])
        digest = f"{version} {link}" if version else None
        asked = change(name, digest, links=(link,))
        done = known.done_among([name]).get(name)
        (kind,) = claim(journal, asked)
        if done is not None and done.fingerprint == f"print of {digest}":
            assert kind == ("skipped" if version is None else "duplicate")
            passed += 1
        if kind == "send":
            settle(
                journal,
                asked.source,
                chance.choice([State.DELIVERED, State.DELIVERED, State.REJECTED, State.IN_DOUBT]),
                code=UNDELIVERABLE,
            )
    assert passed
