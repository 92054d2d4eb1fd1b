"""Fingerprints tell that a value changed, and nothing else."""

from __future__ import annotations

from infra.render.provider.fingerprints import Vault, fingerprint_of, new_key
from infra.render.provider.turn import Memory

VALUE = "write-only-91cd"


def test_the_engines_seed_makes_a_preview_and_its_update_choose_the_same_key() -> None:
    assert new_key(b"seed") == new_key(b"seed")
    assert new_key(b"seed") != new_key(b"other")
    assert new_key(b"") != new_key(b"")


def test_a_value_is_there_for_the_step_that_follows_in_the_same_process() -> None:
    vault = Vault()
    vault.keep("0" * 64, VALUE)

    assert vault.value("0" * 64) == VALUE
    assert vault.value("1" * 64) is None


def test_equal_values_at_two_places_do_not_look_equal() -> None:
    key = new_key(b"")

    assert fingerprint_of(key, "envVars.A", "x") != fingerprint_of(key, "envVars.B", "x")
    assert fingerprint_of(key, "envVars.A", "x") != fingerprint_of(new_key(b""), "envVars.A", "x")


def test_what_holds_values_does_not_show_them() -> None:
    vault = Vault()
    vault.keep("0" * 64, VALUE)

    assert VALUE not in repr(vault) + repr(Memory(vault=vault))
