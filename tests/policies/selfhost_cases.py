"""Broken copies for the rules about your own hosts."""

from __future__ import annotations

from typing import Any

from tests.policies.cases import Case, Path


def _qdrant(rule: str, values: dict[Path, Any]) -> Case:
    return Case(rule=f"selfhost-{rule}", stack="selfhost", kind="Container", name="memory-qdrant-1", values=values)


CASES = (
    Case(
        rule="selfhost-images-pinned",
        stack="selfhost",
        kind="RemoteImage",
        name="memory-data-caddy-image",
        values={("name",): "caddy:latest"},
    ),
    _qdrant("no-privileges", {("privileged",): True}),
    _qdrant("no-privileges", {("securityOpts",): []}),
    _qdrant("no-privileges", {("mounts", 1, "source"): "/var/run/docker.sock"}),
    _qdrant("no-privileges", {("mounts", 1, "source"): "/var/run/"}),
    _qdrant("no-privileges", {("volumes",): [{"containerPath": "/s", "hostPath": "/run/docker.sock"}]}),
    _qdrant("no-privileges", {("volumes",): [{"containerPath": "/host", "hostPath": "/"}]}),
    _qdrant("no-privileges", {("devices",): [{"hostPath": "/dev/sda"}]}),
    _qdrant("no-privileges", {("securityOpts",): ["no-new-privileges:true", "seccomp=unconfined"]}),
    _qdrant("images-pinned", {("image",): "qdrant/qdrant:latest"}),
    _qdrant("no-host-namespaces", {("networkMode",): "host"}),
    _qdrant("no-host-namespaces", {("networkMode",): "container:memory-postgres"}),
    _qdrant("no-host-namespaces", {("networksAdvanced", 0, "name"): "host"}),
    _qdrant("limits", {("memory",): 0.0}),
    _qdrant("limits", {("cpus",): "0"}),
    _qdrant("health-checks", {("healthcheck", "tests"): ["NONE"]}),
    _qdrant("restarts", {("restart",): "no"}),
    _qdrant("published-ports", {("publishAllPorts",): True}),
    _qdrant("published-ports", {("ports",): [{"internal": 6333.0, "external": 6333.0, "ip": "0.0.0.0"}]}),
    Case(
        rule="selfhost-volumes-kept",
        stack="selfhost",
        kind="Volume",
        name="memory-postgres-data",
        values={("name",): "data"},
    ),
    _qdrant("logs-bounded", {("logOpts",): {"max-size": "10m"}}),
    _qdrant("capabilities-dropped", {("capabilities", "drops"): []}),
    _qdrant("capabilities-dropped", {("capabilities", "adds"): ["CAP_SYS_ADMIN"]}),
)
