"""Rules about your own hosts: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.catalogue import violations
from policies.rule import Options, Resource
from policies.thresholds import Images
from policies.unknown import UNKNOWN
from tests.policies.cases import resource


def rules(one: Resource, configuration: dict[str, dict[str, Any]] | None = None) -> set[str]:
    return {found.rule for found in violations([one], configuration)}


def changed(one: Resource, **props: Any) -> Resource:
    return replace(one, props={**one.props, **props})


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("postgres:18.1-alpine", True),
        ("registry.example.org:5000/postgres", False),
        ("registry.example.org:5000/postgres:18", True),
        ("postgres:latest", False),
        ("postgres:alpine", False),
        ("postgres", False),
        (f"postgres@sha256:{'0' * 64}", True),
    ],
)
def test_an_image_is_pinned_by_a_version_or_a_digest(image: str, pinned: bool) -> None:
    one = changed(resource("selfhost", "RemoteImage", "memory-data-postgres-image"), name=image)

    assert ("selfhost-images-pinned" not in rules(one)) is pinned


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        (f"sha256:{'0f' * 32}", True),
        (f"postgres@sha256:{'0f' * 32}", True),
        ("postgres:18.1-alpine", True),
        ("postgres", False),
        (UNKNOWN, True),
    ],
)
def test_a_container_has_an_image_that_is_pinned_or_on_its_engine(image: Any, pinned: bool) -> None:
    one = changed(resource("selfhost", "Container", "memory-postgres"), image=image)

    assert ("selfhost-images-pinned" not in rules(one)) is pinned


@pytest.mark.parametrize("path", ["/", "//", "/var/run", "/var/run/", "/run/.", "/var", "/run/../run"])
def test_a_folder_above_the_engines_socket_is_the_socket(path: str) -> None:
    postgres = resource("selfhost", "Container", "memory-postgres")

    for mounted in ({"volumes": [{"hostPath": path}]}, {"mounts": [{"type": "bind", "source": path}]}):
        assert "selfhost-no-privileges" in rules(changed(postgres, **mounted))


@pytest.mark.parametrize("path", ["/srv/data", "/var/lib/data", "data", None, UNKNOWN])
def test_other_folders_and_volumes_are_no_privileges(path: Any) -> None:
    postgres = resource("selfhost", "Container", "memory-postgres")

    for mounted in ({"volumes": [{"hostPath": path}]}, {"mounts": [{"source": path}]}):
        assert "selfhost-no-privileges" not in rules(changed(postgres, **mounted))


def test_what_only_looks_at_its_host_may_see_all_of_it_unless_it_could_use_the_socket() -> None:
    exporter = resource("selfhost", "Container", "memory-data-node")
    writable = [{**mount, "readOnly": False} for mount in exporter.props["mounts"]]

    assert [mount["source"] for mount in exporter.props["mounts"]] == ["/"]
    assert "selfhost-no-privileges" not in rules(exporter)
    for props in ({"user": "0"}, {"user": "65534:0"}, {"user": None}, {"groupAdds": ["999"]}, {"mounts": writable}):
        assert "selfhost-no-privileges" in rules(changed(exporter, **props)), props
    for name in ("user", "groupAdds", "mounts"):
        assert "selfhost-no-privileges" not in rules(changed(exporter, **{name: UNKNOWN})), name


@pytest.mark.parametrize("option", ["seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined", "label=disable"])
def test_a_container_keeps_the_engines_profiles(option: str) -> None:
    postgres = resource("selfhost", "Container", "memory-postgres")

    assert "selfhost-no-privileges" in rules(changed(postgres, securityOpts=["no-new-privileges:true", option]))
    assert "selfhost-no-privileges" not in rules(
        changed(postgres, securityOpts=["no-new-privileges:true", "seccomp=/etc/own.json"])
    )


def test_digests_can_be_required() -> None:
    one = resource("selfhost", "RemoteImage", "memory-data-postgres-image")

    assert Images().digests is False
    assert "selfhost-images-pinned" in rules(one, {"selfhost-images-pinned": {"digests": True}})


def test_a_task_needs_neither_a_health_check_nor_a_restart() -> None:
    task = resource("selfhost", "Container", "memory-app-init")

    assert task.props["restart"] == "no"
    assert rules(task) - {"backup-scheduled"} == set()


def test_the_holder_of_files_is_never_started_and_needs_no_limits() -> None:
    holder = resource("selfhost", "Container", "memory-app-1-files")

    assert "memory" not in holder.props
    assert rules(holder) == set()
    assert "selfhost-limits" in rules(changed(holder, start=True))


def test_only_the_proxy_may_publish_on_every_address() -> None:
    ports = [{"internal": 8443.0, "external": 443.0}]
    proxy = changed(resource("selfhost", "Container", "memory-proxy"), ports=ports)
    grafana = replace(proxy, name="memory-grafana")

    assert "selfhost-published-ports" not in rules(proxy)
    assert "selfhost-published-ports" in rules(grafana)
    assert "selfhost-published-ports" not in rules(
        grafana, {"selfhost-published-ports": {"services": ["memory-grafana"]}}
    )


def test_a_port_on_the_private_network_is_for_the_other_hosts() -> None:
    ports = [{"internal": 5432.0, "external": 5432.0, "ip": "10.77.0.2"}]
    postgres = changed(resource("selfhost", "Container", "memory-postgres"), ports=ports)

    assert rules(postgres) - {"backup-scheduled"} == set()


def test_a_volume_with_data_is_retained_in_production() -> None:
    volume = resource("selfhost", "Volume", "memory-postgres-data")
    gone = replace(volume, options=Options(retained=False))

    assert rules(volume) == set()
    assert "selfhost-volumes-kept" in rules(gone)
    assert "selfhost-volumes-kept" not in rules(replace(gone, options=Options(retained=False, protected=True)))
    assert "selfhost-volumes-kept" not in rules(gone, {"selfhost-volumes-kept": {"development": ["selfhost"]}})


@pytest.mark.parametrize(
    ("options", "bounded"),
    [
        ({"cache-max-size": "10m", "cache-max-file": "3"}, True),
        ({"max-size": "10m", "max-file": "3"}, False),
    ],
)
def test_what_a_driver_that_sends_keeps_on_the_host_is_bounded(options: dict[str, str], bounded: bool) -> None:
    sent = changed(resource("selfhost", "Container", "memory-qdrant-1"), logDriver="syslog", logOpts=options)

    assert ("selfhost-logs-bounded" not in rules(sent)) == bounded
