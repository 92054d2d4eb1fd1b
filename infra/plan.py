"""The same programs without an engine, a cloud or a credential: what they declare, in the order it would be made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_pulumi_func

from infra.config import NAMESPACE, StackValues

Program = Callable[[StackValues], None]
NewState = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A resource as its program declares it: inputs by the provider's own names, secrets unwrapped.

    secrets: names of those inputs that hold a secret anywhere.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    provider: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All resources in an order in which they can be made."""

    resources: list[Declared] = field(default_factory=list)

    def of_type(self, type_: str) -> dict[str, Declared]:
        """Return the resources of a type, by name."""
        return {one.name: one for one in self.resources if one.type == type_}


class _Recorder(Mocks):
    """Stands where the engine would, and notes what is asked of it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {key: _unwrapped(value) for key, value in args.inputs.items()}
        secrets = frozenset(key for key, value in args.inputs.items() if _holds_secret(value))
        self._plan.resources.append(
            Declared(type=args.typ, name=args.name, inputs=inputs, secrets=secrets, provider=args.provider or "")
        )
        return f"{args.name}-id", {"name": args.name, **inputs, **_made(args.typ, args.name, inputs)}


def declared(values: StackValues, program: Program) -> Plan:
    """Run a program and return what it declares. Raises what the program raises, ConfigError among it."""
    plan = Plan()
    loop, thread_loop = asyncio.new_event_loop(), asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the SDK asks for the thread's
    # The SDK answers as an engine in threads of this pool, and would make a loop in each and never close it.
    pool = ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(thread_loop))
    loop.set_default_executor(pool)
    set_mocks(_Recorder(plan), project=NAMESPACE, stack=values.stack, preview=False)
    SETTINGS.rpc_manager.clear()
    SETTINGS.outputs.clear()
    try:
        loop.run_until_complete(run_pulumi_func(lambda: program(values)))
    finally:
        pool.shutdown()
        asyncio.set_event_loop(None)
        thread_loop.close()
        loop.close()
    return plan


def _made(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a provider would add: the least that programs read of it."""
    if type_ == "docker:index/remoteImage:RemoteImage":
        return {"imageId": inputs["name"]}
    if type_ == "docker:index/container:Container":
        return {"exitCode": 0, "containerLogs": ""}
    return {}


def _is_secret(value: Any) -> bool:
    return bool(rpc.is_rpc_secret(value))


def _unwrapped(value: Any) -> Any:
    if _is_secret(value):
        return _unwrapped(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _unwrapped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unwrapped(inner) for inner in value]
    return value


def _holds_secret(value: Any) -> bool:
    if _is_secret(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_secret(one) for one in inner)
