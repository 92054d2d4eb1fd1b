"""What a server tells the person who started it."""

from __future__ import annotations

import logging
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.datadir import register
from app.datadir.lock import DataDirectoryLock
from app.serve import welcome
from app.settings.fields import Settings
from app.settings.values import Auth
from tests.support.serving import clean_environment

URL = "http://127.0.0.1:8000"


@pytest.fixture
def settings(plain_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a data directory whose name a shell would take apart; the command is on the PATH."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return plain_settings.model_copy(update={"memory_data_dir": tmp_path / "my data"})


def test_the_line_to_connect_names_the_data_directory_unless_it_is_the_usual_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = welcome.connect_line(settings, URL)
    assert line == (
        f"claude-memory install --data-dir '{tmp_path / 'my data'}'; "
        f"over HTTP: claude mcp add --transport http memory {URL}/mcp"
    )
    monkeypatch.setattr(welcome, "data_directory", lambda given: tmp_path / "my data")
    assert welcome.connect_line(settings, URL).startswith("claude-memory install; over HTTP")


def test_where_a_token_is_needed_the_line_says_how_to_get_one(settings: Settings, tmp_path: Path) -> None:
    line = welcome.connect_line(settings.model_copy(update={"auth": Auth.REQUIRED}), URL)

    assert f"{URL}/mcp with a token: claude-memory token create --user NAME --data-dir '{tmp_path}/my data'" in line
    assert "claude mcp add" not in line


def test_in_a_checkout_the_command_has_its_whole_path(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/checkout/.venv/bin")
    monkeypatch.setattr(Path, "exists", lambda path: True)

    assert welcome.connect_line(settings, URL).startswith("/checkout/.venv/bin/claude-memory install")


@pytest.mark.parametrize(("host", "says"), [("127.0.0.1", "ready; now connect: "), ("0.0.0.0", "ready")])
def test_without_a_terminal_it_is_a_line_of_the_log(
    settings: Settings, host: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    welcome.tell(settings, host, URL)

    [line] = caplog.messages
    assert line.startswith(says)
    assert ("install" in line) == (host == "127.0.0.1")


def test_other_memories_that_are_served_are_named(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    locks = [DataDirectoryLock(tmp_path / name) for name in ("my data", "other")]
    for lock in locks:
        lock.acquire("", "serve")
        register.enter(str(lock.directory))

    welcome.tell(settings, "127.0.0.1", URL)

    assert caplog.messages[1] == f"other memories of yours are being served: {tmp_path / 'other'}"
    for lock in locks:
        lock.release()


def test_on_a_terminal_a_first_start_tells_what_it_does_and_ends_with_how_to_connect(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    mine, its = pty.openpty()
    server = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=its,
        cwd=tmp_path,
        env=clean_environment(LOG_LEVEL="ERROR"),
    )
    os.close(its)
    said = b""
    try:
        while b"ready; now connect" not in said or not said.endswith(b"\n"):
            said += os.read(mine, 4_096)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        os.close(mine)

    first, last = said.decode().splitlines()
    assert first == f"first start: PostgreSQL is being made ready in {data_dir} (some seconds)"
    assert f"install --data-dir {data_dir}" in last
