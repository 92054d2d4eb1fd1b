"""The gRPC side: pulumi.provider.experimental's, with what its interface does not carry.

Three things are added, here and nowhere else: the old inputs of `diff` and `update` (the engine sends them, the
interface drops them); failures that leave something made (ErrorResourceInitFailed, the detail by which the engine keeps
the id and comes back); and errors as the sentence they are, without a traceback.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, NoReturn

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

Properties = dict[str, PropertyValue]

# The inputs of the state, for the call that is being answered.
_old_inputs: ContextVar[Properties] = ContextVar("old_inputs")


class StepFailed(Exception):
    """A step failed; the message is for the user. unsure: Render may have done it all the same."""

    def __init__(self, message: str, *, unsure: bool = False) -> None:
        super().__init__(message)
        self.unsure = unsure


class PartlyDone(Exception):
    """Something was made or changed, but not all; the engine keeps it, and the next update comes back to it."""

    def __init__(self, id_: str, inputs: Properties, outputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id, self.inputs, self.outputs = id_, inputs, outputs


def old_inputs() -> Properties:
    """Return the inputs of the state, inside of `diff` and `update`."""
    return _old_inputs.get()


class Servicer(ProviderServicer):
    """The servicer of the experimental interface, extended."""

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        """Check the provider's own configuration."""
        return await self._answer(super().CheckConfig, request, context)

    async def Configure(self, request: Any, context: Any) -> Any:
        """Take the provider's configuration."""
        return await self._answer(super().Configure, request, context)

    async def Check(self, request: Any, context: Any) -> Any:
        """Check a resource's properties."""
        return await self._answer(super().Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:
        """Compare with the inputs of the state."""
        _old_inputs.set(PropertyValue.unmarshal_map(request.old_inputs))
        return await self._answer(super().Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:
        """Make a resource."""
        return await self._answer(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:
        """Look at a resource."""
        return await self._answer(super().Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:
        """Change a resource, from the inputs of the state."""
        _old_inputs.set(PropertyValue.unmarshal_map(request.old_inputs))
        return await self._answer(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:
        """Delete a resource."""
        return await self._answer(super().Delete, request, context)

    async def _answer(self, call: Callable[[Any, Any], Awaitable[Any]], request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except Exception as failure:
            # The interface wraps each error into another one, whose text holds the traceback.
            cause = failure.__context__
            if isinstance(cause, PartlyDone):
                await _abort_partly_done(context, cause)
            if isinstance(cause, StepFailed):
                code = grpc.StatusCode.UNKNOWN if cause.unsure else grpc.StatusCode.FAILED_PRECONDITION
                await context.abort(code, str(cause))
            raise


async def _abort_partly_done(context: Any, failure: PartlyDone) -> NoReturn:
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failure.id,
        properties=PropertyValue.marshal_map(failure.outputs),
        inputs=PropertyValue.marshal_map(failure.inputs),
        reasons=[str(failure)],
    )
    status.details.add().Pack(detail)
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.UNKNOWN, str(failure), metadata)
    raise AssertionError("abort raises")


async def start(provider: Provider, version: str, engine_address: str) -> tuple[grpc.aio.Server, int]:
    """Serve a provider on a free port of this machine; return the server and the port."""
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer([], version, provider, engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def serve(make: Callable[[str], Provider], version: str, arguments: list[str]) -> None:
    """Serve until the engine ends this process. The engine gives its address and reads the port from the output."""
    # Flags such as --logtostderr are for providers in Go.
    addresses = [one for one in arguments if not one.startswith("-")]
    engine_address = addresses[0] if addresses else ""

    async def run() -> None:
        server, port = await start(make(engine_address), version, engine_address)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await server.wait_for_termination()

    asyncio.run(run())
