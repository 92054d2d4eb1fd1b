"""`doctor --remote`: drift between two installations shows, places may differ, and no secret crosses."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.access.tokens import digest, new_token
from app.errors import NotPermitted, Unavailable
from app.ops import drift
from app.ops.checks import State
from app.runtime.report import InstallationReport, installation_report, packages
from app.settings.fields import Settings
from app.store.database import Database
from app.store.tokens import Tokens
from tests.support.cli import Command
from tests.support.serving import clean_environment, serving

SECRETS = ("hunter2-password", "sk-embedding-key", "sk-dashscope-key")


@pytest.fixture
def here(plain_settings: Settings) -> InstallationReport:
    found = installation_report(plain_settings)
    found.postgres, found.schema_files, found.memories = "18.1", {"0001_memories.sql": "abc"}, 5
    return found


def changed(found: InstallationReport, **values: Any) -> InstallationReport:
    return found.model_copy(update=values, deep=True)


def states(here: InstallationReport, there: InstallationReport) -> dict[str, State]:
    return {row.what: row.state for row in drift.compare(here, there) if row.state is not State.OK}


def test_the_same_twice_is_no_drift(here: InstallationReport) -> None:
    rows = list(drift.compare(here, here))

    assert not drift.drifted(rows)
    assert {row.state for row in rows} == {State.OK}
    assert len(rows) > len(here.packages) + len(here.settings)


@pytest.mark.parametrize(
    ("values", "what", "state"),
    [
        ({"version": "9"}, "claude-memory", State.FAILED),
        ({"python": "2.7.1"}, "Python", State.FAILED),
        ({"python": ".".join([*sys.version.split(".")[:2], "99"])}, "Python", State.WARNING),
        ({"postgres": "15.3"}, "PostgreSQL", State.WARNING),
        ({"postgres": None}, "PostgreSQL", State.WARNING),
        ({"schema_files": {"0001_memories.sql": "other"}}, "schema 0001_memories.sql", State.FAILED),
        ({"schema_files": {"0001_memories.sql": "abc", "0099_new.sql": "x"}}, "schema 0099_new.sql", State.FAILED),
        ({"memories": 6}, "memories", State.WARNING),
    ],
)
def test_a_difference_has_its_weight(here: InstallationReport, values: dict[str, Any], what: str, state: State) -> None:
    assert states(here, changed(here, **values)) == {what: state}


def test_packages_must_have_the_same_version_where_both_have_them(here: InstallationReport) -> None:
    there = changed(here, packages={**here.packages, "asyncpg": "0.1", "only-there": "1"})

    assert states(here, there) == {"package asyncpg": State.FAILED, "package only-there": State.WARNING}


@pytest.mark.parametrize(
    ("field", "value", "state"),
    [("lag_seconds", 61.0, State.FAILED), ("lag_seconds", 1.0, State.OK), ("problem", "it is gone", State.FAILED)],
)
def test_an_index_that_is_behind_or_broken_counts(
    here: InstallationReport, field: str, value: float | str, state: State
) -> None:
    there = changed(here)
    setattr(there.index, field, value)

    assert {row.state for row in drift.compare(here, there) if row.what.startswith("index: ")} == {State.OK, state}


def test_points_are_compared_where_both_sides_know_them(here: InstallationReport) -> None:
    here.index.points, there = None, changed(here)
    there.index.points = 5
    assert states(here, there) == {}

    here.index.points = 4
    assert states(here, there) == {"index: points": State.WARNING}


def test_settings_that_decide_what_is_stored_must_agree_and_places_may_differ(
    here: InstallationReport, plain_settings: Settings
) -> None:
    other = plain_settings.model_copy(update={"max_conversation_length": 400, "port": 9, "log_format": "json"})
    there = changed(here, settings=installation_report(other).settings)

    assert states(here, there) == {
        "setting MAX_CONVERSATION_LENGTH": State.FAILED,
        "setting PORT": State.WARNING,
        "setting LOG_FORMAT": State.WARNING,
    }


def test_the_settings_that_must_agree_are_settings_and_no_secrets() -> None:
    assert set(Settings.model_fields) >= {name.lower() for name in drift._MUST_AGREE}


def test_a_report_holds_no_secret(monkeypatch: pytest.MonkeyPatch, plain_settings: Settings) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://user:{SECRETS[0]}@host/name")
    monkeypatch.setenv("EMBEDDING_API_KEY", SECRETS[1])
    monkeypatch.setenv("DASHSCOPE_API_KEY", SECRETS[2])

    found = installation_report(Settings(_env_file=None))

    assert not [secret for secret in SECRETS if secret in found.model_dump_json()]
    assert found.settings["DATABASE_URL"].given
    assert all(one.value is None for one in found.settings.values() if one.secret)


def test_packages_are_ours_direct_and_not_and_no_tools_of_development() -> None:
    found = packages()

    assert {"asyncpg", "mcp", "qdrant-client", "pydantic-core", "starlette"} <= found.keys()
    assert not {"pytest", "ruff", "mypy", "pip"} & found.keys()


def test_a_token_is_never_sent_in_the_clear(plain_settings: Settings) -> None:
    settings = plain_settings.model_copy(update={"memory_token": Settings(memory_token="cm_x").memory_token})

    with pytest.raises(NotPermitted, match="in the clear"):
        drift.fetch(settings, "http://memory.example:8000")


@pytest.fixture
def address(connect_arguments: dict[str, Any]) -> str:
    host = quote(str(connect_arguments["host"]), safe="")
    return (
        f"postgresql:///{connect_arguments['database']}?host={host}&port={connect_arguments['port']}"
        f"&user={connect_arguments['user']}"
    )


@pytest.fixture
def drifted_packages(tmp_path: Path) -> str:
    """A folder that makes a server believe that asyncpg has another version."""
    import asyncpg

    folder = tmp_path / "site" / "asyncpg-0.0.1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: asyncpg\nVersion: 0.0.1\n", encoding="utf-8")
    assert asyncpg.__version__ != "0.0.1"
    return f"{folder.parent}:{clean_environment()['PYTHONPATH']}"


async def test_drift_of_a_real_server_shows_in_one_table(
    command: Command, tokens_of: Callable[..., Awaitable[str]], address: str, drifted_packages: str, tmp_path: Path
) -> None:
    admin, reader = await tokens_of("admin"), await tokens_of("read", "write")
    environment: dict[str, Any] = {
        "AUTH": "required",
        "DATABASE_URL": address,
        "PYTHONPATH": drifted_packages,
        "MAX_CONVERSATION_LENGTH": "777",
        "EMBEDDING_API_KEY": SECRETS[1],
    }
    running = serving(tmp_path / "there", **environment)
    server = await asyncio.to_thread(running.__enter__)
    try:
        remote = ("doctor", "--remote", server.url)
        (tmp_path / "token").write_text(admin + "\n", encoding="utf-8")
        done = await command(*remote, "--token-file", "token")
        told = await command(*remote, "--json", environment={"MEMORY_TOKEN": admin})
        forbidden = await command(*remote, environment={"MEMORY_TOKEN": reader})
        unknown = await command(*remote)
        status = await command("status", "--url", server.url, "--token-file", "token")
        own = await command("status", "--url", server.url, environment={"MEMORY_TOKEN": reader})
        stated = await command("status", "--url", server.url, "--json", environment={"MEMORY_TOKEN": reader})
        raw = await asyncio.to_thread(server.request, "GET", "/report", headers={"Authorization": f"Bearer {admin}"})
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)

    assert done.returncode == told.returncode == 1
    failed = {
        one["what"]: (one["here"], one["there"])
        for one in json.loads(told.stdout)["compared"]
        if one["state"] == "failed"
    }
    assert failed.keys() == {"package asyncpg", "setting MAX_CONVERSATION_LENGTH"}
    assert failed["setting MAX_CONVERSATION_LENGTH"] == ("8000", "777")
    assert failed["package asyncpg"][1] == "0.0.1"
    table = done.stdout.decode()
    assert "setting EMBEDDING_API_KEY" in table
    assert "same" in table.splitlines()[-1]
    for secret in (*SECRETS, admin, address):
        assert secret not in json.dumps(raw[2]) + table + told.stdout.decode()
    assert (forbidden.returncode, b"403: this needs the scope 'admin'" in forbidden.stderr) == (1, True)
    assert (unknown.returncode, b"401: no token" in unknown.stderr) == (1, True)
    assert status.returncode == 0
    assert f"at {server.url}, ok" in status.stdout.decode()
    assert json.loads(stated.stdout)["components"]["postgres"]["status"] == "ok"
    assert json.loads(stated.stdout)["numbers"] == {"memories": 0, "bytes": 0}
    assert "connections" in status.stdout.decode()
    assert "your memories" in own.stdout.decode()
    assert "connections" not in own.stdout.decode()


@pytest.fixture
def tokens_of(database: Database) -> Callable[..., Awaitable[str]]:
    async def make(*scopes: str) -> str:
        value = new_token()
        await Tokens(database).create(digest(value), "operator", scopes, None)
        return value

    return make


def test_what_is_no_server_of_ours_is_told_in_one_line(plain_settings: Settings) -> None:
    import http.server
    import threading

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 302 if self.path.startswith("/moved") else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/report")
            self.end_headers()
            self.wfile.write(b'{"hello": 1}')

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(Unavailable, match="is it a claude-memory"):
            drift.fetch(plain_settings, url)
        with pytest.raises(Unavailable, match="answered 302"):
            drift.fetch(plain_settings, f"{url}/moved")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(Unavailable, match="does not answer"):
        drift.fetch(plain_settings, url)
