"""The workflows as they are written, and a runner for single steps of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github").rglob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").rglob("action.yml"))

# A program that notes how it was called, and answers what FAKE_NAME says.
_STUB = """#!/bin/bash
echo "{name} $*" >>"$CALLS"
eval "${{FAKE_{name}:-:}}"
"""
# venv: an environment whose programs note how they were called. Anything else is the real Python.
_PYTHON = """#!/bin/bash
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    cp "$STUBS/pip" "$3/bin/pip"
    ln -sf "$PYTHON" "$3/bin/python"
    exit
fi
PYTHONPATH="$SOURCE" exec "$PYTHON" "$@"
"""


def loaded(path: Path) -> dict[str, Any]:
    """Return a file; the key `on` is true in YAML 1.1."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in content.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each job as FILE/JOB, with its workflow."""
    for path in WORKFLOWS:
        workflow = loaded(path)
        for name, job in workflow["jobs"].items():
            yield f"{path.stem}/{name}", job, workflow


def steps() -> dict[str, dict[str, Any]]:
    """Return each step that runs a script, as FILE/NAME or FILE/JOB/NAME where the name occurs twice."""
    found: dict[str, dict[str, Any]] = {}
    for job, content, _ in jobs():
        for step in content["steps"]:
            if "run" in step:
                short = f"{job.partition('/')[0]}/{step['name']}"
                found[f"{job}/{step['name']}" if short in found else short] = step
    for path in ACTIONS:
        for step in loaded(path)["runs"]["steps"]:
            if "run" in step:
                found[f"{path.parent.name} action/{step['name']}"] = step
    return found


@dataclass
class Runner:
    """A machine on which steps run: a checkout of two commits, and programs that only note how they are called."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("stubs", "temp", "home", "checkout"):
            (self.folder / name).mkdir()
        for name in ("pip", "cosign", "gh", "pulumi"):
            self.program(self.stubs / name, _STUB.format(name=name))
        self.program(self.stubs / "python3", _PYTHON)
        self.program(self.checkout / "dev", _STUB.format(name="dev"))
        self.env = {
            "PATH": f"{self.stubs}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "CALLS": str(self.folder / "calls"),
            "STUBS": str(self.stubs),
            "PYTHON": sys.executable,
            "SOURCE": str(ROOT),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ENV": str(self.folder / "env"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
        }
        who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
        self.git("init", "--quiet")
        for message in ("base", "change"):
            self.git("add", "--all")
            self.git(*who, "commit", "--quiet", "--allow-empty", "--message", message)

    @property
    def stubs(self) -> Path:
        return self.folder / "stubs"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def program(self, path: Path, text: str) -> None:
        """Write a program."""
        path.write_text(text)
        path.chmod(0o755)

    def git(self, *args: str) -> None:
        subprocess.run(["git", "-C", self.checkout, *args], check=True, timeout=60)

    def run(self, step: Mapping[str, Any], **env: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script as GitHub's runner does. env: what its `env:` would be."""
        missing = step.get("env", {}).keys() - env.keys()
        assert not missing, f"the step sets {missing}"
        strict = ["-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        script = self.folder / "script.sh"
        script.write_text(step["run"])
        return subprocess.run(
            ["bash", "--noprofile", "--norc", *strict, script],
            cwd=self.checkout,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def calls(self) -> list[str]:
        """Return how the programs were called."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []
