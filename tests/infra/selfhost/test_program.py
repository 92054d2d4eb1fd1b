"""The selfhost program as a whole: how its containers are held, what listens where, where secrets go."""

from __future__ import annotations

import json

import pytest

from infra.errors import TaskFailed
from infra.selfhost.task import _succeeded
from tests.support.stacks import SECRETS, selfhost_plan

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
SINGLE = {}
TWO_HOSTS = {
    "hosts": {
        "data": {"docker": "ssh://deploy@10.0.0.2", "address": "10.0.0.2"},
        "app": {"docker": "ssh://deploy@10.0.0.2", "address": "10.0.0.2"},
        "monitoring": {"docker": "ssh://deploy@10.0.0.3", "address": "10.0.0.3"},
        "edge": {"docker": "ssh://deploy@10.0.0.3", "address": "10.0.0.3"},
    },
    "domain": "memory.example.org",
}


def containers(**stack):
    return {
        name: one.inputs
        for name, one in selfhost_plan(**stack).of_type(CONTAINER).items()
        if one.inputs.get("start", True)
    }


def running(**stack):
    return {name: one for name, one in containers(**stack).items() if one.get("mustRun", True)}


@pytest.mark.parametrize("stack", [pytest.param(SINGLE, id="one host"), pytest.param(TWO_HOSTS, id="two hosts")])
def test_every_container_is_held_tightly(stack):
    for name, one in containers(**stack).items():
        assert one["readOnly"], name
        assert one["capabilities"]["drops"] == ["ALL"], name
        assert one["securityOpts"] == ["no-new-privileges:true"], name
        assert one["user"] not in ("", "root", "0"), name
        assert one["memory"] == one["memorySwap"] > 0, name
        assert float(one["cpus"]) > 0, name
        assert one["logOpts"]["max-size"], name


def test_every_running_container_is_asked_for_its_health_and_starts_again_by_itself():
    for name, one in running().items():
        assert one["healthcheck"]["tests"][0] == "CMD", name
        assert one["wait"], name
        assert one["restart"] == "unless-stopped", name


@pytest.mark.parametrize("stack", [pytest.param(SINGLE, id="one host"), pytest.param(TWO_HOSTS, id="two hosts")])
def test_only_the_proxy_listens_beyond_loopback_and_the_private_network(stack):
    addresses = {
        name: {port.get("ip", "everywhere") for port in one["ports"]}
        for name, one in containers(**stack).items()
        if one.get("ports")
    }

    private = {"127.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert {name for name, bound in addresses.items() if bound - private} <= {"memory-proxy"}


def test_without_a_domain_even_the_proxy_stays_on_loopback():
    assert [port["ip"] for port in containers()["memory-proxy"]["ports"]] == ["127.0.0.1"]


def test_with_a_domain_the_proxy_serves_http_and_https():
    ports = containers(domain="memory.example.org")["memory-proxy"]["ports"]

    assert {port["external"] for port in ports} == {80, 443}


def test_a_port_of_https_that_is_not_the_usual_one_is_part_of_every_address():
    found = containers(domain="memory.example.org", ports={"https": 8444})

    assert "PUBLIC_URL=https://memory.example.org:8444" in found["memory-app-1"]["envs"]
    assert "PUBLIC_URL=https://memory.example.org" in containers(domain="memory.example.org")["memory-app-1"]["envs"]
    assert "ALLOWED_HOSTS=memory.example.org" in found["memory-app-1"]["envs"]


def test_every_container_tells_which_stack_it_is_of():
    for name, one in selfhost_plan(**TWO_HOSTS).of_type(CONTAINER).items():
        assert {"label": "claude-memory.stack", "value": "test"} in one.inputs["labels"], name


def test_nothing_but_data_volumes_has_a_name_that_another_stack_would_take():
    named = [one for one in selfhost_plan(**TWO_HOSTS).resources if "name" in one.inputs and one.type != IMAGE]

    assert named
    assert all(one.type == VOLUME and one.inputs["name"] == f"test-{one.name}" for one in named)


def test_on_one_host_the_stores_publish_nothing():
    for name in ("memory-postgres", "memory-qdrant-1", "memory-app-1", "memory-app-2", "memory-app-worker"):
        assert containers()[name]["ports"] == [], name


def test_between_hosts_services_bind_to_the_private_address():
    found = containers(**TWO_HOSTS)

    assert {port["ip"] for port in found["memory-postgres"]["ports"]} == {"10.0.0.2"}
    [exporter] = [env for env in found["memory-postgres-exporter"]["envs"] if env.startswith("DATA_SOURCE_URI=")]
    assert exporter == "DATA_SOURCE_URI=10.0.0.2:5432/claude_memory?sslmode=disable"


def test_no_secret_is_in_an_environment_a_command_or_a_label():
    for name, one in containers(secrets={"MEMU_API_KEY": "made-up-memu-key"}).items():
        seen = json.dumps([one.get(part) for part in ("envs", "command", "entrypoints", "labels", "healthcheck")])
        assert not [value for value in (*SECRETS.values(), "made-up-memu-key") if value in seen], name


def test_every_secret_goes_as_a_secret_file():
    plan = selfhost_plan(secrets={"MEMU_API_KEY": "made-up-memu-key"})
    for name, holder in plan.of_type(CONTAINER).items():
        contents = json.dumps(holder.inputs.get("uploads", []))
        if any(value in contents for value in (*SECRETS.values(), "made-up-memu-key")):
            assert "uploads" in holder.secrets, name

    app = plan.of_type(CONTAINER)["memory-app-1"].inputs
    assert "MEMU_API_KEY_FILE=/run/files/MEMU_API_KEY" in app["envs"]


def test_data_volumes_outlive_the_stack_unless_told_otherwise():
    volumes = selfhost_plan().of_type(VOLUME)

    assert {"memory-postgres-data", "memory-qdrant-1-data", "memory-prometheus-data", "memory-alerts-data"} <= set(
        volumes
    )


def test_data_volumes_have_names_by_which_the_next_stack_finds_them():
    mounted = {
        mount["source"]
        for one in running(walArchive=True).values()
        for mount in one["mounts"]
        if mount["type"] == "volume" and not mount.get("readOnly")
    }
    named = {
        one.inputs["name"] for one in selfhost_plan(walArchive=True).of_type(VOLUME).values() if "name" in one.inputs
    }

    assert mounted == named
    assert {"test-memory-postgres-data", "test-memory-postgres-wal", "test-memory-app-backups"} <= named


def test_replicas_have_names_of_their_own_in_the_network_and_publish_no_port():
    found = containers(replicas="3")

    aliases = [found[f"memory-app-{number}"]["networksAdvanced"][0]["aliases"] for number in (1, 2, 3)]
    assert aliases == [["app-1"], ["app-2"], ["app-3"]]


def test_another_replica_takes_no_port_that_is_in_use():
    before, after = containers(**TWO_HOSTS, replicas="2"), containers(**TWO_HOSTS, replicas="3")
    in_use = {port["external"] for one in before.values() for port in one.get("ports", [])}

    assert after["memory-app-worker"]["ports"] == before["memory-app-worker"]["ports"]
    assert not in_use & {port["external"] for port in after["memory-app-3"]["ports"]}


def test_three_qdrant_nodes_find_each_other():
    found = containers(qdrant={"nodes": 3})

    assert "--bootstrap" not in found["memory-qdrant-1"]["command"]
    for number in (2, 3):
        assert "http://qdrant-1:6335" in found[f"memory-qdrant-{number}"]["command"]


def test_a_setting_of_the_app_reaches_every_role():
    for name in ("memory-app-1", "memory-app-worker", "memory-alerts"):
        assert "LOG_LEVEL=DEBUG" in containers(LOG_LEVEL="DEBUG")[name]["envs"], name


def test_a_changed_secret_gives_other_labels_so_that_the_container_is_made_anew():
    before, after = (
        containers(secrets={"postgresPassword": password})["memory-app-1"]["labels"]
        for password in ("made-up-password-1", "made-up-password-2")
    )

    assert before != after


def test_a_changed_configuration_of_prometheus_keeps_its_container_and_runs_the_reload():
    before, after = containers(replicas="2"), containers(replicas="3")

    assert before["memory-prometheus"] == after["memory-prometheus"]
    assert before["memory-prometheus-reload"]["labels"] != after["memory-prometheus-reload"]["labels"]


def test_a_task_that_fails_ends_the_update_with_its_last_lines():
    with pytest.raises(TaskFailed, match=r"memory-app-init ended with status 1[\s\S]*no such database"):
        _succeeded("memory-app-init", 1, "connecting\nno such database")


def test_file_systems_in_memory_belong_to_whom_the_container_runs_as():
    for name, one in containers().items():
        uid, _, gid = one["user"].partition(":")
        for path, options in one.get("tmpfs", {}).items():
            assert (f",uid={uid},gid={gid}," in options) == bool(gid), (name, path)
