"""The Render program as a whole: what is made when, through which provider, and where secrets go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from infra.errors import ConfigError, RulesError
from infra.monitoring import alertmanager
from infra.plan import Declared, Plan, plan_of
from infra.render import program
from infra.render.provider.catalogue import TYPES
from infra.render.provider.turn import Memory
from tests.support.render_plan import of_kind, one
from tests.support.serving import ROOT
from tests.support.stacks import BACKUP_KEYS, SECRETS, example_values, render_plan, render_values

PRODUCTION, DEVELOPMENT = "Pulumi.render.yaml", "Pulumi.render-dev.yaml"
both = pytest.mark.parametrize("file", [PRODUCTION, DEVELOPMENT])
DIGEST = f"ghcr.io/example/app@sha256:{'0' * 64}"


def example(file: str) -> Plan:
    return plan_of(example_values(ROOT / file))


def ours(plan: Plan) -> list[Declared]:
    """Return the resources at Render."""
    return [resource for resource in plan.resources if resource.type.startswith("render:index:")]


def kinds(plan: Plan) -> list[str]:
    return [f"{resource.type.rpartition(':')[2]} {resource.inputs['name']}" for resource in ours(plan)]


def test_production_has_all_parts() -> None:
    assert sorted(kinds(example(PRODUCTION))) == [
        "BackgroundWorker claude-memory-worker",
        "CronJob claude-memory-backup",
        "CronJob claude-memory-maintenance",
        "CustomDomain memory.example.org",
        "EnvGroup claude-memory-settings",
        "Postgres claude-memory-postgres",
        "PrivateService claude-memory-alertmanager",
        "PrivateService claude-memory-alerts",
        "PrivateService claude-memory-prometheus",
        "PrivateService claude-memory-qdrant",
        "Project claude-memory",
        "WebService claude-memory-web",
    ]


def test_development_has_only_what_is_free() -> None:
    plan = example(DEVELOPMENT)

    assert sorted(kinds(plan)) == [
        "EnvGroup claude-memory-dev-settings",
        "Postgres claude-memory-dev-postgres",
        "Project claude-memory-dev",
        "WebService claude-memory-dev-web",
    ]
    assert {resource.inputs["plan"] for resource in ours(plan) if "plan" in resource.inputs} == {"free"}


def test_stores_are_there_before_the_web_service_and_all_else_comes_after_it() -> None:
    order = [name.rpartition("-")[2] for name in kinds(example(PRODUCTION))]

    before, after = order[: order.index("web")], order[order.index("web") + 1 :]
    assert {"postgres", "qdrant", "settings"} <= set(before)
    assert {"worker", "maintenance", "backup", "alerts", "alertmanager", "prometheus"} <= set(after)
    assert after.index("alerts") < after.index("alertmanager") < after.index("prometheus")


@both
def test_every_resource_is_made_through_the_stacks_own_provider(file: str) -> None:
    providers = {resource.provider for resource in ours(example(file))}

    assert len(providers) == 1
    assert "pulumi:providers:render::render" in providers.pop()


@both
def test_the_provider_finds_nothing_wrong_with_any_resource(file: str) -> None:
    for resource in ours(example(file)):
        inputs = json.loads(json.dumps(resource.inputs), parse_float=lambda text: int(float(text)))

        assert TYPES[resource.type].check({}, inputs, frozenset(), Memory(), b"").problems == [], resource.name


@both
def test_everything_is_in_the_stacks_environment_and_region(file: str) -> None:
    plan = example(file)
    placed = [one for one in ours(plan) if not one.type.endswith((":Project", ":CustomDomain"))]

    assert len({resource.inputs["environmentId"] for resource in placed}) == 1
    assert {resource.inputs["region"] for resource in placed if not resource.type.endswith(":EnvGroup")} == {"oregon"}


def test_production_is_protected() -> None:
    assert one(example(PRODUCTION), "Project")["environments"]["production"]["protectedStatus"] == "protected"


def test_a_stack_can_join_the_project_of_another() -> None:
    plan = render_plan(project={"id": "prj-1"}, environment={"name": "staging"})

    assert one(plan, "Environment")["projectId"] == "prj-1"
    assert of_kind(plan, "Project") == {}


def test_the_provider_gets_key_address_and_workspace_from_the_stack_and_the_key_stays_secret() -> None:
    plan = render_plan(
        secrets={"renderApiKey": "rnd_made_up"}, renderApiUrl="https://api.example.com/v1", owner="tea-1"
    )
    [provider] = plan.of_type("pulumi:providers:render").values()

    assert provider.inputs == {
        "renderApiKey": "rnd_made_up",
        "renderApiUrl": "https://api.example.com/v1",
        "owner": "tea-1",
    }
    assert provider.secrets == {"renderApiKey"}


def test_an_image_runs_in_every_service_of_the_app_with_the_log_in_to_its_registry() -> None:
    plan = render_plan(
        app={"image": DIGEST, "registry": {"kind": "GITHUB", "username": "me"}},
        secrets={"registryToken": "made-up-token-of-the-registry"},
        worker={},
        cron={},
        monitoring={},
    )
    app = [resource.inputs for resource in ours(plan) if resource.inputs.get("image", {}).get("imagePath") == DIGEST]

    assert {inputs["name"].rpartition("-")[2] for inputs in app} == {"web", "worker", "maintenance", "alerts"}
    assert {inputs["image"]["registryCredentialId"] for inputs in app} == {"memory-registry-id"}
    assert one(plan, "RegistryCredential")["authToken"] == "made-up-token-of-the-registry"
    assert not [inputs for inputs in app if "repo" in inputs]


def test_a_qdrant_elsewhere_is_used_as_the_settings_say() -> None:
    plan = render_plan(QDRANT_URL="https://qdrant.example.com", secrets={"QDRANT_API_KEY": "made-up-key-elsewhere"})
    shared = one(plan, "EnvGroup")["envVars"]

    assert shared["QDRANT_URL"] == "https://qdrant.example.com"
    assert shared["QDRANT_API_KEY"] == {"value": "made-up-key-elsewhere", "writeOnly": True}
    assert of_kind(plan, "PrivateService") == {}


@pytest.mark.parametrize("previews", ["never", "manual", "automatic"])
def test_pull_requests_are_previewed_as_the_stack_says(previews: str) -> None:
    generation = one(render_plan(previews=previews), "WebService")["previewGeneration"]

    assert generation == {"never": "off"}.get(previews, previews)


def visible(value: Any) -> Any:
    """Return inputs without what is write-only."""
    if isinstance(value, Mapping):
        return None if value.get("writeOnly") else {name: visible(inner) for name, inner in value.items()}
    return [visible(inner) for inner in value] if isinstance(value, list) else value


@both
def test_no_secret_is_in_an_input_that_the_state_keeps(file: str) -> None:
    shown = json.dumps([visible(resource.inputs) for resource in ours(example(file))])
    whole = json.dumps([resource.inputs for resource in ours(example(file))])

    for name, value in {**SECRETS, **BACKUP_KEYS}.items():
        assert value not in shown, name
    assert SECRETS["adminToken"] in whole
    assert "postgresql://" not in shown


def test_an_input_with_a_secret_is_a_secret_of_pulumis_as_well() -> None:
    for resource in ours(example(PRODUCTION)):
        holding = {name for name, value in resource.inputs.items() if "made-up" in json.dumps(value)}

        assert holding == resource.secrets & holding, resource.name


def test_a_stack_without_a_key_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RENDER_API_KEY", raising=False)

    with pytest.raises(ConfigError, match="no key for Render's API"):
        program.run(render_values())


def test_the_environment_has_a_key_for_stacks_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER_API_KEY", "rnd_made_up")
    options = program.check(render_values()).options

    program.check_access(options, "test")


def test_a_configuration_that_alertmanager_would_refuse_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = yaml.safe_load(alertmanager.configuration("host:1"))
    tree["route"]["receiver"] = "no one"
    monkeypatch.setattr(alertmanager, "configuration", lambda *_, **__: yaml.safe_dump(tree))

    with pytest.raises(RulesError, match="there is no receiver 'no one'"):
        program.check(render_values())


def test_keys_and_settings_that_do_not_fit_are_told_with_all_other_problems() -> None:
    with pytest.raises(ConfigError) as refused:
        program.check(render_values(BACKUP_TO="/var/backups", nonsense="1", cron={}, LOG_LEVEL="LOUD"))

    told = {problem.partition(":")[0] for problem in refused.value.problems}
    assert told == {"LOG_LEVEL", "nonsense", "BACKUP_TO", *BACKUP_KEYS}
