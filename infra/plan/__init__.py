"""What a target's program declares, worked out without an engine, a provider or credentials.

`python -m infra.plan` shows it; the modules beside this one are that command's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_pulumi_func

from infra.config import NAMESPACE, StackValues
from infra.targets import module, target_of

# (type, name, inputs) of a resource: the outputs that its provider would add.
MockOutputs = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


Key = tuple[str, str]  # type and name of a resource
SECRET = "[secret]"  # noqa: S105 - in place of a value that people may not see


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a resource that say what happens to it and to its secrets.

    protected: nothing may delete it. retained: `destroy` leaves it in place. secret_outputs: encrypted in the state.
    """

    protected: bool = False
    retained: bool = False
    secret_outputs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A resource as a program declares it: inputs by the provider's own names, secrets unwrapped.

    secrets: names of the inputs that contain a secret. provider: address of the provider's own resource, and its id.
    parent: the component it is a part of; None for one of the stack itself. urn: its address in the stack.
    needs: the resources that have to be there first. shown: the inputs, with SECRET in place of every secret.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    provider: str
    parent: Key | None = None
    urn: str = ""
    options: Options = Options()
    needs: frozenset[Key] = frozenset()
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What tells it from all others of its stack."""
        return self.type, self.name

    @property
    def is_component(self) -> bool:
        """Whether it only groups others."""
        return self.type.startswith(f"{NAMESPACE}:")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All resources, in an order in which they can be created."""

    resources: list[Declared] = field(default_factory=list)

    def of_type(self, type_: str) -> dict[str, Declared]:
        """Return the resources of a type, by name."""
        return {resource.name: resource for resource in self.resources if resource.type == type_}


class _Recorder(Mocks):
    """Takes the engine's place, and records what it would be asked to create.

    request: the one being answered; mocks are not told of parents and options.
    """

    def __init__(self, plan: Plan, mock_outputs: MockOutputs) -> None:
        self._plan, self._mock_outputs = plan, mock_outputs
        self.request: Any = None
        self.monitor = _Monitor(self)

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = {key: _unwrapped(value) for key, value in args.inputs.items()}
        secrets = frozenset(key for key, value in args.inputs.items() if _holds_secret(value))
        self._plan.resources.append(
            Declared(
                type=args.typ,
                name=args.name,
                inputs=inputs,
                secrets=secrets,
                provider=args.provider or "",
                parent=_key_of(self.request.parent),
                urn=self.monitor.make_urn(self.request.parent, args.typ, args.name),
                options=Options(
                    protected=self.request.protect,
                    retained=self.request.retainOnDelete,
                    secret_outputs=frozenset(self.request.additionalSecretOutputs),
                ),
                needs=frozenset(filter(None, map(_key_of, self.request.dependencies))),
                shown={key: _shown(value) for key, value in args.inputs.items()},
            )
        )
        return f"{args.name}-id", {"name": args.name, **inputs, **self._mock_outputs(args.typ, args.name, inputs)}


class _Monitor(MockMonitor):
    """Shows the recorder each request as it is."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:
        self._recorder.request = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def plan_of(values: StackValues) -> Plan:
    """Return what the program of the stack's target declares. Raises what the program raises, ConfigError included."""
    return plan_of_checked(values, checked(values))


def checked(values: StackValues) -> Any:
    """Return the stack's configuration as its target's program checks it. Raises ConfigError, or another InfraError."""
    return module(target_of(values), "program").check(values)


def plan_of_checked(values: StackValues, configuration: Any) -> Plan:
    """Return what the program of the stack's target declares for a configuration that it has checked."""
    target = target_of(values)
    program = module(target, "program")
    mock_outputs: MockOutputs = module(target, "mock_outputs").mock_outputs
    return declared(values.stack, lambda: program.declare(configuration), mock_outputs)


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
    recorder = _Recorder(plan, mock_outputs)
    set_mocks(recorder, project=NAMESPACE, stack=stack, preview=False, monitor=recorder.monitor)
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


def _key_of(urn: str) -> Key | None:
    """Return the resource of an address; None for the stack itself."""
    if not urn:
        return None
    types, name = urn.split("::")[2:4]
    type_ = types.rpartition("$")[2]
    return None if type_ == "pulumi:pulumi:Stack" else (type_, name)


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


def _shown(value: Any, secret: bool = False) -> Any:
    """Return a value with SECRET in place of secrets; of a secret mapping or list the form stays."""
    if _is_secret(value):
        return _shown(rpc.unwrap_rpc_secret(value), secret=True)
    if isinstance(value, dict):
        return {key: _shown(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, secret) for inner in value]
    if isinstance(value, float) and value.is_integer():  # numbers come as JSON has them
        value = int(value)
    return SECRET if secret and not isinstance(value, bool | None) else value


def _holds_secret(value: Any) -> bool:
    if _is_secret(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_secret(item) for item in inner)
