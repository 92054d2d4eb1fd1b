"""Drives Debian's Chromium; a test is skipped where it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import PATIENCE_S


@contextmanager
def chromium(profile: Path, *, javascript: bool) -> Iterator[Any]:
    """Run Chromium without a window as long as the block lasts; what a test looks for may take 5 s to be there."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # nothing else is reached
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{flag}")
    if not javascript:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    browser = webdriver.Chrome(options, Service(driver))
    try:
        browser.set_page_load_timeout(PATIENCE_S)
        browser.implicitly_wait(5)
        yield browser
    finally:
        browser.quit()


@contextmanager
def next_page(browser: Any) -> Iterator[None]:
    """Wait until what the block does has led to another page."""
    from selenium.webdriver.support.wait import WebDriverWait

    page = browser.find_element("tag name", "html")
    yield
    WebDriverWait(browser, PATIENCE_S).until(lambda _: _is_gone(page))


def _is_gone(page: Any) -> bool:
    """Tell whether an element's page has been replaced.

    chromedriver says so with two errors: the standard's, and, while one page takes the place of the other, an unknown
    error with the inspector's words.
    """
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException

    try:
        page.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        if "does not belong to the document" in str(error.msg):
            return True
        raise
    return False


def press(browser: Any, name: str) -> None:
    """Press the one button with that name, which leads to another page."""
    [button] = [one for one in browser.find_elements("tag name", "button") if one.text == name]
    with next_page(browser):
        button.click()
