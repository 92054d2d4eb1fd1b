"""A Docker engine of a stack as its commands see it: answers in the form of the real one's, changed as a test wants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.command_errors import CannotDo
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.labels import SERVICE, STACK

IMAGE_ID, DIGEST = "sha256:" + "1d" * 32, "sha256:" + "d1" * 32
WATCHDOG = {"labels": {"alertname": "ClaudeMemoryWatchdog", "severity": "none"}, "annotations": {}, "state": "firing"}


@dataclass(frozen=True, kw_only=True)
class AnsweringHost(DockerHost):
    """containers, images: as `docker inspect` shows them. said: what a command prints, by its first words that fit."""

    docker: str = "unix:///var/run/docker.sock"
    roles: Any = ("data", "app", "monitoring", "edge")
    name: str = "data"
    containers: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=lambda: [image()])
    said: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    away: bool = False

    def run(self, *arguments: str, timeout_s: float = 0) -> str:
        """Answer as `docker` does."""
        self.asked.append(arguments)
        if self.away:
            raise CannotDo(f"docker {arguments[0]} on {self.docker}: Connection refused")
        line = " ".join(arguments)
        for words, said in self.said.items():
            if words in line:
                return said
        if arguments[0] == "ps":
            return "\n".join(one["Id"] for one in self.containers)
        if arguments[:2] == ("container", "inspect"):
            return json.dumps([one for one in self.containers if one["Id"] in arguments])
        if arguments[:2] == ("image", "inspect"):
            return json.dumps([one for one in self.images if one["Id"] in arguments])
        raise CannotDo(f"docker {arguments[0]} on {self.docker}: no answer to {line}")


def container(service: str, **changed: Any) -> dict[str, Any]:
    """Return a container of a service that runs and is healthy; `changed` names what is different, such as State."""
    state = {
        "Status": "running",
        "StartedAt": "2026-01-02T03:04:05.678901234Z",
        "OOMKilled": False,
        "ExitCode": 0,
        "Health": {"Status": "healthy"},
    }
    return {
        "Id": changed.get("Id", f"id-of-{service}"),
        "Created": changed.get("Created", "2026-01-02T03:04:04.000000000Z"),
        "RestartCount": changed.get("RestartCount", 0),
        "Image": IMAGE_ID,
        "State": {**state, **changed.get("State", {})},
        "Config": {"Labels": {STACK: "test", SERVICE: f"memory-{service}"}},
        "HostConfig": {
            "RestartPolicy": {"Name": changed.get("RestartPolicy", "unless-stopped")},
            "PortBindings": changed.get("PortBindings", {}),
        },
    }


def image(**changed: Any) -> dict[str, Any]:
    """Return an image that was pulled."""
    pulled = {"RepoTags": ["postgres:18.1"], "RepoDigests": [f"postgres@{DIGEST}"], "Config": {"Labels": None}}
    return {"Id": IMAGE_ID, **pulled, **changed}


def monitored(
    *alerts: Mapping[str, Any], disk: float = 41.0, certificate: float | None = None, unread: str = ""
) -> dict[str, str]:
    """Return what Prometheus says: the alerts that fire, the share of a disk, when the certificate expires.

    unread: a target that does not answer it.
    """
    targets = [{"labels": {"instance": "10.0.0.2:8080"}, "health": "up", "lastError": ""}]
    if unread:
        error = 'Get "http://10.0.0.2:9100/metrics": context deadline exceeded'
        targets.append({"labels": {"instance": unread}, "health": "down", "lastError": error})
    labels = {"instance": "node-exporter:9100", "mountpoint": "/"}
    expiry = [] if certificate is None else [{"metric": {}, "value": [0, str(certificate)]}]
    return {
        "/api/v1/alerts": _answer(alerts=list(alerts)),
        "/api/v1/targets": _answer(activeTargets=targets),
        "certificate_expiry": _answer(result=expiry),
        "node_filesystem": _answer(result=[{"metric": labels, "value": [0, str(disk)]}]),
    }


def _answer(**data: Any) -> str:
    return json.dumps({"status": "success", "data": data})
