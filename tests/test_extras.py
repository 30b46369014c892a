"""An extra is added in the way in which the package was installed."""

from __future__ import annotations

import pytest

from target_octanist.extras import extra_hint, pip_command


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({}, "pip install 'target-octanist[report]'"),
        (
            {"url": "file:///srv/our%20target", "dir_info": {}},
            "pip install '/srv/our target[report]'",
        ),
        (
            {"url": "file:///srv/target", "dir_info": {"editable": True}},
            "pip install -e '/srv/target[report]'",
        ),
        (
            {"url": "file:///tmp/target_octanist-0.1.0-py3-none-any.whl", "archive_info": {}},
            "pip install '/tmp/target_octanist-0.1.0-py3-none-any.whl[report]'",
        ),
        (
            {"url": "https://git.example.com/target", "vcs_info": {"vcs": "git"}},
            "pip install 'target-octanist[report] @ git+https://git.example.com/target'",
        ),
        (
            {"url": "https://example.com/target.whl", "archive_info": {}},
            "pip install 'target-octanist[report] @ https://example.com/target.whl'",
        ),
    ],
)
def test_the_command_is_that_of_the_installation(origin, command):
    assert pip_command("report", origin) == command


def test_this_installation_is_found():
    assert extra_hint("files").startswith("pip install ")
    assert extra_hint("files").endswith("[files]'")
