"""Dead letters in the journal: which there are, tried again, put back and given up."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from target_octanist.errors import OctanistError
from target_octanist.ledger.claims import INVALID_RECORD, UNDELIVERABLE, Claim, Refused
from target_octanist.ledger.dead_letters import DeadLetters, Which
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

NOW = 1_800_000_000_000
HOUR = 60 * 60 * 1000
HERE = "http://127.0.0.1/api"
RECORD = '{"id":1,"mail":"jane@example.com"}'
PAYLOAD = '{"email":"jane@example.com"}'

#: Digests as they are: 32 hexadecimal digits.
A, B, C = ("aaaa" + "0" * 28, "aaab" + "0" * 28, "cccc" + "0" * 28)

#: How the API refused it, for the first time.
REFUSED = {
    "code": "VALIDATION_ERROR",
    "reason": "the API rejected the lead (HTTP 400)",
    "message": "jane@example.com is odd",
    "request_id": "req_1",
}


def lead(source, *persons, digest="p1", stream="contacts", **more):
    return Claim(source, stream, persons, 0, digest, PAYLOAD, **more)


def unmappable(source, **more):
    reason = more.pop("reason", "email (from mail) is not a valid e-mail address.")
    stream = more.pop("stream", "contacts")
    return Claim(source, stream, (), 0, "none", None, reason, RECORD, **more)


def again(claim, state=State.REJECTED, *, digest="p1"):
    return replace(claim, record=RECORD, again=Refused(state, digest))


def do_claim(journal, *claims, now=NOW):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=now)]


def settle(journal, source, state, *, now=NOW, **more):
    with journal.turn() as turn:
        turn.settle([Settlement(source, state, **more)], now=now)


def refuse(journal, source, state=State.REJECTED, *, now=NOW, **more):
    """Let the API refuse a new lead."""
    assert do_claim(journal, lead(source, **more)) == ["send"]
    settle(journal, source, state, now=now, record=RECORD, **REFUSED)


def letters(journal, state=State.REJECTED, **which):
    return DeadLetters(journal, Which(HERE, state, **which))


def test_a_dead_letter_is_a_rejected_lead_of_which_something_is_kept(journal):
    refuse(journal, A)
    do_claim(journal, unmappable(B), lead(C))
    settle(journal, C, State.DELIVERED)
    assert letters(journal).sources() == [A, B]
    first, second = letters(journal).contents([A, B, C])
    assert (first.payload, first.record, first.message) == (
        PAYLOAD,
        RECORD,
        "jane@example.com is odd",
    )
    assert (second.payload, second.record, second.code) == (None, RECORD, "UNMAPPABLE")


def test_what_is_told_of_it_holds_no_value_and_not_the_words_of_the_api(journal):
    refuse(journal, A)
    (row,) = letters(journal).rows()
    assert row == {
        "source": A,
        "stream": "contacts",
        "settled_at": NOW,
        "attempts": 0,
        "code": "VALIDATION_ERROR",
        "request_id": "req_1",
        "reason": "the API rejected the lead (HTTP 400)",
    }


def test_a_filtered_lead_keeps_its_record_and_no_payload_and_has_a_list_of_its_own(journal, look):
    refuse(journal, A, State.FILTERED)
    assert look("SELECT state, payload, record FROM octanist_leads ORDER BY source") == [
        ("filtered", None, RECORD)
    ]
    assert letters(journal).sources() == []
    assert letters(journal, State.FILTERED).sources() == [A]


def test_a_filtered_lead_without_a_record_keeps_its_payload(journal, look):
    do_claim(journal, lead(A))
    settle(journal, A, State.FILTERED)
    assert look("SELECT payload, record FROM octanist_leads ORDER BY source") == [(PAYLOAD, None)]
    assert letters(journal, State.FILTERED).sources() == [A]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, [A, B, C]),
        ({"stream": "contacts"}, [A]),
        ({"stream": "web*"}, [B, C]),
        ({"stream": "nowhere"}, []),
        ({"reason": "E-MAIL"}, [A]),
        ({"reason": "validation_err"}, [B, C]),
        ({"reason": "100%"}, []),
        ({"since": NOW + HOUR}, [B, C]),
        ({"until": NOW + HOUR}, [A]),
        ({"since": NOW + HOUR, "until": NOW + 2 * HOUR}, [B]),
        ({"ids": ("AAAA",)}, [A]),
        ({"ids": ("aaaa", "cccc")}, [A, C]),
        ({"ids": ("aaaa", "cccc"), "stream": "web_forms"}, [C]),
    ],
)
def test_all_that_is_said_of_them_must_hold(journal, which, found):
    do_claim(journal, unmappable(A))
    refuse(journal, B, stream="web_leads", now=NOW + HOUR)
    refuse(journal, C, stream="web_forms", now=NOW + 2 * HOUR)
    chosen = letters(journal, **which)
    assert chosen.sources() == found
    assert [row["source"] for row in chosen.rows()] == found
    assert sum(count for _, _, count in chosen.reasons()) == len(found)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("aaa", "at least 4"),
        ("jane", "no ID"),
        ("aaa%", "no ID"),
        ("ffff", "names no dead letter"),
        ("aaaa", "several"),
    ],
)
def test_an_id_names_exactly_one(journal, name, complaint):
    do_claim(journal, unmappable(A), unmappable("aaaa" + "1" * 28))
    with pytest.raises(OctanistError, match=complaint):
        letters(journal, ids=(name,))


def test_those_to_another_destination_are_not_among_them(journal):
    refuse(journal, A)
    assert DeadLetters(journal, Which("http://127.0.0.1/other")).sources() == []


def test_reasons_are_counted_by_stream(journal):
    do_claim(
        journal,
        unmappable(A, reason="one"),
        unmappable(B, reason="one"),
        unmappable(C, reason="two", stream="web"),
    )
    assert letters(journal).reasons() == [("contacts", "one", 2), ("web", "two", 1)]


def test_what_never_got_as_far_as_the_mapping_is_known_as_such(journal):
    do_claim(journal, unmappable(A, code=INVALID_RECORD), unmappable(B))
    refuse(journal, C)
    assert [letter.is_raw for letter in letters(journal).contents([A, B, C])] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED])
def test_a_human_may_have_the_same_payload_sent_again(journal, look, state):
    refuse(journal, A, state)
    assert do_claim(journal, lead(A)) == ["duplicate"], "a run does not"
    (letter,) = letters(journal, state).contents([A])
    assert do_claim(journal, replace(lead(A), record=RECORD, again=letter.was)) == ["send"]
    assert look("SELECT state, payload, record FROM octanist_leads ORDER BY source") == [
        ("claimed", PAYLOAD, RECORD)
    ]


def test_what_has_changed_since_a_human_saw_it_is_left_alone(journal):
    refuse(journal, A)
    assert do_claim(journal, again(lead(A), digest="older")) == ["duplicate"]
    assert do_claim(journal, again(lead(A), State.FILTERED)) == ["duplicate"]
    assert letters(journal).sources() == [A]


def test_only_one_of_two_that_try_it_again_sends_it(journal, ledger):
    refuse(journal, A)
    other = Journal.open(ledger)
    try:
        other.begin_run(HERE, "key", now=NOW)
        assert do_claim(journal, again(lead(A))) == ["send"]
        assert do_claim(other, again(lead(A))) == ["busy"]
        settle(journal, A, State.DELIVERED)
        assert do_claim(other, again(lead(A))) == ["duplicate"]
    finally:
        other.close()


def test_a_person_who_was_sent_meanwhile_makes_it_a_duplicate(journal, look):
    refuse(journal, A)
    do_claim(journal, lead(B, "jane"))
    settle(journal, B, State.DELIVERED)
    assert do_claim(journal, again(lead(A, "jane"))) == ["duplicate"]
    assert look("SELECT state, payload, record FROM octanist_leads ORDER BY source")[0] == (
        "duplicate",
        None,
        None,
    )


def test_a_delivered_one_leaves_nothing_of_what_was_kept(journal, look):
    refuse(journal, A)
    do_claim(journal, again(lead(A)))
    settle(journal, A, State.DELIVERED, lead_id="lead_1")
    assert look(
        "SELECT state, payload, record, message, lead_id FROM octanist_leads ORDER BY source"
    ) == [("delivered", None, None, None, "lead_1")]


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED, State.IN_DOUBT])
def test_the_record_outlives_a_replay_that_was_killed(journal, ledger, state):
    refuse(journal, A)
    do_claim(journal, again(lead(A, digest="p2")))
    other = Journal.open(ledger)
    try:
        other.begin_run(HERE, "key", now=NOW)
        with other.turn() as turn:
            assert [left.source for left in turn.take_over(HERE, now=NOW)] == [A]
            # Whoever takes it over knows the payload alone.
            turn.settle([Settlement(A, state, code="OTHER")], now=NOW)
    finally:
        other.close()
    (letter,) = letters(journal, state).contents([A])
    assert (letter.record, letter.code, letter.message) == (RECORD, "OTHER", None)


def test_one_that_cannot_be_mapped_any_more_is_a_dead_letter_with_a_new_reason(journal):
    refuse(journal, A)
    assert do_claim(journal, again(unmappable(A, reason="new"))) == ["rejected"]
    (letter,) = letters(journal).contents([A])
    assert (letter.reason, letter.code, letter.payload) == ("new", "UNMAPPABLE", None)
    assert (letter.record, letter.message) == (RECORD, None)


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED])
def test_what_was_not_sent_after_all_is_the_dead_letter_that_it_was(journal, state):
    refuse(journal, A, state)
    before = letters(journal, state).rows()
    (letter,) = letters(journal, state).contents([A])
    do_claim(journal, again(lead(A, "jane", digest="p2"), state), now=NOW + HOUR)
    assert letters(journal, state).sources() == []
    with journal.turn() as turn:
        turn.put_back({A: letter.was})
    assert letters(journal, state).rows() == before
    (after,) = letters(journal, state).contents([A])
    assert after == dataclasses.replace(letter, payload=None), "the payload is made of the record"


def test_put_back_without_a_record_it_keeps_its_payload(journal):
    do_claim(journal, lead(A))
    settle(journal, A, State.REJECTED)
    (letter,) = letters(journal).contents([A])
    do_claim(journal, replace(lead(A), again=letter.was))
    with journal.turn() as turn:
        turn.put_back({A: letter.was})
    assert list(letters(journal).contents([A])) == [letter]


def test_what_is_being_sent_or_is_settled_is_not_put_back(journal, look):
    was = Refused(State.REJECTED, "p1")
    refuse(journal, A)
    do_claim(journal, again(lead(A)), lead(B))
    settle(journal, B, State.DELIVERED)
    with journal.turn() as turn:
        turn.start_sending([A], now=NOW)
        turn.put_back({A: was, B: was})
    assert look("SELECT state FROM octanist_leads ORDER BY source") == [
        ("sending",),
        ("delivered",),
    ]


def discard(journal, *sources, state=State.REJECTED):
    with journal.turn() as turn:
        return turn.discard(sources, state)


def test_a_discarded_one_is_erased_and_stays_rejected(journal, look):
    refuse(journal, A)
    do_claim(journal, unmappable(B))
    assert discard(journal, A, B) == 2
    assert (
        look("SELECT state, code, payload, record, message FROM octanist_leads ORDER BY source")
        == [("rejected", "DISCARDED", None, None, None)] * 2
    )
    assert letters(journal).sources() == []
    assert discard(journal, A, B) == 0


def test_what_is_no_dead_letter_is_not_discarded(journal, look):
    refuse(journal, A)
    do_claim(journal, lead(B), lead(C))
    settle(journal, C, State.IN_DOUBT)
    assert discard(journal, B, C) == 0
    assert discard(journal, A, state=State.FILTERED) == 0
    assert look("SELECT payload FROM octanist_leads ORDER BY source") == [(PAYLOAD,)] * 3


def test_a_discarded_one_is_tried_again_only_if_it_changed(journal):
    refuse(journal, A)
    do_claim(journal, unmappable(B), lead(C))
    settle(journal, C, State.REJECTED, code=UNDELIVERABLE)
    (seen,) = letters(journal).contents([A])
    discard(journal, A, B, C)
    assert do_claim(journal, lead(A), unmappable(B), lead(C)) == ["duplicate"] * 3
    assert do_claim(journal, replace(lead(A), again=seen.was)) == ["duplicate"]
    assert letters(journal).sources() == []
    assert do_claim(journal, lead(A, digest="p2"), lead(B), lead(C, digest="p2")) == ["send"] * 3
