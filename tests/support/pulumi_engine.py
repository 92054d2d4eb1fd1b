"""As much of Pulumi's engine as a provider sees: its calls over gRPC, its log, and a state from one update to the next.

What it does with an answer is what the engine's step generator does: check, compare, then create, update, or replace;
a failure that says what was made keeps it, and the next update comes back to it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from infra.render.api.clock import Clock
from infra.render.provider.provider import VERSION, RenderProvider
from infra.render.provider.server import start
from infra.render.provider.values import UNKNOWN, plain, wrapped

_SECRET = rpc._special_secret_sig
PROJECT = "urn:pulumi:test::test"
# Behind the name of a replaced resource that is still to be deleted.
OLD = "~"


@dataclass(frozen=True)
class Secret:
    """A value that a program made secret."""

    value: Any


def to_property(value: Any) -> PropertyValue:
    """Return a program's value as it is on the wire."""
    if isinstance(value, PropertyValue):
        return value
    if isinstance(value, Secret):
        return to_property(value.value).with_secret(True)
    if isinstance(value, Mapping):
        return PropertyValue({name: to_property(one) for name, one in value.items()})
    if isinstance(value, list):
        return PropertyValue([to_property(one) for one in value])
    return wrapped(value)


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return properties as a message."""
    return PropertyValue.marshal_map({name: to_property(one) for name, one in values.items()})


def to_plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return a message's values, secrets among them."""
    return {name: plain(one) for name, one in PropertyValue.unmarshal_map(struct).items()}


def in_clear(struct: struct_pb2.Struct) -> str:
    """Return everything of a message that the engine would write into a state unencrypted."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get(rpc._special_sig_key) == _SECRET:
                return "[secret]"
            return {name: without(one) for name, one in value.items()}
        return [without(one) for one in value] if isinstance(value, list) else value

    return json.dumps(without(json_format.MessageToDict(struct)))


class CheckFailed(Exception):
    """Problems of a resource: (property, sentence)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("\n".join(sentence for _, sentence in problems))
        self.problems = problems


class StepFailed(Exception):
    """A call that failed. code: the gRPC status."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        self.code = error.code()


@dataclass
class Held:
    """A resource in the state."""

    token: str
    id: str
    inputs: struct_pb2.Struct
    outputs: struct_pb2.Struct
    errors: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The outputs."""
        return to_plain(self.outputs)


class EngineLog(engine_pb2_grpc.EngineServicer):
    """Takes what the provider says. lines: (severity, text) that stay; status: those that go."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.status: list[str] = []

    def Log(self, request: Any, context: Any) -> Any:
        if request.ephemeral:
            self.status.append(request.message)
        else:
            self.lines.append((engine_pb2.LogSeverity.Name(request.severity), request.message))
        from google.protobuf import empty_pb2

        return empty_pb2.Empty()

    @property
    def text(self) -> str:
        """All that was said."""
        return "\n".join([*(text for _, text in self.lines), *self.status])


class Engine:
    """A stack. resources: its state by name. steps: what the last update did, as (step, name)."""

    def __init__(self, stub: Any, log: EngineLog) -> None:
        self.stub, self.log = stub, log
        self.resources: dict[str, Held] = {}
        self.steps: list[tuple[str, str]] = []
        self.answers: list[str] = []  # all that came back, without what is marked as secret

    # Commands ----------------------------------------------------------------------------------

    def up(self, program: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
        """Run an update: each resource of the program in turn, then what is no longer in it is deleted."""
        self.steps = []
        for name, (token, properties) in program.items():
            self._register(name, token, properties)
        for name in reversed([one for one in self.resources if one not in program]):
            self.delete(name)

    def preview(self, program: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
        """Return the outputs that an update would have, and note the steps that it would do."""
        self.steps, outputs = [], {}
        for name, (token, properties) in program.items():
            held = self.resources.get(name)
            inputs = self._check(name, token, properties, held)
            if held is None:
                request = provider_pb2.CreateRequest(urn=urn(name, token), properties=inputs, preview=True)
                self.steps.append(("create", name))
                outputs[name] = self._plain(self._call("Create", request).properties)
                continue
            diff = self.diff(name, inputs)
            if diff.replaces:
                self.steps.append(("replace", name))
            elif diff.changes == provider_pb2.DiffResponse.DIFF_SOME or held.errors:
                self.steps.append(("update", name))
                outputs[name] = self._plain(self._update(name, inputs, preview=True).properties)
            else:
                self.steps.append(("same", name))
                outputs[name] = held.values
        return outputs

    def refresh(self) -> None:
        """Take what is there into the state."""
        self.steps = []
        for name, held in list(self.resources.items()):
            answer = self._read(name, held.token, held.id, held)
            if not answer.id:
                self.steps.append(("gone", name))
                del self.resources[name]
                continue
            fresh = Held(held.token, answer.id, answer.inputs, answer.properties)
            self.resources[name] = fresh
            # What an update of an unchanged program would do, told the other way round.
            drifted = self.diff(name, held.inputs).changes == provider_pb2.DiffResponse.DIFF_SOME
            self.steps.append(("drift" if drifted else "same", name))

    def import_(self, name: str, token: str, id_: str) -> None:
        """Take something that is there already into the state."""
        answer = self._read(name, token, id_, None)
        # The engine has imported inputs checked, and warns of what is wrong.
        self._check(name, token, answer.inputs, Held(token, answer.id, answer.inputs, answer.properties))
        self.resources[name] = Held(token, answer.id, answer.inputs, answer.properties)

    def replace(self, name: str, properties: Mapping[str, Any]) -> None:
        """Replace one as `up --replace` does: without a word of the old one until that is deleted."""
        self._replace(name, self.resources[name].token, properties, delete_first=False)

    def destroy(self) -> None:
        """Delete everything, last first."""
        for name in reversed(list(self.resources)):
            self.delete(name)

    def delete(self, name: str) -> None:
        """Delete one."""
        held = self.resources[name]
        request = provider_pb2.DeleteRequest(id=held.id, urn=urn(name, held.token), properties=held.outputs)
        self._call("Delete", request)
        del self.resources[name]
        self.steps.append(("delete", name))

    # Steps -------------------------------------------------------------------------------------

    def _register(self, name: str, token: str, properties: Mapping[str, Any]) -> None:
        held = self.resources.get(name)
        inputs = self._check(name, token, properties, held)
        if held is None:
            self.steps.append(("create", name))
            self._create(name, token, inputs)
            return
        diff = self.diff(name, inputs)
        if diff.replaces:
            self.steps.append(("replace", name))
            self._replace(name, token, properties, diff.deleteBeforeReplace)
        elif diff.changes == provider_pb2.DiffResponse.DIFF_SOME or held.errors:
            self.steps.append(("update", name))
            outputs = self._update(name, inputs).properties
            self.resources[name] = Held(token, held.id, inputs, outputs)
        else:
            self.steps.append(("same", name))
            self.resources[name] = Held(token, held.id, inputs, held.outputs)

    def _replace(self, name: str, token: str, properties: Mapping[str, Any], delete_first: bool) -> None:
        inputs = self._check(name, token, properties, None)
        old = self.resources[name]
        delete = provider_pb2.DeleteRequest(id=old.id, urn=urn(name, token), properties=old.outputs)
        if delete_first:
            self._call("Delete", delete)
            self._create(name, token, inputs)
            return
        try:
            self._create(name, token, inputs)
        finally:
            if self.resources[name] is not old:
                self.resources[name + OLD] = old
        self.delete(name + OLD)

    def _check(self, name: str, token: str, properties: Any, held: Held | None) -> struct_pb2.Struct:
        news = properties if isinstance(properties, struct_pb2.Struct) else to_struct(properties)
        olds = held.inputs if held else struct_pb2.Struct()
        request = provider_pb2.CheckRequest(urn=urn(name, token), olds=olds, news=news, randomSeed=b"seed")
        answer = self._call("Check", request)
        if answer.failures:
            raise CheckFailed([(one.property, one.reason) for one in answer.failures])
        inputs: struct_pb2.Struct = answer.inputs
        return inputs

    def diff(self, name: str, inputs: struct_pb2.Struct) -> Any:
        """Return the provider's difference between the state and these inputs."""
        held = self.resources[name]
        return self._call(
            "Diff",
            provider_pb2.DiffRequest(
                id=held.id, urn=urn(name, held.token), olds=held.outputs, news=inputs, old_inputs=held.inputs
            ),
        )

    def _create(self, name: str, token: str, inputs: struct_pb2.Struct) -> None:
        request = provider_pb2.CreateRequest(urn=urn(name, token), properties=inputs)
        with self._partly(name, token, inputs):
            answer = self._call("Create", request)
            self.resources[name] = Held(token, answer.id, inputs, answer.properties)

    def _update(self, name: str, inputs: struct_pb2.Struct, preview: bool = False) -> Any:
        held = self.resources[name]
        request = provider_pb2.UpdateRequest(
            id=held.id,
            urn=urn(name, held.token),
            olds=held.outputs,
            news=inputs,
            old_inputs=held.inputs,
            preview=preview,
        )
        with self._partly(name, held.token, inputs):
            return self._call("Update", request)

    def _read(self, name: str, token: str, id_: str, held: Held | None) -> Any:
        request = provider_pb2.ReadRequest(id=id_, urn=urn(name, token))
        if held:
            request.properties.CopyFrom(held.outputs)
            request.inputs.CopyFrom(held.inputs)
        return self._call("Read", request)

    @contextmanager
    def _partly(self, name: str, token: str, inputs: struct_pb2.Struct) -> Iterator[None]:
        """Keep what a failed step says was made."""
        try:
            yield
        except grpc.RpcError as error:
            detail = _partly_done(error)
            if detail is not None:
                self._note(detail.properties, detail.inputs)
                self.answers.append(" ".join(detail.reasons))
                self.resources[name] = Held(token, detail.id, inputs, detail.properties, list(detail.reasons))
            raise StepFailed(error) from None

    def _call(self, method: str, request: Any) -> Any:
        try:
            answer = getattr(self.stub, method)(request)
        except grpc.RpcError as error:
            self.answers.append(str(error.details()))
            if _partly_done(error) is None and method not in ("Create", "Update"):
                raise StepFailed(error) from None
            raise
        for part in ("properties", "inputs"):
            if hasattr(answer, part):
                self._note(getattr(answer, part))
        for failure in getattr(answer, "failures", ()):
            self.answers.append(failure.reason)
        return answer

    def _note(self, *structs: struct_pb2.Struct) -> None:
        self.answers += [in_clear(one) for one in structs]

    def _plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        return to_plain(struct)


def _partly_done(error: grpc.RpcError) -> Any:
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                found = provider_pb2.ErrorResourceInitFailed()
                if detail.Unpack(found):
                    return found
    return None


def urn(name: str, token: str) -> str:
    """Return the URN of a resource of the test's stack."""
    return f"{PROJECT}::{token}::{name.removesuffix(OLD)}"


@contextmanager
def engine(config: Mapping[str, Any], clock: Clock | None = None) -> Iterator[Engine]:
    """Run the provider's own gRPC server, configured, with an engine that takes its log."""
    log = EngineLog()
    log_server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(log, log_server)
    address = f"127.0.0.1:{log_server.add_insecure_port('127.0.0.1:0')}"
    log_server.start()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    provider = RenderProvider(address, clock=clock)
    server, port = asyncio.run_coroutine_threadsafe(start(provider, VERSION, address), loop).result(10)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(config), acceptSecrets=True))
            yield Engine(stub, log)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        log_server.stop(0).wait(5)


__all__ = ["UNKNOWN", "CheckFailed", "Engine", "Held", "Secret", "StepFailed", "engine", "in_clear", "to_plain", "urn"]
