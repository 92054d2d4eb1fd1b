"""`env diff`: against the stack's file and against an `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.render.api.client import RenderApi
from tests.support.render_stack import (
    NEW_EMBEDDING,
    TOKEN,
    Drive,
    Stack,
)

STACK = """\
config:
  claude-memory:target: render
  claude-memory:app: {repo: https://github.com/example/claude-memory}
  claude-memory:worker: {plan: starter}
  claude-memory:qdrant: {plan: starter}
  claude-memory:LOG_LEVEL: DEBUG
  claude-memory:EMBEDDING_MODEL: text-embedding-v4
  claude-memory:QUOTA_MEMORIES: 5000
  claude-memory:adminToken: {secure: v1:abc}
  claude-memory:EMBEDDING_API_KEY: {secure: v1:abc}
"""


def verdicts(drive: Drive, *arguments: str) -> dict[str, str]:
    """Return the verdict of each variable; with that of each service, where they do not agree."""
    ran = drive("env", "diff", "--json", *arguments)
    assert ran.status == 0, ran.err
    found: dict[str, dict[str, str]] = {}
    for row in ran.json:
        roles = {service.removeprefix("claude-memory-"): row["verdict"] for service in row["services"]}
        found.setdefault(row["name"], {}).update(roles)
    return {
        name: next(iter(set(roles.values())))
        if len(set(roles.values())) == 1
        else ", ".join(f"{role} {verdict}" for role, verdict in sorted(roles.items()))
        for name, roles in found.items()
    }


def test_against_the_stack_each_service_has_what_the_program_gives_it(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "Pulumi.render.yaml").write_text(STACK, encoding="utf-8")

    found = verdicts(drive)
    assert {name: found[name] for name in ("EMBEDDING_API_KEY", "QDRANT_API_KEY", "EMBEDDING_MODEL")} == {
        "EMBEDDING_API_KEY": "backup extra, web set, worker set",
        "QDRANT_API_KEY": "backup extra, web set, worker set",
        "EMBEDDING_MODEL": "backup extra, web same, worker same",
    }
    assert found["LOG_LEVEL"] == "web differs, worker missing"
    assert found["QUOTA_MEMORIES"] == "missing"
    assert found["QDRANT__SERVICE__API_KEY"] == "set"
    assert found["DATABASE_URL"] == "set"
    said = drive("env", "diff", "--values").said
    assert "LOG_LEVEL INFO DEBUG differs claude-memory-web" in said
    assert "QUOTA_MEMORIES - 5000 missing claude-memory-web, claude-memory-worker" in said
    assert "QDRANT__SERVICE__API_KEY" not in said
    assert "QDRANT__SERVICE__API_KEY *** set set" in drive("env", "diff", "--all").said


def test_what_someone_added_by_hand_is_extra(stack: Stack, drive: Drive, folder: Path, api: RenderApi) -> None:
    """Pulumi leaves it alone, so this is where it shows."""
    (folder / "Pulumi.render.yaml").write_text(STACK, encoding="utf-8")
    api.variables.set(stack.services["web"].id, "BY_HAND", "1")
    api.env_groups.set(stack.group, "SHARED_BY_HAND", "1")

    found = verdicts(drive)

    assert (found["BY_HAND"], found["SHARED_BY_HAND"]) == ("extra", "extra")


def test_a_stack_that_the_program_refuses_is_told(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "Pulumi.render.yaml").write_text(STACK + "  claude-memory:nonsense: 1\n", encoding="utf-8")

    ran = drive("env", "diff")
    assert (ran.status, "nonsense: there is no such key" in ran.err) == (1, True)


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


def test_services_that_do_not_agree_have_a_row_each(stack: Stack, drive: Drive, folder: Path) -> None:
    drive("env", "set", "EMBEDDING_MODEL=other", "--service", "web")
    (folder / ".env").write_text("EMBEDDING_MODEL=text-embedding-v4\n", encoding="utf-8")

    assert verdicts(drive, "--env-file", ".env")["EMBEDDING_MODEL"] == "backup same, web differs, worker same"


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
