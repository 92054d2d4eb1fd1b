"""The selfhost program as a whole: how its containers are hardened, what listens where, where secrets go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from infra.errors import ConfigError, EnginesError, RulesError
from infra.monitoring import alertmanager
from infra.monitoring.jobs import JOBS
from infra.plan import plan_of
from infra.selfhost import outputs, program
from tests.support.components import CONTAINER, IMAGE, VOLUME, container, files
from tests.support.stacks import LOG_ARCHIVE, SECRETS, selfhost_plan, selfhost_values

SINGLE: dict[str, Any] = {}
TWO_HOSTS: dict[str, Any] = {
    "hosts": {
        "data": {"docker": "ssh://deploy@10.0.0.2", "address": "10.0.0.2"},
        "app": {"docker": "ssh://deploy@10.0.0.2", "address": "10.0.0.2"},
        "monitoring": {"docker": "ssh://deploy@10.0.0.3", "address": "10.0.0.3"},
        "edge": {"docker": "ssh://deploy@10.0.0.3", "address": "10.0.0.3"},
    },
    "domain": "memory.example.org",
}
ONE, TWO = TWO_HOSTS["hosts"]["data"], TWO_HOSTS["hosts"]["edge"]
SPREAD: dict[str, Any] = TWO_HOSTS | {"hosts": TWO_HOSTS["hosts"] | {"app": [ONE, TWO], "standby": TWO}}
MEMU_KEY = "made-up-memu-key"
one_and_two = pytest.mark.parametrize(
    "stack",
    [
        pytest.param(SINGLE, id="one host"),
        pytest.param(TWO_HOSTS, id="two hosts"),
        pytest.param(SPREAD, id="two hosts of the app, and a standby"),
    ],
)


def containers(**stack: Any) -> dict[str, Mapping[str, Any]]:
    """Return the inputs of all containers that are started, by name."""
    return {
        name: one.inputs
        for name, one in selfhost_plan(**stack).of_type(CONTAINER).items()
        if one.inputs.get("start", True)
    }


def running(**stack: Any) -> dict[str, Mapping[str, Any]]:
    """Return those that run until they are stopped."""
    return {name: inputs for name, inputs in containers(**stack).items() if inputs.get("mustRun", True)}


one_and_two_and_archive = pytest.mark.parametrize(
    "stack",
    [
        pytest.param(SINGLE, id="one host"),
        pytest.param(TWO_HOSTS, id="two hosts"),
        pytest.param(TWO_HOSTS | LOG_ARCHIVE, id="with an archive of the log"),
        pytest.param(SPREAD, id="two hosts of the app, and a standby"),
    ],
)


@one_and_two_and_archive
def test_every_container_is_hardened(stack: dict[str, Any]) -> None:
    for name, inputs in containers(**stack).items():
        assert inputs["readOnly"], name
        assert inputs["capabilities"]["drops"] == ["ALL"], name
        assert inputs["securityOpts"] == ["no-new-privileges:true"], name
        assert inputs["user"] not in ("", "root", "0"), name
        assert inputs["memory"] == inputs["memorySwap"] > 0, name
        assert float(inputs["cpus"]) > 0, name
        assert inputs["logOpts"]["max-size"], name


def test_every_running_container_has_a_health_check_and_restarts_by_itself() -> None:
    for name, inputs in running(**LOG_ARCHIVE).items():
        assert inputs["healthcheck"]["tests"][0] == "CMD", name
        assert inputs["wait"], name
        assert inputs["restart"] == "unless-stopped", name


@one_and_two
def test_only_the_proxy_listens_beyond_loopback_and_the_private_network(stack: dict[str, Any]) -> None:
    addresses = {
        name: {port.get("ip", "everywhere") for port in inputs["ports"]}
        for name, inputs in containers(**stack).items()
        if inputs.get("ports")
    }

    private = {"127.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert {name for name, bound in addresses.items() if bound - private} <= {"memory-proxy"}


def test_on_one_host_the_proxy_is_published_and_the_pages_that_operators_are_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: dict[str, object] = {}
    monkeypatch.setattr(outputs, "export", lambda _url, _worker, _host, operator_urls: told.update(operator_urls))
    plan = plan_of(selfhost_values())

    published = {name for name, one in plan.of_type(CONTAINER).items() if one.inputs.get("ports")}
    assert published == {"memory-proxy", *(f"memory-{page}" for page in told)}, "operator_urls in program.py"
    assert told


def test_every_container_says_which_stack_it_belongs_to() -> None:
    for name, one in selfhost_plan(**TWO_HOSTS).of_type(CONTAINER).items():
        assert {"label": "claude-memory.stack", "value": "test"} in one.inputs["labels"], name


def test_nothing_but_data_volumes_has_a_name_that_another_stack_could_have() -> None:
    named = [one for one in selfhost_plan(**TWO_HOSTS).resources if "name" in one.inputs and one.type != IMAGE]

    assert named
    assert all(one.type == VOLUME and one.inputs["name"] == f"test-{one.name}" for one in named)


def test_every_volume_with_data_is_one_that_the_next_stack_finds_by_name() -> None:
    mounted = {
        mount["source"]
        for inputs in running(**LOG_ARCHIVE).values()
        for mount in inputs["mounts"]
        if mount["type"] == "volume" and not mount.get("readOnly")
    }
    named = {
        one.inputs["name"] for one in selfhost_plan(**LOG_ARCHIVE).of_type(VOLUME).values() if "name" in one.inputs
    }

    assert mounted == named
    assert {"test-memory-postgres-data", "test-memory-postgres-wal", "test-memory-app-backups"} <= named


def test_between_hosts_services_find_each_other_by_address() -> None:
    plan = selfhost_plan(**TWO_HOSTS)

    assert (
        "DATA_SOURCE_URI=10.0.0.2:5432/claude_memory?sslmode=disable"
        in container(plan, "memory-postgres-exporter")["envs"]
    )
    scraped = yaml.safe_load(files(plan, "memory-prometheus")["prometheus.yml"])["scrape_configs"]
    targets = {scrape["job_name"]: scrape["static_configs"][0]["targets"] for scrape in scraped}
    assert targets["claude-memory"] == ["10.0.0.2:8080", "10.0.0.2:8180"]
    assert targets["node"] == ["10.0.0.2:9100", "node-exporter:9100"]
    assert targets["alertmanager"] == ["alertmanager:9093"]


def test_every_job_is_scraped() -> None:
    main = yaml.safe_load(files(selfhost_plan(**LOG_ARCHIVE), "memory-prometheus")["prometheus.yml"])

    assert {scrape["job_name"] for scrape in main["scrape_configs"]} == JOBS


def test_no_secret_is_in_an_environment_a_command_or_a_label() -> None:
    for name, inputs in containers(secrets={"MEMU_API_KEY": MEMU_KEY}).items():
        shown = json.dumps([inputs.get(part) for part in ("envs", "command", "entrypoints", "labels", "healthcheck")])
        assert not [value for value in (*SECRETS.values(), MEMU_KEY) if value in shown], name


def test_every_secret_is_a_secret_file() -> None:
    plan = selfhost_plan(secrets={"MEMU_API_KEY": MEMU_KEY})
    for name, holder in plan.of_type(CONTAINER).items():
        contents = json.dumps(holder.inputs.get("uploads", []))
        if any(value in contents for value in (*SECRETS.values(), MEMU_KEY)):
            assert "uploads" in holder.secrets, name

    assert "MEMU_API_KEY_FILE=/run/files/MEMU_API_KEY" in container(plan, "memory-app-1")["envs"]


def test_another_replica_takes_no_port_that_is_in_use() -> None:
    before, after = containers(**TWO_HOSTS, replicas="2"), containers(**TWO_HOSTS, replicas="3")
    in_use = {port["external"] for inputs in before.values() for port in inputs.get("ports", [])}

    assert after["memory-app-worker"]["ports"] == before["memory-app-worker"]["ports"]
    assert not in_use & {port["external"] for port in after["memory-app-3"]["ports"]}


def test_a_setting_of_the_app_reaches_every_role() -> None:
    for name in ("memory-app-1", "memory-app-worker", "memory-alerts"):
        assert "LOG_LEVEL=DEBUG" in containers(LOG_LEVEL="DEBUG")[name]["envs"], name


def test_a_domain_is_part_of_every_address_with_its_port_if_that_is_unusual() -> None:
    usual = containers(domain="memory.example.org")["memory-app-1"]["envs"]
    unusual = containers(domain="memory.example.org", ports={"https": 8444})["memory-app-1"]["envs"]

    assert "PUBLIC_URL=https://memory.example.org" in usual
    assert "PUBLIC_URL=https://memory.example.org:8444" in unusual
    assert "ALLOWED_HOSTS=memory.example.org" in unusual


def test_a_changed_password_replaces_the_containers_that_use_it() -> None:
    before, after = (
        containers(secrets={"postgresPassword": password})["memory-app-1"]["labels"]
        for password in ("made-up-password-1", "made-up-password-2")
    )

    assert before != after


def test_postgresql_gets_the_limit_of_the_stack_or_half_of_its_host() -> None:
    hosts = {"hosts": {"data": {"memoryMb": 8_192}}}

    assert containers(**hosts)["memory-postgres"]["memory"] == 4_096
    assert containers(**hosts, limits={"postgres": {"memoryMb": 512}})["memory-postgres"]["memory"] == 512


def test_what_alertmanager_would_refuse_is_refused_before_any_engine_is_contacted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def contacted(*_: object) -> None:
        raise AssertionError("an engine was contacted")

    right = alertmanager.configuration
    monkeypatch.setattr(program, "check_engines", contacted)
    monkeypatch.setattr(
        alertmanager, "configuration", lambda *given: right(*given).replace("receiver: people", "receiver: no-one")
    )

    with pytest.raises(RulesError, match="no-one"):
        program.run(selfhost_values())


def test_an_engine_that_cannot_be_used_is_reported_before_any_resource_is_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def declared(*_: object) -> None:
        raise AssertionError("a resource was declared")

    monkeypatch.setattr(program, "declare", declared)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EnginesError, match="the command docker is not installed here"):
        program.run(selfhost_values())


def test_a_name_or_an_address_that_a_container_could_not_start_with_is_refused_before_anything_is_touched() -> None:
    one, two = "ssh://me@one.example.org", "ssh://me@two.example.org"
    hosts = {
        "data": {"docker": one, "address": "one.example.org"},
        **{role: {"docker": two, "address": "10.0.0.3"} for role in ("app", "monitoring", "edge")},
    }

    with pytest.raises(ConfigError) as refused:
        program.check(selfhost_values(domain="https://memory.example.org/", hosts=hosts, PUBLIC_URL="https://a b"))

    keys = [problem.partition(":")[0] for problem in refused.value.problems]
    assert keys == ["PUBLIC_URL", "domain", "hosts.data.address"]


def test_with_a_standby_every_client_of_the_database_finds_whichever_server_is_the_primary() -> None:
    plan = selfhost_plan(**SPREAD)
    secret = SECRETS["postgresPassword"]
    urls = {name: files(plan, f"memory-{name}")["DATABASE_URL"] for name in ("app-1", "app-2", "app-worker-2")}

    here = f"postgresql://claude_memory:{secret}@postgres:5432,10.0.0.3:5432/claude_memory?target_session_attrs=primary"
    there = f"postgresql://claude_memory:{secret}@10.0.0.2:5432,postgres-standby:5432/claude_memory"
    assert urls == {"app-1": here, "app-2": f"{there}?target_session_attrs=primary", "app-worker-2": urls["app-2"]}
    admin = files(plan, "memory-app-init")["ADMIN_DATABASE_URL"]
    assert admin.endswith("@postgres:5432,10.0.0.3:5432/postgres?target_session_attrs=primary")


def test_the_two_servers_know_each_other_and_prometheus_both() -> None:
    plan = selfhost_plan(**SPREAD)
    first, second = (files(plan, name)["start.sh"] for name in ("memory-postgres", "memory-postgres-standby"))
    configuration = yaml.safe_load(files(plan, "memory-prometheus")["prometheus.yml"])
    scraped = {job["job_name"]: job for job in configuration["scrape_configs"]}

    assert "TWIN_HOST=10.0.0.3\nTWIN_PORT=5432\nBEGINS=primary\n" in first
    assert "TWIN_HOST=10.0.0.2\nTWIN_PORT=5432\nBEGINS=standby\n" in second
    assert scraped["postgres"]["static_configs"][0]["targets"] == [
        "postgres-exporter:9187",
        "postgres-standby-exporter:9187",
    ]
    assert "ClaudeMemoryStandbyMissing" in files(plan, "memory-prometheus")["rules.yml"]
    assert "ClaudeMemoryStandbyMissing" not in files(selfhost_plan(), "memory-prometheus")["rules.yml"]


def test_the_log_is_archived_of_one_server_only() -> None:
    given = {**SPREAD, "walArchive": "s3://bucket/log"}

    with pytest.raises(ConfigError, match=r"walArchive: goes without hosts\.standby"):
        program.check(selfhost_values(LOG_ARCHIVE["secrets"], **given))
