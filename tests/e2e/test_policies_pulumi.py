"""The policies through the real Pulumi CLI: example stacks pass, and broken copies of their resources are refused.

Needs the Pulumi CLI on PATH, with the plugins of the providers; without them these tests are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from infra.config import NAMESPACE
from policies.catalogue import all_rules
from policies.rule import Resource
from tests.policies.cases import STACKS, Case, example
from tests.policies.test_catalogue import CASES
from tests.standins.render.server import Server
from tests.support.policy_pack import policy_pack
from tests.support.pulumi_cli import PulumiProject, needs_pulumi
from tests.support.render import serving
from tests.support.stacks import EXAMPLE_SECRETS

pytestmark = [needs_pulumi, pytest.mark.timeout(900)]

_PLUGINS = {"selfhost": "docker", "aliyun": "alicloud"}  # binaries beside the CLI; Render's provider is ours
# Declares resources of a file as they are, each inside a component of its own, so that copies may have one name.
_PROGRAM = """
import json
import pulumi

class Case(pulumi.ComponentResource):
    pass

class Any(pulumi.CustomResource):
    pass

given = json.load(open("resources.json"))
providers = {name: pulumi.ProviderResource(name, name, props) for name, props in given["providers"]}
for number, copies in enumerate(given["cases"]):
    for type_, name, props, outputs in copies:
        package = type_.partition(":")[0]
        opts = {"parent": Case(f"test:case:Case{number}", f"{name}-{type_.rpartition(':')[2]}")}
        if package in providers:
            opts["provider"] = providers[package]
        Any(type_, name, props, pulumi.ResourceOptions(additional_secret_outputs=outputs, **opts))
"""


class _Engine(BaseHTTPRequestHandler):
    """As much of a Docker engine as the provider asks for before it plans something new."""

    def do_GET(self) -> None:
        body = json.dumps({"ApiVersion": "1.41", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}).encode()
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def address_string(self) -> str:
        return "client"

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Docker engine that knows nothing but its version."""
    path = tmp_path_factory.mktemp("docker") / "engine.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _Engine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def render() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policy_pack(tmp_path_factory.mktemp("policies") / "pack")


def needs_plugin(stack: str) -> None:
    plugin = _PLUGINS.get(stack)
    if plugin and shutil.which(f"pulumi-resource-{plugin}") is None:
        pytest.skip(f"needs pulumi-resource-{plugin} on PATH")


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != "aliyun"])  # it builds a bundle first
def test_an_example_stack_passes_all_policies(
    stack: str, pack: Path, docker: str, render: Server, tmp_path: Path
) -> None:
    needs_plugin(stack)
    target = stack.partition("-")[0]
    project = PulumiProject(tmp_path)
    secrets, plain = dict(EXAMPLE_SECRETS[target]), dict[str, str]()
    if target == "render":
        secrets["renderApiKey"] = render.key
        plain = {"renderApiUrl": render.url, "owner": render.state.owner}
    project.take(f"Pulumi.{stack}.yaml", secrets, **plain)
    if target == "selfhost":
        if shutil.which("docker") is None:
            pytest.skip("needs the command docker")
        for role in ("data", "app", "monitoring", "edge"):
            project.set(stack, f"hosts.{role}.docker", docker)

    said = project.run("preview", "--policy-pack", str(pack), "--stack", stack)

    assert_passed(said)


def test_a_configuration_changes_a_threshold_and_a_wrong_one_is_refused(
    pack: Path, render: Server, tmp_path: Path
) -> None:
    project, file = PulumiProject(tmp_path), tmp_path / "thresholds.json"
    access = {"renderApiUrl": render.url, "owner": render.state.owner}
    stack = project.take("Pulumi.render.yaml", {**EXAMPLE_SECRETS["render"], "renderApiKey": render.key}, **access)
    project.set(stack, "app.autoDeploy", "commit")
    command = ("preview", "--policy-pack", str(pack), "--policy-pack-config", str(file), "--stack", stack)

    file.write_text('{"render-no-auto-deploy": {"development": []}}', encoding="utf-8")
    assert "[mandatory]  render-no-auto-deploy" in project.run(*command, fails=True)

    file.write_text('{"render-no-auto-deploy": {"development": ["render"]}}', encoding="utf-8")
    assert_passed(project.run(*command))

    file.write_text('{"render-no-auto-deploy": {"developmen": []}}', encoding="utf-8")
    assert "of render-no-auto-deploy is wrong: developmen" in project.run(*command, fails=True)


def assert_passed(said: str) -> None:
    assert f"✅ {NAMESPACE}@" in said
    assert "[mandatory]" not in said
    assert "[advisory]" not in said, "a rule met an unknown value"


@pytest.mark.parametrize("stack", ["selfhost", "aliyun", "render"])
def test_copies_of_an_examples_resources_pass_all_policies(
    stack: str, pack: Path, docker: str, render: Server, tmp_path: Path
) -> None:
    needs_plugin(stack)
    everything = [one for one in example(stack) if not one.type.startswith(("pulumi:", f"{NAMESPACE}:"))]

    said = preview(stack, [everything], pack, docker, render, tmp_path)

    assert_passed(said)


def to_json(one: Resource) -> list[Any]:
    return [one.type, one.name, dict(one.props), sorted(one.options.secret_outputs)]


@pytest.mark.parametrize("stack", ["selfhost", "aliyun", "render"])
def test_a_broken_copy_of_a_resource_is_refused_by_its_rule(
    stack: str, pack: Path, docker: str, render: Server, tmp_path: Path
) -> None:
    needs_plugin(stack)
    cases: list[Case] = [case for case in CASES if case.stack == stack and not case.refused]
    copies = [[case.broken(), *case.companions()] for case in cases]

    said = preview(stack, copies, pack, docker, render, tmp_path, fails=True)

    refused = set(re.findall(r"\[mandatory\]\s+(?:\S+@\S+\s+)?([a-z-]+)", said))
    assert {case.rule for case in cases} - refused == set(), said[-8000:]
    assert refused <= {rule.name for rule in all_rules()}


def preview(
    stack: str,
    copies: list[list[Resource]],
    pack: Path,
    docker: str,
    render: Server,
    folder: Path,
    fails: bool = False,
) -> str:
    """Preview a stack of copies of resources with the policies, and return what Pulumi printed."""
    project = PulumiProject(folder)
    providers: dict[str, tuple[str, dict[str, str]]] = {
        "selfhost": ("docker", {"host": docker}),
        "aliyun": (
            "alicloud",
            {
                "region": "cn-hangzhou",
                "accountId": "1234567890123456",
                "accountType": "Domestic",
                "accessKey": "made-up-id",
                "secretKey": "made-up-secret",
            },
        ),
        "render": ("render", {"renderApiKey": render.key, "renderApiUrl": render.url, "owner": render.state.owner}),
    }
    program = project.folder / "copies"
    program.mkdir()
    (program / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
    given = {"providers": [providers[stack]], "cases": [[to_json(one) for one in case] for case in copies]}
    (program / "resources.json").write_text(json.dumps(given), encoding="utf-8")
    main = json.loads((project.folder / "Pulumi.yaml").read_text(encoding="utf-8")) | {"main": "copies/"}
    (project.folder / "Pulumi.yaml").write_text(json.dumps(main), encoding="utf-8")
    project.run("stack", "init", "--no-select", stack)
    return project.run("preview", "--policy-pack", str(pack), "--stack", stack, fails=fails)
