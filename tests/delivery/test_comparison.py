"""Found, absent or unclear: what the API's list says of a lead without an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_octanist.delivery.reconcile.comparison import (
    Absent,
    Comparison,
    Doubt,
    Found,
    Unclear,
    read_time,
    windows,
)
from target_octanist.delivery.reconcile.matching import is_same

LEAD = {
    "name": "Jane Doe",
    "email": "jane@example.com",
    "phone": "+31612345678",
    "custom": {"plan": "a", "n": 1},
    "utm_source": "google",
    "ad_storage": True,
}


def doubt(source="a", payload=LEAD, sent_at=1000.0, until=1001.0):
    return Doubt(source, payload, sent_at, until)


def row(lead_id="lead_1", **changes):
    return {
        "id": lead_id,
        "status": "open",
        "name": None,
        "email": None,
        "phone": None,
        **LEAD,
        "custom": json.dumps(LEAD["custom"]),
        "ad_storage": "true",
        **changes,
    }


def compare(doubts, rows, taken=()):
    return Comparison(doubts, rows).findings(frozenset(taken))


def finding(*rows, taken=(), sent=LEAD):
    return compare([doubt(payload=sent)], rows, taken)["a"]


def test_one_exact_row_is_found():
    assert finding(row(), row("lead_2", email="joe@example.com", phone="+3120")) == Found("lead_1")


def test_no_row_that_resembles_it_is_absent():
    assert finding() == Absent()
    assert finding(row(email="joe@example.com", phone="+31687654321")) == Absent()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "JANE DOE"},
        {"email": "Jane@Example.com"},
        {"phone": "0612345678"},
        {"custom": None},
        {"utm_source": "bing"},
        {"ad_storage": False},
    ],
)
def test_a_row_that_resembles_it_but_differs_is_left_to_a_human(changes):
    assert isinstance(finding(row(**changes)), Unclear)


def test_several_exact_rows_are_left_to_a_human():
    assert isinstance(finding(row(), row("lead_2")), Unclear)


def test_a_row_that_is_another_leads_own_says_nothing():
    assert finding(row(), taken=["lead_1"]) == Absent()
    assert finding(row(), row("lead_2"), taken=["lead_1"]) == Found("lead_2")


def test_one_row_settles_one_lead_only():
    findings = compare([doubt("a"), doubt("b")], [row()])
    assert not any(isinstance(found, Found) for found in findings.values())


def test_with_a_session_the_attribution_of_the_row_is_not_compared():
    sent = {**LEAD, "sessionId": "550e8400-e29b-41d4-a716-446655440000"}
    assert is_same(sent, row(utm_source="bing", ad_storage=False))


def test_a_key_that_the_row_does_not_have_says_nothing():
    listed = row()
    del listed["utm_source"]
    assert is_same(LEAD, listed)


def test_a_row_without_any_identity_is_never_the_same():
    assert not is_same({"name": "Jane"}, {"id": "lead_1", "utm_source": "google"})


def test_a_lead_of_custom_alone_resembles_only_its_like():
    nameless = {"id": "lead_1", "custom": "y", "name": None}
    assert isinstance(finding(nameless, sent={"custom": "x"}), Unclear)
    assert finding(row(), sent={"custom": "x"}) == Absent()


@pytest.mark.parametrize("listed", ['{"plan": "a", "n": 1}', '{"n": 1.0, "plan": "a"}'])
def test_a_lead_of_custom_alone_is_found_in_a_row_that_has_more(listed):
    assert finding(row(custom=listed), sent={"custom": {"n": 1, "plan": "a"}}) == Found("lead_1")


def test_people_of_the_same_name_and_other_addresses_are_others():
    assert finding(row(email="other@example.com", phone="+31687654321")) == Absent()


def test_a_name_counts_where_no_address_can_be_compared():
    assert isinstance(finding(row(email=None), sent={"name": "jane", "email": "a@b.c"}), Absent)
    alone = row(name=" jane  DOE", phone=None)
    assert isinstance(finding(alone, sent={"name": "Jane Doe", "phone": "+3120"}), Unclear)


def test_custom_that_is_deeper_than_can_be_read_is_text():
    deep = "[" * 100_000
    assert finding(row("lead_2", custom=deep), row(), sent={"custom": deep}) == Found("lead_2")


def test_the_comparison_names_only_rows_that_could_be_one_of_the_leads():
    resembling = row("lead_2", name="J. Doe")
    others = [row(f"other_{n}", email=f"{n}@example.com", phone=f"+3120{n:07}") for n in range(9)]
    assert Comparison([doubt()], [row(), *others, resembling]).ids == {"lead_1", "lead_2"}


def test_windows_that_are_close_are_one_request():
    near = [doubt("a", sent_at=1000, until=1001), doubt("b", sent_at=1100, until=1101)]
    far = doubt("c", sent_at=9000, until=9001)
    grouped = windows([far, *near])
    assert [[d.source for d in members] for _, _, members in grouped] == [["a", "b"], ["c"]]
    assert grouped[0][0] < 1000
    assert grouped[0][1] > 1101


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 100)), min_size=1, max_size=20))
def test_every_doubt_lies_in_its_window(spans):
    doubts = [doubt(str(n), LEAD, at, at + span) for n, (at, span) in enumerate(spans)]
    grouped = windows(doubts)
    assert sum(len(members) for _, _, members in grouped) == len(doubts)
    for start, end, members in grouped:
        assert all(start < d.sent_at <= d.until < end for d in members)


def test_times_of_the_api_are_read_and_odd_ones_are_not():
    assert read_time("1970-01-01T00:00:01.500Z") == 1.5
    assert read_time("1970-01-01T00:00:01Z") == 1
    assert read_time("1970-01-01T00:00:01.5Z") == 1.5
    assert read_time("1970-01-01T01:00:01.2500004+01:00") == 1.25
    assert read_time("yesterday") is None
    assert read_time("1970-01-01T00:00:01") is None
    assert read_time(None) is None


# By the rules alone, each lead with each row. The values are few, so that they often meet, and
# include those that are equal or alike without being spelled alike.
VALUES = {
    "name": ["Jane", "JANE ", "Joe", ""],
    "email": ["a@b.c", "A@B.C", "d@e.f", " "],
    "phone": ["+31612345678", "0612345678", "+31687654321", "none"],
    "custom": [{"n": 1, "m": [2]}, '{"m":[2],"n":1.0}', '{"n":true,"m":[3]}', "[1]", [1], "x", {}],
    "utm_source": ["google", "bing"],
    "ad_storage": [True, "true", False],
}
SENT = st.fixed_dictionaries(
    {},
    optional={
        **{key: st.sampled_from(values) for key, values in VALUES.items()},
        "sessionId": st.just("550e8400-e29b-41d4-a716-446655440000"),
    },
)
LISTED = st.fixed_dictionaries(
    {},
    optional={key: st.sampled_from([None, *values]) for key, values in VALUES.items()}
    | {"name": st.sampled_from([None, 5, {"first": "Jane"}, *VALUES["name"]])},
)


def holds_all_that_was_sent(sent, listed):
    identity = {"name", "email", "phone", "custom"}
    told = sent.keys() & listed.keys() & (identity if "sessionId" in sent else VALUES.keys())

    def value(lead, key):
        if key == "ad_storage":
            return lead[key] in {True, "true"}
        if key == "custom" and isinstance(lead[key], str):
            return {
                '{"m":[2],"n":1.0}': {"n": 1.0, "m": [2]},
                '{"n":true,"m":[3]}': {"n": True, "m": [3]},
                "[1]": [1],
            }.get(lead[key], lead[key])
        return lead[key]

    return bool(told & identity) and all(value(sent, key) == value(listed, key) for key in told)


def could_be_the_lead_tidied(sent, listed):
    plain = {"Jane": "jane", "JANE ": "jane", "Joe": "joe", "a@b.c": "a", "A@B.C": "a"}
    plain |= {"d@e.f": "d", "+31612345678": "1", "0612345678": "1", "+31687654321": "2"}

    def known(lead, key):
        return plain.get(lead[key]) if isinstance(lead.get(key), str) else None

    def both_have(key):
        return bool(known(sent, key) and known(listed, key))

    def agree(key):
        return both_have(key) and known(sent, key) == known(listed, key)

    if both_have("email") or both_have("phone"):
        return agree("email") or agree("phone")
    if both_have("name"):
        return agree("name")
    return not any(
        known(lead, key) for lead in (sent, listed) for key in ("name", "email", "phone")
    )


def by_the_rules(leads, rows, taken):
    free = {lead_id: listed for lead_id, listed in rows.items() if lead_id not in taken}
    same = {
        source: {n for n, listed in free.items() if holds_all_that_was_sent(sent, listed)}
        for source, sent in leads.items()
    }
    findings = {}
    for source, sent in leads.items():
        of_others = set().union(*(ids for other, ids in same.items() if other != source))
        if len(same[source]) == 1 and not same[source] & of_others:
            findings[source] = Found(*same[source])
        elif same[source]:
            findings[source] = Unclear("several leads in the list could be this one")
        elif any(could_be_the_lead_tidied(sent, listed) for listed in free.values()):
            findings[source] = Unclear("a lead in the list is similar, but not the same")
        else:
            findings[source] = Absent()
    return findings


@given(
    st.lists(SENT, max_size=4),
    st.lists(LISTED, max_size=6),
    st.sets(st.integers(0, 5), max_size=2),
)
def test_what_is_found_is_what_the_rules_say_of_each_lead_and_each_row(sent, listed, known):
    leads = {f"source_{n}": payload for n, payload in enumerate(sent)}
    rows = {f"lead_{n}": listed_row for n, listed_row in enumerate(listed)}
    taken = {f"lead_{n}" for n in known}
    doubts = [doubt(source, payload) for source, payload in leads.items()]
    found = compare(doubts, [{"id": n, **listed_row} for n, listed_row in rows.items()], taken)
    assert found == by_the_rules(leads, rows, taken)


class ReadRow(dict):
    """A row that counts how often a value of it is read."""

    def __init__(self, values, count):
        super().__init__(values)
        self.count = count

    def get(self, key, default=None):
        self.count[key] = self.count.get(key, 0) + 1
        return super().get(key, default)

    def __getitem__(self, key):
        self.count[key] = self.count.get(key, 0) + 1
        return super().__getitem__(key)


@pytest.mark.parametrize(
    "common",
    [{}, {"name": "Website visitor", "custom": '{"form":"contact"}'}],
    ids=["strangers", "of one name and form"],
)
def test_no_row_is_read_again_for_each_lead(common):
    def reads(leads):
        count = {}
        rows = [
            ReadRow(
                row(f"lead_{n}", name=f"A{n}", email=f"{n}@a.b", phone=f"06{n:08}") | common, count
            )
            for n in range(200)
        ]
        sent = {"name": "Website visitor", "custom": {"form": "contact"}}
        doubts = [doubt(str(n), {**sent, "email": f"{n}@c.d"}) for n in range(leads)]
        assert set(compare(doubts, rows).values()) == {Absent()}
        return count

    assert reads(50) == reads(1)
