"""What a stack's file declares, without a passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import versions
from infra.selfhost.declared import declared_stack
from tests.support.certificates import NAME, certificate

ENCRYPTED = {"secure": "v1:abc="}

HOSTS = """\
  claude-memory:hosts:
    data: {docker: "ssh://a@one", address: 10.0.0.2}
    app: {docker: "ssh://a@one"}
    monitoring: {docker: "ssh://a@two", address: 10.0.0.3}
    edge: {docker: "ssh://a@two"}
"""


def test_each_service_is_on_the_engine_of_its_role_and_tasks_are_none(project: Path) -> None:
    with (project / "Pulumi.selfhost.yaml").open("a", encoding="utf-8") as file:
        file.write(HOSTS)

    found = declared_stack(project, "selfhost").services

    assert (found["memory-postgres"], found["memory-app-2"]) == ("ssh://a@one", "ssh://a@one")
    assert (found["memory-proxy"], found["memory-prometheus"]) == ("ssh://a@two", "ssh://a@two")
    assert {"memory-data-node", "memory-monitoring-node"} <= set(found)
    assert not {"memory-app-init", "memory-prometheus-reload"} & set(found)


def test_each_service_has_the_image_that_the_stack_and_the_lock_give_it(project: Path) -> None:
    digest = "sha256:" + "5a" * 32
    (project / "images.lock").write_text(f"{versions.POSTGRES}@{digest}\n", encoding="utf-8")

    found = declared_stack(project, "selfhost").images

    assert found["memory-app-1"] == "claude-memory:0.1.0"
    assert found["memory-postgres"] == f"{versions.POSTGRES}@{digest}"
    assert found["memory-qdrant-1"] == versions.QDRANT


@pytest.mark.parametrize(
    "configured",
    [
        {"certificate": {"source": "own", "chain": certificate(NAME).pem}, "certificateKey": ENCRYPTED},
        {"certificate": {"keyId": "ours", "directory": "https://ca.example.org/a"}, "acmeKey": ENCRYPTED},
        {
            "certificate": {"dns": "cloudflare"},
            "dnsCredentials": {"api_token": ENCRYPTED, "zone": "example.org"},
            "images": {"app": "claude-memory:1", "caddy": "caddy-cloudflare:1"},
        },
        {
            "remoteWrite": {"url": "https://metrics.example.org/push", "username": "12345"},
            "remoteWritePassword": ENCRYPTED,
            "watchdogUrl": ENCRYPTED,
        },
        {
            "BACKUP_TO": "s3://bucket/backups",
            "BACKUP_S3_ACCESS_KEY_ID": ENCRYPTED,
            "BACKUP_S3_SECRET_ACCESS_KEY": ENCRYPTED,
            "BACKUP_PASSPHRASE": ENCRYPTED,
            "walArchive": "s3://bucket/log",
        },
    ],
    ids=["own certificate", "account of an authority", "DNS record", "remote write", "backups off the host"],
)
def test_what_the_page_configures_is_declared_without_the_passphrase(project: Path, configured: dict[str, Any]) -> None:
    file = project / "Pulumi.selfhost.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    given = {"domain": NAME, **configured}
    content["config"] |= {f"claude-memory:{key}": value for key, value in given.items()}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")

    assert "memory-proxy" in declared_stack(project, "selfhost").services
