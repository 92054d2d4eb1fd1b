"""The app: `init` first, replicas that roll one by one, a worker; their settings, ports and data."""

from __future__ import annotations

import json
from functools import cache

import pulumi

from infra.plan import Plan
from infra.selfhost.app import BACKUPS, App, AppArgs, AppHost
from infra.selfhost.app_settings import AppSettings
from infra.selfhost.config import MOST_REPLICAS, Limit
from infra.selfhost.hosts import Engine
from tests.support.components import CONTAINER, HERE, THERE, built, container, data_mounts, environment, files, placed

NAMES = ("app-1", "app-2", "app-worker")


@cache
def plan(
    replicas: int = 2,
    elsewhere: bool = False,
    backups: str | None = None,
    certificate: str | None = None,
    spread: bool = False,
) -> Plan:
    def declare(here: Engine, there: Engine) -> None:
        plain = {"LOG_LEVEL": "DEBUG", **({"BACKUP_TO": backups} if backups else {})}
        App(
            "app",
            AppArgs(
                hosts=[
                    AppHost(
                        placement=placed(host, 8000),
                        settings=AppSettings(plain=plain, files={"DATABASE_URL": pulumi.Output.secret("made-up-url")}),
                        certificate_url=certificate,
                    )
                    for host in ([here, there] if spread else [here])
                ],
                replicas=replicas,
                worker_limit=Limit(memory_mb=70),
                published_metrics=8080,
                init_settings={"ADMIN_TOKEN": pulumi.Output.secret("made-up-token")},
                edge=there if elsewhere else here,
                monitoring=there if elsewhere else here,
            ),
        )

    return built(declare)


def published(plan: Plan, name: str) -> set[tuple[str, int, int]]:
    """Return (address, port on the host, port of the container) of what a container publishes."""
    return {(port["ip"], port["external"], port["internal"]) for port in container(plan, name)["ports"]}


def test_each_role_runs_its_command_from_the_same_image() -> None:
    commands = {name: container(plan(), name)["command"] for name in ("app-init", *NAMES)}

    assert commands == {"app-init": ["init"], "app-1": ["serve"], "app-2": ["serve"], "app-worker": ["worker"]}
    assert {container(plan(), name)["image"] for name in commands} == {"sha256:image"}


def test_init_runs_to_its_end_before_all_others_which_depend_on_its_status() -> None:
    assert not container(plan(), "app-init")["mustRun"]
    for name in NAMES:
        assert environment(container(plan(), name))["CLAUDE_MEMORY_INIT"] == "0", name


def test_init_alone_gets_the_rights_of_the_administrator() -> None:
    assert files(plan(), "app-init") == {"DATABASE_URL": "made-up-url", "ADMIN_TOKEN": "made-up-token"}
    assert "ADMIN_TOKEN_FILE" in environment(container(plan(), "app-init"))
    for name in NAMES:
        assert files(plan(), name) == {"DATABASE_URL": "made-up-url"}, name
        assert "ADMIN_TOKEN_FILE" not in environment(container(plan(), name)), name


def test_every_role_gets_the_settings_and_none_shows_a_secret() -> None:
    for name in ("app-init", *NAMES):
        inputs = container(plan(), name)
        assert environment(inputs)["LOG_LEVEL"] == "DEBUG", name
        assert environment(inputs)["DATABASE_URL_FILE"] == "/run/files/DATABASE_URL", name
        assert "made-up" not in json.dumps(inputs), name
        assert "uploads" in plan().of_type(CONTAINER)[f"{name}-files"].secrets, name


def test_replicas_are_declared_one_after_the_other() -> None:
    names = [one.name for one in plan(replicas=3).resources if one.type == CONTAINER]

    assert names.index("app-1") < names.index("app-2") < names.index("app-3")


def test_on_one_host_nothing_is_published() -> None:
    for name in NAMES:
        assert published(plan(), name) == set(), name


def test_to_other_hosts_each_replica_and_the_worker_publish_ports_of_their_own() -> None:
    ports = [published(plan(replicas=3, elsewhere=True), name) for name in ("app-1", "app-2", "app-3", "app-worker")]

    assert ports == [
        {(HERE, 8000, 8000), (HERE, 8080, 8080)},
        {(HERE, 8001, 8000), (HERE, 8180, 8080)},
        {(HERE, 8002, 8000), (HERE, 8280, 8080)},
        {(HERE, 8090, 8080)},
    ]


def test_no_port_is_taken_twice_however_many_replicas_there_are() -> None:
    many = plan(replicas=20, elsewhere=True)
    names = [f"app-{number}" for number in range(1, 21)] + ["app-worker"]

    taken = [port for name in names for _, port, _ in published(many, name)]
    assert len(taken) == len(set(taken)) == 41


def test_a_replica_is_healthy_when_it_is_ready_and_the_worker_when_it_runs() -> None:
    checks = {name: container(plan(), name)["healthcheck"]["tests"][-1] for name in NAMES}

    assert checks["app-1"] == checks["app-2"] == "http://127.0.0.1:8000/ready"
    assert checks["app-worker"] == "http://127.0.0.1:8080/health"


def test_the_worker_alone_has_data_which_are_its_backups() -> None:
    assert data_mounts(container(plan(), "app-worker")) == {BACKUPS: "test-app-backups"}
    assert environment(container(plan(), "app-worker"))["BACKUP_TO"] == BACKUPS
    assert data_mounts(container(plan(), "app-1")) == {}
    assert "BACKUP_TO" not in environment(container(plan(), "app-1"))


def test_backups_go_where_the_stack_says() -> None:
    assert environment(container(plan(backups="s3://bucket"), "app-worker"))["BACKUP_TO"] == "s3://bucket"


def test_the_worker_has_a_limit_of_its_own() -> None:
    assert (container(plan(), "app-1")["memory"], container(plan(), "app-worker")["memory"]) == (100, 70)


def test_the_worker_alone_asks_the_proxy_for_its_certificate() -> None:
    with_tls = plan(certificate="https://proxy:8443")

    assert environment(container(with_tls, "app-worker"))["CERTIFICATE_URL"] == "https://proxy:8443"
    assert "CERTIFICATE_URL" not in environment(container(with_tls, "app-1"))
    assert "CERTIFICATE_URL" not in environment(container(plan(), "app-worker"))


def test_there_is_a_listener_for_every_replica_that_there_may_be_and_a_container_for_each_that_there_is() -> None:
    found: list[list[str]] = []

    def declare(here: Engine, there: Engine) -> None:
        args = AppArgs(
            hosts=[AppHost(placement=placed(here, 8000), settings=AppSettings(), certificate_url=None)],
            replicas=1,
            worker_limit=Limit(memory_mb=70),
            published_metrics=8080,
            init_settings={},
            edge=there,
            monitoring=here,
        )
        app = App("app", args)
        found.append([listener.seen_from(there) for listener in app.listeners])

    names = {name for name in built(declare).of_type(CONTAINER) if not name.endswith("-files")}
    assert found == [[f"{HERE}:{8000 + number}" for number in range(MOST_REPLICAS)]]
    assert names == {"app-init", "app-1", "app-worker"}


def engine_of(plan: Plan, name: str) -> str:
    """Return the name of the engine that a container is on."""
    return str(plan.of_type(CONTAINER)[name].provider.split("::")[-2])


def test_replicas_take_turns_among_the_hosts_and_each_has_a_worker() -> None:
    several = plan(replicas=3, spread=True)
    engines = {name: engine_of(several, name) for name in (*NAMES, "app-3", "app-worker-2", "app-init")}

    assert engines == {
        "app-init": "test-data",
        "app-1": "test-data",
        "app-2": "test-monitoring",
        "app-3": "test-data",
        "app-worker": "test-data",
        "app-worker-2": "test-monitoring",
    }
    assert data_mounts(container(several, "app-worker-2")) == {BACKUPS: "test-app-backups-2"}


def test_replicas_and_workers_of_other_hosts_publish_ports_there() -> None:
    several = plan(replicas=3, spread=True)

    assert published(several, "app-1") == published(several, "app-worker") == set()
    assert published(several, "app-2") == {(THERE, 8001, 8000), (THERE, 8180, 8080)}
    assert published(several, "app-worker-2") == {(THERE, 8090, 8080)}
