"""`doctor`: what it compares, calls and reads, and what it says to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.render.doctor import here as here_module
from tests.infra.render.driver.conftest import DATABASE, DOCKER, EMBEDDING, TOKEN, Drive, Stack
from tests.standins.render import deploys
from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render import FakeTime

COMMIT = "59bb07278c918ac8798e2532b4251f7c34e365f5"


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs there is checked out here."""
    monkeypatch.setattr(here_module, "_revision", lambda: (COMMIT, 0))


def findings(drive: Drive, *arguments: str, status: int | None = None, **variables: str) -> dict[str, Any]:
    """Return the findings by what they are about; several of one are joined."""
    ran = drive("doctor", "--json", *arguments, **variables)
    assert ran.err == "", ran.err
    if status is not None:
        assert ran.status == status, ran.out
    found: dict[str, Any] = {}
    for one in ran.json["findings"]:
        before = found.get(one["what"])
        found[one["what"]] = one if before is None else {key: f"{before[key]} | {one[key]}" for key in one}
    return found


def test_a_stack_that_runs_well_has_nothing_to_do(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("doctor")

    assert ran.status == 0, ran.out
    assert "failed" not in ran.out.split()
    assert "warning" not in ran.out.split()
    assert "ok revision 59bb072" in ran.said
    assert "ok PostgreSQL answered" in ran.said
    assert "ok embedding service answered" in ran.said


# Services -------------------------------------------------------------------------------------


def test_what_does_not_run_is_told_with_what_to_do(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    stack.services["worker"].shown |= {"suspended": "suspended", "suspenders": ["user"]}
    stack.services["qdrant"].outcomes.append("update_failed")
    stack.deploy("qdrant")
    stack.services["web"].details.update(healthCheckPath="/", region="oregon")
    postgres = {"name": "claude-memory-postgres", "ownerId": render.state.owner, "plan": "free", "version": "17"}
    stack._call("POST", "/postgres", postgres)

    found = findings(drive, status=1)
    assert found["claude-memory-worker"]["remedy"] == "`resume --service claude-memory-worker`"
    assert "update_failed; the one before it runs" in found["claude-memory-qdrant"]["found"]
    assert found["claude-memory-web"]["state"] == "ok | warning"
    assert "frankfurt and oregon" in found["regions"]["found"]
    assert "claude-memory-postgres" in found


def test_a_web_service_that_does_not_run_is_not_asked(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["web"].shown["suspended"] = "suspended"

    assert findings(drive, status=1)["the app"]["state"] == "skipped"
    assert app.asked == []


# Here and there -------------------------------------------------------------------------------


def test_versions_that_differ_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    packages = app.report()["packages"]
    app.changed = {
        "version": "9.9.9",
        "python": "3.14.1",
        "packages": {name: version for name, version in packages.items() if name != "uvicorn"} | {"asyncpg": "0.1"},
        "schema_files": {"0001_memories.sql": "000000000000", "0099_later.sql": "111111111111"},
    }

    found = findings(drive, status=1)
    assert "9.9.9 there" in found["version"]["found"]
    assert found["Python"]["state"] == "warning"
    assert found["package asyncpg"]["found"].endswith("here, 0.1 there")
    assert found["package uvicorn"]["found"].endswith("here, none there")
    assert found["schema 0001_memories.sql"]["found"] == "differs from what was applied there"
    assert found["schema 0002_oauth.sql"]["found"] == "here, not there"
    assert found["schema 0099_later.sql"]["state"] == "warning"


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        pytest.param(("1234567" + COMMIT[7:], 0), "1234567 here, 59bb072 there", id="another commit"),
        pytest.param((COMMIT, 3), "but 3 files here are changed", id="changed files"),
        pytest.param((None, 0), "git does not tell", id="no git"),
    ],
)
def test_a_revision_that_differs_is_told(
    revision: tuple[str | None, int],
    said: str,
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(here_module, "_revision", lambda: revision)

    found = findings(drive, status=0)["revision"]
    assert (found["state"], said in found["found"]) == ("warning", True)


def test_without_the_apps_packages_those_of_the_lock_are_compared(
    stack: Stack, app: DeployedApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> str:
        raise here_module.metadata.PackageNotFoundError(name)

    app.changed = {"packages": app.report()["packages"]}
    monkeypatch.setattr(here_module.metadata, "version", nothing)

    assert findings(drive)["packages"]["found"].endswith("the same as locked here")


def test_settings_of_the_env_file_here_are_compared(stack: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    (folder / ".env").write_text(
        "EMBEDDING_MODEL=other-model\nMEMU_API_KEY=mu-0a1b2c3d\nQUOTA_MEMORIES=5000\nLOG_LEVEL=DEBUG\nHOST=127.0.0.1\n",
        encoding="utf-8",
    )

    found = findings(drive, status=1)
    assert found["setting EMBEDDING_MODEL"]["state"] == "failed"
    assert found["setting EMBEDDING_MODEL"]["found"] == "other-model here, text-embedding-v4 there"
    assert found["setting MEMU_API_KEY"]["found"] == "set here, not there"
    assert found["setting QUOTA_MEMORIES"]["found"] == "5000 here, 0 there"
    assert "setting LOG_LEVEL" not in found, "it belongs to the place"
    assert "mu-0a1b2c3d" not in str(found)


def test_settings_that_mean_the_same_do_not_differ(stack: Stack, app: DeployedApp, drive: Drive, folder: Path) -> None:
    (folder / "local.env").write_text(
        "EMBEDDING_MODEL=text-embedding-v4\nREDACT_SECRETS=yes\nQUOTA_MEMORIES=0\n", encoding="utf-8"
    )

    found = findings(drive, "--env-file", "local.env", status=0)
    assert found["settings here"]["found"] == "those of local.env are the same there"


def test_variables_that_wait_for_a_deploy_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "QUOTA_MEMORIES=5000")
    drive("env", "set", "EMBEDDING_MODEL=text-embedding-v5")

    found = findings(drive, status=0)["settings in force"]
    assert found["found"] == "changed after the running deploy: EMBEDDING_MODEL, QUOTA_MEMORIES"
    assert found["remedy"] == "`deploy --mode deploy` lets them take effect"


def test_variables_that_cannot_work_are_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    variables = stack.services["web"].variables
    variables[:] = [one for one in variables if one["envVar"]["key"] != "DATABASE_URL"]
    variables.append({"cursor": "1", "envVar": {"key": "QRDANT_URL", "value": "http://q"}})
    variables.append({"cursor": "2", "envVar": {"key": "RATE_LIMIT_PER_MINUTE", "value": "a lot"}})

    found = findings(drive, status=1)
    assert "every deploy would lose all memories" in found["setting DATABASE_URL"]["found"]
    assert "did you mean QDRANT_URL" in found["variable QRDANT_URL"]["found"]
    assert "its value is not taken" in found["setting RATE_LIMIT_PER_MINUTE"]["found"]


# The app and what it calls --------------------------------------------------------------------


def test_each_outside_service_is_called_and_a_failure_names_the_remedy(
    stack: Stack, app: DeployedApp, drive: Drive
) -> None:
    app.accepted = {"EMBEDDING_API_KEY": set(), "QDRANT_API_KEY": set(), "DATABASE_URL": set()}

    found = findings(drive, status=1)
    assert found["health"]["state"] == "warning"
    assert "PostgreSQL refuses the login" in found["part postgres"]["found"]
    assert "`rotate DATABASE_URL" in found["PostgreSQL"]["remedy"]
    assert "`rotate QDRANT_API_KEY --generate`" in found["search index"]["remedy"]
    assert "`rotate EMBEDDING_API_KEY" in found["embedding service"]["remedy"]


def test_without_an_embedding_model_none_is_called(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "unset", "EMBEDDING_MODEL", "--mode", "deploy")

    assert findings(drive)["embedding service"]["found"] == "none: EMBEDDING_MODEL is not set, search goes by words"


@pytest.mark.parametrize(
    ("status", "said"),
    [(502, "answered 502 with nothing (zero length)"), (200, "answered 200 with nothing (zero length)")],
)
def test_an_answer_of_zero_length_is_told(status: int, said: str, stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.broken = status

    assert said in findings(drive, status=1)["the app"]["found"]


def test_an_app_that_cannot_be_reached_is_told(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["web"].details["url"] = "http://127.0.0.1:1"

    assert "does not answer (ConnectionError)" in findings(drive, status=1)["the app"]["found"]


def test_the_token_is_the_one_given_or_the_services_own(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    findings(drive)
    assert set(app.seen_tokens) == {TOKEN}

    app.tokens = {"cm_mine", "cm_of-a-file"}
    app.seen_tokens.clear()
    assert findings(drive, MEMORY_TOKEN="cm_mine")["PostgreSQL"]["state"] == "ok"
    (folder / "token").write_text("cm_of-a-file\n", encoding="utf-8")
    assert findings(drive, "--token-file", "token")["PostgreSQL"]["state"] == "ok"
    assert set(app.seen_tokens) == {"cm_mine", "cm_of-a-file"}


def test_without_a_token_the_rest_is_done(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.tokens.clear()

    found = findings(drive, status=0)
    assert (found["here and there"]["state"], found["outside services"]["state"]) == ("skipped", "skipped")
    assert "--token-file" in found["here and there"]["remedy"]
    assert found["health"]["state"] == "ok"


def test_the_address_is_the_first_domain_where_renders_own_is_off(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    web = stack.services["web"]
    web.details["renderSubdomainPolicy"] = "disabled"
    assert "no domain is verified" in drive("doctor").err

    domain = {"id": "cdm-1", "name": "memory.example", "verificationStatus": "verified"}
    web.domains.append(domain | {"createdAt": "2026-01-01T00:00:00Z"})
    assert "https://memory.example does not answer" in drive("doctor", "--service", "web").said


def test_a_token_goes_nowhere_in_clear(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("doctor", "--url", "http://memory.example")

    assert (ran.status, "must begin with https://" in ran.err) == (2, True)


# Logs and events ------------------------------------------------------------------------------


def test_known_failures_in_logs_and_events_are_told_with_the_remedy(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    web = stack.services["web"]
    for line in ("==> Exited with status 1", "ModuleNotFoundError: No module named 'obstore'") * 3:
        deploys.log(render.state, web, "app", line)
    killed = {"reason": {"oomKilled": {"memoryLimit": "512Mi"}}}
    deploys.event(render.state, stack.services["worker"], "server_failed", killed)

    found = findings(drive, status=1)
    assert "Python does not find obstore (3 times)" in found["logs of claude-memory-web"]["found"]
    assert "it ends again and again (3 times)" in found["logs of claude-memory-web"]["found"]
    assert "`metrics` shows how much it takes" in found["logs of claude-memory-worker"]["remedy"]


def test_failures_from_before_the_present_deploy_are_over(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server, fake_time: FakeTime
) -> None:
    deploys.log(render.state, stack.services["web"], "app", "listening on http://127.0.0.1:10000")
    fake_time.now_s += 600
    stack.deploy("web")

    found = findings(drive, status=0)["logs of claude-memory-web"]
    assert found["state"] == "warning"
    assert "before the present deploy" in found["found"]
    fake_time.now_s += 100_000
    assert findings(drive, status=0)["logs of claude-memory-web"]["state"] == "ok", "24 hours are read"


def test_secrets_in_log_lines_are_taken_out(stack: Stack, app: DeployedApp, drive: Drive, render: Server) -> None:
    line = f"PostgreSQL does not answer ({DATABASE}, {EMBEDDING})"
    deploys.log(render.state, stack.services["web"], "app", line)

    assert "(***, ***)" in findings(drive)["logs of claude-memory-web"]["found"]


def test_one_service_that_is_no_stacks_is_looked_at_by_name(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    other = stack.add("x", "background_worker", DOCKER, repo="https://github.com/example/other")

    assert set(findings(drive, "--service", other.shown["name"], status=0)) == {
        "claude-memory-x",
        "logs of claude-memory-x",
    }
