"""What others wrote does not act on a terminal: every command, on a memory full of control characters."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from app.cli import build_parser
from app.memory.types import Scope
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.terminal import CleanStream, clean_output, console, on_one_line, printable
from tests.support.cli import url_of
from tests.support.rows import add_note, add_turns, turn
from tests.support.serving import clean_environment, serving
from tests.support.typing_all import MARK

# Title of the window, clear the screen, bell, backspace, C1, what turns text around, a line of the terminal's own.
BAD = "\x1b]0;owned\x07\x1b[2J\x1b[8m\b\r\x9b31m\x85\u202e\u2066\u200f\u061c\u2028\x7fend"
SEEN = r"\u001b]0;owned"
OURS = re.compile(r"\r?\x1b\[(?!8m)[0-9;]*[mAK]|\x1b\[\?25[lh]")  # colours, and what a progress bar moves
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
PATIENCE_S = 240.0
ROOT = Path(__file__).parents[2]
# What names a console, or writes bytes, without going around: its own module, types, and JSON lines that are clean.
KNOWN = {
    "app": {
        "app/terminal.py",
        "app/ops/exporting.py",
        "app/embedding/local/child.py",
    },  # whose stdout is a pipe of ours
    "infra": {"infra/tables.py", "infra/plan/text.py"},
}

# A command line for each command; "ID" is a memory's id, "BAD" the hostile text. On a pipe all that can print JSON.
CASES: dict[str, list[list[str]]] = {
    "remember": [["BAD", "--tags", "x"]],
    "search": [["owned"], ["BAD"]],
    "explain": [["owned"], ["BAD"]],
    "list": [[], ["--project", "BAD"]],
    "show": [["ID"], ["BAD"]],
    "edit": [["ID", "--tags", "y"], ["BAD", "--tags", "y"]],
    "forget": [["ID", "--dry-run"], ["--conversation", "BAD", "--dry-run"], ["--project", "pBAD", "--dry-run"]],
    "status": [[]],
    "doctor": [[]],
    "settings": [[]],
    "token create": [["--user", "u\x9b\u202e"], ["--user", "BAD"]],
    "token list": [[], ["--user", "uBAD"]],
    "token revoke": [["BAD"]],
    "token create-client": [["--name", "BAD", "--redirect", "https://BAD"]],
    "token clients": [[]],
    "user list": [[]],
    "user quota": [["u\x9b\u202e"], ["uBAD"]],
    "user delete": [["u\x9b\u202e", "--dry-run"]],
    "user export": [["u\x9b\u202e", "-"], ["ann", "BAD/x"]],
    "model add": [["BAD"], ["e5-small", "--wheel", "BAD/x"]],
    "model remove": [["BAD"]],
    "model list": [[]],
    "model status": [[]],
    "outbox list": [[], ["--show-text"]],
    "outbox retry": [["1"], ["BAD"]],
    "outbox drop": [["1"], ["BAD"]],
    "import": [["FILE", "--from", "jsonl", "--user", "ann"], ["FILE"], ["BAD"]],
    "export": [["-"], ["-", "--project", "pBAD"], ["BAD/x"]],
    "project list": [[]],
    "project rename": [["pBAD", "BAD"], ["BAD", "q"]],
    "project merge": [["pBAD", "q"]],
    "init": [[]],
    "backup": [["BAD/x"]],
    "verify": [["FILE"], ["BAD"]],
    "restore": [["FILE"], ["BAD"]],
    "backups list": [[]],
    "backups prune": [["--dry-run"]],
    "wal ship": [["BAD"]],
    "wal list": [[]],
    "wal fetch": [["--to", "BAD"], ["--cluster", "BAD"]],
    "maintain": [["--dry-run"]],
    "reindex": [["--dry-run"]],
    "install": [["--client", "claude-code", "--name", "BAD", "--dry-run"], ["--client", "BAD"]],
    "uninstall": [["--client", "claude-code", "--name", "BAD", "--dry-run"]],
    "hook": [["session-start"], ["session-end"], ["BAD"]],
    "service install": [["--dry-run"]],
    "service uninstall": [["BAD"]],
    "service status": [[]],
    "worker": [["BAD"]],
    "jobs": [["--port", "BAD"]],
    "alerts": [["--port", "BAD"]],
    "serve": [["--port", "BAD"]],  # what it logs: tests/app/test_logs.py
    "daemon": [["BAD"]],
    "stdio": [["BAD"]],
}


def leaves(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the commands without commands of their own, with their parsers."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield path.strip(), parser
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, f"{path} {name}")


def test_every_command_has_a_case() -> None:
    assert sorted(CASES) == sorted(name for name, _ in leaves(build_parser()))


def lines_of(memory: str, file: Path, as_json: bool) -> list[tuple[list[str], str]]:
    """Return all command lines with their stdin. as_json: with --json where there is one."""
    stdin = json.dumps({"cwd": f"/{BAD}", "transcript_path": f"/{BAD}", "session_id": BAD})
    made = []
    for name, parser in leaves(build_parser()):
        form = ["--json"] if as_json and "--json" in parser._option_string_actions else []
        for case in CASES[name]:
            given = [{"ID": memory, "FILE": str(file)}.get(part, part.replace("BAD", BAD)) for part in case]
            made.append(([*name.split(), *given, *form], stdin))
    return made


async def fill(database: Database) -> str:
    """Store what no door takes, and return a memory's id."""
    store, ann = PostgresStore(database), Scope(user="ann")
    memory = await add_note(store, ann, f"owned {BAD}", project="p", tags=("t",), metadata={"k": BAD})
    await add_note(store, Scope(user="u\x9b\u202e"), f"owned {BAD}")
    await add_turns(store, ann, "c", turn(f"owned {BAD}", role="user", name="n"), project="p", title="t")
    async with database.as_service() as connection:
        for statement in (
            "update memories set project = project || $1, tags = array[$1], agent_id = $1, name = $1",
            "insert into tokens (id, digest, user_id, scopes) values ($1, '\\x00', 'u' || $1, array['read'])",
            "insert into backups values ($1, now(), 1, 1, '\\x00', false, null)",
            "insert into outbox (user_id, part, parts, state, problem) values ('ann', 1, 1, 'refused', $1)",
        ):
            await connection.execute(statement, BAD)
    return str(memory)


def typed(lines: list[tuple[list[str], str]], cwd: Path, on_terminal: bool, environment: dict[str, str]) -> list[str]:
    """Run command lines in one process and return what each printed; on a pipe without what went to stderr."""
    given = cwd / "lines.json"
    given.write_text(json.dumps(lines), encoding="utf-8")
    reading, writing = pty.openpty() if on_terminal else os.pipe()
    if on_terminal:
        tty.setraw(writing)  # it would make a carriage return of every line end
    with (cwd / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.typing_all", str(given)],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing if on_terminal else errors,
            cwd=cwd,
            env=clean_environment(TERM="xterm-256color", HOME=str(cwd), **environment),
        )
    os.close(writing)
    impatient = threading.Timer(PATIENCE_S, process.kill)
    impatient.start()
    try:
        said = _all_of(reading)
    finally:
        impatient.cancel()
        process.kill()
        process.wait()
        os.close(reading)
    return said.decode().split(f"{MARK} ")[1::2]


def _all_of(file: int) -> bytes:
    parts = []
    with contextlib.suppress(OSError):  # a terminal whose last writer has left
        while part := os.read(file, 65_536):
            parts.append(part)
    return b"".join(parts)


@pytest.fixture
async def full(database: Database, connect_arguments: dict[str, Any], tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """A server on a database full of hostile data; the environment of commands, and a memory's id."""
    memory = await fill(database)
    (tmp_path / "file").write_text(json.dumps({"text": BAD, "kind": BAD}) + f"\n{BAD}\n", encoding="utf-8")
    environment = {
        "DATABASE_URL": url_of(connect_arguments),
        "MEMORY_DATA_DIR": str(tmp_path / "data"),
        "DEFAULT_USER_ID": "ann",
    }
    with serving(tmp_path / "data", DATABASE_URL=environment["DATABASE_URL"]):
        yield {**environment, "memory": memory}


@pytest.mark.timeout(300)  # some hundred commands
async def test_no_command_lets_data_act_on_a_terminal(full: dict[str, str], tmp_path: Path) -> None:
    memory, file = full.pop("memory"), tmp_path / "file"
    on_terminal, on_pipe = lines_of(memory, file, as_json=False), lines_of(memory, file, as_json=True)

    shown = await asyncio.to_thread(typed, on_terminal, tmp_path, True, full)
    piped = await asyncio.to_thread(typed, on_pipe, tmp_path, False, full)

    assert (len(shown), len(piped)) == (len(on_terminal), len(on_pipe))
    for (arguments, _), output in zip(on_terminal + on_pipe, shown + piped, strict=True):
        found = OBEYED.search(OURS.sub("", output))
        assert found is None, (arguments, output[max(0, found.start() - 60) : found.end() + 60])
    errors = (tmp_path / "errors").read_text(encoding="utf-8")
    assert not OBEYED.search(errors)
    assert "Traceback" not in errors
    for (arguments, _), output in zip(on_pipe, piped, strict=True):
        _, _, text = output.partition("\n")
        if arguments[-1] == "--json" and text.lstrip().startswith(("{", "[")):
            for part in text.strip().splitlines() if "export" in arguments else [text]:  # JSON lines
                json.loads(part)
    seen = {on_terminal[number][0][0] for number, output in enumerate(shown) if SEEN in output}
    assert seen >= {"search", "explain", "list", "show", "token", "user", "project", "backups", "export"}, seen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_escapes_have_the_form_of_json() -> None:
    assert json.loads(printable(json.dumps(BAD, ensure_ascii=False))) == BAD
    assert printable("a\tb\nc") == "a\tb\nc"
    assert on_one_line("a\tb\nc\r") == r"a\tb\nc\r"
    assert printable("汉字 é \u00a0 👩\u200d🚀 \U0001f3f4") == "汉字 é \u00a0 👩\u200d🚀 \U0001f3f4"


def test_what_is_printed_is_clean_and_streams_are_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with clean_output():
        print(BAD)
        print(BAD, file=sys.stderr)

    assert (sys.stdout, sys.stderr) == before
    out, err = capsys.readouterr()
    assert not OBEYED.search(out + err)


def test_tabs_are_blanks_on_a_terminal_only() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    print("a\tb", file=CleanStream(terminal))
    print("a\tb", file=CleanStream(pipe))

    assert (terminal.getvalue(), pipe.getvalue()) == ("a       b\n", "a\tb\n")


def test_a_console_colours_what_it_has_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", CleanStream(terminal))

    console(width=200).print(Text(BAD, style="red"))

    assert terminal.getvalue().startswith("\x1b[31m")
    assert not OBEYED.search(OURS.sub("", terminal.getvalue()))


@pytest.mark.parametrize("folder", ["app", "infra"])
def test_nothing_goes_around_the_clean_streams(folder: str) -> None:
    around = re.compile(r"rich\.console import .*\bConsole\b(?!,? ConsoleO)|os\.write\([12],|std(out|err)\.buffer")
    found = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / folder).rglob("*.py")
        if around.search(file.read_text(encoding="utf-8"))
    }

    assert found == KNOWN[folder]
