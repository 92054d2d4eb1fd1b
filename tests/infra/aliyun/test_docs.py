"""docs/aliyun.md: its keys, settings, outputs and messages exist, and each of its commands does what it says.

Blocks of Pulumi's commands are typed in the order of the page with the real CLI. Where the page has `pulumi up`, the
real program declares what they configure, without the provider. Without the CLI that is skipped.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings.fields import Settings
from infra.aliyun.alarms import ALARMS
from infra.aliyun.api.logs import LogStore
from infra.aliyun.config import AliyunConfig, Function, Logs, Provisioned
from infra.aliyun.driver.cli import build_parser
from infra.config import NAMESPACE, TargetConfig
from infra.monitoring.rules import RULES
from tests.infra.aliyun.driver.test_bundle import built
from tests.support.aliyun_cloud import Cloud
from tests.support.aliyun_stack import RELEASES, Drive, Stack
from tests.support.pulumi_cli import PulumiProject, needs_pulumi
from tests.support.serving import ROOT

__all__ = ["built"]  # a fixture

PAGE = (ROOT / "docs" / "aliyun.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAM = "python -m infra.aliyun "
LINES = [line.removeprefix("$ ") for block in CONSOLE for line in block.splitlines()]
KEYS = {field.alias or name for name, field in AliyunConfig.model_fields.items()}
SETTINGS = {name.upper() for name in Settings.model_fields}
# What stands for the ellipses and capitals of the page, which are for whoever reads it to fill in.
FILLED = {
    "YOUR-BUCKET": "claude-memory-backups",
    "postgresql://…": "postgresql://memory:made-up@db.example.org/memory",
    " …": " made-up-value",
    "=…": "=made-up-passphrase",
}
_TIMEOUT_S = 600


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_page_does_what_it_says(
    line: str, deployed: Stack, cloud: Cloud, drive: Drive, built: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert line.startswith(PROGRAM)
    monkeypatch.setattr(LogStore, "follow", lambda store, since_s, query="": iter(()))
    words = shlex.split(line.removeprefix(PROGRAM))
    before, now = RELEASES[0], RELEASES[1]
    if words[0] in ("release", "rollback"):
        deployed.change(now)
        words += [] if "--yes" in words else ["--yes"]
    if "--promote" in words:
        drive("release", "--canary", "10", "--yes", "--no-invoke")
    if words[0] == "rollback":
        drive("release", "--yes", "--no-invoke")
        words = [before if word == "0123456789ab" else word for word in words]

    ran = drive(*words)

    assert ran.status == 0, f"{line}: {ran.said}"
    expected = {before: 90, now: 10} if "10" in words else {before: 50, now: 50} if "50" in words else {now: 100}
    if words[0] == "release":
        assert deployed.shares == expected
    if words[0] == "rollback":
        assert deployed.shares == {before: 100}


def test_the_page_has_a_line_for_every_command_and_only_such_lines() -> None:
    names = {line.removeprefix(PROGRAM).split()[0] for line in LINES}

    assert names == set(re.findall(r"^    ([a-z]+)\b", build_parser().format_help(), re.MULTILINE))


@pytest.mark.parametrize("hours", [0, 2, 24])
def test_the_table_of_costs_is_what_cost_prints(hours: int, stack: Stack, drive: Drive) -> None:
    month = drive("cost", "--sse-hours", str(hours), "--json").json["month"]
    row = " | ".join(f"{one['price']:.2f}" for one in month)

    assert f"| {row} |" in PAGE


def test_every_key_that_is_set_there_exists() -> None:
    named = set(re.findall(r"pulumi config (?:set|get|rm) (?:--secret |--path )?(?:-- )?'?([A-Za-z0-9_]+)", PAGE))

    assert named - KEYS - SETTINGS == set()
    assert len(named) > 15


def test_no_command_line_holds_a_new_secret_which_the_list_of_processes_would_show() -> None:
    assert re.findall(r"config set --secret [^\n|`]*\$\(.*", PAGE) == []
    assert re.findall(r"openssl rand .*\| pulumi config set --secret", PAGE)


def test_keys_that_are_spoken_of_exist() -> None:
    spoken = set(re.findall(r"`([a-z][A-Za-z]+)\.[a-z][A-Za-z]+`", PAGE))

    assert spoken - KEYS == set()
    parts: dict[str, type[TargetConfig]] = {"function": Function, "provisioned": Provisioned, "logs": Logs}
    assert parts.keys() <= spoken
    for part, key in re.findall(r"`(function|provisioned|logs)\.([a-z][A-Za-z]+)`", PAGE):
        assert key in {field.alias or name for name, field in parts[part].model_fields.items()}, f"{part}.{key}"


def test_settings_that_are_spoken_of_exist() -> None:
    others = {"CLAUDE_MEMORY_TOKEN", "HTTPS_PROXY", "SSL_CERT_FILE", "LEFT_OUT", "FC_", "BACKUP_", "TOKEN", "PORT"}
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]*)+)[`:]", PAGE)) - others

    assert named - SETTINGS == set()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGE))))
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", PAGE))))
def test_a_link_within_the_page_leads_to_a_heading(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)

    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`((?:infra|requirements)/[a-z_/]+\.(?:py|txt|in))`", PAGE))))
def test_a_file_that_is_named_is_there(file: str) -> None:
    assert (ROOT / file).exists()


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("no keys to Alibaba Cloud", "infra/aliyun/api/access.py"),
        ("compiling for the function takes Python", "infra/aliyun/bundle/errors.py"),
        ("pulumi up was refused", "infra/aliyun/deployed/stack.py"),
        ("pulumi up failed with status", "infra/aliyun/deployed/stack.py"),
        ("in the configuration of stack", "infra/errors.py"),
    ],
)
def test_a_message_of_the_table_is_one_of_ours(message: str, place: str) -> None:
    assert message in PAGE
    assert message in (ROOT / place).read_text(encoding="utf-8")


def test_the_alarms_that_are_left_out_are_spoken_of() -> None:
    left_out = " ".join({rule.name for rule in RULES} - {alarm.rule for alarm in ALARMS})

    assert all(word in left_out for word in ("Postgres", "Qdrant", "Embeddings", "Index", "CPU", "ResponseTime"))
    assert "`LEFT_OUT`" in PAGE


# Answers what would need the provider with the real program's plan, and leaves out what would install packages.
_SHIM = """#!/bin/bash
case $1 in
    install) echo would install ;;
    up | destroy) exec {python} {declare} {pulumi} ;;
    *) [ "$1 $2" = "stack output" ] && exec cat {outputs}; exec {pulumi} --non-interactive "$@" ;;
esac
"""
_DECLARE = """
import json, subprocess, sys
from infra.config import NAMESPACE, TargetConfig, StackValues
from infra.plan import plan_of

own = f"{NAMESPACE}:"
said = subprocess.run([sys.argv[1], "config", "--show-secrets", "--json"], check=True, capture_output=True, text=True)
told = {key.removeprefix(own): one for key, one in json.loads(said.stdout).items()}
values = {key: one["value"] for key, one in told.items()}
plan = plan_of(StackValues(stack="aliyun", values=values, secret_keys=frozenset(k for k in told if told[k]["secret"])))
print("declared", len(plan.resources))
"""


class Reader:
    """Someone who types what the page says."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home-of-the-reader"
        (self.home / "bin").mkdir(parents=True)
        self.pulumi = PulumiProject(folder)
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):  # the page sets both
            del self.pulumi.environment[name]
        shutil.copy(ROOT / "Pulumi.aliyun.yaml", self.pulumi.folder)
        for name, text in {"certificate": "CERTIFICATE", "certificate-key": "PRIVATE KEY"}.items():
            pem = f"-----BEGIN {text}-----\nmade up\n-----END {text}-----\n"
            (self.pulumi.folder / f"{name}.pem").write_text(pem, encoding="utf-8")
        (self.home / "declare.py").write_text(_DECLARE, encoding="utf-8")
        (self.home / "outputs").write_text('{"mcp_url": "https://x/mcp"}\n', encoding="utf-8")
        shim = _SHIM.format(
            python=sys.executable,
            declare=self.home / "declare.py",
            outputs=self.home / "outputs",
            pulumi=shutil.which("pulumi"),
        )
        for name, script in {"pulumi": shim, "claude-memory": "#!/bin/sh\necho claude-memory $*\n"}.items():
            (self.home / "bin" / name).write_text(script, encoding="utf-8")
            (self.home / "bin" / name).chmod(0o755)

    def type(self, block: str) -> str:
        """Run a block of the page in a shell; return what was printed. Raises AssertionError when a line fails."""
        for text, filled in FILLED.items():
            block = block.replace(text, filled)
        environment = self.pulumi.environment
        exported = self.home / "exported"
        text = exported.read_text(encoding="utf-8") if exported.exists() else ""
        kept = dict(re.findall(r'^declare -x ([A-Z_]*(?:PASSPHRASE|ACCESS_KEY\w*))="(.*)"$', text, re.MULTILINE))
        path = f"{self.home}/bin:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", f"{block}\nexport -p >{exported}"],
            cwd=self.pulumi.folder,
            env={**environment, "HOME": str(self.home), "PATH": path, "PYTHONPATH": str(ROOT), **kept},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-5000:]}"
        return done.stdout


@needs_pulumi
@pytest.mark.timeout(900)
def test_the_pages_commands_configure_a_stack_that_the_program_declares(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    declared = []
    for block in BLOCKS:
        printed = reader.type(block)
        if "pulumi up" in block:
            declared.append(int(re.findall(r"declared (\d+)", printed)[0]))

    written = yaml.safe_load((reader.pulumi.folder / "Pulumi.aliyun.yaml").read_text(encoding="utf-8"))["config"]
    assert min(declared) > 10
    assert written[f"{NAMESPACE}:provisioned"] == {"instances": 1}
    assert written[f"{NAMESPACE}:alarms"] == {"contactGroups": ["operators"]}
    assert f"{NAMESPACE}:postgres" not in written
    assert all("secure" in written[f"{NAMESPACE}:{key}"] for key in ("adminToken", "certificateKey", "DATABASE_URL"))
    assert "made-up" not in json.dumps(written)
