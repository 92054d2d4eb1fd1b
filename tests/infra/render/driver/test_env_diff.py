"""`env diff`: against the stack's file and against an `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.render_stack import (
    NEW_EMBEDDING,
    TOKEN,
    Drive,
    Stack,
)


def verdicts(drive: Drive, *arguments: str) -> dict[str, str]:
    ran = drive("env", "diff", "--json", *arguments)
    assert ran.status == 0, ran.err
    return {row["name"]: row["verdict"] for row in ran.json}


def test_against_the_stacks_file_settings_are_compared_and_secrets_by_presence(
    stack: Stack, drive: Drive, folder: Path
) -> None:
    (folder / "Pulumi.render.yaml").write_text(
        "config:\n"
        "  claude-memory:target: render\n"
        "  claude-memory:LOG_LEVEL: DEBUG\n"
        "  claude-memory:EMBEDDING_MODEL: text-embedding-v4\n"
        "  claude-memory:QUOTA_MEMORIES: 5000\n"
        "  claude-memory:adminToken:\n    secure: v1:abc\n"
        "  claude-memory:EMBEDDING_API_KEY:\n    secure: v1:abc\n"
        "  claude-memory:BACKUP_PASSPHRASE:\n    secure: v1:abc\n",
        encoding="utf-8",
    )

    assert verdicts(drive) == {
        "ADMIN_TOKEN": "set",
        "BACKUP_PASSPHRASE": "missing",
        "DATABASE_URL": "extra",
        "EMBEDDING_API_KEY": "set",
        "EMBEDDING_MODEL": "same",
        "LOG_LEVEL": "differs",
        "QDRANT_API_KEY": "extra",
        "QDRANT_URL": "extra",
        "QUOTA_MEMORIES": "missing",
    }
    ran = drive("env", "diff", "--values")
    assert "LOG_LEVEL INFO in claude-memory-web alone DEBUG differs" in ran.said
    assert "9 compared with Pulumi.render.yaml: 3 the same, 6 not" in ran.out
    assert "text-embedding-v4" not in ran.out
    assert "text-embedding-v4" in drive("env", "diff", "--values", "--all").out


def test_against_an_env_file_secrets_are_compared_and_not_shown(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / ".env").write_text(
        f"EMBEDDING_API_KEY={NEW_EMBEDDING}\nadmin_token={TOKEN}\nLOG_LEVEL=info\nREDACT_SECRETS=yes\n",
        encoding="utf-8",
    )

    found = verdicts(drive, "--env-file", ".env")
    assert {name: found[name] for name in ("EMBEDDING_API_KEY", "ADMIN_TOKEN", "LOG_LEVEL", "REDACT_SECRETS")} == {
        "EMBEDDING_API_KEY": "differs",
        "ADMIN_TOKEN": "same",
        "LOG_LEVEL": "same",
        "REDACT_SECRETS": "missing",
    }
    assert "EMBEDDING_API_KEY *** *** differs" in drive("env", "diff", "--env-file", ".env", "--values").said


def test_a_variable_that_services_have_with_several_values_differs(stack: Stack, drive: Drive, folder: Path) -> None:
    drive("env", "set", "EMBEDDING_MODEL=other", "--service", "web")
    (folder / ".env").write_text("EMBEDDING_MODEL=text-embedding-v4\n", encoding="utf-8")

    assert "EMBEDDING_MODEL several values *** differs" in drive("env", "diff", "--env-file", ".env").said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Pulumi.render.yaml is not in", id="no stack"),
        pytest.param(["--env-file", "nowhere.env"], "nowhere.env is not there", id="no file"),
    ],
)
def test_without_the_other_side_there_is_nothing_to_compare(
    arguments: list[str], said: str, stack: Stack, drive: Drive
) -> None:
    ran = drive("env", "diff", *arguments)

    assert (ran.status, said in ran.err) == (1, True)
