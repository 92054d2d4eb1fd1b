"""A rotation: the new value verified and in force, or the old one, whatever goes wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render import FakeTime
from tests.support.render_stack import (
    DOCKER,
    EMBEDDING,
    IMAGE,
    NEW_EMBEDDING,
    QDRANT,
    Drive,
    Ran,
    Stack,
    left,
)


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


def test_the_same_secret_under_another_name_is_replaced_too(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("rotate", "QDRANT_API_KEY", "--generate")

    new = stack.environment("qdrant")["QDRANT__SERVICE__API_KEY"]
    assert ran.status == 0, ran.err
    assert new != QDRANT
    assert app.environment["QDRANT_API_KEY"] == new
    assert "QDRANT__SERVICE__API_KEY in claude-memory-qdrant" in ran.out
    assert len(stack.services["qdrant"].deploys) == 2


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


ALERTS = "al-" + "55e0c2b7d19f4a"


@pytest.fixture
def receiver(stack: Stack) -> Stack:
    """The stack with an alert receiver, and an Alertmanager that shows the receiver's token from a secret file."""
    image = {"image": {"ownerId": stack.render.state.owner, "imagePath": "docker.io/prom/alertmanager:v0.29.0"}}
    stack.add("alerts", "private_service", DOCKER, {"ALERTS_TOKEN": ALERTS})
    files = [{"name": "alerts_token", "content": ALERTS}, {"name": "alertmanager.yml", "content": "route: {}"}]
    stack.add("alertmanager", "private_service", IMAGE, {"PORT": "9093"}, secretFiles=files, **image)
    return stack


def files_of(stack: Stack, role: str) -> dict[str, str]:
    found = [one["secretFile"] for one in stack.services[role].files]
    return {one["name"]: one["content"] for one in found}


def test_a_secret_that_the_web_service_does_not_run_with_is_verified_by_the_deploys(
    receiver: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    ran = drive("rotate", "ALERTS_TOKEN", "--generate")

    assert ran.status == 0, ran.err
    assert "verified: the services that run with it are live with it" in ran.out
    assert app.asked == []
    assert len(receiver.services["web"].deploys) == 1
    assert left(folder) == []


def test_a_secret_file_with_the_same_secret_is_replaced_too(receiver: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("rotate", "ALERTS_TOKEN", "--generate")

    new = receiver.environment("alerts")["ALERTS_TOKEN"]
    assert ran.status == 0, ran.err
    assert files_of(receiver, "alertmanager") == {"alerts_token": new, "alertmanager.yml": "route: {}"}
    assert len(receiver.services["alertmanager"].deploys) == 2
    assert "file alerts_token in claude-memory-alertmanager" in ran.out
    assert new not in ran.out + ran.err


def test_a_secret_file_gets_the_old_secret_back(receiver: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    receiver.services["alertmanager"].outcomes.append("update_failed")

    ran = drive("rotate", "ALERTS_TOKEN", "--generate")
    assert ran.status == 1
    assert receiver.environment("alerts")["ALERTS_TOKEN"] == ALERTS
    assert files_of(receiver, "alertmanager")["alerts_token"] == ALERTS
    assert left(folder) == []


def test_going_on_with_what_was_being_put_back_puts_it_back(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.accepted["EMBEDDING_API_KEY"] = {EMBEDDING}
    interrupt_after(fake_time, 2, monkeypatch)
    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert (ran.status, "interrupted while the old value was being put back" in ran.err) == (130, True)
    assert app.environment["EMBEDDING_API_KEY"] == NEW_EMBEDDING  # the old one is set, and not yet deployed

    assert drive("rotate", "EMBEDDING_API_KEY", "--go-on").status == 0
    assert app.environment["EMBEDDING_API_KEY"] == EMBEDDING
    assert left(folder) == []


def test_a_value_set_by_another_meanwhile_does_not_lose_the_old_one(
    interrupted: Ran, stack: Stack, drive: Drive, folder: Path
) -> None:
    drive("env", "set", "EMBEDDING_API_KEY", "--service", "web", stdin="sk-of-another")
    (file,) = left(folder)
    noted = json.loads(file.read_text(encoding="utf-8"))
    web = {"place": stack.services["web"].id, "is_group": False, "name": "claude-memory-web"}
    noted["targets"].append({**web, "variable": "EMBEDDING_API_KEY"})
    file.write_text(json.dumps(noted), encoding="utf-8")

    ran = drive("rotate", "EMBEDDING_API_KEY", "--go-on")
    assert (ran.status, "several values were set since" in ran.err) == (1, True)
    assert left(folder) == [file]
