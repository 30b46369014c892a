from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner

from target_octanist.sandbox.command import command
from tests.sandbox.client import SESSION, Client
from tests.support.sandbox import PATIENCE_SECONDS, Sandbox

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path):
    ready = tmp_path / "ready"
    with Sandbox("--ready-file", str(ready)) as sandbox:
        assert ready.read_text().strip() == sandbox.base_url
        client = Client(sandbox)
        client.created(name="x")  # and the connection stays open
        events = requests.get(
            f"{sandbox.origin}/_sandbox/events", stream=True, timeout=PATIENCE_SECONDS
        )
        sandbox.process.send_signal(number)
        assert sandbox.process.wait(PATIENCE_SECONDS) == 0
        assert not sandbox.stderr()
        assert not ready.exists()
        events.close()
        client.close()


def test_only_loopback_is_listened_on():
    with Sandbox() as sandbox:
        assert sandbox.base_url.startswith("http://127.0.0.1:")


def test_leads_outlive_a_restart(tmp_path: Path):
    data = tmp_path / "leads.jsonl"
    with Sandbox("--data", str(data), "--session", SESSION) as sandbox:
        client = Client(sandbox)
        client.created(email="first@example.com", sessionId=SESSION)
        sandbox.clear()
        lead_id = client.created(email="jane@example.com", custom={"a": "é"}, sessionId=SESSION)
        client.created(email="jane@example.com")
        client.update(id=lead_id, status="won", value=7)
        before = sandbox.leads()
        sandbox.kill()
        client.close()
    assert stat.S_IMODE(data.stat().st_mode) == 0o600
    with data.open("a") as file:
        file.write('{"op": "create", "id": "le')  # killed within a write
    with Sandbox("--data", str(data)) as sandbox:
        assert sandbox.leads() == before
        assert sandbox.stats()["duplicates_by_email"] == 1
        client = Client(sandbox)
        client.created(name="after", sessionId=SESSION)
        client.close()
    with Sandbox("--data", str(data)) as sandbox:
        assert [lead.get("name") for lead in sandbox.leads()] == [None, None, "after"]
    assert "first@example.com" not in data.read_text()


def test_a_file_that_is_no_data_file_is_left_alone(tmp_path: Path):
    data = tmp_path / "notes.txt"
    data.write_text("not mine\n")
    with pytest.raises(RuntimeError, match="line 1 is not an entry"):
        Sandbox("--data", str(data))
    assert data.read_text() == "not mine\n"


def test_a_port_in_use_is_told_in_a_sentence():
    with Sandbox() as sandbox:
        port = sandbox.origin.rpartition(":")[2]
        with pytest.raises(RuntimeError) as error:
            Sandbox("--port", port)
        assert f"cannot start: 127.0.0.1:{port}: Address already in use" in str(error.value)
        assert "Traceback" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--filter", "email"], "FIELD=GLOB"),
        (["--filter", "mail=x"], "FIELD=GLOB"),
        (["--session", "x"], "UUID"),
        (["--session", f'{{"sessionId": "{SESSION}", "name": "x"}}'], "name"),
        (["--fault", "drop"], "--fault: is not JSON (line 1, column 1)"),
        (["--fault", '{"action": "explode"}'], "explode"),
        (["--contract", "new"], "legacy"),
    ],
)
def test_bad_options_are_explained(options: list[str], word: str):
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert word in result.output


def test_a_session_can_be_given_with_its_attribution():
    session = json.dumps({"sessionId": SESSION, "gclid": "g"})
    with Sandbox("--session", session) as sandbox:
        client = Client(sandbox)
        assert client.get(client.created(name="x", sessionId=SESSION))["gclid"] == "g"
        client.close()


def test_requests_can_be_logged_without_what_they_hold():
    with Sandbox("--log-requests") as sandbox:
        client = Client(sandbox)
        client.created(email="jane@example.com")
        client.list(search="jane@example.com")
        client.close()
        sandbox.stop()
        assert sandbox.stderr().splitlines() == ["POST /leads: 201", "GET /leads: 200"]


def test_without_the_extra_it_says_what_to_install():
    program = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv = ['sandbox'];"
        " import target_octanist.sandbox.command as c; c.command()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=90, check=False
    )
    assert run.returncode == 1
    assert run.stderr.strip().endswith("[sandbox]'")
    assert "two more packages: pip install " in run.stderr
    assert "Traceback" not in run.stderr


def test_it_shares_no_code_with_the_rest():
    program = (
        "import sys, target_octanist.sandbox.server, target_octanist.sandbox.command;"
        "print(*[m for m in sys.modules if m.startswith('target_octanist.')"
        " and not m.startswith('target_octanist.sandbox')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=90, check=True
    )
    assert run.stdout.split() == []
