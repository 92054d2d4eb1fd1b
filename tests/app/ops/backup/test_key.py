"""The key of a backup: what we write any age opens, and we open what any age writes."""

from __future__ import annotations

import os

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ops.backup.key import WrongPassphrase, sealed, unsealed

WORK = 10  # quick


@given(st.binary(max_size=200), st.text(min_size=1))
@settings(max_examples=25)
def test_the_passphrase_opens_what_it_closed(content: bytes, passphrase: str) -> None:
    assert unsealed(sealed(content, passphrase, WORK), passphrase) == content


@pytest.mark.parametrize("passphrase", ["correct horse", "größer als 猫"])
def test_age_opens_ours(passphrase: str) -> None:
    content = os.urandom(100)

    assert pyrage.passphrase.decrypt(sealed(content, passphrase, WORK), passphrase) == content


def test_no_flipped_bit_and_no_cut_is_taken() -> None:
    data = sealed(b"key", "correct horse", 4)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WrongPassphrase):
            unsealed(bytes(damaged), "correct horse")
    for length in range(len(data)):
        with pytest.raises(WrongPassphrase):
            unsealed(data[:length], "correct horse")


@pytest.mark.parametrize("work", [19, 20, 31])
def test_a_file_that_asks_for_too_much_memory_is_refused(work: int) -> None:
    data = sealed(b"key", "correct horse", 4).replace(b" 4\n", b" %d\n" % work, 1)

    with pytest.raises(WrongPassphrase):
        unsealed(data, "correct horse")
