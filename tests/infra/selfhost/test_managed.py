"""Settings of the app that this target sets, and its defaults for those that a stack may set."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.fields import Settings
from infra.config import checked
from infra.selfhost.app_settings import AppSettings, server_settings
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED, with_defaults
from tests.support.components import built
from tests.support.stacks import selfhost_values


def options(**others: Any) -> SelfhostConfig:
    return checked(selfhost_values(**others), SelfhostConfig, MANAGED, container_settings).options


def test_every_managed_setting_exists_in_the_app() -> None:
    assert set(MANAGED) <= {name.upper() for name in Settings.model_fields}


def test_every_setting_that_the_program_sets_is_managed_so_that_a_stack_cannot_set_it_in_vain() -> None:
    found: set[str] = set()

    def declare(here: object, there: object) -> None:
        settings = server_settings(AppSettings(), options(), "postgres:5432", "qdrant:6333")
        found.update({*settings.plain, *settings.files})

    built(declare)

    assert len(found) > 5
    assert found <= set(MANAGED)


def test_callers_must_authenticate_unless_the_stack_says_otherwise() -> None:
    assert with_defaults({}, options())["AUTH"] == "required"
    assert with_defaults({"AUTH": "off"}, options())["AUTH"] == "off"


def test_a_domain_gives_the_public_url_and_the_host_that_is_allowed() -> None:
    given = with_defaults({}, options(domain="memory.example.org", ports={"https": 8444}))

    assert given["PUBLIC_URL"] == "https://memory.example.org:8444"
    assert given["ALLOWED_HOSTS"] == "memory.example.org"
    assert not {"PUBLIC_URL", "ALLOWED_HOSTS"} & set(with_defaults({}, options()))


@pytest.mark.parametrize(("nodes", "copies"), [(1, None), (3, "2"), (5, "2")])
def test_a_cluster_of_qdrant_keeps_two_copies_of_every_shard(nodes: int, copies: str | None) -> None:
    given = with_defaults({}, options(qdrant={"nodes": nodes}))

    assert given.get("QDRANT_REPLICATION_FACTOR") == given.get("QDRANT_WRITE_CONSISTENCY_FACTOR") == copies
    assert given.get("QDRANT_SHARDS") == (str(nodes) if copies else None)


def test_the_proxys_networks_and_hosts_are_trusted_and_no_one_else() -> None:
    alone = with_defaults({}, options())["TRUSTED_PROXIES"].split(",")
    assert "172.16.0.0/12" in alone
    assert not {"0.0.0.0/0", "::/0"} & set(alone)
    assert with_defaults({"TRUSTED_PROXIES": "192.0.2.1"}, options())["TRUSTED_PROXIES"] == "192.0.2.1"
    hosts = {
        "edge": {"docker": "ssh://root@edge", "address": "198.51.100.7"},
        **{role: {"address": "198.51.100.8"} for role in ("data", "app", "monitoring")},
    }
    apart = with_defaults({}, options(hosts=hosts))["TRUSTED_PROXIES"].split(",")
    assert set(apart) - set(alone) == {"198.51.100.7", "198.51.100.8"}
