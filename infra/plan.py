"""What a target's program declares, worked out without an engine, a provider or credentials."""

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
from infra.targets import module, target_of

# (type, name, inputs) of a resource: the outputs that its provider would add.
MockOutputs = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A resource as a program declares it: inputs by the provider's own names, secrets unwrapped.

    secrets: names of the inputs that contain a secret.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    provider: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All resources, in an order in which they can be created."""

    resources: list[Declared] = field(default_factory=list)

    def of_type(self, type_: str) -> dict[str, Declared]:
        """Return the resources of a type, by name."""
        return {resource.name: resource for resource in self.resources if resource.type == type_}


class _Recorder(Mocks):
    """Takes the engine's place, and records what it would be asked to create."""

    def __init__(self, plan: Plan, mock_outputs: MockOutputs) -> None:
        self._plan, self._mock_outputs = plan, mock_outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {key: _unwrapped(value) for key, value in args.inputs.items()}
        secrets = frozenset(key for key, value in args.inputs.items() if _holds_secret(value))
        self._plan.resources.append(
            Declared(type=args.typ, name=args.name, inputs=inputs, secrets=secrets, provider=args.provider or "")
        )
        return f"{args.name}-id", {"name": args.name, **inputs, **self._mock_outputs(args.typ, args.name, inputs)}


def plan_of(values: StackValues) -> Plan:
    """Return what the program of the stack's target declares. Raises what the program raises, ConfigError included."""
    target = target_of(values)
    program = module(target, "program")
    mock_outputs: MockOutputs = module(target, "mock_outputs").mock_outputs
    return declared(values.stack, lambda: program.declare(program.check(values)), mock_outputs)


def declared(stack: str, program: Callable[[], None], mock_outputs: MockOutputs) -> Plan:
    """Run a program for a stack of this name and return what it declares. Raises what the program raises."""
    plan = Plan()
    loop, thread_loop = asyncio.new_event_loop(), asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the SDK uses the current thread's
    # A failure is raised below. Every output that depends on it would log it again, whenever it is garbage-collected.
    loop.set_exception_handler(lambda loop, context: None)
    # The SDK mocks the engine in threads of this pool; in each it would make a loop and never close it.
    pool = ThreadPoolExecutor(1, initializer=lambda: asyncio.set_event_loop(thread_loop))
    loop.set_default_executor(pool)
    set_mocks(_Recorder(plan, mock_outputs), project=NAMESPACE, stack=stack, preview=False)
    SETTINGS.rpc_manager.clear()
    SETTINGS.outputs.clear()
    try:
        loop.run_until_complete(run_pulumi_func(program))
    finally:
        pool.shutdown()
        asyncio.set_event_loop(None)
        thread_loop.close()
        loop.close()
    return plan


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
    return any(_holds_secret(item) for item in inner)
