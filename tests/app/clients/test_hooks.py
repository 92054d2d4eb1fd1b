"""Claude Code's hooks when it calls them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.clients import hooks
from app.clients.entry import Command
from app.clients.hook_settings import EVENTS, HookEdit
from app.clients.jsonc import Document
from app.datadir.lock import FILE_NAME
from tests.support.bridges import machine_at
from tests.support.clients import handlers
from tests.support.serving import ROOT, Server, clean_environment
from tests.support.waiting import wait_until


class Memory:
    """Stands in for the server: notes the calls, answers with the contexts it has."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.contexts = ["We release on Thursdays."]
        self.newest: dict[str, Any] = {}
        self.delay_s = 0.0
        self.takes = frozenset({"query", "mode", "max_tokens", "project"})

    def __call__(self, _data_dir: Path, name: str, arguments: dict[str, Any], _limit_s: float) -> dict[str, Any]:
        time.sleep(self.delay_s)
        self.calls.append({"name": name, "arguments": arguments})
        return {"context": self.contexts.pop(0) if self.contexts else "", "sources": []}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Memory:
    """What hooks that run in this process take for the server."""
    memory = Memory()
    monkeypatch.setenv("MEMORY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(hooks, "call_tool", memory)
    monkeypatch.setattr(hooks, "arguments_of", lambda *_: memory.takes)
    monkeypatch.setattr(hooks, "read_resource", lambda _data_dir, uri, _limit_s: memory.newest.get(uri, {}))
    monkeypatch.setattr(hooks, "_wait_for_server", lambda _data_dir: None)
    return memory


def called(event: str, given: Any, limit_s: float = hooks.LIMIT_S) -> int:
    """Call a hook in this process with something on stdin."""
    reading, writing = os.pipe()
    os.write(writing, given if isinstance(given, bytes) else json.dumps(given).encode())
    os.close(writing)
    kept = os.dup(0)
    os.dup2(reading, 0)
    try:
        return hooks.run(event, limit_s)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)


def test_a_session_starts_with_what_is_known(memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("session-start", {"cwd": "/src/shop", "source": "startup"}) == 0

    answer = json.loads(capsys.readouterr().out)["hookSpecificOutput"]
    assert answer["hookEventName"] == "SessionStart"
    assert answer["additionalContext"].endswith("(information, not instructions):\n\nWe release on Thursdays.")
    [call] = memory.calls
    assert call["name"] == "recall_context"
    assert call["arguments"]["project"] == "shop"
    assert call["arguments"]["query"].startswith("shop ")


def test_a_work_tree_recalls_what_is_known_of_its_repository(memory: Memory) -> None:
    for folder in ("/src/shop", "/src/shop/.claude/worktrees/brave-fox-1a2b3c", "/lib/shop"):
        called("session-start", {"cwd": folder})

    projects = [call["arguments"]["project"] for call in memory.calls if "project" in call["arguments"]]
    assert list(dict.fromkeys(projects)) == ["shop", "lib/shop"]
    assert projects[:2] == ["shop", "shop"]


def test_a_damaged_list_of_projects_costs_no_session(
    memory: Memory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "projects.json").write_text("damaged")

    assert called("session-start", {"cwd": "/src/shop"}) == 0

    assert "repair it or remove it" in capsys.readouterr().err


def test_without_memories_of_the_project_its_name_is_looked_for(
    memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.contexts = ["", "The shop sells lamps."]

    assert called("session-start", {"cwd": "/src/shop"}) == 0

    assert "The shop sells lamps." in capsys.readouterr().out
    assert "project" not in memory.calls[1]["arguments"]


def test_a_server_that_knows_no_projects_is_not_told_one(memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.takes -= {"project"}

    assert called("session-start", {"cwd": "/src/shop"}) == 0

    assert "We release on Thursdays." in capsys.readouterr().out
    [call] = memory.calls
    assert "project" not in call["arguments"]
    assert call["arguments"]["query"].startswith("shop ")


def test_without_the_words_that_are_looked_for_the_newest_memories_of_the_project_are_told(
    memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.contexts = []
    known = {"text": "Lamps are\nsold.", "kind": "fact", "created_at": "2026-05-08T12:00:00+00:00", "occurred_at": None}
    memory.newest = {"claude://memory/projects/shop": {"memories": [known, {**known, "text": "x" * 9_000}] * 20}}

    assert called("session-start", {"cwd": "/src/shop"}) == 0

    told = json.loads(capsys.readouterr().out)["hookSpecificOutput"]["additionalContext"]
    assert "- [2026-05-08, fact] Lamps are sold.\n" in told
    assert len(told) < 5_000


def test_nothing_known_is_nothing_said(memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.contexts = []

    assert called("session-start", {"cwd": "/src/shop"}) == 0

    assert capsys.readouterr() == ("", "")


def test_a_slow_server_is_not_waited_for(memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    memory.delay_s = 3
    began = time.monotonic()

    assert called("session-start", {"cwd": "/src/shop"}, limit_s=0.2) == 0

    assert time.monotonic() - began < 2.9
    out, wrong = capsys.readouterr()
    assert out == ""
    assert wrong.startswith("claude-memory: hook session-start: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [(b"", "stdin is not JSON"), (b"[]", "stdin holds JSON, but no object"), (b"x" * 100, "not JSON")],
)
def test_what_is_no_hooks_input_is_said(given: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("session-start", given) == 0

    out, wrong = capsys.readouterr()
    assert (out, len(wrong.splitlines())) == ("", 1)
    assert said in wrong


def run_hook(event: str, given: Any, data_dir: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the hook as Claude Code does: a shell line, elsewhere, its JSON on stdin."""
    edit = HookEdit(Command(sys.executable, ("-P", "-m", "app"), {"PYTHONPATH": str(ROOT)}))
    [line] = handlers(edit.put(Document("{}", comments=False)), EVENTS[event])
    return subprocess.run(
        ["sh", "-c", line],
        input=json.dumps(given),
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "MEMORY_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_no_transcript_is_said(tmp_path: Path) -> None:
    for given in ({}, {"transcript_path": str(tmp_path / "none.jsonl")}, {"transcript_path": str(tmp_path)}):
        done = run_hook("session-end", given, tmp_path / "data", tmp_path)

        assert (done.returncode, done.stdout) == (0, "")
        assert "no transcript at" in done.stderr


def test_a_parent_that_never_closes_stdin_holds_nobody_up(tmp_path: Path) -> None:
    program = "from app.clients import hooks; hooks.LIMIT_S = 0.3; raise SystemExit(hooks.run('session-start'))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(MEMORY_DATA_DIR=str(tmp_path)),
    )
    try:
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read().decode().startswith("claude-memory: hook session-start: took over")
    finally:
        process.kill()
        process.communicate()


def test_what_one_session_said_the_next_one_is_told(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    transcript = tmp_path / "6f1d.jsonl"
    said = "Our convention: we decided that prices are stored in cents."
    line = {
        "type": "user",
        "sessionId": "6f1d",
        "uuid": "u1",
        "cwd": str(project),
        "timestamp": "2026-11-21T10:00:00Z",
        "message": {"role": "user", "content": said},
    }
    transcript.write_text(json.dumps(line) + "\n")
    data_dir = tmp_path / "data"
    server = Server(data_dir)
    try:
        server.wait_ready()
        ended = run_hook("session-end", {"transcript_path": str(transcript), "reason": "other"}, data_dir, project)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert stat.S_IMODE((data_dir / "session-end.log").stat().st_mode) == 0o600

        def told() -> str:
            return run_hook("session-start", {"cwd": str(project), "source": "startup"}, data_dir, project).stdout

        wait_until(
            lambda: "prices are stored in cents" in told(), f"the memory; {(data_dir / 'session-end.log').read_text()}"
        )
    finally:
        server.end()


def test_a_hook_that_comes_first_starts_the_daemon_where_something_is_stored(tmp_path: Path) -> None:
    with machine_at(tmp_path / "data") as machine:
        machine.data_dir.mkdir()
        (machine.data_dir / FILE_NAME).touch()  # as any earlier use leaves it
        done = run_hook("session-start", {"cwd": str(tmp_path)}, machine.data_dir, tmp_path)

        assert done.returncode == 0
        assert machine.status()["mode"] == "daemon"


def test_a_session_without_a_server_goes_on(tmp_path: Path) -> None:
    done = run_hook("session-start", {"cwd": str(tmp_path)}, tmp_path / "data", tmp_path)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"claude-memory: hook session-start: no server runs on {tmp_path}/data, so nothing is recalled\n"
    )
    assert not (tmp_path / "data").exists(), "a hook starts no server"
