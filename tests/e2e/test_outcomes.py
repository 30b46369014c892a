"""Each answer that can come has the outcome of the contract, on the wire and in the journal."""

from __future__ import annotations

import socket

import pytest

from tests.support.sandbox import Sandbox, port_to_keep
from tests.support.target import Target, finish, person, record, schema, state, wait_for

pytestmark = pytest.mark.e2e

LINES = [
    schema(),
    record(**person(1)),
    state({"at": 1}),
    record(**person(2)),
    state({"at": 2}),
    record(**person(3)),
    state({"at": 3}),
]


LEADS = {"method": "POST", "path": "/leads"}

#: The second of three people, whichever order they come in.
SECOND = {**LEADS, "field": {"email": "canary.2@*"}}

#: Actions that the sandbox has no name for.
STATUS = {
    number: {"kind": "status", "status": int(number)} for number in ("400", "403", "413", "503")
}


#: What an answer means must not depend on how it was had.
both_transports = pytest.mark.parametrize("transport", ["fast", "requests"])


def action_of(name):
    return STATUS.get(name, name)


def posts(sandbox):
    return [r for r in sandbox.requests("POST") if r["path"] == "/leads"]


def outcomes(target):
    return {state: count for state, count in target.status()["outcomes"].items() if count}


@both_transports
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("400", {"delivered": 2, "rejected": 1}),
        ("success-false", {"delivered": 2, "rejected": 1}),
        ("403", {"delivered": 2, "filtered": 1}),
        ("413", {"delivered": 2, "rejected": 1}),
        ("503", {"delivered": 2, "in_doubt": 1}),
        ("500", {"delivered": 2, "in_doubt": 1}),
        ("500-after-commit", {"delivered": 2, "in_doubt": 1}),
        ("html-502", {"delivered": 2, "in_doubt": 1}),
        ("unreadable", {"delivered": 2, "in_doubt": 1}),
        ("half", {"delivered": 2, "in_doubt": 1}),
        ("drop", {"delivered": 2, "in_doubt": 1}),
        ("drop-after-commit", {"delivered": 2, "in_doubt": 1}),
    ],
)
def test_one_lead_has_its_outcome_and_the_run_goes_on(sandbox, target, action, expected, transport):
    sandbox.fault(action_of(action), **SECOND)
    done = target.run(LINES, on_unknown="hold", transport=transport)
    assert done.returncode == 0, done.stderr
    assert outcomes(target) == expected
    assert done.states[-1] == {"at": 3}
    assert len(posts(sandbox)) == 3, "one request for each lead, whatever came back"

    sandbox.clear_faults()
    again = target.run(LINES, on_unknown="hold")
    assert again.returncode == 0
    assert len(posts(sandbox)) == 3, "nothing is sent again by itself"


@pytest.mark.parametrize("said", ["half \ud83d of it", "before\0after"])
def test_a_text_of_the_api_that_no_database_takes_costs_nothing(sandbox, target, ledger, said):
    sandbox.fault({**STATUS["400"], "message": said}, **SECOND)
    done = target.run(LINES, ledger=ledger)
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 3}
    assert len(sandbox.leads()) == 2


@pytest.mark.parametrize("action", ["401", "html-403", "404", "405", "redirect"])
def test_what_every_lead_would_meet_stops_the_run(sandbox, target, action):
    sandbox.fault(action_of(action), **SECOND)
    done = target.run(LINES, max_concurrency=1)
    assert done.returncode == 1
    assert "nothing more is sent" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.states[-1:] in ([], [{"at": 1}]), "STATE stays behind the cause"
    sent = len(posts(sandbox))

    sandbox.clear_faults()
    again = target.run(LINES)
    assert again.returncode == 0, again.stderr
    assert again.states[-1] == {"at": 3}
    assert len(sandbox.leads()) == 3
    assert len(posts(sandbox)) - sent == 3 - (sent - 1), "what was delivered is not sent again"


@pytest.mark.parametrize(
    "action", ["429", "429-retry-after", "429-retry-after-date", "503-retry-after"]
)
def test_a_throttled_lead_waits_and_is_delivered_once(sandbox, target, action):
    sandbox.fault(action, **SECOND, times=2)
    done = target.run(LINES, max_attempts=1)
    assert done.returncode == 0, done.stderr
    assert len(sandbox.leads()) == 3
    assert outcomes(target) == {"delivered": 3}
    assert len(posts(sandbox)) == 5


@both_transports
@pytest.mark.parametrize(
    ("action", "requests"),
    [
        ("500", 4),
        ("500-after-commit", 3),
        ("drop", 4),
        ("drop-after-commit", 3),
        ("unreadable", 3),
        ("half", 3),
    ],
)
def test_a_lost_answer_is_asked_for_and_each_lead_arrives_once(
    sandbox, target, action, requests, transport
):
    sandbox.fault(action_of(action), **SECOND, times=1)
    done = target.run(LINES, transport=transport)
    assert done.returncode == 0, done.stderr
    assert outcomes(target) == {"delivered": 3}
    assert done.states[-1] == {"at": 3}
    assert len(sandbox.leads()) == 3
    assert len(posts(sandbox)) == requests


def test_where_the_api_refuses_to_list_the_lead_is_in_doubt(sandbox, target):
    sandbox.fault("drop-after-commit", **SECOND, times=1)
    sandbox.fault(STATUS["400"], method="GET", path="/leads")
    done = target.run(LINES)
    assert done.returncode == 0, done.stderr
    assert outcomes(target) == {"delivered": 2, "in_doubt": 1}
    (doubtful,) = target.status()["in_doubt"]
    assert "cannot be read" in doubtful["reason"]


def test_a_lead_that_the_list_shows_late_is_not_sent_twice(tmp_path):
    with Sandbox("--list-lag-ms", "2500") as sandbox:
        target = Target(tmp_path, sandbox.base_url)
        sandbox.fault("drop-after-commit", **SECOND, times=1)
        done = target.run(LINES)
        assert done.returncode == 0, done.stderr
        assert len(sandbox.leads()) == 3
        assert outcomes(target) == {"delivered": 3}


def test_a_lost_answer_is_sent_again_only_on_request(sandbox, target):
    sandbox.fault("drop-after-commit", **SECOND, times=1)
    done = target.run(LINES, on_unknown="resend")
    assert done.returncode == 0, done.stderr
    assert len(sandbox.leads()) == 4, "this is what `resend` risks"


def test_a_refused_connection_loses_nothing(target, sandbox):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        done = target.run(LINES, base_url=nowhere, max_attempts=2)
    assert done.returncode == 1
    assert "cannot be reached (not sent: the connection was refused)" in done.stderr
    assert done.states == []
    assert "0 rejected, 0 in doubt; 3 more were read and not settled." in done.stderr
    assert not outcomes(target).keys() & {"in_doubt", "rejected"}
    again = target.run(LINES)
    assert again.returncode == 0, again.stderr
    assert outcomes(target) == {"delivered": 3}


def test_a_server_that_comes_back_gets_each_lead_once(tmp_path):
    """Connections are refused at first; the attempts outlast the outage."""
    port = port_to_keep()
    target = Target(tmp_path, f"http://127.0.0.1:{port}/api", max_attempts=1000)
    process = target.start()
    process.stdin.write("\n".join([*LINES, ""]).encode())
    process.stdin.flush()
    # It is claimed, so it has been tried, or is about to be, with nobody there.
    wait_for(target.has_records)
    with Sandbox("--port", port) as back:
        done = finish(process)
        assert done.returncode == 0, done.stderr
        assert len(back.leads()) == 3


def test_too_many_rejected_leads_stop_the_run_with_state_behind_them(target, sandbox):
    lines = [schema()]
    for number in range(1, 101):
        lines += [record(**person(number)), state({"at": number})]
    sandbox.fault(STATUS["400"], **LEADS, field={"email": "canary.5*@*"})
    done = target.run(lines, max_concurrency=1)
    assert done.returncode == 1
    assert "max_rejected_percent: 6 of the first 54 records were rejected" in done.stderr
    assert done.states[-1]["at"] < 60
    assert len(sandbox.leads()) < 90


def test_below_twenty_records_a_share_says_nothing(target, sandbox):
    sandbox.fault(STATUS["400"], **LEADS)
    done = target.run(LINES)
    assert done.returncode == 0
    assert outcomes(target) == {"rejected": 3}
    assert done.states[-1] == {"at": 3}
    assert "Not one of the 3 records could be delivered" in done.stderr


def test_a_run_of_which_nothing_is_good_is_not_green(target, sandbox):
    sandbox.fault(STATUS["400"], **LEADS)
    lines = [schema(), *(record(**person(n)) for n in range(1, 21)), state({"at": 20})]
    done = target.run(lines)
    assert done.returncode == 1
    assert "20 of the first 20 records were rejected" in done.stderr
    assert done.states == []
