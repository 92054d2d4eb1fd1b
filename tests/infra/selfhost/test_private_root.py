"""The root of the proxy's own authority is an output, where clients need it."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.command_errors import CannotDo
from infra.plan import declared
from infra.selfhost.config import Hosts, SelfhostConfig
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.mock_outputs import mock_outputs
from infra.selfhost.private_root import FILE, export_private_root, private_root
from tests.support.engine_answers import AnsweringHost, container
from tests.support.stacks import SECRETS

ROOT = "-----BEGIN CERTIFICATE-----\nmade-up\n-----END CERTIFICATE-----\n"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> AnsweringHost:
    made = AnsweringHost(containers=[container("proxy")], said={f"cat {FILE}": ROOT})
    monkeypatch.setattr(DockerHost, "all_of", lambda _: [made])
    return made


def outputs(monkeypatch: pytest.MonkeyPatch, **given: Any) -> dict[str, object]:
    """Return what a stack exports, once resources are there."""
    found: dict[str, object] = {}
    options = SelfhostConfig.model_validate({"images": {"app": "claude-memory:test"}, **SECRETS, **given})

    def export(name: str, value: pulumi.Output[object]) -> None:
        value.apply(lambda known: found.update({name: known}))

    monkeypatch.setattr(pulumi, "export", export)
    declared("test", lambda: export_private_root(options, [pulumi.Output.from_input("id")]), mock_outputs)
    return found


def test_it_is_read_from_the_proxy(host: AnsweringHost) -> None:
    assert private_root(Hosts(), "test") == ROOT


def test_it_is_an_output_of_a_stack_with_such_a_certificate_and_of_no_other(
    host: AnsweringHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outputs(monkeypatch, domain="memory.internal") == {"certificate_root": ROOT}
    assert outputs(monkeypatch, domain="memory.example.org") == {}
    assert outputs(monkeypatch) == {}


def test_a_proxy_that_cannot_be_asked_is_a_warning_and_fails_no_update(
    host: AnsweringHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: said.append(text))
    host.containers.clear()

    with pytest.raises(CannotDo, match="the proxy is not there"):
        private_root(Hosts(), "test")
    assert outputs(monkeypatch, domain="memory.internal") == {"certificate_root": None}
    assert "certificate_root: the root certificate cannot be read (the proxy is not there)" in said[0]
