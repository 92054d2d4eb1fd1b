"""Tokens as the rest of the app sees them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.access.tokens import Token, digest, new_token, successors
from app.settings.forms import ACCESS_TOKEN

NOW = datetime.now(UTC)


def test_a_token_is_32_random_bytes_and_only_its_hash_is_stored() -> None:
    one, other = new_token(), new_token()

    assert one != other
    assert one.startswith("cm_")
    assert len(one) == 46
    assert len(digest(one)) == 32
    assert one.encode() not in digest(one)


def test_the_successors_of_a_token_take_both_it_and_the_salt() -> None:
    token, salt = new_token(), bytes(range(32))
    made = successors(token, salt)

    assert successors(token, salt) == made
    assert all(re.fullmatch(ACCESS_TOKEN, one) for one in made)
    assert len({*made, *successors(token, bytes(32)), *successors(new_token(), salt)}) == 6


@pytest.mark.parametrize(
    ("expires_in", "revoked", "state"),
    [
        (None, False, "live"),
        (3_600, False, "live"),  # longer than a run of all tests takes from its collection
        (-1, False, "expired"),
        (None, True, "revoked"),
        (-1, True, "revoked"),
    ],
)
def test_a_token_is_live_until_its_end_or_its_revocation(expires_in: int | None, revoked: bool, state: str) -> None:
    token = Token(
        id="1",
        user="ann",
        scopes=("read",),
        created_at=NOW,
        expires_at=None if expires_in is None else NOW + timedelta(seconds=expires_in),
        last_used_at=None,
        revoked_at=NOW if revoked else None,
    )

    assert token.state == state
