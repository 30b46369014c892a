"""Bad input of all kinds: never a traceback, never a person in the log, nothing lost before it.

``pytest tests/e2e/test_fuzz.py --fuzz 10000`` makes more of it. A case that fails is named by
its number; ``--fuzz 1 --fuzz-from NUMBER`` runs it again.
"""

from __future__ import annotations

import io
import logging
import signal
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from random import Random
from types import SimpleNamespace

import pytest
from singer_sdk.logging import ConsoleFormatter

from target_octanist.target import TargetOctanist
from tests.support.fuzz import (
    CONFIGS,
    NAME,
    good_record,
    hostile_record,
    make_case,
    no_message,
    parts_of_canaries,
    schema,
)

pytestmark = pytest.mark.e2e

CANARIES = parts_of_canaries()
CASES_IN_A_TEST = 100


def pytest_generate_tests(metafunc):
    if "numbers" in metafunc.fixturenames:
        first, count = (metafunc.config.getoption(name) for name in ("fuzz_from", "fuzz"))
        starts = range(first, first + count, CASES_IN_A_TEST)
        chunks = [range(at, min(at + CASES_IN_A_TEST, first + count)) for at in starts]
        metafunc.parametrize("numbers", chunks, ids=lambda chunk: f"from {chunk[0]}")


class Watched(TargetOctanist):
    """Says afterwards what a run took and settled."""

    last: Watched

    def __init__(self, **options):
        Watched.last = self
        super().__init__(**options)

    @property
    def counts(self):
        return (self._run.accepted, self._run.settled_through) if self._run else (0, 0)


@contextmanager
def signals_kept():
    kept = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    yield
    for signum, handler in kept.items():
        signal.signal(signum, handler)


@contextmanager
def log_of(level):
    """What the process would write to stderr."""
    root, told = logging.getLogger(), io.StringIO()
    handler, before = logging.StreamHandler(told), root.level
    handler.setFormatter(ConsoleFormatter())
    root.addHandler(handler)
    root.setLevel(level)
    yield told
    root.setLevel(before)
    root.removeHandler(handler)


def run(case):
    """Run the target over one case, as its command would: code, stdout and log."""
    settings = {"dry_run": True, "max_rejected_percent": 100, "max_concurrency": 2}
    config = SimpleNamespace(config=settings | CONFIGS[case.config], parse_env=False)
    level = logging.DEBUG if case.number % 4 == 0 else logging.INFO
    with log_of(level) as told, redirect_stdout(io.StringIO()) as out, signals_kept():
        try:
            Watched.invoke(config=lambda: config, file_input=io.BytesIO(case.data))
            code = 0
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), told.getvalue()


def faults_of(case):
    code, out, told = run(case)
    accepted, settled = Watched.last.counts
    lower = (out + told).lower()
    if "traceback" in lower:
        yield "a traceback"
    if "internal failure" in lower:
        yield "an internal failure"
    if any(canary in lower for canary in CANARIES):
        yield "personal data in the log"
    if not told.isprintable() and {*told} & {"\x1b", "\x00", "\x9b", "\u202e", "\ud83d"}:
        yield "control characters in the log"
    if out:
        yield "something on stdout"
    if settled != accepted:
        yield f"{accepted} records accepted, {settled} settled"
    if code not in {0, 1} or (case.stops is not None and code != case.stops):
        yield f"exit code {code}"
    if code == 1 and " ERROR " not in told:
        yield "no sentence about what was wrong"
    if accepted < case.before or case.accepted not in {None, accepted}:
        yield f"{accepted} records accepted instead of {case.accepted}, {case.before} before it"


def test_no_input_is_too_bad(numbers, tmp_path):
    faults = Counter()
    for number in numbers:
        case = make_case(number, tmp_path)
        for fault in faults_of(case):
            faults[f"case {number} ({case.kind}, {case.config}): {fault}"] += 1
    assert not faults, "\n".join(faults)


def test_a_case_can_be_had_again(tmp_path):
    assert [make_case(n, tmp_path).data for n in range(50)] == [
        make_case(n, tmp_path).data for n in range(50)
    ]


def test_hostile_records_cost_the_run_nothing_but_themselves(sandbox, target):
    """The real process and the sandbox, which refuses some leads and quotes them."""
    quoting = {"method": "POST", "path": "/leads", "every": 7}
    sandbox.fault(kind="status", status=400, message=NAME, **quoting)
    chance = Random(20260501)
    lines = [schema(), *(hostile_record(chance, number) for number in range(300))]
    lines.append(b'{"type": "STATE", "value": {"at": 300}}')
    done = target.run(
        b"\n".join(lines), max_rejected_percent=100, dedupe_by=[], **CONFIGS["a mapping"]
    )
    assert done.returncode == 0, done.stderr
    assert done.states[-1] == {"at": 300}
    assert_clean(done)
    outcomes = target.status()["outcomes"]
    assert outcomes["delivered"] == len(sandbox.leads())
    assert outcomes["delivered"] + outcomes["rejected"] == 300
    assert outcomes["rejected"] >= 30


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_no_message_ends_the_real_process_in_good_order(
    sandbox, target, tmp_path, number
):
    bad, _, _ = no_message(Random(number), tmp_path)
    state = b'{"type": "STATE", "value": {"at": %d}}'
    lines = [schema(), *map(good_record, range(10)), state % 10, *bad, good_record(11), state % 11]
    done = target.run(b"\n".join(lines), dedupe_by=[], **CONFIGS["a mapping"])
    assert done.returncode == 1
    assert "Line 13 of the input" in done.stderr
    assert done.states == [{"at": 10}]
    assert len(sandbox.leads()) == 10
    assert_clean(done)


def assert_clean(done):
    told = (done.stdout + done.stderr).lower()
    assert "traceback" not in told
    assert "internal failure" not in told
    assert not [canary for canary in CANARIES if canary in told]
    assert "\x1b" not in told
