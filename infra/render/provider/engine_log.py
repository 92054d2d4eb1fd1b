"""The engine's log, by which the provider speaks to whoever runs the deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

# The engine is on this machine: if it does not take a line at once, it is gone.
_TIMEOUT_S = 5.0


class Engine:
    """The engine at an address; an empty one takes no logs."""

    def __init__(self, address: str) -> None:
        self._stub: Any = None
        if address:
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(self, urn: str, severity: engine_pb2.LogSeverity.ValueType, text: str, *, ephemeral: bool = False) -> None:
        """Send a line; a line that cannot be sent must not end a step."""
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        try:
            self._stub.Log(request, timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return


@dataclass(frozen=True)
class ResourceLog:
    """The log of one resource."""

    engine: Engine
    urn: str

    def info(self, text: str) -> None:
        """Say something that stays."""
        self.engine.log(self.urn, engine_pb2.INFO, text)

    def warning(self, text: str) -> None:
        """Say something that the user should not overlook."""
        self.engine.log(self.urn, engine_pb2.WARNING, text)

    def status(self, text: str) -> None:
        """Say what goes on; the next word takes its place."""
        self.engine.log(self.urn, engine_pb2.INFO, text, ephemeral=True)
