"""No secret leaves the provider in clear: not in an answer, a log line or an error, unless it is marked as secret."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.provider.fingerprints import Vault, fingerprint_of, new_key
from infra.render.provider.turn import Memory
from tests.infra.render.provider.cases import CASES, DOCKER, Case, filled
from tests.standins.render.faults import Fault
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, Secret, StepFailed, in_clear, to_struct

KEY, WRITE_ONLY, FILE, TOKEN = "key-2f7a", "write-only-91cd", "file-77e0", "token-5b3e"
WEB = {
    "name": "web",
    **DOCKER,
    "envVars": {
        "KEY": KEY,
        "WRITE_ONLY": {"value": WRITE_ONLY, "writeOnly": True},
        "MADE": {"generateValue": True},
        "MARKED": Secret("marked-0d21"),
    },
    "secretFiles": {"file": FILE},
}


def everything(stack: Engine) -> str:
    """Return all that the provider said in clear."""
    return "\n".join([*stack.answers, stack.log.text])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_what_the_workspace_holds_in_secret_is_never_told_in_clear(case: Case, stack: Engine, render: Server) -> None:
    """Connection strings, passwords, signing secrets, variables, files: whatever the stand-in made or was given."""
    if case.needs:
        stack.up(dict(case.needs))
    more: dict[str, Any] = {}
    if "envVars" in case.others:
        more = {"envVars": {"KEY": KEY, "MADE": {"generateValue": True}}, "secretFiles": {"file": FILE}}
    wanted = case.needs | {"it": (case.token, filled(case.least | more, stack))}

    stack.preview(wanted)
    stack.up(wanted)
    stack.refresh()
    id_ = stack.resources["it"].id
    stack.import_("it", case.token, id_)
    stack.up(wanted) if case.type != "Deploy" else None

    state = render.state
    secrets = [KEY, FILE, "a first token", "a stream token", "a datadog key", render.key]
    secrets += [store["password"] for store in state.stores.values()]
    secrets += [hook["secret"] for hook in state.webhooks.values()]
    secrets += [one["envVar"]["value"] for service in state.services.values() for one in service.variables]
    secrets += [one["value"] for group in state.groups.values() for one in group["envVars"] if len(one["value"]) > 3]
    said = everything(stack)
    assert [one for one in secrets if one in said] == []


def test_a_write_only_value_is_in_no_answer_even_as_a_secret(stack: Engine, render: Server) -> None:
    stack.up({"web": ("render:index:WebService", WEB)})
    stack.refresh()

    held = stack.resources["web"]
    assert WRITE_ONLY not in str(held.inputs) + str(held.outputs)
    assert KEY in str(held.inputs), "an ordinary one is in the state, encrypted"


def test_an_import_takes_no_value_of_a_variable_into_the_state(stack: Engine) -> None:
    stack.up({"web": ("render:index:WebService", WEB)})
    id_ = stack.resources["web"].id

    stack.import_("web", "render:index:WebService", id_)

    held = stack.resources["web"]
    assert [one for one in (KEY, WRITE_ONLY, FILE) if one in str(held.inputs) + str(held.outputs)] == []
    stack.up({"web": ("render:index:WebService", WEB)})
    assert stack.steps == [("same", "web")]


def test_what_the_program_marks_as_secret_stays_so(stack: Engine) -> None:
    program = {"web": ("render:index:WebService", {"name": Secret("web-hidden"), **DOCKER, "branch": Secret("b-77")})}
    stack.up(program)
    stack.refresh()

    held = stack.resources["web"]
    for struct in (held.inputs, held.outputs):
        assert '"branch": "[secret]"' in in_clear(struct)
    assert "b-77" not in everything(stack)


@pytest.mark.parametrize("path", ["/services", "/services/[^/]+/env-vars", "/services/[^/]+/deploys/[^/]+"])
def test_an_error_of_render_that_repeats_a_secret_does_not_pass_it_on(path: str, stack: Engine, render: Server) -> None:
    render.faults.add(Fault("fail", None, path, times=9, status=400, message=f"invalid value {KEY} or {WRITE_ONLY}"))
    with pytest.raises(StepFailed) as first:
        stack.up({"web": ("render:index:WebService", WEB)})

    said = everything(stack) + str(first.value)
    assert [one for one in (KEY, WRITE_ONLY, render.key) if one in said] == []


def test_the_key_of_the_api_is_a_secret_of_the_provider(stack: Engine, render: Server) -> None:
    from pulumi.runtime.proto import provider_pb2

    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:test::test::pulumi:providers:render::p", news=to_struct({"renderApiKey": render.key})
    )
    answer = stack.stub.CheckConfig(request)

    assert render.key not in in_clear(answer.inputs)


def test_a_setting_of_the_provider_that_there_is_not_is_named(stack: Engine) -> None:
    from pulumi.runtime.proto import provider_pb2

    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:test::test::pulumi:providers:render::p", news=to_struct({"apiKey": "x"})
    )

    assert "apiKey is no setting" in stack.stub.CheckConfig(request).failures[0].reason


def test_equal_values_at_two_places_do_not_look_equal() -> None:
    key = new_key(b"")

    assert fingerprint_of(key, "envVars.A", "x") != fingerprint_of(key, "envVars.B", "x")
    assert fingerprint_of(key, "envVars.A", "x") != fingerprint_of(new_key(b""), "envVars.A", "x")


def test_what_holds_values_does_not_show_them() -> None:
    vault = Vault()
    vault.keep("0" * 64, WRITE_ONLY)

    assert WRITE_ONLY not in repr(vault) + repr(Memory(vault=vault))
