"""The provider under the real Pulumi: up, preview, refresh, import, replace, a kill in the middle, destroy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.render import serving
from tests.support.serving import ROOT

pytestmark = [
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs the Pulumi CLI on PATH"),
    pytest.mark.timeout(600),
]

SECRETS = (
    "registry-token-1",
    "group-write-only-1",
    "secret-file-content-1",
    "plain-variable-1",
    "service-write-only-1",
    "stream-token-1",
    "rnd_standin",
    "postgresql://",
    "rediss://",
    "whsec_",
)
# What only a fingerprint is kept of: no one finds it, not even with the passphrase.
WRITE_ONLY = ("registry-token-1", "group-write-only-1", "service-write-only-1", "stream-token-1")


@dataclass
class Stack:
    """A stack of the program with the file backend. said: all that Pulumi printed."""

    folder: Path
    environment: dict[str, str]
    said: str = ""

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, fails: bool = False, **more: str) -> str:
        """Run a command and return what it printed."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=300)
        self.said += output
        assert (process.returncode != 0) == fails, output
        return output

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources of the state, as it is kept: secrets encrypted."""
        export = subprocess.run(
            ["pulumi", "stack", "export"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
            text=True,
        )
        found = json.loads(export.stdout)["deployment"].get("resources") or []
        return [one for one in found if one["type"].startswith("render:index:")]

    @property
    def files(self) -> str:
        """All that the backend keeps."""
        files = (self.folder.parent / "state").rglob("*")
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())


@pytest.fixture
def server() -> Iterator[Server]:
    """A stand-in that goes by the real time, as the provider's process does."""
    server = Server()
    server.limits.enforced = False
    with serving(server):
        yield server


@pytest.fixture
def stack(server: Server, tmp_path: Path) -> Stack:
    """A stack of the program, not yet deployed."""
    folder, plugin = tmp_path / "program", tmp_path / "plugin"
    for one in (folder, plugin, tmp_path / "state", tmp_path / "home"):
        one.mkdir()
    python = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    # JSON is YAML. The plugin is the provider's own folder, with this run's Python.
    (plugin / "PulumiPlugin.yaml").write_text(json.dumps({"runtime": python}))
    provider = ROOT / "infra" / "render" / "provider" / "__main__.py"
    (plugin / "__main__.py").write_text(f"import runpy\nrunpy.run_path({str(provider)!r}, run_name='__main__')\n")
    plugins = {"providers": [{"name": "render", "path": str(plugin)}]}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "every", "runtime": python, "plugins": plugins}))
    program = Path(__file__).with_name("program.py")
    (folder / "__main__.py").write_text(
        f"import sys, runpy\nsys.path.insert(0, {str(ROOT)!r})\nrunpy.run_path({str(program)!r})\n"
    )
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    found = Stack(folder, environment)
    found.run("stack", "init", "dev")
    found.run("config", "set", "--secret", "key", server.key)
    found.run("config", "set", "url", server.url)
    found.run("config", "set", "owner", server.state.owner)
    return found


def test_every_type_goes_through_pulumi_from_up_to_destroy(stack: Stack, server: Server) -> None:
    output = stack.run("up", "--yes", "--skip-preview")
    assert len(stack.resources) == 16, output
    assert server.undocumented == []

    stack.run("preview", "--expect-no-changes", "--diff")
    stack.run("refresh", "--yes", "--expect-no-changes")
    stack.run("preview", "--expect-no-changes")
    nothing_in_clear(stack)

    changes_are_shown_and_made(stack, server)
    drift_is_found_and_undone(stack, server)
    a_service_is_replaced(stack, server)
    everything_is_imported(stack)
    nothing_in_clear(stack)

    stack.run("destroy", "--yes", "--skip-preview")
    state = server.state
    assert not any((state.services, state.stores, state.groups, state.projects, state.credentials, state.webhooks))
    assert not any((state.disks, state.streams, state.environments))
    nothing_in_clear(stack)


def nothing_in_clear(stack: Stack) -> None:
    kept = stack.files
    assert [one for one in SECRETS if one in kept] == []
    assert [one for one in SECRETS if one in stack.said] == []


def changes_are_shown_and_made(stack: Stack, server: Server) -> None:
    output = stack.run("preview", "--diff", LEVEL="debug", PLAN="standard")
    assert 'plan      : "starter" => "standard"' in output
    assert "LEVEL: [secret] => [secret]" in output
    stack.run("up", "--yes", "--skip-preview", LEVEL="debug", PLAN="standard")
    [web] = [one for one in server.state.services.values() if one.shown["name"] == "web"]
    assert web.details["plan"] == "standard"
    stack.run("up", "--yes", "--skip-preview")


def drift_is_found_and_undone(stack: Stack, server: Server) -> None:
    [web] = [one for one in server.state.services.values() if one.shown["name"] == "web"]
    web.details["healthCheckPath"] = "/by-hand"
    [group] = server.state.groups.values()
    web.variables.append({"cursor": "by-hand", "envVar": {"key": "HAND", "value": "by hand"}})
    group["envVars"].append({"key": "HAND", "value": "by hand"})

    assert "healthCheckPath" in stack.run("refresh", "--yes", "--diff")
    assert "~ 1 updated" in stack.run("up", "--yes", "--skip-preview")
    assert web.details["healthCheckPath"] == "/health"
    stack.run("refresh", "--yes", "--expect-no-changes")
    # What the program never named stays, and is no difference.
    stack.run("preview", "--expect-no-changes")
    assert "HAND" in {one["envVar"]["key"] for one in web.variables}
    assert "HAND" in {one["key"] for one in group["envVars"]}
    web.variables[:] = [one for one in web.variables if one["envVar"]["key"] != "HAND"]
    group["envVars"][:] = [one for one in group["envVars"] if one["key"] != "HAND"]


def a_service_is_replaced(stack: Stack, server: Server) -> None:
    output = stack.run("up", "--yes", "--skip-preview", REGION="ohio")
    assert "A change of region makes a new web service: a service cannot move to another region." in output
    [web] = [one for one in server.state.services.values() if one.shown["name"] == "web"]
    assert web.details["region"] == "ohio"
    stack.run("up", "--yes", "--skip-preview")
    stack.run("preview", "--expect-no-changes")


def everything_is_imported(stack: Stack) -> None:
    """Forget all resources, import them again, and find that the program says the same."""
    [provider] = {one["provider"].rsplit("::", 1)[0] for one in stack.resources}
    wanted = [
        {"type": one["type"], "name": one["urn"].rsplit("::", 1)[1], "id": one["id"], "provider": "render"}
        for one in stack.resources
    ]
    for one in reversed(stack.resources):
        stack.run("state", "delete", one["urn"], "--yes", "--force")
    file = stack.folder / "import.json"
    file.write_text(json.dumps({"nameTable": {"render": provider}, "resources": wanted}))
    stack.run("import", "--file", str(file), "--yes", "--protect=false")
    assert len(stack.resources) == len(wanted)
    stack.run("refresh", "--yes", "--expect-no-changes")
    # A token that no answer tells is sent anew; all else is found to be as the program says.
    output = stack.run("up", "--yes", "--skip-preview")
    assert "~ 2 updated" in output
    stack.run("preview", "--expect-no-changes")


@pytest.mark.parametrize("path", ["/services", "/env-groups", "/postgres"])
def test_pulumi_killed_while_a_resource_is_made_goes_on_with_it(path: str, stack: Stack, server: Server) -> None:
    server.faults.add(Fault("late", "POST", path, after=True, seconds=30))
    process = stack.start("up", "--yes", "--skip-preview")
    made = {"/services": server.state.services, "/env-groups": server.state.groups, "/postgres": server.state.stores}
    ends = time.monotonic() + 60
    while not made[path] and time.monotonic() < ends:
        time.sleep(0.05)
    time.sleep(3)  # what else was made is in the state by then, and its file is not being written
    for one in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(one.pid) == process.pid:
                one.kill()
    process.communicate(timeout=30)
    server.faults.heal()
    assert made[path], "it was killed after Render had made it"

    stack.run("cancel", "--yes")  # the lock of the killed process
    output = stack.run("up", "--yes", "--skip-preview")

    assert "which an interrupted update made" in output
    names = [one.shown["name"] for one in server.state.services.values()]
    assert sorted(names) == ["nightly", "qdrant", "site", "web", "worker"]
    assert (len(server.state.groups), len(server.state.stores)) == (1, 2)
    stack.run("preview", "--expect-no-changes")
    stack.run("destroy", "--yes", "--skip-preview")
    assert not server.state.services


def test_a_failed_deploy_ends_the_update_and_the_next_one_deploys_again(stack: Stack, server: Server) -> None:
    server.faults.add(Fault("fail", "GET", "/services/[^/]+/deploys/[^/]+", times=1_000, status=400, message="broken"))
    output = stack.run("up", "--yes", "--skip-preview", fails=True)
    assert "broken" in output
    server.faults.heal()

    stack.run("up", "--yes", "--skip-preview")

    assert len(server.state.services) == 5
    stack.run("preview", "--expect-no-changes")


def test_problems_are_told_before_anything_is_made(stack: Stack, server: Server) -> None:
    output = stack.run("preview", REGION="ohoi", fails=True)

    assert "region is 'ohoi', which is not known; did you mean ohio?" in output
    assert server.changes() == []


def test_the_readmes_project_runs_with_the_folder_alone(stack: Stack, server: Server) -> None:
    """As another project has it: a copy of the folder, and program and project file as they are written there."""
    written = (ROOT / "infra" / "render" / "provider" / "README.md").read_text()
    project, program = (written.split(f"```{kind}\n")[1].split("```")[0] for kind in ("yaml", "python"))
    vendor = stack.folder / "vendor" / "infra"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "infra" / "render", vendor / "render", ignore=ignored)
    shutil.copy(ROOT / "infra" / "__init__.py", vendor)
    (stack.folder / "__main__.py").write_text(program)
    (stack.folder / "Pulumi.yaml").write_text(project)
    for folder in (stack.folder, stack.folder / "vendor"):
        (folder / ".venv").symlink_to(sys.prefix)
    elsewhere: dict[str, Any] = {"RENDER_API_KEY": server.key, "RENDER_API_URL": server.url, "PYTHONPATH": ""}
    stack.run("stack", "init", "shop")
    stack.run("config", "set", "--secret", "stripeKey", "stripe-key-1")

    stack.run("up", "--yes", "--skip-preview", **elsewhere)
    stack.run("preview", "--expect-no-changes", **elsewhere)

    [service] = server.state.services.values()
    assert {one["envVar"]["key"] for one in service.variables} == {"DATABASE_URL", "STRIPE_KEY", "SESSION_SECRET"}
    assert [deploy["status"] for deploy in service.deploys] == ["canceled", "live"]
    assert server.undocumented == []
    assert "stripe-key-1" not in stack.said
    stack.run("destroy", "--yes", "--skip-preview", **elsewhere)
