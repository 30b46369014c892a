"""Settings: every form that Meltano, JSON and the environment give, and every mistake at once."""

from __future__ import annotations

import sys

import pytest

from target_octanist.cli.config import from_environment
from target_octanist.cli.report import command
from target_octanist.errors import OctanistError, SettingsError
from target_octanist.settings import default_ledger
from target_octanist.settings_reader import read_settings

KEY = {"api_key": "secret-key"}


def read(**config):
    return read_settings(KEY | config, environ={"OCTANIST_HOME": "/somewhere"})


def problems(**config):
    with pytest.raises(SettingsError) as caught:
        read(**config)
    return caught.value.problems


def test_the_ledger_is_where_the_contract_says(tmp_path):
    home = {"OCTANIST_HOME": "/a", "MELTANO_PROJECT_ROOT": "/b"}
    assert str(default_ledger(home)) == "/a/octanist-ledger.db"
    assert str(default_ledger({"MELTANO_PROJECT_ROOT": "/b"})) == "/b/.meltano/octanist-ledger.db"
    assert default_ledger({}).name == "octanist-ledger.db"
    assert read().ledger == "/somewhere/octanist-ledger.db"


def test_null_means_not_set():
    settings = read(max_concurrency=None, streams=None, phone_region=None)
    assert (settings.max_concurrency, settings.streams) == (16, ())


def test_numbers_and_flags_may_be_text():
    settings = read(max_concurrency="4", dry_run="true")
    assert (settings.max_concurrency, settings.dry_run) == (4, True)


def test_streams_may_be_an_object_or_a_list():
    mapping = {"email": "e"}
    as_object = read(streams={"public.leads": {"mapping": mapping}})
    as_list = read(streams=[{"stream": "public.leads", "mapping": mapping}])
    for settings in (as_object, as_list):
        assert settings.stream("public.leads").mapping == mapping


def test_the_more_an_entry_says_about_the_name_the_more_it_counts():
    settings = read(
        phone_region="DE",
        streams={
            "leads_nl": {"mapping": {"phone": "c"}, "dedupe_by": []},
            "*": {"mapping": {"email": "a", "name": "a", "note": "a"}, "dedupe_window_days": 0},
            "leads_*": {"mapping": {"email": "b", "note": None}, "phone_region": "nl", "key": "id"},
        },
    )
    exact = settings.stream("leads_nl")
    assert exact.mapping == {"email": "b", "name": "a", "phone": "c"}
    assert (exact.phone_region, exact.dedupe_by) == ("NL", ())
    assert (exact.dedupe_window_days, exact.key) == (0, ("id",))
    other = settings.stream("others")
    assert (other.phone_region, other.dedupe_by) == ("DE", ("email", "phone"))
    assert other.key is None


def test_a_stream_that_nothing_matches_has_no_mapping():
    assert read(streams={"a": {"mapping": {"email": "e"}}}).stream("b").mapping == {}


def test_every_mistake_is_told_at_once():
    told = problems(
        api_key=None,
        base_url="http://example.com",
        max_concurrency="many",
        check_quota="wran",
        streams={"a": {"maping": {}, "mapping": {"emial": "x"}}},
    )
    assert len(told) == 6
    for word in ("api_key", "base_url", "max_concurrency", "check_quota", "maping", "emial"):
        assert sum(word in problem for problem in told) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": 12345},
        {"api_key": "with space 12345"},
        {"api_key": "new\nline12345"},
        {"base_url": "https://user:12345@octanist.com/api"},
        {"base_url": "https://octanist.com/api?key=12345"},
        {"ledger": 12345},
        {"phone_region": "12345"},
    ],
)
def test_no_message_repeats_a_value_that_could_be_secret(config):
    (told,) = problems(**config)
    assert told.startswith(next(iter(config)))
    assert "12345" not in told


@pytest.mark.parametrize(
    "base_url",
    [
        "https://octanist.com/api",
        "https://proxy.example.com:8443/octanist/",
        "http://127.0.0.1:8321/api",
        "http://[::1]:8321/api",
        "http://localhost/api",
    ],
)
def test_addresses_that_may_be_used(base_url):
    assert read(base_url=base_url).base_url == base_url.rstrip("/")


@pytest.mark.parametrize(
    "base_url",
    ["octanist.com", "http://octanist.com/api", "https://", "http://127.0.0.1.example.com", "//x"],
)
def test_addresses_that_may_not(base_url):
    assert problems(base_url=base_url)[0].startswith("base_url: ")


@pytest.mark.parametrize(
    ("streams", "told"),
    [
        ("leads", "streams: must be an object"),
        ([{"mapping": {}}], "streams[0]: must be an object that names its `stream`"),
        ({"a": []}, "streams.a: must be an object"),
        ({"a": {"mapping": "email"}}, "streams.a.mapping: must be an object"),
        ({"a": {"key": 5}}, "streams.a.key: must be a list"),
        ({"a": {"mode": "update"}}, "streams.a.mode"),
        ({"a": {"preset": "hubspot"}}, "streams.a.preset"),
        ({"a": {"dedupe_by": ["nothing"]}}, "streams.a.dedupe_by"),
        ({"a": {"dedupe_window_days": -1}}, "streams.a.dedupe_window_days"),
        ({"a": {"phone_region": "Holland"}}, "streams.a.phone_region"),
    ],
)
def test_mistakes_in_streams_name_their_place(streams, told):
    assert problems(streams=streams)[0].startswith(told)


def test_a_dry_run_needs_no_key():
    assert read_settings({"dry_run": True}, environ={}).api_key is None


def test_the_key_is_not_in_the_repr():
    assert "secret-key" not in repr(read())


def test_the_environment_gives_lists_and_objects_as_json():
    environ = {
        "TARGET_OCTANIST_API_KEY": "k",
        "TARGET_OCTANIST_STREAMS": '[{"stream": "a", "mapping": {"email": "e"}}]',
        "TARGET_OCTANIST_MAX_CONCURRENCY": "3",
        "TARGET_OCTANIST_LEDGER": "",
    }
    settings = read_settings(from_environment(environ), environ={})
    assert settings.stream("a").mapping == {"email": "e"}
    assert settings.max_concurrency == 3
    with pytest.raises(SettingsError, match="TARGET_OCTANIST_STREAMS"):
        from_environment({"TARGET_OCTANIST_STREAMS": "not json"})


def test_a_place_for_the_report_is_looked_at_before_the_run(tmp_path):
    assert read(report_path=str(tmp_path / "run.html")).report_path == str(tmp_path / "run.html")
    nowhere = tmp_path / "nowhere"
    assert problems(report_path=str(nowhere / "run.html")) == (
        f"report_path: there is no folder {nowhere}; make it first.",
    )
    assert problems(report_path=str(tmp_path)) == (
        f"report_path: {tmp_path} is a folder; name a file in it.",
    )


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_a_report_without_its_libraries_says_how_to_get_them(tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert problems(report_path=str(tmp_path / "run.html")) == (
        "report_path: needs the extra \"report\": pip install 'target-octanist[report]'",
    )
    with pytest.raises(OctanistError, match=r"pip install 'target-octanist\[report\]'"):
        command.main([], standalone_mode=False)
