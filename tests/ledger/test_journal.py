"""The journal, seen through a second connection: what counts is what is on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from target_octanist.errors import LedgerError
from target_octanist.ledger.claims import UNDELIVERABLE, Claim
from target_octanist.ledger.database import open_database
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

DAY = 24 * 60 * 60 * 1000
NOW = 1_800_000_000_000
HERE = "http://127.0.0.1/api"


def claim(source, *persons, payload='{"name":"A"}', digest="p1", window_start=0, **more):
    return Claim(
        source=source,
        stream=more.pop("stream", "leads"),
        persons=persons,
        window_start=window_start,
        payload_digest=digest,
        payload=payload,
        **more,
    )


def unmappable(source):
    return claim(source, payload=None, reason="email: is missing", record='{"id":1}')


def do_claim(journal, *claims, now=NOW):
    with journal.turn() as turn:
        return [verdict.kind for verdict in turn.claim(claims, now=now)]


def settle(journal, source, state, *, now=NOW, **more):
    with journal.turn() as turn:
        turn.settle([Settlement(source, state, **more)], now=now)


def test_files_are_for_their_owner_alone(file_ledger):
    journal = Journal.open(file_ledger)
    journal.begin_run(HERE, "key", now=NOW)
    do_claim(journal, claim("a"))
    files = list(Path(file_ledger).parent.iterdir())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    journal.close()
    assert set(modes.values()) == {0o600}, modes
    assert len(modes) == 3, "the file itself, its log and its shared memory"


def test_a_claim_is_on_disk_with_its_payload_before_anything_is_sent(journal, look):
    assert do_claim(journal, claim("a", "p")) == ["send"]
    assert look("SELECT source, state, payload FROM octanist_leads") == [
        ("a", "claimed", '{"name":"A"}')
    ]
    assert look("SELECT digest, source FROM octanist_persons") == [("p", "a")]


def test_a_batch_may_be_about_any_number_of_people(usual_limits, journal):
    do_claim(journal, claim("first", "person-69999"))
    persons = [[f"person-{n}" for n in range(at, at + 7)] for at in range(0, 70_000, 7)]
    verdicts = do_claim(journal, *(claim(str(n), *p) for n, p in enumerate(persons)))
    assert len(verdicts) == 10_000
    assert set(verdicts[:-1]) == {"send"}
    assert verdicts[-1] == "behind"


def test_any_number_of_ids_can_be_known(usual_limits, journal):
    do_claim(journal, claim("a"))
    settle(journal, "a", State.DELIVERED, lead_id="lead 69999")
    with journal.turn() as turn:
        assert turn.known_ids(f"lead {n}" for n in range(70_000)) == {"lead 69999"}
        assert turn.known_ids([]) == frozenset()


def test_a_lead_is_contested_if_another_that_may_be_stored_has_its_payload(journal):
    claims = [claim(name, digest=digest) for name, digest in zip("abcde", "11123", strict=True)]
    do_claim(journal, *claims, claim("f", digest="3"))
    with journal.turn() as turn:
        turn.start_sending("abde", now=NOW)
    with journal.turn() as turn:
        assert turn.contested(["a", "d", "e"]) == {"a"}
        assert turn.contested(["a", "b", "d", "e"]) == set()
        assert turn.contested(["c"]) == set(), "no request was sent for it"


def test_a_delivered_lead_leaves_no_payload(journal, look):
    do_claim(journal, claim("a"))
    with journal.turn() as turn:
        turn.start_sending(["a"], now=NOW + 1)
    assert look("SELECT state, attempts, sent_at FROM octanist_leads") == [("sending", 1, NOW + 1)]
    settle(journal, "a", State.DELIVERED, lead_id="lead_1", request_id="req_1")
    assert look("SELECT state, payload, lead_id, request_id FROM octanist_leads") == [
        ("delivered", None, "lead_1", "req_1")
    ]


def test_a_dead_letter_keeps_payload_and_record(journal, look):
    do_claim(journal, claim("a"))
    settle(journal, "a", State.REJECTED, code="VALIDATION_ERROR", record='{"id":1}')
    assert look("SELECT state, payload, record, code FROM octanist_leads") == [
        ("rejected", '{"name":"A"}', '{"id":1}', "VALIDATION_ERROR")
    ]


def test_a_turn_that_fails_writes_nothing(journal, look):
    def half_a_turn():
        with journal.turn() as turn:
            turn.claim([claim("a")], now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_a_turn()
    assert look("SELECT * FROM octanist_leads") == []


@pytest.mark.parametrize("state", [State.DELIVERED, State.IN_DOUBT])
def test_a_source_record_makes_one_lead_for_ever(journal, state):
    do_claim(journal, claim("a"))
    settle(journal, "a", state)
    later = NOW + 1000 * DAY
    assert do_claim(journal, claim("a", digest="changed", window_start=later), now=later) == [
        "duplicate"
    ]


def test_a_person_is_a_duplicate_inside_the_window_and_a_lead_after_it(journal, look):
    do_claim(journal, claim("a", "jane"))
    settle(journal, "a", State.DELIVERED)
    inside = NOW + 29 * DAY
    assert do_claim(journal, claim("b", "jane", window_start=inside - 30 * DAY), now=inside) == [
        "duplicate"
    ]
    assert look("SELECT source, state, twin, payload FROM octanist_leads WHERE source='b'") == [
        ("b", "duplicate", "a", None)
    ]
    after = NOW + 31 * DAY
    assert do_claim(journal, claim("c", "jane", window_start=after - 30 * DAY), now=after) == [
        "send"
    ]


def test_a_record_that_was_a_duplicate_stays_one_when_the_window_is_over(journal):
    do_claim(journal, claim("a", "jane"))
    settle(journal, "a", State.DELIVERED)
    do_claim(journal, claim("b", "jane"))
    after = NOW + 31 * DAY
    again = claim("b", "jane", window_start=after - 30 * DAY)
    assert do_claim(journal, again, now=after) == ["duplicate"]


def test_a_person_in_doubt_is_not_sent_again_whatever_the_window(journal):
    do_claim(journal, claim("a", "jane"))
    settle(journal, "a", State.IN_DOUBT)
    after = NOW + 31 * DAY
    assert do_claim(journal, claim("b", "jane", window_start=after), now=after) == ["duplicate"]


def test_two_records_of_a_person_are_never_claimed_together(journal):
    assert do_claim(journal, claim("a", "jane"), claim("b", "jane"), claim("c", "joe")) == [
        "send",
        "behind",
        "send",
    ]


def test_two_versions_of_a_record_are_never_claimed_together(journal):
    assert do_claim(journal, claim("a"), claim("a", digest="p2")) == ["send", "behind"]
    assert do_claim(journal, claim("a", digest="p3")) == ["behind"]


@pytest.mark.parametrize("state", [State.REJECTED, State.FILTERED])
def test_what_was_refused_is_tried_again_only_when_it_changed(journal, look, state):
    do_claim(journal, claim("a", "jane"))
    settle(journal, "a", state, code="VALIDATION_ERROR")
    assert do_claim(journal, claim("a", "jane")) == ["duplicate"]
    assert do_claim(journal, claim("a", "joe", digest="p2")) == ["send"]
    assert look("SELECT state, code FROM octanist_leads") == [("claimed", None)]
    assert look("SELECT digest FROM octanist_persons") == [("joe",)]


def test_what_nobody_judged_is_tried_again(journal):
    do_claim(journal, claim("a"))
    settle(journal, "a", State.REJECTED, code=UNDELIVERABLE)
    assert do_claim(journal, claim("a")) == ["send"]


def test_a_refused_lead_does_not_make_others_duplicates(journal):
    do_claim(journal, claim("a", "jane"))
    settle(journal, "a", State.REJECTED)
    assert do_claim(journal, claim("b", "jane")) == ["send"]


def test_an_unmappable_record_is_stored_and_counts_each_time(journal, look):
    assert do_claim(journal, unmappable("a"), unmappable("a")) == ["rejected", "rejected"]
    assert look("SELECT state, reason, record, payload FROM octanist_leads") == [
        ("rejected", "email: is missing", '{"id":1}', None)
    ]
    assert do_claim(journal, claim("a")) == ["send"]


def test_an_unmappable_version_of_a_delivered_record_changes_nothing(journal, look):
    do_claim(journal, claim("a"))
    settle(journal, "a", State.DELIVERED, lead_id="lead_1")
    assert do_claim(journal, unmappable("a")) == ["duplicate"]
    assert look("SELECT state, lead_id FROM octanist_leads") == [("delivered", "lead_1")]


def test_another_live_run_is_respected_and_a_dead_one_taken_over(journal, ledger):
    do_claim(journal, claim("a", "jane"), claim("b"))
    with journal.turn() as turn:
        turn.start_sending(["b"], now=NOW)
    other = Journal.open(ledger)
    try:
        other.begin_run(HERE, "key", now=NOW)
        # `journal` belongs to this very process, so the other must see it as dead; to
        # look alive it would have to be another process. Claims come first.
        assert do_claim(other, claim("a", "jane"), claim("c", "jane")) == ["busy", "busy"]
        with other.turn() as turn:
            left = turn.take_over(HERE, now=NOW)
        assert [(lead.source, lead.sent_at, lead.payload) for lead in left] == [
            ("a", None, '{"name":"A"}'),
            ("b", NOW, '{"name":"A"}'),
        ]
        with journal.turn() as turn:
            assert not turn.heartbeat(now=NOW, number=1), "a run that was taken over must notice"
    finally:
        other.close()


def test_a_run_to_another_destination_is_left_alone(journal, ledger):
    do_claim(journal, claim("a"))
    other = Journal.open(ledger)
    try:
        other.begin_run("http://127.0.0.1/other", "key", now=NOW)
        with other.turn() as turn:
            assert turn.take_over("http://127.0.0.1/other", now=NOW) == []
    finally:
        other.close()


def test_what_was_not_sent_is_released_and_can_be_claimed_anew(journal, look):
    do_claim(journal, claim("a", "jane"), claim("b"))
    with journal.turn() as turn:
        turn.start_sending(["b"], now=NOW)
        turn.release(["a", "b"])
    assert look("SELECT source, state FROM octanist_leads") == [("b", "sending")]
    assert look("SELECT * FROM octanist_persons") == []


def test_another_key_is_noticed(ledger):
    journal = Journal.open(ledger)
    try:
        assert not journal.begin_run(HERE, "one", now=NOW)
        assert not journal.begin_run(HERE, "one", now=NOW + 1)
        assert journal.begin_run(HERE, "two", now=NOW + 2)
    finally:
        journal.close()


def test_the_salt_stays_the_same_and_differs_between_journals(ledger, tmp_path):
    salts = []
    for path in (ledger, ledger, str(tmp_path / "other.db")):
        journal = Journal.open(path)
        salts.append(journal.salt)
        journal.close()
    assert salts[0] == salts[1] != salts[2]
    assert len(salts[0]) == 16


def test_a_journal_that_cannot_be_used_is_told_in_one_sentence(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"this is no database" * 100)
    for place in (str(folder), str(noise), str(noise / "below.db"), "mysql://u:secret@h/d"):
        with pytest.raises(LedgerError) as caught:
            Journal.open(place)
        assert str(caught.value).startswith("ledger: ")
        assert "secret" not in str(caught.value)


def test_a_journal_of_a_newer_version_is_not_touched(journal, ledger):
    engine = open_database(ledger)
    with engine.begin() as connection:
        connection.execute(text("UPDATE octanist_meta SET value='99' WHERE name='version'"))
    engine.dispose()
    with pytest.raises(LedgerError, match="newer version"):
        Journal.open(ledger)


def test_an_error_names_the_journal_and_neither_user_nor_password(tmp_path):
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"no database at all" * 1000)
    with pytest.raises(LedgerError) as caught:
        Journal.open(str(noise))
    assert str(caught.value).startswith(f"ledger: the journal {noise} cannot be used (")

    url = "postgresql://jane:secret@127.0.0.1:1/leads"
    for options in ("", "?connect_timeout=3&sslpassword=secret"):
        with pytest.raises(LedgerError) as caught:
            Journal.open(url + options)
        assert str(caught.value).startswith(
            "ledger: the journal postgresql://127.0.0.1:1/leads cannot be reached; "
        )
        assert "secret" not in str(caught.value)
