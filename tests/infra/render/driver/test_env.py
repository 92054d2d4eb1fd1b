"""`env list`, `set`, `unset`: where variables are, and that values are hidden."""

from __future__ import annotations

from pathlib import Path

from tests.standins.render.server import Server
from tests.support.render_stack import (
    DATABASE,
    Drive,
    Stack,
)


def test_variables_are_listed_with_their_places_and_without_values(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "list")

    assert ran.status == 0
    assert "ADMIN_TOKEN *** group claude-memory-settings secret setting" in ran.said
    assert "DATABASE_URL *** claude-memory-web secret setting" in ran.said
    assert "DATABASE_URL *** claude-memory-worker" in ran.said
    assert "LOG_LEVEL *** claude-memory-web setting" in ran.said
    assert "QDRANT__SERVICE__API_KEY *** claude-memory-qdrant secret" in ran.said


def test_values_of_settings_that_are_no_secrets_are_shown_on_demand(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["web"].variables.append({"cursor": "1", "envVar": {"key": "MY_NOTE", "value": "hello-there"}})

    found = {(one["name"], one.get("service")): one for one in drive("env", "list", "--values", "--json").json}
    assert found["LOG_LEVEL", "claude-memory-web"]["value"] == "INFO"
    assert found["EMBEDDING_MODEL", None]["value"] == "text-embedding-v4"
    assert found["MY_NOTE", "claude-memory-web"]["value"] is None
    assert found["DATABASE_URL", "claude-memory-web"]["value"] is None


def test_a_variable_is_set_where_it_is(stack: Stack, drive: Drive, render: Server) -> None:
    ran = drive("env", "set", "EMBEDDING_MODEL=text-embedding-v5")

    assert ran.status == 0
    assert ran.out == "EMBEDDING_MODEL: set in group claude-memory-settings\n"
    assert "`deploy --mode deploy --service claude-memory-web" in ran.err
    assert stack.environment("worker")["EMBEDDING_MODEL"] == "text-embedding-v5"
    assert [one.method for one in render.changes()] == ["PUT"]


def test_a_variable_in_several_places_is_set_in_all(stack: Stack, drive: Drive) -> None:
    other = DATABASE.replace("dpg-1", "dpg-2")

    assert drive("env", "set", "DATABASE_URL", stdin=other + "\n").status == 0
    assert {stack.environment(role)["DATABASE_URL"] for role in ("web", "worker")} == {other}


def test_a_new_variable_goes_to_the_stacks_one_group(stack: Stack, drive: Drive) -> None:
    drive("env", "set", "QUOTA_MEMORIES=5000")

    assert stack.environment("backup")["QUOTA_MEMORIES"] == "5000"


def test_a_new_variable_without_one_group_asks_where(stack: Stack, drive: Drive, render: Server) -> None:
    stack.add_group("claude-memory-more", {}, "web")

    ran = drive("env", "set", "QUOTA_MEMORIES=5000")
    assert (ran.status, "say where with --group or --service: claude-memory-web" in ran.err) == (2, True)
    assert drive("env", "set", "QUOTA_MEMORIES=5000", "--group", "claude-memory-more").status == 0
    assert "QUOTA_MEMORIES" not in stack.environment("worker")


def test_a_service_that_is_named_gets_its_own_value(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "set", "EMBEDDING_MODEL=text-embedding-v5", "--service", "web")

    assert "overriding group claude-memory-settings" in ran.out
    assert stack.environment("web")["EMBEDDING_MODEL"] == "text-embedding-v5"
    assert stack.environment("worker")["EMBEDDING_MODEL"] == "text-embedding-v4"


def test_an_unknown_group_is_told_with_what_is_near(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "set", "LOG_LEVEL=DEBUG", "--group", "claude-memory-setings")

    assert (ran.status, "did you mean claude-memory-settings" in ran.err) == (2, True)


def test_it_is_deployed_where_that_is_asked_for(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "set", "LOG_LEVEL=DEBUG", "--mode", "deploy")

    assert (ran.status, "is live" in ran.err) == (0, True)
    assert {role: len(one.deploys) for role, one in stack.services.items()}["web"] == 2
    assert len(stack.services["worker"].deploys) == 1, "it does not run with that variable"


def test_a_variable_of_the_stacks_file_is_said_to_come_back(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "Pulumi.render.yaml").write_text("config:\n  claude-memory:LOG_LEVEL: INFO\n", encoding="utf-8")

    ran = drive("env", "set", "LOG_LEVEL=DEBUG")
    assert "Pulumi.render.yaml has LOG_LEVEL too, and the next `pulumi up` sets that" in ran.err


def test_a_variable_is_removed_from_where_it_is(stack: Stack, drive: Drive) -> None:
    assert drive("env", "unset", "DATABASE_URL", "--service", "worker").status == 0
    assert ("DATABASE_URL" in stack.environment("web"), "DATABASE_URL" in stack.environment("worker")) == (True, False)
    assert (
        drive("env", "unset", "EMBEDDING_API_KEY").out
        == "EMBEDDING_API_KEY: removed from group claude-memory-settings\n"
    )


def test_a_variable_that_is_not_there_is_told_with_what_is_near(stack: Stack, drive: Drive, render: Server) -> None:
    ran = drive("env", "unset", "EMBEDING_API_KEY")

    assert (ran.status, render.changes()) == (1, [])
    assert "did you mean EMBEDDING_API_KEY" in ran.err
