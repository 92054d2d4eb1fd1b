"""Licences of packages: read from what they say, allowed by one list, never guessed."""

from __future__ import annotations

from email.message import Message

import pytest

from ci.checks.licences import Rules, expression_of, is_allowed, main, problem_of, read_rules

RULES = Rules(frozenset({"MIT", "BSD-3-Clause"}), {"MIT License": "MIT", "DFSG approved": ""}, {"silent": "MIT"})


def said(**headers: str | list[str]) -> Message:
    message = Message()
    for name, values in headers.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("metadata", "expression"),
    [
        (said(License_Expression="MIT", License="GPL"), "MIT"),
        (said(Classifier=["License :: OSI Approved :: MIT License", "Topic :: X"], License="see LICENSE"), "MIT"),
        (said(Classifier=["License :: DFSG approved", "License :: OSI Approved :: MIT License"]), "MIT"),
        (said(Classifier=["License :: OSI Approved"], License="MIT License"), "MIT"),
        (said(License="MIT License\n\nPermission is hereby granted"), "MIT"),
        (said(License="My own"), "My own"),
        (said(Classifier=["Topic :: X"]), None),
    ],
)
def test_the_most_exact_statement_counts(metadata: Message, expression: str | None) -> None:
    assert expression_of(metadata, RULES) == expression


@pytest.mark.parametrize(
    ("expression", "fine"),
    [
        ("MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT AND BSD-3-Clause", True),
        ("(MIT OR GPL-3.0-only) AND GPL-2.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("", False),
    ],
)
def test_one_choice_must_be_allowed_in_all_its_parts(expression: str, fine: bool) -> None:
    assert is_allowed(expression, RULES.allowed) is fine


def test_an_unknown_licence_and_a_missing_one_say_what_to_do() -> None:
    assert "is not allowed; drop the package, or" in (problem_of("x", "AGPL-3.0-only", RULES) or "")
    assert "states no licence; look it up" in (problem_of("x", None, RULES) or "")
    assert problem_of("x", "MIT", RULES) is None


def test_all_packages_of_the_locks_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert "all with allowed licences" in capsys.readouterr().out


def test_every_spelling_leads_to_an_allowed_licence() -> None:
    rules = read_rules()

    assert set(rules.names.values()) - {""} <= rules.allowed
    assert set(rules.packages.values()) <= rules.allowed
