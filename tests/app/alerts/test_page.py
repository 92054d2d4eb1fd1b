"""The page: nothing in an alert becomes markup, and it reads without a mouse or eyes."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from app.alerts.page import HEADERS, alerts_page

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Counts elements, and keeps links and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def entry(**more: Any) -> dict[str, Any]:
    plain = {"received_at": "2026-11-21T12:00:00.000Z", "status": "firing", "repeated": False, "generator_url": ""}
    return {**plain, "labels": {}, "annotations": {}, **more}


def page(*entries: dict[str, Any], trouble: str | None = None) -> Page:
    return Page(alerts_page({"alerts": list(entries), "targets": {"slack": {"trouble": trouble, "waiting": 3}}}))


def test_what_an_alert_holds_stays_text() -> None:
    clean = page(entry(labels={"alertname": "a", "b": "c"}, annotations={"summary": "d", "description": "e"}))
    evil = page(
        entry(labels={"alertname": EVIL, EVIL: EVIL}, annotations={"summary": EVIL, "description": EVIL}),
        trouble=EVIL,
    )

    assert evil.elements == clean.elements
    assert evil.attributes == clean.attributes
    assert evil.text.count(EVIL) == 6


@pytest.mark.parametrize("url", ["javascript:alert(1)", " http://x", "data:text/html,x", "//x", EVIL])
def test_only_web_addresses_become_links(url: str) -> None:
    assert page(entry(annotations={"runbook_url": url}, generator_url=url)).links == []


def test_runbook_and_source_are_links() -> None:
    links = page(entry(annotations={"runbook_url": "https://r/?a=1&b=2"}, generator_url="http://p/graph")).links

    assert links == ["https://r/?a=1&b=2", "http://p/graph"]


def test_it_reads_without_colours_and_scripts() -> None:
    html = alerts_page({"alerts": [entry(repeated=True)], "targets": {}})

    assert '<html lang="en">' in html
    assert "firing, repeated" in html
    assert html.count('scope="col"') == 5
    assert html.count('scope="row"') == 1
    assert "<caption>" in html
    assert "Forwarding: none." in html
    assert "<script" not in html


def test_nothing_may_run_or_load() -> None:
    policy = HEADERS["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
