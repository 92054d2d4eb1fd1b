"""`deploys`, `deploy`, `rollback`: what is sent, how the wait goes, what a failure says."""

from __future__ import annotations

import pytest

from tests.infra.render.driver.conftest import DATABASE, Drive, Stack
from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import FakeTime


def test_the_last_deploys_are_listed_newest_first(stack: Stack, drive: Drive, fake_time: FakeTime) -> None:
    fake_time.now_s += 60
    stack.services["web"].outcomes.append("update_failed")
    stack.deploy("web")

    ran = drive("deploys", "--service", "web")
    assert ran.status == 0
    assert ran.said.index("update_failed 59bb072 Initial commit api 2027-01-15 08:01") < ran.said.index("new_commit")
    assert len(drive("deploys", "--service", "web", "--limit", "1", "--json").json) == 1


# deploy ---------------------------------------------------------------------------------------


def test_a_deploy_is_waited_for_with_its_stages(stack: Stack, drive: Drive) -> None:
    ran = drive("deploy", "--service", "web")

    assert ran.status == 0
    assert [line.split("claude-memory-web ")[1] for line in ran.err.splitlines()] == [
        "builds",
        "starts the new instances",
        "is live",
    ]
    assert ran.out.startswith("claude-memory-web: dep-")


@pytest.mark.parametrize(
    ("arguments", "role", "body"),
    [
        pytest.param([], "web", {"deployMode": "build_and_deploy"}, id="a repository is built"),
        pytest.param([], "qdrant", {"deployMode": "deploy_only"}, id="an image is deployed"),
        pytest.param(["--mode", "deploy"], "web", {"deployMode": "deploy_only"}, id="deploy"),
        pytest.param(["--mode", "rebuild"], "web", {"deployMode": "build_and_deploy"}, id="rebuild"),
        pytest.param(["--commit", "abc123"], "web", {"commitId": "abc123"}, id="commit"),
        pytest.param(["--clear-cache"], "web", {"clearCache": "clear"}, id="clear cache"),
    ],
)
def test_what_a_mode_sends(
    arguments: list[str], role: str, body: dict[str, str], stack: Stack, drive: Drive, render: Server
) -> None:
    assert drive("deploy", "--service", role, *arguments).status == 0
    assert [(one.path.rsplit("/", 1)[1], one.body) for one in render.changes()] == [("deploys", body)]


def test_save_keeps_an_image_for_the_next_deploy(stack: Stack, drive: Drive, render: Server) -> None:
    ran = drive("deploy", "--service", "qdrant", "--mode", "save", "--image", "qdrant/qdrant:v1.19.0")

    assert (ran.status, ran.out) == (0, "saved; the next deploy takes it\n")
    assert [one.method for one in render.changes()] == ["PATCH"]
    assert stack.services["qdrant"].shown["imagePath"] == "docker.io/qdrant/qdrant:v1.19.0"
    assert len(stack.services["qdrant"].deploys) == 1


def test_a_new_image_keeps_its_registry_credential(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["qdrant"].shown["registryCredential"] = {"id": "rgc-1", "name": "ghcr"}

    drive("deploy", "--service", "qdrant", "--image", "ghcr.io/example/qdrant:2")

    assert render.changes()[0].body["image"]["registryCredentialId"] == "rgc-1"


def test_a_branch_is_saved_and_built(stack: Stack, drive: Drive, render: Server) -> None:
    drive("deploy", "--service", "web", "--branch", "next")

    assert stack.services["web"].shown["branch"] == "next"
    assert len(stack.services["web"].deploys) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--mode", "save"], "nothing to save", id="nothing to save"),
        pytest.param(["--mode", "deploy", "--commit", "abc"], "use --mode rebuild", id="commit without a build"),
        pytest.param(["--image", "nginx"], "is built from a repository", id="an image for a repository"),
        pytest.param(["--mode", "turbo"], "invalid choice", id="unknown mode"),
        pytest.param(["--service", "qdrant", "--commit", "abc"], "runs an image", id="a commit for an image"),
        pytest.param(["--service", "qdrant", "--mode", "rebuild"], "built elsewhere", id="rebuild an image"),
    ],
)
def test_wrong_usage_changes_nothing(
    arguments: list[str], said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("deploy", "--service", "web", *arguments)

    assert ran.status == 2
    assert said in ran.err
    assert render.changes() == []


def test_all_of_a_stack_is_deployed_only_when_it_is_named(stack: Stack, drive: Drive, render: Server) -> None:
    assert drive("deploy").status == 2
    assert render.changes() == []

    assert drive("deploy", "--stack", "render").status == 0
    assert {role: len(one.deploys) for role, one in stack.services.items()} == dict.fromkeys(stack.services, 2)


def test_a_suspended_service_is_not_deployed(stack: Stack, drive: Drive) -> None:
    stack.services["web"].shown["suspended"] = "suspended"

    ran = drive("deploy", "--service", "web")
    assert (ran.status, "`resume --service claude-memory-web`" in ran.err) == (2, True)


def test_a_failed_build_shows_the_end_of_its_log_and_the_remedy(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["web"].outcomes.append("build_failed")
    line = f"E: ModuleNotFoundError: No module named 'qdrant_edge' ({DATABASE})"
    deploys.log(render.state, stack.services["web"], "build", line, level="error")

    ran = drive("deploy", "--service", "web", "--json")
    assert ran.status == 1
    assert ran.json[0]["status"] == "build_failed"
    assert "No module named 'qdrant_edge' (***)" in ran.err
    assert "Python does not find qdrant_edge; add its package to requirements/app.in" in ran.err


def test_a_deploy_that_was_canceled_fails(stack: Stack, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploys, "_next", lambda *deploy: deploys._enter(*deploy, "canceled"))

    ran = drive("deploy", "--service", "web")
    assert (ran.status, "was canceled" in ran.err) == (1, True)


def test_the_wait_ends_at_its_limit_and_says_that_the_deploy_goes_on(
    stack: Stack, drive: Drive, render: Server
) -> None:
    render.state.stage_s = 10_000

    ran = drive("deploy", "--service", "web", "--timeout", "2m")
    assert ran.status == 1
    assert "is not live after 120 s and goes on by itself; it builds" in ran.err


def test_without_waiting_it_is_started_and_left(stack: Stack, drive: Drive, fake_time: FakeTime) -> None:
    assert drive("deploy", "--service", "web", "--no-wait").status == 0
    assert fake_time.slept_s == []


def test_a_deploy_behind_another_is_waited_for(stack: Stack, drive: Drive, render: Server) -> None:
    drive("deploy", "--service", "web", "--no-wait")

    ran = drive("deploy", "--service", "web")
    assert "waits for the deploy before it" in ran.err
    assert (ran.status, len(stack.services["web"].deploys)) == (0, 3)


# rollback -------------------------------------------------------------------------------------


def test_a_rollback_goes_to_what_was_live_before(stack: Stack, drive: Drive, render: Server) -> None:
    first = stack.services["web"].deploys[0]["id"]
    stack.deploy("web", commitId="bad")
    stack.services["web"].outcomes.append("update_failed")
    stack.deploy("web", commitId="worse")

    ran = drive("rollback", "--service", "web")
    assert ran.status == 0, ran.err
    assert f"back to {first} (59bb072 Initial commit)" in ran.err
    assert "deploys of new commits stay on" in ran.err
    assert "builds" not in ran.err
    assert stack.services["web"].deploys[-1]["commit"]["id"].startswith("59bb072")


def test_a_rollback_goes_to_a_deploy_that_is_named(stack: Stack, drive: Drive) -> None:
    first = stack.services["web"].deploys[0]["id"]
    stack.deploy("web")
    stack.deploy("web")

    assert f"back to {first}" in drive("rollback", "--service", "web", "--to", first).err


def test_what_was_never_live_is_no_target(stack: Stack, drive: Drive) -> None:
    assert "no deploy that was live before" in drive("rollback", "--service", "web").err
    stack.services["web"].outcomes.append("update_failed")
    broken = stack.deploy("web")["id"]

    ran = drive("rollback", "--service", "web", "--to", broken)
    assert (ran.status, "was never live" in ran.err) == (2, True)


def test_a_rollback_takes_one_service(stack: Stack, drive: Drive) -> None:
    assert drive("rollback").status == 2
    assert drive("rollback", "--service", "web", "--service", "worker").status == 2
