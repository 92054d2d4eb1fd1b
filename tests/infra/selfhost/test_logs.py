"""`logs`: lines of services; a stand-in for `docker` has them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.selfhost.engine_calls import DockerHost
from tests.infra.selfhost.conftest import Ran
from tests.support.commands import Commands
from tests.support.engine_answers import container, image
from tests.support.serving import clean_environment

Command = Callable[..., Ran]
LOCAL = DockerHost(docker="unix:///run/docker.sock", roles=("data", "app", "monitoring", "edge"), name="data")
LINES = {
    "id-of-app-1": r"2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:07.1Z three \033]0;owned\007\n",
    "id-of-app-2": r"2026-01-02T03:04:06.1Z two\n",
    "id-of-app-init": r"2026-01-02T03:04:04.1Z prepared\n",
}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A `docker` with two replicas and a task."""
    folder = tmp_path / "bin"
    folder.mkdir()
    seen = [container("app-1"), container("app-2"), container("app-init", RestartPolicy="no")]
    (folder / "containers").write_text(json.dumps(seen), encoding="utf-8")
    (folder / "images").write_text(json.dumps([image()]), encoding="utf-8")
    said = "".join(f"*{id_}) printf '{lines}';; " for id_, lines in LINES.items())
    made = Commands(folder, monkeypatch)
    made.put(
        "docker",
        f"""case "$3 $4" in
        ps*) printf '%s\\n' {" ".join(LINES)};;
        "container inspect") cat {folder}/containers;;
        "image inspect") cat {folder}/images;;
        logs*) case "$*" in {said} esac; case "$*" in *--follow*) exec sleep 60;; esac;;
        esac""",
    )
    return made


def test_lines_of_all_services_are_in_the_order_of_their_times(command: Command, commands: Commands) -> None:
    ran = command("logs", "--all", hosts=[LOCAL])

    assert ran.status == 0
    assert ran.out.splitlines() == [
        "2026-01-02T03:04:05Z app-1 one",
        "2026-01-02T03:04:06Z app-2 two",
        "2026-01-02T03:04:07Z app-1 three 0;owned",
    ]


def test_one_service_is_named_in_either_form_and_tasks_can_be_named_as_well(
    command: Command, commands: Commands
) -> None:
    for name in ("app-init", "memory-app-init"):
        ran = command("logs", name, "--lines", "5", "--since", "30m", hosts=[LOCAL])
        assert ran.out == "2026-01-02T03:04:04Z app-init prepared\n"
    assert "logs --timestamps --tail 5 --since 1800s id-of-app-init" in commands.calls[-1]


def test_for_machines_each_line_is_json(command: Command, commands: Commands) -> None:
    [line] = command("logs", "app-2", "--json", hosts=[LOCAL]).out.splitlines()

    assert json.loads(line) == {"time": "2026-01-02T03:04:06.1Z", "service": "app-2", "text": "two"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "name services, or --all"),
        (("app-1", "--all"), "name services, or --all"),
        (("ap-1",), "there is no service ap-1; did you mean app-1"),
    ],
)
def test_what_is_not_clear_is_refused(
    command: Command, commands: Commands, arguments: tuple[str, ...], why: str
) -> None:
    ran = command("logs", *arguments, hosts=[LOCAL])

    assert (ran.status, ran.out) == (2, "")
    assert why in ran.err


def test_following_ends_with_ctrl_c_and_ends_what_it_started(project: Path, commands: Commands) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.selfhost", "logs", "app-1", "app-2", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment() | {"PATH": str(project / "bin") + ":/usr/bin:/bin"},
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    rest, said = process.communicate(timeout=30)

    assert sorted(lines)[0] == "2026-01-02T03:04:05Z app-1 one\n"
    assert (process.returncode, rest, said) == (0, "", "")
    time.sleep(0.1)
    left = subprocess.run(["pgrep", "-f", f"{project}/bin/docker .*--follow"], capture_output=True, text=True)
    assert left.stdout == ""
