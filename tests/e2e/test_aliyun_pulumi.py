"""A stack on Alibaba Cloud through the real Pulumi CLI and provider, against the stand-in of the APIs.

Needs the Pulumi CLI and the provider alicloud on PATH; without them these tests are skipped. The program is the real
one, but for the bundle: tests/support/aliyun_pulumi.py puts tiny archives in its place. With ALIYUN_SLOW_TESTS set, the
database is tried as well, for which the provider waits for minutes, and a kill at every call.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.standins.aliyun.faults import Fault, throttled
from tests.standins.aliyun.server import Server, serving
from tests.standins.aliyun.state import ACCOUNT
from tests.support.aliyun_pulumi import AliyunProject, needs_alicloud, put_back, recorded
from tests.support.stacks import ALIYUN_SECRETS

pytestmark = [needs_alicloud, pytest.mark.timeout(900)]
slow = pytest.mark.skipif(not os.environ.get("ALIYUN_SLOW_TESTS"), reason="takes minutes; set ALIYUN_SLOW_TESTS")

STACK = "test"
SECRETS = {**ALIYUN_SECRETS, "certificateKey": "made-up-key-of-the-certificate"}
KEYS: dict[str, Any] = {
    "target": "aliyun",
    "accountId": ACCOUNT,
    "network": {"zone": "cn-hangzhou-h"},
    "code": {"dependencies": "layer"},
    "function": {"reserved": 10},
    "provisioned": {"instances": 1},
    "alarms": {"contactGroups": ["operators"]},
    "domain": {"name": "memory.example.org", "certificate": "-----BEGIN CERTIFICATE-----\nmade up\n"},
}
# All that the account has once the stack is up.
EVERYTHING = {
    "functions": 2,
    "domains": 1,
    "layers": 1,
    "buckets": 1,
    "roles": 1,
    "policies": 1,
    "projects": 1,
    "vpcs": 1,
    "vswitches": 1,
    "security_groups": 1,
    "alarms": 6,
    "contact_groups": 1,  # made before, for the alarms
    "triggers": 2,
    "versions": 1,
    "aliases": 1,
    "provisioned": 1,
    "reserved": 1,
    "objects": 2,
    "attachments": 1,
    "stores": 1,
}
SERVER, JOBS = "claude-memory-test", "claude-memory-test-jobs"


@dataclass
class Stack:
    """The stack, at the stand-in."""

    project: AliyunProject
    aliyun: Server

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of the CLI on the stack."""
        return self.project.run(*arguments, "--stack", STACK, fails=fails)

    def up(self) -> list[str]:
        """Bring the stack to what is configured; return the calls that changed something."""
        self.aliyun.requests.clear()
        self.run("up", "--yes", "--skip-preview")
        return [one.operation.replace("/2023-03-30", "") for one in self.aliyun.changes()]

    def expect_no_changes(self) -> None:
        """Look for differences."""
        self.run("preview", "--expect-no-changes")

    def tool(self, *arguments: str) -> str:
        """Run a command of `python -m infra.aliyun` on the stack."""
        return self.project.tool(STACK, *arguments)

    def set(self, key: str, value: str) -> None:
        """Set a key of the configuration."""
        self.project.set(STACK, key, value)

    def function(self, name: str = SERVER) -> dict[str, Any]:
        """Return a function as Alibaba Cloud has it."""
        found: dict[str, Any] = self.aliyun.state.functions[name]
        return found

    @property
    def alias(self) -> dict[str, Any]:
        """The alias that clients reach."""
        found: dict[str, Any] = self.function()["aliases"]["live"]
        return found


@pytest.fixture(scope="module")
def aliyun() -> Iterator[Server]:
    with serving(Server()) as server:
        server.state.contact_groups["operators"] = {"Name": "operators", "Contacts": {"Contact": []}}
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, aliyun: Server) -> Stack:
    project = AliyunProject(tmp_path_factory.mktemp("pulumi"), aliyun)
    project.stack(STACK, SECRETS, **KEYS)
    return Stack(project, aliyun)


# The tests of this file are steps of one story, in this order.


def test_a_preview_changes_nothing_at_alibaba_cloud(stack: Stack, aliyun: Server) -> None:
    assert "to create" in stack.run("preview", "--diff")
    assert aliyun.changes() == []


@pytest.mark.parametrize(
    ("at", "made", "taken"),
    [
        # Each comes after what the one before was about, whatever Pulumi does at the same time.
        ("vpc CreateVpc", True, ["vpc.Network"]),
        ("ram CreatePolicy", False, []),
        (r"fc POST .*/functions", True, ["fc.V3Function"]),
        ("cms PutResourceMetricRule", True, ["cms.Alarm"]),
    ],
)
def test_what_a_killed_up_made_is_taken_over(stack: Stack, at: str, made: bool, taken: list[str]) -> None:
    stack.project.killed(STACK, stack.aliyun, "up", "--yes", "--skip-preview", at=at, made=made)
    printed = stack.tool("recover", "--json")
    found = json.loads(printed[printed.index("{") :])["found"]

    assert set(taken) <= {one["kind"] for one in found if one["outcome"] == "taken over"}, printed


def test_a_state_that_a_kill_left_unreadable_is_repaired(stack: Stack) -> None:
    attributes = stack.project.checkpoint.with_name(f"{STACK}.json.attrs")
    attributes.write_bytes(b"")
    assert "failed to load checkpoint" in stack.run("stack", "export", fails=True)

    assert "half written; it is repaired" in stack.tool("recover")


def test_a_thing_whose_answer_was_lost_is_adopted(stack: Stack, aliyun: Server) -> None:
    aliyun.faults.add(Fault("drop", r"fc POST .*/aliases", after=True))
    stack.run("up", "--yes", "--skip-preview", fails=True)
    aliyun.faults.heal()

    assert "taken over" in stack.tool("recover", "--adopt")
    assert aliyun.state.counts()["aliases"] == 1


def test_after_all_the_kills_the_tools_up_goes_on_and_nothing_is_there_twice(stack: Stack, aliyun: Server) -> None:
    stack.project.killed(STACK, aliyun, "up", "--yes", "--skip-preview", at=rf"fc POST .*/{SERVER}/triggers")
    assert "the lock of process" in stack.tool("up", "--yes")

    assert aliyun.state.counts() == EVERYTHING
    stack.expect_no_changes()


def test_a_refresh_finds_no_drift(stack: Stack, aliyun: Server) -> None:
    stack.run("refresh", "--yes", "--expect-no-changes")
    aliyun.requests.clear()
    stack.expect_no_changes()

    assert aliyun.changes() == []


def test_a_changed_code_changes_its_object_the_functions_the_version_and_the_alias(stack: Stack) -> None:
    stack.project.archive("code", "the second code")
    calls = stack.up()

    assert sorted(set(calls)) == [
        "fc DELETE /functions/claude-memory-test/versions/1",
        "fc POST /functions/claude-memory-test/versions",
        "fc PUT /functions/claude-memory-test",
        "fc PUT /functions/claude-memory-test-jobs",
        "fc PUT /functions/claude-memory-test/aliases/live",
        "oss DELETE object",
        "oss PUT object",
    ]
    assert stack.aliyun.state.counts() == EVERYTHING
    stack.expect_no_changes()


def test_a_changed_configuration_changes_what_it_is_about(stack: Stack) -> None:
    stack.set("alarms.webhook", "https://alerts.example.org/hook")
    calls = stack.up()

    assert set(calls) == {"cms PutResourceMetricRule", "cms EnableMetricRules"}
    assert {one["shown"]["Webhook"] for one in stack.aliyun.state.alarms.values()} == {
        "https://alerts.example.org/hook"
    }
    stack.expect_no_changes()


def test_a_canary_gets_its_share_is_promoted_and_rolled_back(stack: Stack) -> None:
    [before] = stack.function()["versions"]
    stack.project.archive("code", "the third code")
    stack.tool("release", "--canary", "10", "--yes", "--no-invoke")
    new = max(stack.function()["versions"], key=int)

    assert (stack.alias["versionId"], stack.alias["additionalVersionWeight"]) == (before, {new: 0.1})
    stack.expect_no_changes()
    stack.tool("release", "--promote", "--yes", "--no-invoke")
    assert (stack.alias["versionId"], stack.alias["additionalVersionWeight"]) == (new, {})
    stack.tool("rollback", "--yes", "--no-invoke")
    assert stack.alias["versionId"] == before
    assert set(stack.function()["versions"]) >= {before, new}
    stack.expect_no_changes()
    stack.tool("release", "--yes", "--no-invoke")
    assert stack.alias["versionId"] == new


def test_drift_of_memory_and_of_variables_is_put_back(stack: Stack, aliyun: Server) -> None:
    shown = stack.function()["shown"]
    variables = dict(shown["environmentVariables"])
    shown["memorySize"], shown["environmentVariables"] = 4096, {"LOG_LEVEL": "DEBUG"}
    stack.run("up", "--yes", "--skip-preview", "--refresh")

    assert stack.function()["shown"]["memorySize"] == 2048
    assert stack.function()["shown"]["environmentVariables"] == variables
    stack.expect_no_changes()


def test_a_trigger_that_was_deleted_by_hand_is_made_again(stack: Stack) -> None:
    del stack.function()["triggers"]["http"]
    stack.run("up", "--yes", "--skip-preview", "--refresh")

    assert set(stack.function()["triggers"]) == {"http"}
    stack.expect_no_changes()


FAULTS = {
    "throttled": [throttled("fc PUT .*", 2)],
    "an error of the server": [Fault("fail", "fc PUT .*", 2, status=500, code="InternalServerError")],
    "not available": [Fault("fail", "cms Put.*", 2, status=503), Fault("fail", "fc PUT .*", 2, status=503)],
    "dropped connections": [Fault("drop", "fc PUT .*", 2), Fault("drop", "log .*", 1)],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_the_provider_itself_tries_again(stack: Stack, aliyun: Server, faults: list[Fault]) -> None:
    memory = 4096 if stack.function()["shown"]["memorySize"] == 2048 else 2048
    stack.set("function.memoryMb", str(memory))
    for fault in faults:
        aliyun.faults.add(fault)
    stack.up()
    aliyun.faults.heal()

    assert stack.function()["shown"]["memorySize"] == memory


def test_the_tool_runs_up_again_where_the_provider_gives_up(stack: Stack, aliyun: Server) -> None:
    stack.set("function.memoryMb", "3072")
    aliyun.faults.add(throttled("fc PUT .*/functions/[^/]+", 1, code="ResourceThrottled"))

    assert "after 2 tries" in stack.tool("up", "--yes")
    assert stack.function()["shown"]["memorySize"] == 3072
    stack.expect_no_changes()


def test_a_killed_change_is_taken_over_and_what_it_replaced_goes(stack: Stack, aliyun: Server) -> None:
    stack.project.archive("dependencies", "the second dependencies")
    stack.project.killed(STACK, aliyun, "up", "--yes", "--skip-preview", at=r"fc POST .*/layers/.*")
    stack.tool("up", "--yes")

    counts = aliyun.state.counts()
    assert {name: counts[name] for name in ("layers", "objects", "functions")} == {
        "layers": 1,
        "objects": 2,
        "functions": 2,
    }
    stack.expect_no_changes()


def test_no_secret_is_in_clear_in_the_state_or_in_what_was_printed(stack: Stack, aliyun: Server) -> None:
    changed = "postgresql://memory:another-made-up-password@db.example.org/memory"
    stack.run("config", "set", "--secret", "DATABASE_URL", changed)
    printed = stack.run("preview", "--diff")
    stack.up()
    secrets = [*SECRETS.values(), changed, "another-made-up-password", *aliyun.variables.values()]
    secrets = [one for one in secrets if "made-up" in one or one.startswith("standin-key-secret")]

    assert "environmentVariables" in printed
    assert SERVER in stack.project.kept(), "the state is somewhere else"
    assert [one for one in secrets if one in stack.project.kept()] == []
    assert [one for one in secrets if one in stack.project.said] == []


def test_a_killed_destroy_goes_on_and_nothing_is_left(stack: Stack, aliyun: Server) -> None:
    stack.project.killed(STACK, aliyun, "destroy", "--yes", "--skip-preview", at=r"fc DELETE .*/functions/[^/]+")
    stack.tool("recover")
    stack.run("destroy", "--yes", "--skip-preview")

    assert aliyun.state.counts() == {"contact_groups": 1}


@slow
@pytest.mark.timeout(3600)
def test_an_up_that_is_killed_at_any_call_is_gone_on_with(tmp_path: Path) -> None:
    with serving(Server()) as server:
        server.state.contact_groups["operators"] = {"Name": "operators", "Contacts": {"Contact": []}}
        project = AliyunProject(tmp_path, server)
        project.stack(STACK, SECRETS, **KEYS)
        with recorded(server, project) as moments:
            project.run("up", "--yes", "--skip-preview", "--stack", STACK)

        assert len(moments) > 50
        for moment in moments:
            put_back(moment, server, project)
            project.tool(STACK, "up", "--yes")
            assert server.state.counts() == EVERYTHING, moment.name
            project.run("preview", "--expect-no-changes", "--stack", STACK)
        assert [secret for secret in SECRETS.values() if secret in project.kept()] == []


@slow
def test_a_killed_up_takes_its_database_over(tmp_path: Path) -> None:
    with serving(Server()) as server:
        project = AliyunProject(tmp_path, server)
        secrets = {"adminToken": SECRETS["adminToken"], "databasePassword": "Made-up-password-of-postgres-1"}
        keys = {name: KEYS[name] for name in ("target", "accountId", "network")}
        project.stack(STACK, secrets, **keys, postgres={}, keepData=False)
        project.killed(STACK, server, "up", "--yes", "--skip-preview", at="rds CreateDBInstance")
        project.tool(STACK, "up", "--yes")

        counts = server.state.counts()
        assert (counts["databases"], counts["accounts"], counts["schemas"]) == (1, 1, 1)
        project.run("preview", "--expect-no-changes", "--stack", STACK)
        assert "Made-up-password-of-postgres-1" not in project.kept()
        project.run("destroy", "--yes", "--skip-preview", "--stack", STACK)
        assert server.state.counts() == {}
