"""The pages: what others write stays text, nothing is loaded, nothing runs."""

from __future__ import annotations

import pytest

from app.serve.oauth.page import visible
from tests.support.sign_in import Http, pkce

HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


async def test_what_a_client_calls_itself_is_text(http: Http) -> None:
    client = await http.register(client_name=HTML[:100])

    page = await http.get(await http.begin(client, pkce()[1], state='"><script>'))

    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


async def test_a_name_cannot_turn_the_text_around_it(http: Http) -> None:
    client = await http.register(client_name="evil\u202egnp.example\u200b")

    page = await http.get(await http.begin(client, pkce()[1]))

    assert "evilgnp.example" in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize("name", ["\u200b", "\u3164", "\u2800\u00a0", "\u034f", "\ue000"])
async def test_a_client_whose_name_shows_nothing_has_none(http: Http, name: str) -> None:
    page = await http.get(await http.begin(await http.register(client_name=name), pkce()[1]))

    assert page.text.count("<bdi>an application without a name</bdi>") == 2


def test_marks_on_a_letter_do_not_cover_the_lines_around_it() -> None:
    assert visible("e\u0301" + "a" + "\u0316" * 90 + "b") == "e\u0301a" + "\u0316" * 4 + "b"


async def test_the_page_loads_nothing_runs_nothing_and_stands_in_no_frame(http: Http) -> None:
    page = await http.get(await http.begin(await http.register(), pkce()[1]))
    policy = page.headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https:;" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    for sign in ("<script", "src=", "<link", "@import", "url("):
        assert sign not in page.text
