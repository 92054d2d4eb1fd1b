"""The real Pulumi CLI on this repository's programs: a project of its own, state in a folder, the tests' Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.config import NAMESPACE
from tests.support.serving import ROOT

needs_pulumi = pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs the Pulumi CLI on PATH")
_TIMEOUT_S = 600
_PROVIDERS = {"render": "infra/render/provider", "fcprovision": "infra/aliyun/provider"}


class PulumiProject:
    """A folder with a stack for each example file that is taken over. said: all that Pulumi printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.said = folder / "project", folder / "state", ""
        home = folder / "home"
        for one in (self.folder, self.state, home):
            one.mkdir()
        (self.folder / "infra").symlink_to(ROOT / "infra")
        python = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        # JSON is YAML. Program and providers are those of the repository, with the Python that runs the tests.
        found = [
            {"name": name, "path": str(_plugin(folder / name, ROOT / place, python))}
            for name, place in _PROVIDERS.items()
        ]
        plugins = {"providers": found}
        project = {"name": NAMESPACE, "main": "infra/", "runtime": python, "plugins": plugins}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RENDER_", "PULUMI_"))}
        self.environment = kept | {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_HOME": str(home),
            "PULUMI_CONFIG_PASSPHRASE": "made-up passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def take(self, example: str, secrets: dict[str, str], **plain: str) -> str:
        """Make a stack of an example file, with secrets and other keys set; return its name."""
        stack = example.split(".")[1]
        shutil.copy(ROOT / example, self.folder / example)
        self.run("stack", "init", "--no-select", stack)
        for key, value in secrets.items():
            self.run("config", "set", "--secret", key, value, "--stack", stack)
        for key, value in plain.items():
            self.set(stack, key, value)
        return stack

    def set(self, stack: str, key: str, value: str) -> None:
        """Set a key, or a part of one."""
        self.run("config", "set", "--path", f"{NAMESPACE}:{key}", value, "--stack", stack)

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command and return what it printed. fails: whether an error is expected."""
        done = subprocess.run(
            ["pulumi", "--non-interactive", "--color", "never", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        self.said += done.stdout
        assert (done.returncode != 0) == fails, f"pulumi {' '.join(arguments)}:\n{done.stdout[-6000:]}"
        return done.stdout

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return the outputs of a stack."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json", "--stack", stack))
        return found

    def kept(self) -> str:
        """Return all that the state holds, as it is on the disk."""
        files = (file for file in self.state.rglob("*") if file.is_file())
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


def _plugin(folder: Path, place: Path, runtime: dict[str, Any]) -> Path:
    """Make a provider of the repository one that runs with the tests' Python; return its folder."""
    folder.mkdir()
    (folder / "PulumiPlugin.yaml").write_text(json.dumps({"runtime": runtime}), encoding="utf-8")
    main = str(place / "__main__.py")
    (folder / "__main__.py").write_text(f"import runpy\nrunpy.run_path({main!r}, run_name='__main__')\n", "utf-8")
    return folder
