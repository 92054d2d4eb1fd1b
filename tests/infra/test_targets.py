"""What a program that ends leaves on the screen."""

from __future__ import annotations

from infra.targets import _show


def test_the_interrupt_after_a_failed_resource_is_not_shown(capsys):
    _show(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert capsys.readouterr().err == ""


def test_any_other_error_is_shown(capsys):
    _show(ValueError, ValueError("what nobody foresaw"), None)

    assert "ValueError: what nobody foresaw" in capsys.readouterr().err
