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
    ],
)
def test_users_are_sent_back_over_tls_or_to_their_own_machine(address: str, taken: bool) -> None:
    assert is_redirect(address) is taken
