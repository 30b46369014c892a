"""The sandbox's page in a real browser, over a real sandbox."""

from __future__ import annotations

import functools
import http.server
import json
import shlex
import threading
from datetime import datetime, timedelta, timezone

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from tests.sandbox.client import SESSION, Client
from tests.support.browser import DESKTOP, PHONE, running_browser
from tests.support.sandbox import API_KEY, PATIENCE_SECONDS, Sandbox, port_to_keep

pytestmark = pytest.mark.e2e


@pytest.fixture
def sandbox():
    session = {"sessionId": SESSION, "gclid": "of-the-session", "ad_storage": True, "path": "/s"}
    with Sandbox(
        "--session", json.dumps(session), "--filter-email-domain", "competitor.example.net"
    ) as running:
        yield running


@pytest.fixture
def client(sandbox):
    client = Client(sandbox)
    yield client
    client.close()


@pytest.fixture
def page(sandbox, browser):
    """The page, open and connected."""
    open_page(browser, sandbox)
    return browser


def open_page(browser, sandbox, view=""):
    browser.open("about:blank")
    browser.open(f"{sandbox.origin}/{view}")
    browser.until(lambda: browser.text("#link") == "live", "the page is connected")
    browser.until(lambda: browser.all("[data-view]"), "the list is drawn")


def names(page):
    return [row.text for row in page.all("#rows .what strong")]


def wait_for_names(page, *expected):
    page.until(lambda: names(page) == list(expected), f"the rows are {expected}")


def wait_for_text(page, selector, *expected):
    page.until(lambda: all(text in page.text(selector) for text in expected), expected)


def open_row(page, name):
    """Open the row of a name, as a click does; gives the text of the dialog."""
    page.until(lambda: name in names(page), f"there is a row of {name}")
    page.all("#rows .row")[names(page).index(name)].click()
    page.until(lambda: page.find("#detail").is_displayed(), "the dialog is open")
    page.until(lambda: page.text("#detail-title"), "the dialog is filled")
    return page.text("#detail")


def wait_for_focus(page, text):
    page.until(lambda: text in page.focused().text, f"the focus is on {text}")


def close(page):
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.find("#detail").is_displayed(), "the dialog is closed")


def toggle(page, name):
    """Click the switch of a fault."""
    (label,) = [label for label in page.all(".fault .name") if label.text == name]
    label.click()


def consents(page):
    return {
        row.text.split()[0]: " ".join(row.text.split()[1:]) for row in page.all("#detail tbody tr")
    }


def test_leads_show_up_live_and_are_announced(page, client, artefacts):
    assert "No lead has arrived yet." in page.text("#empty")
    page.screenshot(artefacts / "empty.png")
    client.created(name="Jane Doe", email="jane@example.com", utm_source="google")
    wait_for_names(page, "Jane Doe")
    client.created(name="Piet de Vries", phone="+31612345678")
    wait_for_names(page, "Piet de Vries", "Jane Doe")
    assert page.text("#rows li:last-child .tags").split("\n") == ["google", "consent denied"]
    wait_for_text(page, "nav a[aria-current]", "2")
    page.until(lambda: page.script("document.title") == "2 leads · Octanist sandbox")
    assert page.find("#arrivals").get_attribute("role") == "status"  # polite, by that role
    page.until(
        lambda: "2 leads in all." in page.find("#arrivals").get_attribute("textContent"),
        "the arrivals are announced",
    )
    page.screenshot(artefacts / "arrived.png")


def test_the_command_of_the_empty_page_sends_a_first_lead(page):
    curl, url, *options = shlex.split(page.text("#first-lead").replace("\\\n", " "))
    assert curl == "curl"
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ") for option, value in given if option == "-H")
    (body,) = [value for option, value in given if option == "-d"]
    assert requests.post(url, body, headers=headers, timeout=PATIENCE_SECONDS).status_code == 201
    wait_for_names(page, "Jane Doe")


def test_where_keys_are_given_the_empty_page_says_so(browser):
    with Sandbox("--api-key", "very-secret-key") as sandbox:
        open_page(browser, sandbox)
        wait_for_text(browser, "#first-lead", "YOUR-KEY")
        assert "very-secret-key" not in browser.driver.page_source
        browser.open("about:blank")


def test_a_search_looks_into_every_field_while_leads_arrive(page, client, artefacts):
    client.created(name="Jane Doe", utm_campaign="Spring")
    client.created(name="Zoë Łuczak", custom={"plan": "ÉTÉ"})
    wait_for_names(page, "Zoë Łuczak", "Jane Doe")
    page.press("/", "été zoë")
    wait_for_names(page, "Zoë Łuczak")
    assert page.text("#extent") == "1 found"
    page.screenshot(artefacts / "found.png")
    client.created(name="Zoë Smit", note="été")
    wait_for_names(page, "Zoë Smit", "Zoë Łuczak")
    page.press(" nobody")
    wait_for_text(page, "#empty", "Nothing here holds all of these words.")
    page.press(Keys.ESCAPE)
    wait_for_names(page, "Zoë Smit", "Zoë Łuczak", "Jane Doe")


def test_a_lead_is_shown_as_it_was_sent_and_as_the_api_sees_it(page, client, artefacts):
    lead_id = client.created(
        name="Jane Doe",
        email="jane@example.com",
        custom={"number": 12345678901234567890, "empty": {}},
        utm_source="google",
        gclid="Cj0K",
        ad_storage=True,
        ad_user_data="granted",
        ad_personalization=False,
    )
    client.update(id=lead_id, status="won", value=950)
    wait_for_text(page, "#rows", "won · 950")
    shown = open_row(page, "Jane Doe")
    page.screenshot(artefacts / "lead.png")
    assert consents(page) == {
        "ad_storage": "Granted",
        "ad_user_data": 'Denied "granted" was sent; only true and "true" grant',
        "ad_personalization": "Denied",
        "analytics_storage": "Never recorded which the API reads as denied",
    }
    for part in ("utm_source\ngoogle", "gclid\nCj0K", "status: won, value: 950", lead_id):
        assert part in shown
    assert "content-type\napplication/json" in shown
    assert "x-api-key\nsent (not shown)" in shown
    assert API_KEY not in page.driver.page_source
    assert '"number": 12345678901234567890,\n    "empty": {}' in page.text("#detail pre")
    update = page.find("#detail details")
    assert "PATCH /leads" in update.text
    update.find_element("css selector", "summary").click()
    page.until(lambda: '"value": 950' in update.text, "the body of the update is shown")


def test_a_lead_of_a_pixel_session_has_its_attribution_and_consent(page, client, artefacts):
    client.created(name="Jane Doe", sessionId=SESSION, gclid="my-own", analytics_storage=True)
    shown = open_row(page, "Jane Doe")
    page.screenshot(artefacts / "session.png")
    assert f"Linked to the pixel session {SESSION}" in shown
    assert "ignored because of the session: gclid, analytics_storage." in shown
    assert "gclid\nof-the-session" in shown
    assert consents(page) == {
        "ad_storage": "Granted",
        "ad_user_data": "Never recorded which the API reads as denied",
        "ad_personalization": "Never recorded which the API reads as denied",
        "analytics_storage": "Never recorded which the API reads as denied",
    }


def test_an_open_lead_follows_its_updates(page, client):
    lead_id = client.created(name="Jane Doe")
    open_row(page, "Jane Doe")
    client.update(id=lead_id, status="lost", lossReason="Too late")
    wait_for_text(page, "#detail", "status: lost, lossReason: Too late")


@pytest.mark.parametrize(
    ("name", "request_", "outcome", "reason"),
    [
        ("Typo", ("POST", {"name": "Typo", "nme": 1}), "400 VALIDATION_ERROR", "field: nme"),
        (
            "x@competitor.example.net",
            ("POST", {"email": "x@competitor.example.net"}),
            "403",
            "filt",
        ),
        ("No Key", ("POST", {"name": "No Key"}), "401 UNAUTHORIZED", "API key"),
        ("nobody", ("PATCH", {"id": "nobody", "status": "won"}), "404 NOT_FOUND", "No lead"),
        (
            "a@b.example",
            ("PATCH", {"email": "a@b.example", "note": "x"}),
            "409 CONFLICT",
            "Several",
        ),
    ],
)
def test_what_was_refused_is_shown_with_its_reason(  # noqa: PLR0917 - by name
    page, client, sandbox, artefacts, name, request_, outcome, reason
):
    for _ in range(2):
        client.created(email="a@b.example")
    method, body = request_
    sender = Client(sandbox, key=None if name == "No Key" else API_KEY)
    sender.request(method, "/leads", json=body)
    sender.close()
    (link,) = [link for link in page.all("nav a") if "Refused" in link.text]
    link.click()
    wait_for_names(page, name)
    shown = open_row(page, name)
    page.screenshot(artefacts / "refused.png")
    assert outcome in shown
    assert reason in shown
    assert name in page.text("#detail pre")
    assert f"x-api-key\n{'missing' if name == 'No Key' else 'sent (not shown)'}" in shown


def test_a_switch_on_the_page_makes_the_next_lead_fail(page, client, sandbox, artefacts):
    assert page.text("#faults-on") == "none on"
    toggle(page, "500 after storing")
    wait_for_text(page, "#faults-on", "1 on")
    assert client.create(name="Jane Doe").status_code == 500
    assert [lead["name"] for lead in sandbox.leads()] == ["Jane Doe"]
    wait_for_text(page, ".fault.on", "1 hit")
    page.screenshot(artefacts / "fault.png")
    shown = open_row(page, "Jane Doe")
    assert "It was carried out first." in shown
    close(page)
    toggle(page, "500 after storing")
    wait_for_text(page, "#faults-on", "none on")
    assert client.create(name="John Doe").status_code == 201


def test_a_switch_can_take_every_nth_update(page, client, sandbox):
    (row,) = [row for row in page.all(".fault") if "429" in row.text]
    seconds, every = row.find_elements("css selector", "input[type=number]")
    for field, value in ((seconds, "7"), (every, "2")):
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, value)
    row.find_element("css selector", "select").send_keys("updates")
    toggle(page, "429 with Retry-After")
    wait_for_text(page, "#faults-on", "1 on")
    assert client.create(name="Jane Doe").status_code == 201
    answers = [client.update(id="nobody", status="won") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 429, 404, 429]
    assert answers[1].headers["retry-after"] == "7"
    every.send_keys(Keys.CONTROL, "a", Keys.NULL, "1")
    page.press(Keys.TAB)  # What is on follows its fields.
    page.until(lambda: [rule["match"].get("every") for rule in sandbox.faults()] == [None])
    open_page(page, sandbox)  # A page that is opened anew shows what is on.
    wait_for_text(page, "#faults-on", "1 on")
    fields = page.all(".fault.on input[type=number]")
    assert [field.get_attribute("value") for field in fields] == ["7", "1"]


def test_rules_from_elsewhere_are_shown_and_can_be_switched_off(page, client, sandbox):
    sandbox.fault("html-502", method="POST", nth=[2, 3])
    sandbox.fault("drop-after-commit", method="POST", path="/leads", every=10)
    wait_for_text(page, "#faults-on", "2 on")
    assert '"action":"html-502"' in page.text("#other-rules")
    assert [row.text.split("\n")[0] for row in page.all(".fault.on")] == ["Drop after storing"]
    assert client.create(name="first").status_code == 201
    page.find("#other-rules button").click()
    wait_for_text(page, "#faults-on", "1 on")
    (rule,) = sandbox.faults()
    assert rule["matched"] == 1  # It goes on counting.
    page.find("#all-off").click()
    wait_for_text(page, "#faults-on", "none on")
    assert sandbox.faults() == []


def test_markup_in_a_lead_is_text(page, client, artefacts):
    name = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    client.created(name=name, note=name, utm_source=name, custom={name: name})
    client.create(name=name, nme=name)
    shown = open_row(page, name)
    assert shown.count(name) >= 3
    page.screenshot(artefacts / "markup.png")
    close(page)
    page.driver.get(f"{page.driver.current_url}#requests")
    page.until(lambda: len(page.all("#rows .row")) == 2)
    assert page.all("img") == []
    assert page.script("document.scripts.length") == 1
    assert page.script("document.title") == "1 lead · Octanist sandbox"


def test_all_of_it_works_with_the_keyboard_alone(page, client, sandbox, artefacts):
    for name in ("Jane Doe", "John Doe", "Piet de Vries"):
        client.created(name=name)
    wait_for_names(page, "Piet de Vries", "John Doe", "Jane Doe")
    page.press(Keys.TAB)
    assert page.focused().text == "Skip to the list"
    page.press(Keys.ENTER)
    page.until(lambda: page.focused().tag_name == "main", "the link has led to the list")
    page.press(Keys.TAB)
    assert page.focused().get_attribute("id") == "search"
    page.press("doe")
    wait_for_names(page, "John Doe", "Jane Doe")
    page.press(Keys.ARROW_DOWN)
    wait_for_focus(page, "John Doe")
    page.press("j")
    wait_for_focus(page, "Jane Doe")
    assert page.focused().value_of_css_property("outline-style") == "solid"
    page.screenshot(artefacts / "focus.png")
    page.press(Keys.ARROW_UP, Keys.ENTER)
    wait_for_text(page, "#detail-title", "John Doe")
    page.press("j")
    wait_for_text(page, "#detail-title", "Jane Doe")
    close(page)
    wait_for_focus(page, "Jane Doe")
    client.created(name="Baby Doe")  # What arrives does not take the focus away.
    wait_for_names(page, "Baby Doe", "John Doe", "Jane Doe")
    wait_for_focus(page, "Jane Doe")
    page.press("/")
    assert page.focused().get_attribute("id") == "search"
    page.press(Keys.ESCAPE)
    wait_for_names(page, "Baby Doe", "Piet de Vries", "John Doe", "Jane Doe")

    open_page(page, sandbox)
    stops = []
    for _ in range(40):
        page.press(Keys.TAB)
        stop = page.focused()
        stops.append(stop.get_attribute("id") or stop.text.split("\n")[0])
        if stop.get_attribute("id") == "fault-2":
            page.press(Keys.SPACE)
        if stop.get_attribute("class") == "row":
            break
    wait_for_text(page, "#faults-on", "1 on")
    order = ["Skip to the list", "fault-0", "fault-5", "all-off", "search"]
    assert [stop for stop in stops if stop in order] == order
    # Rows are one stop, so that Tab leads on from the list.
    assert len(page.all("#rows .row[tabindex='0']")) == 1
    assert len(page.all("#rows .row[tabindex='-1']")) == 3


def test_every_control_has_a_name_and_the_page_its_landmarks(page):
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree]
    controls = {"button", "link", "switch", "spinbutton", "combobox", "searchbox", "main"}
    found = [(role, name) for role, name in nodes if role in controls]
    assert {role for role, _ in found} == controls
    assert [role for role, name in found if not name] == []
    assert {"banner", "navigation", "main", "search", "region"} <= {role for role, _ in nodes}


def send_samples(client):
    for number in range(12):
        client.created(
            name=f"Person {number} of a family with a remarkably long double-barrelled name",
            email=f"person.{number}@a-rather-long-domain-name.example.com",
            utm_source="google" if number % 2 else "newsletter",
            utm_campaign="2026-11-a-campaign-without-any-blank-in-its-name",
            ad_storage=bool(number % 3),
            **dict.fromkeys(("ad_user_data", "ad_personalization", "analytics_storage"), True),
            custom={"reference": "x" * 200},
        )
    client.create(name="Typo", nme="x")


#: Gives the texts that stand out from their background by less than WCAG's 4.5 to 1.
FAINT = """(() => {
  const light = (colour) => colour.slice(0, 3)
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = read(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  return Array.from(document.querySelectorAll("body *"))
    .filter((element) => element.checkVisibility() && Array.from(element.childNodes)
      .some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .filter((element) => {
      const [dark, bright] = [light(read(getComputedStyle(element).color)), light(ground(element))].sort();
      return (bright + 0.05) / (dark + 0.05) < 4.5;
    })
    .map((element) => element.outerHTML);
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_can_be_read_anywhere(  # noqa: PLR0917 - by name
    browser, sandbox, client, artefacts, size, dark
):
    send_samples(client)
    sandbox.fault("429-retry-after", method="POST", path="/leads", every=10)
    sandbox.fault("html-502", method="PATCH", field={"email": "*@nowhere.example.com"})
    browser.show(size=size, dark=dark)
    for view, rows in (("", 12), ("#refused", 1)):
        open_page(browser, sandbox, view)
        browser.until(lambda rows=rows: len(browser.all("#rows .row")) == rows)
        wait_for_text(browser, "#faults-on", "2 on")
        browser.screenshot(artefacts / f"{view.strip('#') or 'leads'}.png")
        for panel in browser.all("details:not([open]) > summary"):
            panel.click()
        assert browser.script("innerWidth") == size[0]
        assert browser.script("document.documentElement.scrollWidth") <= size[0]
        browser.screenshot(artefacts / f"{view.strip('#') or 'leads'}-panels.png")
        assert browser.script(FAINT) == []
        browser.press("j", Keys.ENTER)
        browser.until(lambda: browser.find("#detail").is_displayed(), "the dialog is open")
        wait_for_text(browser, "#detail", "x-api-key")
        assert browser.script("document.querySelector('#detail').scrollWidth") <= size[0]
        assert browser.script(FAINT) == []
        browser.screenshot(artefacts / f"{view.strip('#') or 'lead'}-detail.png")
    paper = browser.find("body").value_of_css_property("background-color")
    assert (sum(map(int, paper.split("(")[1].split(",")[:3])) < 3 * 64) == dark


@pytest.mark.parametrize("calm", [True, False])
def test_nothing_moves_for_who_wants_no_motion(browser, sandbox, client, calm):
    browser.show(calm=calm)
    open_page(browser, sandbox)
    client.created(name="Jane Doe")
    wait_for_names(browser, "Jane Doe")
    animation = browser.find("#rows li").value_of_css_property("animation-name")
    assert animation == ("none" if calm else "arrive")


def test_ten_thousand_leads_are_counted_and_found_but_not_all_drawn(browser, tmp_path, artefacts):
    data = tmp_path / "leads.jsonl"
    start = datetime(2026, 11, 1, tzinfo=timezone.utc)
    with data.open("w") as file:
        for number in range(10_000):
            lead = {
                "op": "create",
                "id": f"lead_{number}",
                "organisation": "d6a7cd2a",
                "createdAt": (start + timedelta(seconds=number)).isoformat(),
                "digest": str(number),
                "fields": {"name": f"Person {number:05}", "email": f"p{number}@example.com"},
            }
            file.write(json.dumps(lead) + "\n")
    with Sandbox("--data", str(data)) as sandbox:
        open_page(browser, sandbox)
        wait_for_text(browser, "#extent", "the latest 200 of 10,000")
        assert names(browser)[0] == "Person 09999"
        assert len(browser.all("#rows .row")) == 200
        browser.screenshot(artefacts / "many.png")
        browser.find("#more").click()
        browser.until(lambda: len(browser.all("#rows .row")) == 400, "more rows are drawn")
        assert browser.text("#more") == "Show 200 more (9,600 not shown)"
        browser.press("/", "p7@example.com")
        wait_for_names(browser, "Person 00007")
        browser.open("about:blank")


def test_it_connects_again_to_a_sandbox_that_was_started_again(browser_programs, artefacts):
    port = port_to_keep()
    with running_browser(browser_programs) as browser:
        with Sandbox("--port", port) as first:
            open_page(browser, first)
        wait_for_text(browser, "#link", "not connected")
        browser.screenshot(artefacts / "not-connected.png")
        with Sandbox("--port", port) as second:
            wait_for_text(browser, "#link", "live")
            client = Client(second)
            client.created(name="Jane Doe")
            client.close()
            wait_for_names(browser, "Jane Doe")


#: A page of somebody else: it tries to read, to listen and to switch, and says how that went.
FOREIGN = """<!DOCTYPE html><title>trying</title><script>
const address = location.hash.slice(1);
const rule = '{"action": "500"}';
const said = (promise) => promise.then(async (answer) => await answer.text() || answer.type, () => "refused");
const listened = new Promise((resolve, reject) => {
  const events = new EventSource(`${address}/_sandbox/events`);
  events.onmessage = (message) => resolve(new Response(message.data));
  events.onerror = () => { events.close(); reject(); };
});
Promise.all([
  said(fetch(`${address}/_sandbox/leads`)),
  said(fetch(`${address}/_sandbox/faults`, { method: "POST", body: rule })),
  said(fetch(`${address}/_sandbox/faults`, { method: "POST", body: rule, mode: "no-cors" })),
  said(fetch(`${address}/_sandbox/faults`, { method: "PUT", body: rule })),
  said(fetch(`${address}/_sandbox/leads`, { method: "DELETE", mode: "no-cors" })),
  said(fetch(`${address}/api/leads`, { headers: { "X-API-KEY": "sandbox-key" } })),
  said(listened),
]).then((answers) => { document.title = JSON.stringify(answers); });
</script>"""


@pytest.fixture
def foreign_page(tmp_path):
    """The address of that page, on a port of its own."""
    (tmp_path / "index.html").write_text(FOREIGN)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_pages_of_others_see_nothing_and_change_nothing(
    browser_programs, sandbox, client, foreign_page
):
    client.created(name="Jane Doe")
    port = sandbox.origin.rpartition(":")[2]
    rule = "--host-resolver-rules=MAP rebound.example.com 127.0.0.1"
    with running_browser(browser_programs, rule) as browser:
        browser.open(f"{foreign_page}#{sandbox.origin}")
        browser.until(lambda: browser.script("document.title") != "trying", "the page is done")
        answers = json.loads(browser.script("document.title"))
        assert set(answers) == {"refused", "opaque"}
        # A name of theirs that leads to this machine all of a sudden:
        browser.open(f"http://rebound.example.com:{port}/")
        assert "Nobody here is called rebound.example.com" in browser.driver.page_source
        for path in ("_sandbox/leads", "_sandbox/events", "api/leads"):
            browser.open(f"http://rebound.example.com:{port}/{path}")
            assert "Jane" not in browser.driver.page_source
            assert "Nobody here is called" in browser.driver.page_source
    assert sandbox.faults() == []
    assert [lead["name"] for lead in sandbox.leads()] == ["Jane Doe"]
