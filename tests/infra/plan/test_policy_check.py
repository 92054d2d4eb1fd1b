"""Plans held to the policies."""

from __future__ import annotations

from infra.plan import plan_of
from infra.plan.policy_check import resources_of, violations_of
from tests.support.stacks import aliyun_values, render_plan, render_values, selfhost_plan


def test_rules_see_the_secrets_options_and_providers_of_a_plan() -> None:
    resources = resources_of("test", plan_of(aliyun_values()))
    [function] = [one for one in resources if one.name == "memory-function" and one.type.endswith(":V3Function")]

    assert function.secrets == frozenset({"environmentVariables"})
    assert function.options.secret_outputs == {"environmentVariables"}
    assert function.provider["region"] == "cn-hangzhou"
    assert function.stack == "test"
    assert function.urn.startswith("urn:pulumi:test::claude-memory::")


def test_a_stack_that_breaks_a_rule_is_reported() -> None:
    plan = plan_of(render_values(web={"plan": "free"}, postgres={"plan": "free"}))

    assert "render-no-free-plan" in {one.rule for one in violations_of("production", plan)}
    assert "render-no-free-plan" not in {one.rule for one in violations_of("dev", plan)}


def test_thresholds_come_from_the_configuration() -> None:
    plan = plan_of(aliyun_values(function={"memoryMb": 4096}))

    def rules(configuration: dict[str, dict[str, int]]) -> set[str]:
        return {one.rule for one in violations_of("test", plan, configuration)}

    assert rules({}) == {"aliyun-function-memory"}
    assert rules({"aliyun-function-memory": {"maximumMb": 4096}}) == set()


def test_a_stack_with_its_memories_at_memu_breaks_no_rule_and_shows_no_key() -> None:
    memu = {"MEMORY_BACKEND": "memu", "secrets": {"MEMU_API_KEY": "made-up-key-of-memu"}}
    for plan in (
        render_plan(worker={}, cron={}, **memu),
        selfhost_plan(images={"app": "claude-memory:0.1.0"}, **memu),
    ):
        assert violations_of("test", plan) == []
        assert "made-up-key-of-memu" not in "".join(str(one.inputs.get("envs")) for one in plan.resources)
