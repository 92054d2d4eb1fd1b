"""`rotate`: the new value verified by a real call of the app, or the old one in force again, whatever goes wrong."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.render.driver.conftest import DATABASE, EMBEDDING, QDRANT, TOKEN, Drive, Ran, Stack
from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render import FakeTime

NEW_EMBEDDING = "sk-" + "c41be09a77"
NEW_TOKEN = "cm_" + "Z9y8X7w6V5" * 4 + "abc"
NEW_DATABASE = "postgresql://memory:" + "pw-aa4410" + "@dpg-1/memory"


@pytest.fixture
def drive(drive: Drive) -> Drive:
    """The same; the new values may stand nowhere either."""

    def run(*arguments: str, **more: str) -> Ran:
        ran: Ran = drive(*arguments, **more)
        told = ran.out + ran.err
        assert [one for one in (NEW_EMBEDDING, NEW_TOKEN, NEW_DATABASE, "pw-aa4410") if one in told] == []
        return ran

    return run


def left(folder: Path) -> list[Path]:
    """Return what rotations under way left on disk."""
    return list((folder / "state").rglob("*.json"))


def test_a_key_is_set_deployed_and_verified_by_a_real_call(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    app.accepted["EMBEDDING_API_KEY"] = {EMBEDDING, NEW_EMBEDDING}

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING + "\n")
    assert ran.status == 0, ran.err
    assert "rotated (EMBEDDING_API_KEY in claude-memory-settings); verified: answered" in ran.out
    assert app.environment["EMBEDDING_API_KEY"] == NEW_EMBEDDING
    assert ("POST", "/test") in app.asked
    assert {role: len(one.deploys) for role, one in stack.services.items()} == {
        "web": 2,
        "worker": 2,
        "backup": 2,
        "qdrant": 1,
    }
    assert left(folder) == []


def test_a_key_that_does_not_work_is_taken_back(stack: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    app.accepted["EMBEDDING_API_KEY"] = {EMBEDDING}
    (folder / "new").write_text(NEW_EMBEDDING, encoding="utf-8")

    ran = drive("rotate", "EMBEDDING_API_KEY", "--from-file", "new")
    assert ran.status == 1
    assert "the new value does not work (embed.example does not know the key" in ran.err
    assert "the old one is in force again" in ran.err
    assert app.environment["EMBEDDING_API_KEY"] == EMBEDDING
    assert len(stack.services["web"].deploys) == 3
    assert left(folder) == []


def test_an_old_value_that_does_not_work_either_is_said_so(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    app.accepted["EMBEDDING_API_KEY"] = set()

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert ran.status == 1
    assert "the old one is in force again: it does not work either" in ran.err
    assert (app.environment["EMBEDDING_API_KEY"], left(folder)) == (EMBEDDING, [])


def test_a_database_is_verified_by_readiness(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.accepted["DATABASE_URL"] = {DATABASE}
    ran = drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE)
    assert (ran.status, app.environment["DATABASE_URL"]) == (1, DATABASE)
    assert "not ready after 120 s: postgres: PostgreSQL refuses the login" in ran.err

    app.accepted["DATABASE_URL"] = {DATABASE, NEW_DATABASE}
    ran = drive("rotate", "DATABASE_URL", "--json", stdin=NEW_DATABASE)
    assert ran.status == 0
    assert ran.json["set"] == "DATABASE_URL in claude-memory-web, DATABASE_URL in claude-memory-worker"
    assert {stack.environment(role)["DATABASE_URL"] for role in ("web", "worker")} == {NEW_DATABASE}


def test_a_generated_token_is_written_to_a_file_and_let_in(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    ran = drive("rotate", "ADMIN_TOKEN", "--generate", "--to-file", "token")

    new = (folder / "token").read_text(encoding="utf-8").strip()
    assert ran.status == 0, ran.err
    assert re.fullmatch(r"cm_[A-Za-z0-9_-]{43}", new)
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert app.environment["ADMIN_TOKEN"] == new
    assert new not in ran.out + ran.err
    assert "the old token is let in still: revoke it" in ran.out


def test_a_token_that_is_refused_is_taken_back(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.runs_init = False

    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert ran.status == 1
    assert "the app refuses the new token; does its pre-deploy command run `claude-memory init`?" in ran.err
    assert app.environment["ADMIN_TOKEN"] == TOKEN


def test_a_token_proves_nothing_where_none_is_asked_for(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.asks_for_tokens = False

    assert "lets in callers without a token (AUTH)" in drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN).err


def test_the_same_secret_under_another_name_is_replaced_too(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("rotate", "QDRANT_API_KEY", "--generate")

    new = stack.environment("qdrant")["QDRANT__SERVICE__API_KEY"]
    assert ran.status == 0, ran.err
    assert new != QDRANT
    assert app.environment["QDRANT_API_KEY"] == new
    assert "QDRANT__SERVICE__API_KEY in claude-memory-qdrant" in ran.out
    assert len(stack.services["qdrant"].deploys) == 2


def test_other_secrets_are_verified_by_health(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "ALERTS_TOKEN", stdin="a-token-of-alerts-1")

    ran = drive("rotate", "ALERTS_TOKEN", "--generate")
    assert (ran.status, "verified: the app is ready" in ran.out) == (0, True)
    assert "Alertmanager has to show the new one as well" in ran.err


def test_a_key_that_no_call_uses_is_verified_by_health_and_said_so(
    stack: Stack, app: DeployedApp, drive: Drive
) -> None:
    drive("env", "unset", "EMBEDDING_MODEL")

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert ran.status == 0
    assert "EMBEDDING_MODEL is not set, so no call uses EMBEDDING_API_KEY: only the app's health can be" in ran.err


def test_the_process_from_before_the_deploy_proves_nothing(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.stale = 3
    assert drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING).status == 0
    assert app.asked.count(("GET", "/health")) == 4

    app.stale = 10_000
    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert "the process from before the deploy still answers" in ran.err


def test_a_deploy_that_fails_brings_the_old_value_back(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["worker"].outcomes.append("update_failed")

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert ran.status == 1
    assert "failed while starting the new instances" in ran.err
    assert stack.environment("worker")["EMBEDDING_API_KEY"] == EMBEDDING


def test_a_suspended_service_takes_the_value_later(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["worker"].shown["suspended"] = "suspended"

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert (ran.status, len(stack.services["worker"].deploys)) == (0, 1)
    assert "claude-memory-worker is suspended, and takes the value when it is resumed" in ran.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "said"),
    [
        pytest.param(["LOG_LEVEL"], "", 2, "is no secret; `env set LOG_LEVEL=…`", id="no secret"),
        pytest.param(["EMBEDING_API_KEY"], "", 2, "did you mean EMBEDDING_API_KEY", id="a slip in a name"),
        pytest.param(["MEMU_API_KEY"], "x" * 9, 1, "is not set there", id="not set"),
        pytest.param(["EMBEDDING_API_KEY"], EMBEDDING, 2, "the new value is the old one", id="the old value"),
        pytest.param(["EMBEDDING_API_KEY"], "", 2, "the value is empty", id="empty"),
        pytest.param(["ADMIN_TOKEN"], "cm_short", 2, "takes cm_ and 43", id="a wrong form"),
        pytest.param(["EMBEDDING_API_KEY", "--generate"], "", 2, "is given by whoever runs", id="cannot be made"),
        pytest.param(["ADMIN_TOKEN", "--to-file", "x"], "", 2, "goes with --generate", id="to-file alone"),
        pytest.param(["ADMIN_TOKEN", "--go-on"], "", 2, "no rotation of ADMIN_TOKEN was interrupted", id="go on"),
        pytest.param(["ADMIN_TOKEN", "--generate", "--to-file", "Pulumi.yaml"], "", 2, "File exists", id="is there"),
        pytest.param(["ADMIN_TOKEN", "--url", "http://far.example"], NEW_TOKEN, 2, "must begin with https", id="http"),
    ],
)
def test_what_cannot_be_right_changes_nothing(
    arguments: list[str],
    stdin: str,
    status: int,
    said: str,
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    render: Server,
) -> None:
    ran = drive("rotate", *arguments, stdin=stdin)

    assert (ran.status, said in ran.err, render.changes()) == (status, True, []), ran.err


def test_services_with_different_values_are_rotated_one_by_one(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "DATABASE_URL", "--service", "worker", stdin=DATABASE.replace("dpg-1", "dpg-2"))

    ran = drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE)
    assert (ran.status, "has different values in claude-memory-web, claude-memory-worker" in ran.err) == (2, True)
    assert drive("rotate", "DATABASE_URL", "--service", "worker", stdin=NEW_DATABASE).status == 0


def test_an_app_that_could_not_be_asked_is_told_before_a_change(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    app.tokens.clear()

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert (ran.status, render.changes()) == (2, [])
    assert "give one with --token-file or MEMORY_TOKEN" in ran.err
    assert drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE).status == 0, "readiness tells without a token"


# The stack's file -----------------------------------------------------------------------------


@pytest.fixture
def pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stack's file with the token, and a `pulumi` that notes its arguments and what comes in."""
    text = "config:\n  claude-memory:adminToken:\n    secure: v1:abc\n"
    (folder / "Pulumi.render.yaml").write_text(text, encoding="utf-8")
    commands = folder / "bin"
    commands.mkdir()
    script = f'#!/bin/sh\n[ -e {folder}/broken ] && echo "error: incorrect passphrase" >&2 && exit 1\n'
    (commands / "pulumi").write_text(f'{script}echo "$*" >{folder}/asked\ncat >{folder}/given\n', encoding="utf-8")
    (commands / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    yield folder
    if (folder / "asked").exists():
        assert NEW_TOKEN not in (folder / "asked").read_text(encoding="utf-8")


def test_the_stacks_file_gets_the_new_value(stack: Stack, app: DeployedApp, drive: Drive, pulumi: Path) -> None:
    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)

    assert (ran.status, "Pulumi.render.yaml has the new value as adminToken" in ran.out) == (0, True)
    asked = (pulumi / "asked").read_text(encoding="utf-8")
    assert asked == "config set --secret adminToken --stack render --non-interactive\n"
    assert (pulumi / "given").read_text(encoding="utf-8") == NEW_TOKEN


def test_a_stacks_file_that_keeps_the_old_value_is_a_failure_that_says_what_to_do(
    stack: Stack, app: DeployedApp, drive: Drive, pulumi: Path
) -> None:
    (pulumi / "broken").touch()

    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert ran.status == 1
    assert "Pulumi.render.yaml still has the old value, which the next `pulumi up` would set" in ran.out
    assert "incorrect passphrase" in ran.out
    assert "pulumi config set --secret adminToken --stack render" in ran.out
    assert app.environment["ADMIN_TOKEN"] == NEW_TOKEN


# Interrupted ----------------------------------------------------------------------------------


def interrupt_after(fake_time: FakeTime, sleeps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C during a later wait."""
    sleep = FakeTime.sleep

    def interrupted(self: FakeTime, seconds: float) -> None:
        if len(self.slept_s) >= sleeps:
            monkeypatch.setattr(FakeTime, "sleep", sleep)
            raise KeyboardInterrupt
        sleep(self, seconds)

    fake_time.slept_s.clear()
    monkeypatch.setattr(FakeTime, "sleep", interrupted)


@pytest.fixture
def interrupted(
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> Ran:
    app.accepted["EMBEDDING_API_KEY"] = {EMBEDDING, NEW_EMBEDDING}
    interrupt_after(fake_time, 1, monkeypatch)
    return drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)


def test_ctrl_c_says_what_state_it_is_in_and_how_to_go_on(interrupted: Ran, drive: Drive, folder: Path) -> None:
    assert interrupted.status == 130
    assert "interrupted while the new value was being deployed" in interrupted.err
    assert "`rotate EMBEDDING_API_KEY --go-on` or `rotate EMBEDDING_API_KEY --put-back`" in interrupted.err
    assert "goes on by itself" in interrupted.err

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert (ran.status, "was interrupted while the new value was being deployed" in ran.err) == (1, True)


def test_what_is_kept_meanwhile_is_this_users_alone(interrupted: Ran, folder: Path) -> None:
    (file,) = left(folder)

    assert json.loads(file.read_text(encoding="utf-8"))["old"] == EMBEDDING
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_an_interrupted_rotation_goes_on(interrupted: Ran, drive: Drive, app: DeployedApp, folder: Path) -> None:
    ran = drive("rotate", "EMBEDDING_API_KEY", "--go-on")

    assert (ran.status, "rotated" in ran.out) == (0, True), ran.err
    assert app.environment["EMBEDDING_API_KEY"] == NEW_EMBEDDING
    assert left(folder) == []


def test_an_interrupted_rotation_is_put_back(interrupted: Ran, drive: Drive, app: DeployedApp, folder: Path) -> None:
    ran = drive("rotate", "EMBEDDING_API_KEY", "--put-back")

    assert (ran.status, "the old value is in force again" in ran.out) == (0, True), ran.err
    assert app.environment["EMBEDDING_API_KEY"] == EMBEDDING
    assert left(folder) == []


def test_a_rotation_that_goes_on_with_a_value_that_does_not_work_puts_the_old_one_back(
    interrupted: Ran, drive: Drive, app: DeployedApp, folder: Path
) -> None:
    app.accepted["EMBEDDING_API_KEY"] = {EMBEDDING}

    ran = drive("rotate", "EMBEDDING_API_KEY", "--go-on")
    assert (ran.status, app.environment["EMBEDDING_API_KEY"]) == (1, EMBEDDING)
    assert left(folder) == []


@pytest.mark.parametrize("after", [False, True], ids=["before the change", "after the change"])
def test_a_connection_lost_at_any_request_leaves_a_way_back(
    after: bool, stack: Stack, app: DeployedApp, drive: Drive, render: Server, folder: Path
) -> None:
    """Cut at each request in turn; put back, and the old value is everywhere and in force."""
    at, finished = 0, False
    while not finished:
        at += 1
        render.faults.cut(at, after)
        ran = drive("rotate", "QDRANT_API_KEY", "--generate")
        render.faults.heal()
        finished = ran.status == 0
        if finished:
            break
        if left(folder):
            assert "`rotate QDRANT_API_KEY --put-back`" in ran.err, f"cut at {at}"
            back = drive("rotate", "QDRANT_API_KEY", "--put-back")
            assert back.status == 0, f"cut at {at}: {back.err}"
        values = {stack.environment("web")["QDRANT_API_KEY"], stack.environment("qdrant")["QDRANT__SERVICE__API_KEY"]}
        assert values == {QDRANT}, f"cut at {at}"
        assert app.environment["QDRANT_API_KEY"] == QDRANT, f"cut at {at}"
        assert left(folder) == []
        for service in stack.services.values():
            del service.deploys[1:-1]
    assert at > 15
