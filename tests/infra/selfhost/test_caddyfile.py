"""The proxy's configuration: where replicas are, which one gets a call, and what is told when none answers."""

from __future__ import annotations

import json
import re

from app.errors import Unavailable, error_body, rpc_error_body
from infra.selfhost.caddyfile import ABSENT, THERE, caddyfile, replica_files

DOMAIN = "memory.example.org"
UPSTREAMS = ("app-1:8000", "app-2:8001", "app-3:8002")


def text(domain: str | None = None) -> str:
    return caddyfile(domain, f"https://{domain}" if domain else None, UPSTREAMS)


def test_before_the_address_of_each_replica_stands_what_a_file_of_its_own_says() -> None:
    [proxied] = re.findall(r"reverse_proxy ({file.*) {$", text(), re.MULTILINE)

    assert proxied.split() == [
        "{file./run/files/replica-1}app-1:8000",
        "{file./run/files/replica-2}app-2:8001",
        "{file./run/files/replica-3}app-3:8002",
    ]


def test_the_files_say_which_replicas_are_there() -> None:
    assert replica_files(3, 2) == {"replica-1": THERE, "replica-2": THERE, "replica-3": ABSENT}


def test_a_client_has_its_error_within_two_seconds() -> None:
    looks_ms = [int(found) for found in re.findall(r"import replicas .* (\d+)ms$", text(), re.MULTILINE)]
    [dialled_ms] = [int(found) for found in re.findall(r"dial_timeout (\d+)ms", text())]

    assert len(looks_ms) == 2
    assert sum(looks_ms) + 2 * dialled_ms < 2_000


def test_a_call_goes_to_a_replica_that_is_ready_and_without_one_to_a_replica_that_says_why() -> None:
    first, second = re.findall(r"import replicas (\S+) (\d)s", text())

    assert first == ("/ready", "1")
    assert second[0] == "/ready?for=calls"
    assert text().index("import replicas /ready 1s") < text().index("reverse_proxy 127.0.0.1:2020")
    assert ":2020 {\n    bind 127.0.0.1\n" in text(), "no one else gets there"


def test_an_sse_session_stays_with_its_replica_and_other_calls_take_turns() -> None:
    assert "@sessions path /sse /sse/ /messages /messages/*\n" in text()
    written = text()
    assert written.index("header -Session-Of\n") < written.index("header @sessions Session-Of {remote_host}\n")
    assert "lb_policy header Session-Of {\n            fallback round_robin\n" in text()


def test_without_a_replica_clients_get_an_error_in_the_form_of_the_app() -> None:
    mcp, others = (json.loads(body) for body in re.findall(r"respond .*`(.*)` 503", text()))
    error = Unavailable(mcp["error"]["message"])

    assert mcp == rpc_error_body(error)
    assert others == error_body(error)


def test_plain_http_is_redirected_to_an_unusual_port_of_https() -> None:
    unusual = caddyfile(DOMAIN, f"https://{DOMAIN}:8444", UPSTREAMS)

    assert "redir" not in text(DOMAIN)  # Caddy does that by itself
    assert f"http://{DOMAIN} {{\n    redir https://{DOMAIN}:8444{{uri}} permanent\n}}" in unusual


def test_no_one_can_change_the_running_configuration() -> None:
    assert "admin off" in text(DOMAIN)
