"""Streams that real taps wrote go through to the end, and all of their STATE comes out."""

from __future__ import annotations

import json

import pytest

from tests.support.samples import MAPPINGS, SAMPLES

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name.split(".")[0])
def test_a_real_stream_goes_through(sandbox, target, path):
    mapping = MAPPINGS[path.name.split(".")[0]]
    given = path.read_bytes()
    messages = [json.loads(line) for line in given.splitlines()]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    done = target.run(
        given,
        streams=[{"stream": "*", "mapping": mapping}],
        phone_region="NL",
        max_rejected_percent=100,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "the stream has no" not in done.stderr, "a column that the mapping names"
    assert done.states[-1] == states[-1]
    assert all(written in states for written in done.states)
    records = sum(message["type"] == "RECORD" for message in messages)
    counted = target.status()["outcomes"]
    assert counted["delivered"] == len(sandbox.leads()) >= records // 2
    assert counted["in_doubt"] == 0


def test_there_are_samples():
    assert {path.name.split(".")[0] for path in SAMPLES} == MAPPINGS.keys()
