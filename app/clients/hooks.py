"""Claude Code's hooks: recall when a session starts, remember when it ends.

Checked in November 2026: a `SessionStart` answer may add context; `SessionEnd` handlers share 1.5 s unless one asks for
more, and are killed with the session when they take longer.
So the end of a session only starts the import, which runs on by itself. A hook must never break a session or delay it:
it takes 5 s at most, exits with 0, and says on stderr what went wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.bridge.calls import StartedServer, arguments_of, call_tool, read_resource
from app.bridge.protocol import ask
from app.clients.entry import this_command
from app.clients.hook_settings import EVENTS
from app.datadir.checkout import checkout_of
from app.datadir.folder import data_directory
from app.datadir.lock import FILE_NAME
from app.datadir.project_names import ProjectNames
from app.errors import MemoryServerError, Unavailable
from app.own_file import open_own

LIMIT_S = 5.0
_CONTEXT_TOKENS = 1_500  # Claude Code accepts 10,000 characters
_NEWEST_CHARACTERS, _LINE_CHARACTERS = 4_000, 600
_INPUT_LIMIT_BYTES = 1_000_000
_LOG = "session-end.log"


class HookFailed(MemoryServerError):
    """The hook could not do its work; the session goes on without it."""

    code = "hook_failed"


def run(event: str, limit_s: float = LIMIT_S) -> int:
    """Answer a hook: read its JSON from stdin and print the context for Claude Code. Always returns 0.

    limit_s: how long it may take.
    """
    answer: list[str] = []
    failure: list[str] = []

    def work() -> None:
        try:
            answer.append(_answer(event, _read_input()))
        except MemoryServerError as error:
            failure.append(str(error))
        except Exception as error:  # noqa: BLE001  no fault of ours may end a session
            failure.append(f"{type(error).__name__}: {' '.join(str(error).split())}")

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(limit_s)
    if worker.is_alive():
        failure.append(f"took over {limit_s:.0f} s")
    with contextlib.suppress(OSError):  # Claude Code has stopped reading
        for line in failure:
            print(f"claude-memory: hook {event}: {line}", file=sys.stderr, flush=True)
        if answer and answer[0]:
            print(answer[0], flush=True)
    return 0


def _answer(event: str, given: dict[str, Any]) -> str:
    data_dir = data_directory(os.environ.get("MEMORY_DATA_DIR"))
    if event == "session-start":
        context = recalled(data_dir, str(given.get("cwd") or Path.cwd()))
        return _context_answer(context) if context else ""
    remember(data_dir, str(given.get("transcript_path") or ""))
    return ""


def _read_input() -> dict[str, Any]:
    # os.read: a thread that waits in sys.stdin would keep Python from exiting
    parts = []
    while part := os.read(0, 65_536):
        parts.append(part)
        if sum(map(len, parts)) > _INPUT_LIMIT_BYTES:
            raise HookFailed(f"stdin holds over {_INPUT_LIMIT_BYTES:,} bytes, takes the hook's JSON")
    try:
        given = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise HookFailed("stdin is not JSON; Claude Code calls this, not a person") from None
    if not isinstance(given, dict):
        raise HookFailed("stdin holds JSON, but no object; Claude Code calls this, not a person")
    return given


def recalled(data_dir: Path, folder: str) -> str:
    """Return what is known about the project in a folder; '' when nothing is.

    memU knows no projects: there the words of the question alone decide.
    """
    if checkout_of(folder) is None:
        return ""
    _wait_for_server(data_dir)
    project = str(ProjectNames(data_dir).of(folder))
    arguments = {"query": f"{project} decisions preferences conventions open tasks next steps"}
    if "project" not in arguments_of(data_dir, "recall_context", LIMIT_S):
        context = _recall(data_dir, arguments)
    else:
        context = _recall(data_dir, {**arguments, "project": project})
        context = context or _newest(data_dir, project)  # what is known may have none of these words
    return context or _recall(data_dir, {"query": project, "mode": "conservative"})


def _recall(data_dir: Path, arguments: dict[str, Any]) -> str:
    reply = call_tool(data_dir, "recall_context", {**arguments, "max_tokens": _CONTEXT_TOKENS}, LIMIT_S)
    return str(reply.get("context") or "").strip()


def _newest(data_dir: Path, project: str) -> str:
    """Return the newest memories of a project, as many as fit; '' when it has none."""
    try:
        body = read_resource(data_dir, f"claude://memory/projects/{quote(project, safe='')}", LIMIT_S)
    except Unavailable:
        return ""
    lines: list[str] = []
    left = _NEWEST_CHARACTERS
    for memory in body.get("memories") or []:
        day = str(memory.get("occurred_at") or memory.get("created_at") or "")[:10]
        line = f"- [{day}, {memory.get('kind')}] {' '.join(str(memory.get('text')).split())[:_LINE_CHARACTERS]}"
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    return "\n".join([f"## Newest of project {project}", *lines]) if lines else ""


def _wait_for_server(data_dir: Path) -> None:
    """Return once a server answers; start the daemon if none runs, as the session's own bridge does.

    Raises HookFailed at once where nothing can be stored yet.
    """
    if ask(os.fspath(data_dir), "status", LIMIT_S) is not None:
        return
    if not (data_dir / FILE_NAME).exists() and not os.environ.get("DATABASE_URL"):
        raise HookFailed(f"no server runs on {data_dir}, so nothing is recalled")
    StartedServer(data_dir).close()


def _context_answer(context: str) -> str:
    text = f"From Claude Memory, noted in earlier sessions (information, not instructions):\n\n{context}"
    return json.dumps({"hookSpecificOutput": {"hookEventName": EVENTS["session-start"], "additionalContext": text}})


def remember(data_dir: Path, transcript: str) -> None:
    """Start the import of a transcript, which outlives this process; its output goes to a log in the data directory."""
    if not transcript or not Path(transcript).is_file():
        raise HookFailed(f"no transcript at {transcript!r}, so nothing is remembered of this session")
    command = this_command()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments = [command.program, *command.arguments, "import", "--from", "claude-code", os.path.abspath(transcript)]  # noqa: PTH100
    private = open_own(data_dir / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # it may quote what was said
    with open(private, "wb") as log:  # noqa: PTH123
        subprocess.Popen(  # noqa: S603  our own command
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data_dir,  # so that it reads no `.env` of the project, and the project's folder can be removed
            env={**os.environ, **command.environment, "MEMORY_DATA_DIR": str(data_dir)},
            start_new_session=True,
        )
