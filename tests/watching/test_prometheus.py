"""The file for Prometheus holds what was counted by hand."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from target_octanist import __version__
from target_octanist.ledger.claims import Claim
from target_octanist.runtime import Run
from target_octanist.settings import Settings
from tests.support.target import (
    feed,
    finish,
    octanist,
    people,
    person,
    record,
    schema,
    state,
    wait_for,
)

pytestmark = pytest.mark.e2e

LEADS = {"method": "POST", "path": "/leads"}

LAST_SUCCESS = ("octanist_last_success_timestamp_seconds", ())


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "textfiles"
    folder.mkdir()
    return folder / "octanist.prom"


def samples(path):
    """Give (name, labels) to value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
    }


def of(found, name):
    return {labels: value for (one, labels), value in found.items() if one == f"octanist_{name}"}


def test_each_record_is_counted_where_it_belongs(sandbox, target, path):
    sandbox.fault(kind="status", status=403, **LEADS, field={"email": "canary.2@*"})
    sandbox.fault(kind="status", status=400, **LEADS, field={"email": "canary.3@*"})
    sandbox.fault("drop", **LEADS, field={"email": "canary.4@*"})
    sandbox.fault("429", **LEADS, field={"email": "canary.5@*"}, times=1)
    lines = [schema(), *(record(**person(number)) for number in range(1, 6))]
    lines += [record(**person(1) | {"id": 11}), record(id=12, email="nobody")]
    before = time.time()
    done = target.run(lines, on_unknown="hold", max_rejected_percent=100, metrics_path=str(path))
    after = time.time()
    assert done.returncode == 0, done.stderr
    found = samples(path)
    assert of(found, "leads_total") == {
        (("outcome", "delivered"), ("stream", "leads")): 2,
        (("outcome", "filtered"), ("stream", "leads")): 1,
        (("outcome", "rejected"), ("stream", "leads")): 2,
        (("outcome", "in_doubt"), ("stream", "leads")): 1,
        (("outcome", "duplicate"), ("stream", "leads")): 1,
    }
    assert of(found, "requests_total") == {
        (("status", "201"),): 2,
        (("status", "400"),): 1,
        (("status", "403"),): 1,
        (("status", "429"),): 1,
        (("status", "none"),): 1,
    }
    assert of(found, "retries_total") == {(): 1}
    assert of(found, "request_duration_seconds_count") == {(): 6}
    assert of(found, "request_duration_seconds_bucket")[("le", "+Inf"),] == 6
    assert of(found, "journal_turn_duration_seconds_count")[()] >= 1
    assert of(found, "in_flight") == {(): 0}
    assert of(found, "queue_depth") == {(): 0}
    assert of(found, "pace")[()] >= 1
    assert of(found, "run_exit_code") == {(): 0}
    assert of(found, "run_success") == {(): 1}
    (begun,), (ended,) = (
        of(found, f"run_{when}_timestamp_seconds").values() for when in ("start", "end")
    )
    assert before <= begun <= ended <= after
    assert found[LAST_SUCCESS] == ended
    ((labels, one),) = of(found, "run_info").items()
    connection = sqlite3.connect(target.ledger)
    ((run,),) = connection.execute("SELECT id FROM octanist_runs")
    connection.close()
    assert (dict(labels), one) == ({"run_id": run, "run": run[:8], "version": __version__}, 1)


def test_it_keeps_to_the_conventions_and_others_may_read_it(target, path):
    before = os.umask(0o077)
    try:
        assert target.run(people(1), metrics_path=str(path)).returncode == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["octanist.prom"]
    families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert not [f.name for f in families if f.name.endswith("_created")]
    assert "canary" not in path.read_text(encoding="utf-8").casefold()


def test_a_failing_run_keeps_the_time_of_the_last_success(sandbox, target, path):
    assert target.run(people(1), metrics_path=str(path)).returncode == 0
    first = samples(path)[LAST_SUCCESS]
    sandbox.fault("401", **LEADS)
    assert target.run(people(3), metrics_path=str(path)).returncode == 1
    found = samples(path)
    assert found[LAST_SUCCESS] == first
    assert of(found, "run_success") == {(): 0}
    assert of(found, "run_exit_code") == {(): 1}


def test_a_run_that_cannot_begin_says_so_too(target, path):
    assert target.run(people(1), metrics_path=str(path)).returncode == 0
    first = samples(path)[LAST_SUCCESS]
    done = target.run(people(1), metrics_path=str(path), ledger="/proc/no/such/ledger.db")
    assert done.returncode == 1
    assert of(samples(path), "run_exit_code") == {(): 1}
    assert samples(path)[LAST_SUCCESS] == first


def test_a_run_in_which_nothing_was_good_is_no_success(target, path):
    done = target.run([schema(), record(id=1, email="nobody")], metrics_path=str(path))
    assert done.returncode == 0
    assert of(samples(path), "run_exit_code") == {(): 0}
    assert of(samples(path), "run_success") == {(): 0}
    assert samples(path)[LAST_SUCCESS] == 0


def test_a_killed_run_has_begun_and_not_ended(target, path):
    assert target.run(people(1), metrics_path=str(path)).returncode == 0
    earlier = samples(path)
    process = target.start(metrics_path=str(path))
    feed(process, [schema()])
    begun = ("octanist_run_start_timestamp_seconds", ())
    wait_for(lambda: samples(path)[begun] > earlier[begun])
    process.send_signal(signal.SIGKILL)
    finish(process)
    found = samples(path)
    assert not of(found, "run_end_timestamp_seconds")
    assert not of(found, "run_success")
    assert found[LAST_SUCCESS] == earlier[LAST_SUCCESS]


def test_a_run_that_is_stopped_says_by_what(target, path):
    process = target.start(metrics_path=str(path))
    feed(process, [schema(), record(**person(1)), state({"at": 1})])
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert finish(process).returncode == 143
    assert of(samples(path), "run_exit_code") == {(): 143}
    assert of(samples(path), "run_success") == {(): 0}


def test_it_tells_how_far_a_run_is_that_goes_on(sandbox, tmp_path, path):
    settings = Settings(
        api_key="sandbox-key",
        base_url=sandbox.base_url,
        ledger=str(tmp_path / "ledger.db"),
        metrics_path=str(path),
    )
    run = Run(settings)
    exit_code = 1
    try:
        run.submit([Claim("a", "leads", (), 0, "d", '{"name":"A"}')], {}, [], lambda: None)
        wait_for(lambda: run.settled_through == 1)
        run._metrics.report()
        delivered = (("outcome", "delivered"), ("stream", "leads"))
        assert of(samples(path), "leads_total") == {delivered: 1}
        assert not of(samples(path), "run_end_timestamp_seconds")
        run._metrics.report()
        assert of(samples(path), "leads_total") == {delivered: 1}, "counted once"
        run.settle_all(lambda: None, lambda: False)
        exit_code = 0
    finally:
        run.close(exit_code)
    assert of(samples(path), "leads_total") == {delivered: 1}
    assert of(samples(path), "run_success") == {(): 1}


def test_a_folder_that_goes_away_is_one_warning_and_no_more(sandbox, target, path):
    process = target.start(metrics_path=str(path))
    feed(process, [schema()])
    wait_for(path.exists)
    path.unlink()
    path.parent.rmdir()
    done = finish(process, (record(**person(1)) + "\n").encode())
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("metrics_path: ") == 1
    assert len(sandbox.leads()) == 1


def test_a_file_that_makes_no_sense_is_replaced(target, path):
    path.write_bytes(b"\xff{{{ 1 2 3")
    assert target.run(people(1), metrics_path=str(path)).returncode == 0
    assert of(samples(path), "run_success") == {(): 1}


@pytest.mark.parametrize(
    ("name", "told", "error_id"),
    [
        ("/no/such/folder/o.prom", "/no/such/folder is not a writable folder", "metrics-path"),
        ("octanist.txt", "must end in .prom", "settings-value"),
    ],
)
def test_a_path_that_cannot_be_used_is_told_at_the_start(target, name, told, error_id):
    done = target.run(people(1), metrics_path=name)
    assert done.returncode == 1
    assert f"metrics_path: {told}" in done.stderr
    assert f"({error_id})" in done.stderr


def test_a_dry_run_and_settling_by_hand_write_nothing(target, path):
    assert target.run(people(1), metrics_path=str(path), dry_run=True).returncode == 0
    assert not path.exists()
    assert target.run(people(1), metrics_path=str(path)).returncode == 0
    path.unlink()
    config = str(target.folder / "config.json")
    assert octanist("reconcile", "--config", config, home=target.folder).returncode == 0
    assert not path.exists()
