"""The framework's own tests for targets, against the sandbox; run on two of its versions."""

from __future__ import annotations

import os

import pytest
from singer_sdk.sinks import Sink
from singer_sdk.target_base import Target
from singer_sdk.testing import get_target_test_class

from target_octanist.target import TargetOctanist
from tests.support.sandbox import API_KEY, Sandbox

#: Records of any kind become leads; that some are refused is not what is tested here.
CONFIG = {
    "api_key": API_KEY,
    "streams": {"*": {"mapping": {"custom": {"rest": True}}}},
    "max_rejected_percent": 100,
}

#: Filled by the fixture below: the tests read it when each of them begins.
_config = dict(CONFIG)


@pytest.fixture(scope="module", autouse=True)
def _sandbox(tmp_path_factory):
    with Sandbox() as sandbox:
        _config["base_url"] = sandbox.base_url
        _config["ledger"] = str(tmp_path_factory.mktemp("ledger") / "ledger.db")
        yield


class TestStandard(
    get_target_test_class(
        target_class=TargetOctanist,
        config=_config,
        # Else a developer's own variables and .env file would win over the config above.
        parse_env_config=False,
    )
):
    """All standard tests."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Target, "_process_schema_message"),
        (Target, "_process_record_message"),
        (Target, "_process_state_message"),
        (Target, "_process_batch_message"),
        (Target, "_process_activate_version_message"),
        (Target, "_assert_sink_exists"),
        (Target, "_handle_termination"),
        (Target, "_validate_config"),
        (Target, "cb_config"),
        (Target, "process_endofpipe"),
        (Sink, "_validate_and_parse"),
    ],
)
def test_what_is_overridden_still_exists_in_the_framework(owner, name):
    assert callable(getattr(owner, name))


def test_no_variable_of_the_developer_is_read(monkeypatch):
    monkeypatch.setenv("TARGET_OCTANIST_BASE_URL", "http://127.0.0.1:9/elsewhere")
    target = TargetOctanist(config=dict(_config), parse_env_config=False)
    assert target.settings.base_url == _config["base_url"]
    assert os.environ["TARGET_OCTANIST_BASE_URL"].endswith("elsewhere")
