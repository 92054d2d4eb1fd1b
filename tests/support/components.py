"""Declares components of a selfhost stack by themselves, and reads what they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.plan import Plan, declared
from infra.selfhost.config import Host, Hosts, Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import Engine, Engines
from infra.selfhost.mock_outputs import mock_outputs
from infra.selfhost.service import Placement

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
NETWORK, IMAGE = "docker:index/network:Network", "docker:index/remoteImage:RemoteImage"
PROVIDER = "pulumi:providers:docker"
HERE, THERE = "10.0.0.2", "10.0.0.3"  # addresses of the hosts of the two engines


def built(declare: Callable[[Engine, Engine], object]) -> Plan:
    """Return what `declare` declares, which gets two engines, on hosts HERE and THERE."""
    here, there = (Host(docker=f"ssh://me@{address}", address=address) for address in (HERE, THERE))

    def program() -> None:
        engines = Engines("test", Hosts(data=here, app=here, monitoring=there, edge=there))
        declare(engines["app"], engines["edge"])

    return declared("test", program, mock_outputs)


def placed(engine: Engine, published: int = 1234, keep_data: bool = True) -> Placement:
    """Return a placement on an engine."""
    return Placement(
        engine=engine,
        image_id="sha256:image",
        limit=Limit(memory_mb=100, cpus=0.5),
        published=published,
        keep_data=keep_data,
    )


def container(plan: Plan, name: str) -> Mapping[str, Any]:
    """Return the inputs of a container."""
    return plan.of_type(CONTAINER)[name].inputs


def files(plan: Plan, name: str) -> dict[str, str]:
    """Return the contents of a service's files, by path within their folder."""
    uploads = container(plan, f"{name}-files")["uploads"]
    return {upload["file"].removeprefix(f"{FOLDER}/"): upload["content"] for upload in uploads}


def environment(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return a container's environment."""
    return dict(pair.split("=", 1) for pair in inputs["envs"])


def data_mounts(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return a container's writable volumes, by mount path."""
    return {mount["target"]: mount["source"] for mount in inputs["mounts"] if not mount.get("readOnly")}
