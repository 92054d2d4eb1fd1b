"""docs/render.md: its keys, settings, outputs and messages exist, and its Pulumi commands do what it says.

The commands are run in the order of the page with the real CLI, against the stand-in; without the CLI that is skipped.
`python -m infra.render` on the page is tested in tests/infra/render/driver/test_page.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from app.settings.fields import Settings
from infra.config import NAMESPACE
from infra.render.config import RenderConfig
from tests.standins.render.server import Server
from tests.support.pulumi_cli import PulumiProject, needs_pulumi
from tests.support.render import serving
from tests.support.serving import ROOT

PAGE = (ROOT / "docs" / "render.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
KEYS = {field.alias or name for name, field in RenderConfig.model_fields.items()}
SETTINGS = {name.upper() for name in Settings.model_fields}
# What stands for the ellipses and capitals of the page, which are for whoever reads it to fill in.
FILLED = {
    "https://hooks.slack.com/services/…": "https://hooks.slack.com/services/made-up",
    "pulumi config set PUBLIC_URL https://….onrender.com": "",
    "YOUR-BUCKET": "claude-memory-backups",
    "YOU/": "example/",
    " …": " made-up-value",
    "=…": "=made-up-passphrase",
}
_TIMEOUT_S = 600


def test_every_key_that_is_set_there_exists() -> None:
    named = set(re.findall(r"pulumi config (?:set|get|rm) (?:--secret |--path )?(?:-- )?'?([A-Za-z0-9_]+)", PAGE))
    looped = re.findall(r"for key in ([A-Za-z ]+);", PAGE)[0].split()

    assert {*named, *looped} - KEYS - SETTINGS == set()
    assert len(named) > 10


def test_no_command_line_holds_a_new_secret_which_the_list_of_processes_would_show() -> None:
    assert re.findall(r"config set --secret [^\n|`]*\$\(.*", PAGE) == []
    assert re.findall(r"openssl rand .*\| pulumi config set --secret", PAGE)


@pytest.mark.parametrize("key", ["worker", "cron", "qdrant", "monitoring", "keepData", "previews", "domains", "images"])
def test_keys_that_are_spoken_of_exist(key: str) -> None:
    assert f"`{key}`" in PAGE or f"`{key}:" in PAGE
    assert key in KEYS


@pytest.mark.parametrize("file", ["Pulumi.render.yaml", "Pulumi.render-dev.yaml", "render.yaml"])
def test_the_files_that_it_starts_from_are_there(file: str) -> None:
    assert file in PAGE
    assert (ROOT / file).exists()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGE))))
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", PAGE))))
def test_a_link_within_the_page_leads_to_a_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)

    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@dataclass
class Reader:
    """Someone who types what the page says. home: where the page's `~` is."""

    pulumi: PulumiProject
    render: Server
    home: Path

    def type(self, block: str) -> str:
        """Run a block of the page in a shell; return what was printed. Raises AssertionError when a line fails."""
        for text, filled in FILLED.items():
            block = block.replace(text, filled)
        block = block.replace("RENDER_API_KEY=made-up-passphrase", f"RENDER_API_KEY={self.render.key}")
        done = subprocess.run(
            ["bash", "-euc", f"{block}\nexport -p >{self.home}/exported"],
            cwd=self.pulumi.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-5000:]}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return the environment of a shell, with what earlier blocks exported."""
        path = f"{self.home}/bin:{self.pulumi.environment['PATH']}"
        exported = self.home / "exported"
        text = exported.read_text(encoding="utf-8") if exported.exists() else ""
        kept = re.findall(r'^declare -x (RENDER_API_KEY|PULUMI_CONFIG_PASSPHRASE)="(.*)"$', text, re.MULTILINE)
        return {**self.pulumi.environment, "HOME": str(self.home), "PATH": path, **dict(kept)}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader with a copy of the example stacks, who answers every question of Pulumi with yes."""
    folder, home = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home")
    with serving(Server()) as render:
        render.limits.enforced = False
        pulumi = PulumiProject(folder)
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):  # the page sets both
            del pulumi.environment[name]
        for example in ("Pulumi.render.yaml", "Pulumi.render-dev.yaml"):
            shutil.copy(ROOT / example, pulumi.folder / example)
        (home / "bin").mkdir()
        (home / "bin" / "pulumi").write_text(f"#!/bin/bash\n{_SHIM.format(pulumi=shutil.which('pulumi'))}", "utf-8")
        (home / "bin" / "claude-memory").write_text("#!/bin/sh\necho claude-memory $*\n", encoding="utf-8")
        for command in (home / "bin").iterdir():
            command.chmod(0o755)
        pulumi.environment |= {"RENDER_API_URL": render.url, "RENDER_OWNER": render.state.owner}
        yield Reader(pulumi, render, home)


# Answers yes, and leaves out what would install packages.
_SHIM = """
case $1 in
    install) echo would install ;;
    up | destroy) exec {pulumi} --non-interactive "$@" --yes --skip-preview ;;
    *) exec {pulumi} --non-interactive "$@" ;;
esac
"""


@needs_pulumi
@pytest.mark.timeout(900)
def test_the_pages_commands_lead_from_nothing_to_both_stacks_and_back(reader: Reader) -> None:
    state = reader.render.state
    for block in BLOCKS:
        if "pulumi " not in block:
            continue
        joins = "project.name" in block
        if joins:  # the free stack was made alone before; the page means one that is new
            reader.type("pulumi destroy -s render-dev")
        printed = reader.type(block)
        if "adminToken" in block and "pulumi up" in block:
            assert "/mcp" in printed
        if joins:
            assert len(state.projects) == 1
            assert {one["name"] for one in state.environments.values()} == {"production", "development"}
            reader.type("pulumi destroy -s render-dev")

    assert not any((state.services, state.stores, state.groups, state.projects))
    assert reader.render.undocumented == []
    written = yaml.safe_load((reader.pulumi.folder / "Pulumi.render.yaml").read_text(encoding="utf-8"))["config"]
    assert written[f"{NAMESPACE}:domains"] == ["memory.example.org", "example.org"]
    assert "secure" in written[f"{NAMESPACE}:adminToken"]
