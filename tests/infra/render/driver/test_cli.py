"""`python -m infra.render` as a program of its own: exit status, signals, pipes, output for machines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import serving
from tests.support.render_stack import (
    EMBEDDING,
    KEY,
    SECRETS,
    Stack,
)
from tests.support.serving import clean_environment
from tests.support.waiting import wait_until

PROGRAM = [sys.executable, "-m", "infra.render"]


@pytest.fixture
def render() -> Iterator[Server]:
    """The stand-in by the clock on the wall, as the program is another process."""
    with serving(Server(now=time.time)) as server:
        yield server


def started(render: Server, folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=clean_environment(RENDER_API_KEY=KEY, RENDER_API_URL=render.url, **more),
    )


def ended(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return status, stdout and stderr; no secret and no traceback is in them."""
    out, err = program.communicate(timeout=30)
    assert [one for one in (*SECRETS, "Traceback") if one in out + err] == []
    return program.returncode, out, err


def test_status_is_printed_for_machines(stack: Stack, render: Server, folder: Path) -> None:
    status, out, err = ended(started(render, folder, "status", "--json"))

    assert (status, err) == (0, "")
    assert [row["state"] for row in json.loads(out)] == ["live"] * 4


def test_an_error_is_one_line(stack: Stack, render: Server, folder: Path) -> None:
    status, out, err = ended(started(render, folder, "status", "--service", "wbe"))

    assert (status, out) == (2, "")
    assert err == (
        "python -m infra.render status: --service wbe: no such service in the workspace; did you mean web?\n"
    )


def test_help_names_every_command(render: Server, folder: Path) -> None:
    status, out, _ = ended(started(render, folder, "--help"))

    names = ("status", "logs", "deploys", "deploy", "rollback", "env", "rotate", "scale", "suspend", "resume")
    assert status == 0
    assert [one for one in (*names, "metrics", "doctor") if f"    {one} " not in out] == []


def test_following_shows_new_lines_until_ctrl_c(stack: Stack, render: Server, folder: Path) -> None:
    program = started(render, folder, "logs", "--follow", "--service", "web", "--json")
    wait_until(lambda: any(one.path == "/logs/subscribe" for one in list(render.requests)), "the socket")
    with render.state.lock:
        deploys.log(render.state, stack.services["web"], "app", f"one line with {EMBEDDING}")
    assert program.stdout is not None
    line = json.loads(program.stdout.readline())
    program.send_signal(signal.SIGINT)
    status, out, err = ended(program)

    assert (status, out, err) == (0, "", "")
    assert (line["service"], line["message"]) == ("claude-memory-web", "one line with ***")


def test_ctrl_c_leaves_a_deploy_going_on_and_says_so(stack: Stack, render: Server, folder: Path) -> None:
    render.state.stage_s = 1_000
    program = started(render, folder, "deploy", "--service", "web")
    wait_until(lambda: len(stack.services["web"].deploys) == 2, "the deploy")
    assert program.stderr is not None
    assert program.stderr.readline().endswith("claude-memory-web builds\n")
    program.send_signal(signal.SIGINT)
    status, _, err = ended(program)

    assert status == 130
    assert "goes on by itself; see `deploys`\nstopped\n" in err
    assert stack.services["web"].deploys[-1]["status"] == "build_in_progress"


def test_a_reader_that_leaves_is_no_error(stack: Stack, render: Server, folder: Path) -> None:
    for number in range(2_000):
        deploys.log(render.state, stack.services["web"], "app", f"line {number} " + "x" * 100)
    program = started(render, folder, "logs", "--lines", "2000")
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()

    assert program.wait(30) == 1
    assert program.stderr is not None
    assert program.stderr.read() == ""
    program.stderr.close()


def test_a_netrc_of_the_user_changes_nothing(stack: Stack, render: Server, folder: Path) -> None:
    (folder / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    (folder / ".netrc").chmod(0o600)

    assert ended(started(render, folder, "status", HOME=str(folder)))[0] == 0
