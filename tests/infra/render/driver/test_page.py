"""docs/render.md: each of its command lines is run against the stand-in, and what it names is there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings.fields import Settings
from infra.render.deployed import following
from infra.render.deployed.names import Role
from infra.render.driver import logs
from infra.render.driver.cli import build_parser
from infra.render.rotation.kinds import KINDS
from infra.render.rotation.unfinished import Phase, Target, Unfinished, path_of
from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render_stack import (
    EMBEDDING,
    NEW_DATABASE,
    NEW_EMBEDDING,
    Drive,
    Stack,
)

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "render.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAM = "python -m infra.render "
LINES = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
OURS = [line.removeprefix(PROGRAM) for line in LINES if line.startswith(PROGRAM)]


@pytest.fixture
def files(folder: Path) -> Path:
    """What the page's lines read."""
    (folder / "key.txt").write_text(NEW_EMBEDDING + "\n", encoding="utf-8")
    (folder / "database-url.txt").write_text(NEW_DATABASE + "\n", encoding="utf-8")
    (folder / ".env").write_text("EMBEDDING_MODEL=text-embedding-v4\n", encoding="utf-8")
    (folder / "Pulumi.render.yaml").write_text(
        "config:\n"
        "  claude-memory:target: render\n"
        "  claude-memory:app: {repo: https://github.com/example/claude-memory}\n"
        "  claude-memory:LOG_LEVEL: INFO\n",
        encoding="utf-8",
    )
    return folder


def interrupted(stack: Stack) -> None:
    """Leave a rotation that was interrupted after the new value was set."""
    target = Target(stack.group, True, "claude-memory-settings", "EMBEDDING_API_KEY")
    services = [stack.services[role].id for role in ("web", "worker")]
    noted = Unfinished("EMBEDDING_API_KEY", EMBEDDING, [target], services, Phase.DEPLOYING)
    noted.save(path_of(stack.render.state.owner, "render", "EMBEDDING_API_KEY"))
    next(one for one in stack.render.state.groups[stack.group]["envVars"] if one["key"] == "EMBEDDING_API_KEY")[
        "value"
    ] = NEW_EMBEDDING


@pytest.mark.parametrize("line", OURS)
def test_a_command_line_of_the_page_does_what_it_says(
    line: str,
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    files: Path,
    render: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def once(*arguments: Any, **more: Any) -> Any:
        return following.follow(*arguments, **more, go_on=lambda: False)

    monkeypatch.setattr(logs, "follow", once)
    first = stack.services["web"].deploys[0]["id"]
    stack.deploy("web")
    command, _, file = line.partition(" < ")
    stdin = (files / file).read_text(encoding="utf-8") if file else ""
    words = shlex.split(re.sub(r"\bdep-[a-z0-9]{20}\b", first, command))
    if words[0] == "blueprint":  # the repository's own stacks: the one that is driven here has no program
        for name in ("Pulumi.render.yaml", "Pulumi.render-dev.yaml", "render.yaml"):
            shutil.copy(ROOT / name, files / name)
    if words[0] == "resume":
        drive("suspend", "--service", "worker")
    if "--go-on" in words or "--put-back" in words:
        interrupted(stack)
    if words[0] == "scale" and "off" in words:
        drive("scale", "--max", "2", "--memory", "70", "--service", "web")

    ran = drive(*words, stdin=stdin)

    assert ran.status == 0, f"{line}: {ran.said}"
    assert NEW_EMBEDDING not in ran.said
    assert NEW_DATABASE not in ran.said
    assert render.undocumented == []


def test_the_page_has_a_line_for_every_command() -> None:
    names = {line.split()[0] for line in OURS}

    assert names == set(re.findall(r"^    ([a-z]+)\b", build_parser().format_help(), re.MULTILINE))
    assert {line.split()[1] for line in OURS if line.startswith("env ")} == {"list", "set", "unset", "diff"}


def test_every_line_of_a_console_block_is_a_command_of_ours() -> None:
    assert [line for line in LINES if not line.startswith(PROGRAM)] == []


def test_the_headings_that_other_pages_may_lead_to_are_there() -> None:
    assert [
        one for one in ("Look at it", "Change it", "Rotate a secret", "Doctor") if f"\n## {one}\n" not in PAGE
    ] == []


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        pytest.param(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", lambda name: name in _SETTINGS, id="settings"),
        pytest.param(r"`(infra/[a-z_/]+\.py)`", lambda name: (ROOT / name).exists(), id="files"),
    ],
)
def test_what_the_page_names_is_there(pattern: str, known: Callable[[str], bool]) -> None:
    others = {"RENDER_API_KEY", "RENDER_OWNER", "QDRANT__SERVICE__API_KEY"}
    named = set(re.findall(pattern, PAGE)) - others

    assert named
    assert [name for name in named if not known(name)] == []


_SETTINGS: set[str] = {name.upper() for name in Settings.model_fields}


def test_every_role_and_every_secret_with_a_call_of_its_own_is_named() -> None:
    assert [role for role in Role if f"`{role}`" not in PAGE] == []
    assert [name for name, kind in KINDS.items() if kind.proof.name != "HEALTH" and f"`{name}`" not in PAGE] == []
