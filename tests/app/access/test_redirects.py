"""Where users may be sent back to."""

from __future__ import annotations

import pytest

from app.access.redirects import is_redirect


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://claude.ai/api/mcp/auth_callback", True),
        ("http://localhost:1234/callback", True),
        ("http://[::1]/", True),
        ("http://claude.ai/", False),
        ("https://", False),
        ("https://[x/", False),
        ("https://claude.ai/#x", False),
        ("https://user@claude.ai/", False),
        ("https://claude.ai/\n", False),
        ("javascript:alert(1)", False),
        ("cursor://callback", False),
        ("https://good.example@evil.example/", False),
        ("http://good.example@127.0.0.1:9/cb", False),
        ("https://@evil.example/", False),
        ("https://evil.example\\@good.example/", False),
        ("https:\\\\good.example/", False),
        ("https:/good.example/", False),
        ("https:good.example", False),
        (" https://good.example/", False),
        ("https://good.example/a b", False),
        ("ht\ttps://good.example/", False),
        ("https://good.example/\u202e", False),
        ("https://\u0430pple.example/", False),
        ("https://xn--pple-43d.example/", True),
        ("https://good%2eexample/", False),
        ("https://good.example/#", False),
        ("https://good.example/cb?a=b%20c", True),
        ("https://good.example:0/", False),
        ("https://good.example:99999/", False),
        ("https://good.example:x/", False),
        ("http://127.0.0.1:53123/cb", True),
        ("http://127.1/", False),
        ("http://2130706433/", False),
        ("http://[::ffff:127.0.0.1]/", False),
        ("http://localhost.evil.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("https://" + "a" * 3_000, False),
    ],
)
def test_users_are_sent_back_over_tls_or_to_their_own_machine(address: str, taken: bool) -> None:
    assert is_redirect(address) is taken
