"""`env list`, `set`, `unset`, `diff`: where variables are, what is refused, and that values are hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.render.driver.conftest import DATABASE, TOKEN, Drive, Stack
from tests.standins.render.server import Server

NEW = "sk-" + "0b41f7c2aa"


@pytest.fixture
def drive(drive: Drive) -> Drive:
    """The same, with one more secret that may stand nowhere."""

    def run(*arguments: str, **more: str) -> object:
        ran = drive(*arguments, **more)
        assert NEW not in ran.out + ran.err
        return ran

    return run  # type: ignore[return-value]


# list -----------------------------------------------------------------------------------------


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


# set ------------------------------------------------------------------------------------------


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

    assert "where it goes before group claude-memory-settings" in ran.out
    assert stack.environment("web")["EMBEDDING_MODEL"] == "text-embedding-v5"
    assert stack.environment("worker")["EMBEDDING_MODEL"] == "text-embedding-v4"


def test_an_unknown_group_is_told_with_what_is_near(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "set", "LOG_LEVEL=DEBUG", "--group", "claude-memory-setings")

    assert (ran.status, "did you mean claude-memory-settings" in ran.err) == (2, True)


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_secret_comes_from_a_file_or_standard_input(way: str, stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "key").write_text(NEW + "\n", encoding="utf-8")
    more = ["--from-file", "key"] if way == "file" else []

    assert drive("env", "set", "EMBEDDING_API_KEY", *more, stdin="" if more else NEW).status == 0
    assert stack.environment("web")["EMBEDDING_API_KEY"] == NEW


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        pytest.param(["EMBEDDING_API_KEY=" + NEW], "", "is a secret", id="a secret as an argument"),
        pytest.param(["MY_PASSWORD=" + NEW], "", "is a secret", id="a secret that is no setting"),
        pytest.param(["EMBEDDING_DIMENSIONS=many"], "", "valid integer", id="a value that is not taken"),
        pytest.param(["ADMIN_TOKEN"], NEW, "takes cm_ and 43", id="a token of the wrong form"),
        pytest.param(["QRDANT_URL=http://q"], "", "did you mean QDRANT_URL", id="a slip in a name"),
        pytest.param(["LOG_LEVEL"], "", "the value is empty", id="empty"),
        pytest.param(["LOG_LEVEL"], " INFO", "begins or ends with a space", id="a space before it"),
        pytest.param(["EMBEDDING_API_KEY"], f"{NEW}\n{NEW}", "a line end in its middle", id="two lines"),
        pytest.param(["A-B=1"], "", "takes a name of letters", id="no name"),
        pytest.param(["EMBEDDING_API_KEY", "--from-file", "nowhere"], "", "cannot be read: No such file", id="no file"),
        pytest.param(["LOG_LEVEL=INFO", "--from-file", "f"], "", "not both", id="two values"),
    ],
)
def test_what_cannot_be_right_is_refused_before_a_change(
    arguments: list[str], stdin: str, said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("env", "set", *arguments, stdin=stdin)

    assert (ran.status, said in ran.err, render.changes()) == (2, True, []), ran.err
    assert ran.err.count("\n") == 1


def test_a_name_near_a_setting_is_set_where_it_is_meant(stack: Stack, drive: Drive) -> None:
    assert drive("env", "set", "QRDANT_URL=http://q", "--any-name", "--service", "web").status == 0
    assert stack.environment("web")["QRDANT_URL"] == "http://q"


def test_it_is_deployed_where_that_is_asked_for(stack: Stack, drive: Drive) -> None:
    ran = drive("env", "set", "LOG_LEVEL=DEBUG", "--mode", "deploy")

    assert (ran.status, "is live" in ran.err) == (0, True)
    assert {role: len(one.deploys) for role, one in stack.services.items()}["web"] == 2
    assert len(stack.services["worker"].deploys) == 1, "it does not run with that variable"


def test_a_variable_of_the_stacks_file_is_said_to_come_back(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "Pulumi.render.yaml").write_text("config:\n  claude-memory:LOG_LEVEL: INFO\n", encoding="utf-8")

    ran = drive("env", "set", "LOG_LEVEL=DEBUG")
    assert "Pulumi.render.yaml has LOG_LEVEL too, and the next `pulumi up` sets that" in ran.err


# unset ----------------------------------------------------------------------------------------


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


# diff -----------------------------------------------------------------------------------------


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


def test_against_an_env_file_secrets_are_compared_without_being_shown(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / ".env").write_text(
        f"EMBEDDING_API_KEY={NEW}\nadmin_token={TOKEN}\nLOG_LEVEL=info\nREDACT_SECRETS=yes\n", encoding="utf-8"
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
