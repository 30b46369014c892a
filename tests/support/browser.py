"""A real browser: headless Chromium, driven through chromedriver.

::

    with running_browser(programs) as browser:
        browser.show(size=PHONE, dark=True)
        browser.open(sandbox.origin)
        browser.screenshot(folder / "page.png")
        assert browser.errors() == []
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

DESKTOP = (1280, 800)
PHONE = (390, 844)
"""Width and height of what a page is shown in, in CSS pixels."""

_WAIT_SECONDS = 30
_NOT_YET = (NoSuchElementException, StaleElementReferenceException)
_SWITCHES = (
    "--headless",
    "--no-sandbox",  # as root it has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers have little of it
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Programs(NamedTuple):
    """Where the browser and its driver are."""

    chromium: str
    chromedriver: str


def find_programs() -> Programs | None:
    """Find the two programs, or None where one is missing."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    return Programs(chromium, chromedriver) if chromium and chromedriver else None


class Browser:
    """A browser with one page; ``driver`` is Selenium's, for what has no method here."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._log: list[dict[str, Any]] = []

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is loaded; forget what the last one logged."""
        self.console()
        self._log.clear()
        self.driver.get(url)

    def show(
        self, *, size: tuple[int, int] = DESKTOP, dark: bool = False, calm: bool = True
    ) -> None:
        """Set what the page is shown in, now and later; ``calm`` asks for reduced motion."""
        width, height = size
        mobile = size == PHONE
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find(self, selector: str) -> WebElement:
        """Give the first element of a CSS selector, once there is one."""
        found: list[WebElement] = self.until(lambda: self.all(selector), f"there is {selector}")
        return found[0]

    def all(self, selector: str) -> list[WebElement]:
        """Give the elements of a CSS selector that are there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Give the visible text of an element."""
        return self.find(selector).text

    def focused(self) -> WebElement:
        """Give the element that has the focus."""
        return self.driver.switch_to.active_element

    def press(self, *keys: str) -> None:
        """Press keys one after another, wherever the focus is: ``press("j", Keys.ENTER)``."""
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def script(self, expression: str) -> Any:
        """Give the value of a JavaScript expression."""
        return self.driver.execute_script(f"return {expression}")

    def until(self, condition: Callable[[], Any], what: str = "the condition holds") -> Any:
        """Ask until ``condition()`` is true, and give that; TimeoutException when time is up.

        A page draws anew while it is looked at: an element that has just gone counts as "not yet".
        """
        waiting = WebDriverWait(self.driver, _WAIT_SECONDS, 0.05, ignored_exceptions=_NOT_YET)
        return waiting.until(lambda _driver: condition(), f"Waited in vain until {what}")

    def console(self) -> list[dict[str, Any]]:
        """Give what has been logged since the page was opened: level, source and message."""
        self._log += self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return list(self._log)

    def errors(self) -> list[str]:
        """Give the messages of the log that are errors."""
        return [entry["message"] for entry in self.console() if entry["level"] == "SEVERE"]

    def screenshot(self, path: Path) -> None:
        """Save what is seen as a PNG; missing folders are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        assert self.driver.save_screenshot(str(path))


@contextmanager
def running_browser(programs: Programs, *switches: str) -> Iterator[Browser]:
    """Run a browser with a new profile, and further switches, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
        options = webdriver.ChromeOptions()
        options.binary_location = programs.chromium
        for switch in (*_SWITCHES, *switches, f"--user-data-dir={Path(home, 'profile')}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # With the path given nothing looks for a driver elsewhere.
        environment = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"}
        service = webdriver.ChromeService(programs.chromedriver, env=environment)
        driver = webdriver.Chrome(options, service)
        try:
            browser = Browser(driver)
            browser.show()
            yield browser
        finally:
            driver.quit()
