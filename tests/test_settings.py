"""Settings: every form that Meltano, JSON and the environment give, and every mistake at once."""

from __future__ import annotations

import sys

import pytest

from target_octanist.cli.report import command
from target_octanist.config_files import from_environment
from target_octanist.errors import OctanistError, SettingsError
from target_octanist.extras import extra_hint
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
        (["a", {"stream": "b"}], "streams[0]: must be an object that names its `stream`"),
        ({"a": []}, "streams.a: must be an object"),
        ({"a": {"mapping": "email"}}, "streams.a.mapping: must be an object"),
        ({"a": {"key": 5}}, "streams.a.key: must be a list"),
        ({"a": {"mode": "upate"}}, "streams.a.mode: must be one of create, update, upsert; did"),
        ({"a": {"mode": ["update"]}}, "streams.a.mode: must be one of create, update, upsert."),
        ({"a": {"preset": "hubspot"}}, "streams.a.preset"),
        ({"a": {"dedupe_by": ["nothing"]}}, "streams.a.dedupe_by"),
        ({"a": {"dedupe_window_days": -1}}, "streams.a.dedupe_window_days"),
        ({"a": {"phone_region": "Holland"}}, "streams.a.phone_region"),
    ],
)
def test_mistakes_in_streams_name_their_place(streams, told):
    assert problems(streams=streams)[0].startswith(told)


LINK = {"stream": "contacts", "by": "contact_id"}


def deals(**entry):
    return {"mode": "update", "link": LINK, "mapping": {"status": "stage"}, **entry}


@pytest.mark.parametrize(
    ("streams", "told"),
    [
        (
            {"deals": {"link": LINK}},
            (
                "streams.deals.link: is for mode update, and the mode of this stream is create; set "
                "`mode: update`, or take the link out."
            ),
        ),
        (
            {"deals": deals(mode="upsert")},
            (
                "streams.deals.link: is for mode update, and the mode of this stream is upsert; set "
                "`mode: update`, or take the link out."
            ),
        ),
        (
            {"deals": deals(link={"stream": "deals", "by": "parent"})},
            (
                "streams.deals.link.stream: records of deals make no leads (mode: update); name the "
                "stream that the leads were made of."
            ),
        ),
        (
            {"deals": deals(link={"stream": "contacts*", "by": "contact_id"})},
            "streams.deals.link.stream: must be the name of one stream, and not a glob.",
        ),
        (
            {"deals": deals(), "contacts": {"key": ["portal", "id"]}},
            (
                "streams.deals.link: `by` is compared with one column, the key, and the key of "
                "contacts is portal, id; the two must be the same."
            ),
        ),
        (
            {"deals": deals(link=LINK | {"key": "vid"}), "contacts": {"key": "id"}},
            (
                "streams.deals.link: `by` is compared with one column, vid, and the key of contacts "
                "is id; the two must be the same."
            ),
        ),
        (
            {"deals": deals(link={"stream": "contacts"})},
            "streams.deals.link.by: is missing; name the column with the key of that stream.",
        ),
    ],
)
def test_a_link_by_which_no_lead_can_be_found_is_refused(streams, told):
    assert problems(streams=streams) == (told,)


def test_a_lookup_is_for_streams_that_make_leads():
    upsert = {"mode": "upsert", "lookup": True, "mapping": {"email": "e"}}
    assert read(streams={"a": upsert}).stream("a").lookup is True
    assert problems(streams={"a": upsert | {"lookup": "yes"}}) == (
        "streams.a.lookup: must be true or false.",
    )
    (told,) = problems(streams={"deals": deals(lookup=True)})
    assert told.startswith("streams.deals.lookup: is for streams that make leads")


@pytest.mark.parametrize(
    "streams",
    [
        {"deals": deals()},
        {"deals": deals(link=LINK | {"key": "id"}), "contacts": {"key": "id"}},
        {"deals_*": {"link": LINK}, "deals_nl": {"mode": "update", "mapping": {"value": "v"}}},
        {"deals": {"preset": "hubspot_deals"}, "contacts": {"preset": "hubspot_contacts"}},
    ],
)
def test_links_that_may_be(streams):
    (name, *_) = (name for name in streams if name.startswith("deals"))
    assert read(streams=streams).stream(name).link.stream == "contacts"


def test_a_preset_of_deals_brings_its_mode_and_its_fields():
    stream = read(streams={"deals": {"preset": "hubspot_deals"}}).stream("deals")
    assert stream.mode == "update"
    assert set(stream.mapping) == {"status", "value", "lossReason"}


def test_fields_of_changes_are_for_the_modes_that_change():
    for mode in ("update", "upsert"):
        read(streams={"a": {"mode": mode, "mapping": {"email": "e", "status": "s"}}})
    assert problems(streams={"a": {"mapping": {"email": "e", "status": "s"}}}) == (
        'streams.a.mapping.status: "status" can only be set where the mode is update or upsert.',
    )


@pytest.mark.parametrize("given", [0, "0", -1])
def test_a_cap_of_nothing_is_refused(given):
    assert problems(requests_per_second=given) == (
        f"requests_per_second: must be at least 1, not {given}.",
    )


@pytest.mark.parametrize(
    ("given", "read_as"), [(500, "500"), ("500", "500"), ("20 %", "20%"), (0, "0"), ("0%", "0%")]
)
def test_the_brake_is_a_number_or_a_share(given, read_as):
    assert read(max_changes=given).max_changes == read_as


@pytest.mark.parametrize("given", ["many", "-5", "2.5%", True, 1.5, "%", ""])
def test_another_brake_is_refused(given):
    assert problems(max_changes=given) == (
        "max_changes: must be a number such as 500, or a share such as 20%.",
    )


def test_another_way_for_a_status_is_refused():
    assert problems(transitions="forwards") == (
        'transitions: must be one of forward, any; did you mean "forward"?',
    )


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
    (told,) = problems(report_path=str(tmp_path / "run.html"))
    assert told == f'report_path: needs the extra "report": {extra_hint("report")}'
    with pytest.raises(OctanistError, match=r"pip install .*\[report\]'"):
        command.main([], standalone_mode=False)
