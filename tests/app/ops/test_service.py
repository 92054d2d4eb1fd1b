"""The unit and the agent: their form, and what is asked of systemd and launchd."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import Conflict, InvalidInput, NotOffered
from app.ops import service
from app.ops.service import Launchd, Program, Systemd, install, manager, uninstall
from tests.support.commands import Commands

ODD = 'my "data" $HOME 100% \\ 汉字'


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Stand-ins for systemctl and launchctl, which say nothing and fail at nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    commands = Commands(folder, monkeypatch)
    commands.put("systemctl", "exit 0")
    commands.put("launchctl", "exit 0")
    return commands


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd({}, tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program.on(tmp_path / ODD)


def test_the_unit_is_written_enabled_and_started_anew(systemd: Systemd, program: Program, commands: Commands) -> None:
    done = install(systemd, program)

    unit = systemd.file.read_text(encoding="utf-8")
    assert (done.problem, program.folder.stat().st_mode & 0o777) == (None, 0o700)
    assert f'ExecStart="{sys.executable}" "-P" "-m" "app" "serve" "--data-dir" "' in unit
    assert commands.calls == [
        "systemctl --user daemon-reload",
        "systemctl --user enable claude-memory.service",
        "systemctl --user restart claude-memory.service",
    ]


def test_systemd_understands_the_unit_whatever_the_folder_is_called(
    systemd: Systemd, program: Program, commands: Commands, tmp_path: Path
) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    install(systemd, program)

    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(systemd.file)],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    about_us = [line for line in checked.stderr.splitlines() if "claude-memory" in line]
    assert about_us == []


def test_odd_characters_reach_the_program_as_they_are(systemd: Systemd, program: Program) -> None:
    unit = systemd.content(program).decode()

    word = unit.partition('"--data-dir" ')[2].splitlines()[0]
    assert word.endswith('my \\"data\\" $$HOME 100%% \\\\ 汉字"')
    assert f"WorkingDirectory={program.folder}\n".replace("100%", "100%%") in unit


def test_a_unit_of_the_users_own_is_left_alone(systemd: Systemd, program: Program, commands: Commands) -> None:
    systemd.file.parent.mkdir(parents=True)
    systemd.file.write_text("[Service]\nExecStart=/mine\n")

    with pytest.raises(Conflict, match="was not written by this command"):
        install(systemd, program)
    with pytest.raises(Conflict, match="was not written by this command"):
        uninstall(systemd)
    assert systemd.file.read_text() == "[Service]\nExecStart=/mine\n"


@pytest.mark.parametrize("how", ["fails", "is not there", "hangs"])
def test_what_systemd_does_not_do_is_said_with_what_to_do(
    how: str, systemd: Systemd, program: Program, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "fails":
        commands.put("systemctl", "echo Failed to connect to bus >&2; exit 1")
    elif how == "hangs":
        commands.put("systemctl", "exec sleep 30")
        monkeypatch.setattr(service, "_TIMEOUT_S", 0.1)
    else:
        monkeypatch.setattr("shutil.which", lambda name: None)

    done = install(systemd, program)

    assert systemd.file.exists()
    assert done.problem is not None
    said = {"fails": "Failed to connect to bus", "is not there": "there is no systemctl here", "hangs": "no answer"}
    assert said[how] in done.problem
    assert done.problem.endswith(
        "run: systemctl --user daemon-reload && systemctl --user enable --now claude-memory.service"
    )


def test_what_was_installed_is_stopped_and_removed_and_the_data_stays(
    systemd: Systemd, program: Program, commands: Commands
) -> None:
    install(systemd, program)

    assert uninstall(systemd).problem is None
    assert not systemd.file.exists()
    assert program.folder.exists()
    assert commands.calls[-2:] == [
        "systemctl --user disable --now claude-memory.service",
        "systemctl --user daemon-reload",
    ]
    assert uninstall(systemd).did == f"nothing to remove: there is no {systemd.file}"


def test_the_agent_says_the_same_to_launchd(tmp_path: Path, program: Program, commands: Commands) -> None:
    launchd = Launchd(tmp_path)

    assert install(launchd, program).problem is None

    agent = plistlib.loads(launchd.file.read_bytes())
    assert agent["ProgramArguments"] == list(program.arguments)
    assert agent["ProgramArguments"][0] == sys.executable
    assert (agent["WorkingDirectory"], agent["RunAtLoad"]) == (str(program.folder), True)
    assert agent["StandardErrorPath"] == str(program.folder / "serve.log")
    assert [call.split()[1] for call in commands.calls] == ["bootout", "bootstrap"]
    assert launchd.state() == "loaded"
    assert uninstall(launchd).problem is None
    assert not launchd.file.exists()


def test_the_state_is_what_the_manager_says(systemd: Systemd, commands: Commands) -> None:
    commands.put("systemctl", "echo inactive; exit 3")

    assert systemd.state() == "inactive"


def test_each_system_has_its_manager_and_its_place(tmp_path: Path) -> None:
    ours = manager("linux", {"XDG_CONFIG_HOME": str(tmp_path / "c")}, tmp_path)
    assert ours.file == tmp_path / "c" / "systemd" / "user" / "claude-memory.service"
    assert isinstance(manager("darwin", {}, tmp_path), Launchd)
    with pytest.raises(NotOffered, match="none for win32"):
        manager("win32", {}, tmp_path)


def test_a_folder_that_no_line_can_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="without control characters"):
        Program.on(tmp_path / "a\nb")
