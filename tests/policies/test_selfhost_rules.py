"""Rules about your own hosts: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.catalogue import violations
from policies.rule import Options, Resource
from policies.thresholds import Images
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
