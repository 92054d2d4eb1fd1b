"""The engine's log, by which the provider speaks to whoever runs the deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

# The engine is on this machine: if it does not take a line at once, it is gone.
_TIMEOUT_S = 5.0
# Shorter secrets are words of any text.
_LEAST_LENGTH = 6


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text without the secrets, nor any line of one."""
    lines = {line for secret in secrets for line in secret.splitlines() if len(line) >= _LEAST_LENGTH}
    for line in sorted(lines, key=len, reverse=True):
        text = text.replace(line, "***")
    return text


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
    """The log of one resource, which shows none of its secrets: what a service prints is not in our hands."""

    engine: Engine
    urn: str
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def info(self, text: str) -> None:
        """Say something that stays."""
        self._log(engine_pb2.INFO, text)

    def warning(self, text: str) -> None:
        """Say something that the user should not overlook."""
        self._log(engine_pb2.WARNING, text)

    def debug(self, text: str) -> None:
        """Say something that `pulumi --debug` shows."""
        self._log(engine_pb2.DEBUG, text)

    def status(self, text: str) -> None:
        """Say what goes on; the next word takes its place."""
        self._log(engine_pb2.INFO, text, ephemeral=True)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, text: str, *, ephemeral: bool = False) -> None:
        self.engine.log(self.urn, severity, hide(text, self.secrets), ephemeral=ephemeral)
