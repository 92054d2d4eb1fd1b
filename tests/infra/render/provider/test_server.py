"""The provider as a process: started as Pulumi starts it, it tells its port and answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from infra.render.provider.provider import VERSION
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, StepFailed, in_clear, to_struct, urn

FOLDER = Path(__file__).parents[4] / "infra" / "render" / "provider"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """The process, started in another folder, and a client of it."""
    command = [sys.executable, "-u", str(FOLDER), "127.0.0.1:1", "--logtostderr"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def test_it_answers_without_an_engine_to_log_to(stub: provider_pb2_grpc.ResourceProviderStub, render: Server) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    config = {"renderApiKey": render.key, "renderApiUrl": render.url}
    answer = stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(config), acceptSecrets=True))
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)
    news = to_struct({"name": "g", "envVars": {"A": "1"}})
    token = urn("g", "render:index:EnvGroup")
    checked = stub.Check(provider_pb2.CheckRequest(urn=token, news=news))
    made = stub.Create(provider_pb2.CreateRequest(urn=token, properties=checked.inputs))

    assert made.id in render.state.groups
    assert '"A": "[secret]"' in in_clear(made.properties)


def test_the_configuration_of_the_namespace_is_taken_as_well(
    stub: provider_pb2_grpc.ResourceProviderStub, render: Server
) -> None:
    variables = {"render:config:renderApiKey": render.key, "render:config:renderApiUrl": render.url}
    stub.Configure(provider_pb2.ConfigureRequest(variables=variables))
    request = provider_pb2.ReadRequest(urn=urn("x", "render:index:EnvGroup"), id="evg-none")

    with pytest.raises(grpc.RpcError, match="There is no environment group with the id evg-none"):
        stub.Read(request)
    assert [one.path for one in render.requests] == ["/env-groups/evg-none"]


def test_without_a_key_the_error_says_where_to_get_one(
    stub: provider_pb2_grpc.ResourceProviderStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        stub.Configure(provider_pb2.ConfigureRequest())

    assert "no key for Render's API" in failure.value.details()
    assert "Traceback" not in failure.value.details()


def test_a_failure_that_changed_nothing_leaves_no_operation_pending(stack: Engine) -> None:
    with pytest.raises(StepFailed) as failure:
        stack.up({"it": ("render:index:Disk", {"serviceId": "srv-0", "name": "d", "mountPath": "/d", "sizeGB": 1})})

    assert failure.value.code == grpc.StatusCode.FAILED_PRECONDITION
    assert "File " not in str(failure.value), "no traceback"
