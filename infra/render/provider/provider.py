"""The provider: takes the engine's calls, turns properties into values and back, and hands each call to its type."""

from __future__ import annotations

import asyncio
import json
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from pulumi.provider.experimental import provider as wire
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2

from infra.render.api.access import KEY as API_KEY
from infra.render.api.access import OWNER, URL, find_access
from infra.render.api.client import RenderApi
from infra.render.api.clock import Clock
from infra.render.api.errors import RenderError, Unavailable, Uncertain
from infra.render.provider.catalogue import TYPES
from infra.render.provider.checking import Problem
from infra.render.provider.differing import How
from infra.render.provider.engine_log import Engine, ResourceLog, hide
from infra.render.provider.fields import by_name
from infra.render.provider.fingerprints import KEY
from infra.render.provider.lifecycle import UNFINISHED, Difference, Lifecycle
from infra.render.provider.schema import schema_of
from infra.render.provider.sealing import marked
from infra.render.provider.server import PartlyDone, Properties, StepFailed, old_inputs
from infra.render.provider.turn import Memory, ProviderError, Stopped, Turn, Unfinished, name_of
from infra.render.provider.values import Json, NotPlain, Values, plain_all, secret_names, secret_texts, wrapped

NAME = "render"
VERSION = "0.1.0"

# Steps wait for deploys and stores most of their time; Pulumi runs at most this many by default on many cores.
_STEPS = 64

_KINDS = {How.ADD: "ADD", How.DELETE: "DELETE", How.UPDATE: "UPDATE"}

T = TypeVar("T")


class RenderProvider(wire.Provider):
    """One provider process: one key, one memory of what it has seen."""

    def __init__(self, engine_address: str = "", *, clock: Clock | None = None) -> None:
        self._engine = Engine(engine_address)
        self._memory = Memory()
        self._stop = threading.Event()
        self._clock = clock or Clock(sleep=self._wait)
        self._threads = ThreadPoolExecutor(_STEPS, thread_name_prefix="step")
        self._api: RenderApi | None = None

    def _wait(self, duration_s: float) -> None:
        """Sleep. Raises Stopped as soon as the user stops the deployment."""
        if self._stop.wait(duration_s):
            raise Stopped

    # The provider itself -----------------------------------------------------------------------

    async def get_schema(self, request: wire.GetSchemaRequest) -> wire.GetSchemaResponse:
        """Return what the types look like, for `pulumi import` and for programs in other languages."""
        return wire.GetSchemaResponse(json.dumps(schema_of(NAME, VERSION, TYPES)))

    async def check_config(self, request: wire.CheckRequest) -> wire.CheckResponse:
        """Return the configuration with its key as a secret."""
        inputs = {
            name: value.with_secret(True) if name == API_KEY else value for name, value in request.new_inputs.items()
        }
        known = {API_KEY, URL, OWNER, "version"}
        failures = [
            wire.CheckFailure(name, f"{name} is no setting of this provider; it has {API_KEY}, {URL} and {OWNER}.")
            for name in inputs
            if name not in known
        ]
        return wire.CheckResponse(inputs, failures)

    async def configure(self, request: wire.ConfigureRequest) -> wire.ConfigureResponse:
        """Take the key, the address and the workspace."""
        configured: dict[str, str | None] = {}
        for name in (API_KEY, URL, OWNER):
            value = request.args.get(name)
            given = request.variables.get(f"{NAME}:config:{name}") if value is None else value.value
            configured[name] = given if isinstance(given, str) else None
        try:
            self._api = RenderApi(find_access(configured), clock=self._clock, on_wait=self._tell_wait)
        except RenderError as failure:
            raise StepFailed(str(failure)) from failure
        return wire.ConfigureResponse(accept_secrets=True, supports_preview=True)

    def _tell_wait(self, duration_s: float, reason: str) -> None:
        """Say why everything waits: Render's limits, or a call that failed and is tried again."""
        self._engine.log("", engine_pb2.INFO, f"waits {duration_s:.0f} s: {reason}", ephemeral=True)

    async def cancel(self) -> None:
        """End all waiting; what was made is kept, and the next update goes on."""
        self._stop.set()

    # Resources ---------------------------------------------------------------------------------

    async def check(self, request: wire.CheckRequest) -> wire.CheckResponse:
        """Return the inputs as the state may hold them, or all that is wrong with them."""
        type_ = _type(request.urn)
        if request.old_inputs:
            self._memory.replaced.add(request.urn)
        hidden = secret_names(request.new_inputs)
        try:
            old, new = plain_all(request.old_inputs), plain_all(request.new_inputs)
        except NotPlain as problem:
            return wire.CheckResponse(request.new_inputs, [wire.CheckFailure("", str(problem))])
        checked = type_.check(old, new, hidden, self._memory, request.random_seed)
        if checked.inputs is None:
            failures = [wire.CheckFailure(_shown(one, new), one.sentence) for one in checked.problems]
            return wire.CheckResponse(request.new_inputs, failures)
        inputs = _properties(type_, checked.inputs, hidden)
        self._memory.secrets.update(self._texts(inputs))
        return wire.CheckResponse(inputs)

    async def diff(self, request: wire.DiffRequest) -> wire.DiffResponse:
        """Return what an update would change; why a new resource is needed goes to the log."""
        type_ = _type(request.urn)
        self._memory.ids[request.urn] = request.resource_id
        self._memory.secrets.update(self._texts(request.old_state))
        old, state, new = plain_all(old_inputs()), plain_all(request.old_state), plain_all(request.new_inputs)
        found = type_.diff(old, state, new)
        log = ResourceLog(self._engine, request.urn)
        for sentence in found.warnings:
            log.warning(sentence)
        for name, reason in found.replaces.items():
            log.warning(f"A change of {name} makes a new {type_.what}: {reason}.")
        return _difference(type_, found)

    async def create(self, request: wire.CreateRequest) -> wire.CreateResponse:
        """Make it; in a preview, return what can be told before."""
        type_, inputs, hidden = _type(request.urn), plain_all(request.properties), secret_names(request.properties)
        if request.preview:
            return wire.CreateResponse("", _properties(type_, type_.foreseen(inputs, None, []), hidden))
        turn = self._turn(request.urn, request.timeout, request.properties)
        made = await self._run(type_, turn, hidden, partial(type_.create, turn, inputs))
        outputs = _properties(type_, made.outputs, hidden)
        self._memory.secrets.update(self._texts(outputs))
        return wire.CreateResponse(made.id, outputs)

    async def read(self, request: wire.ReadRequest) -> wire.ReadResponse:
        """Look at it: for a refresh with what the state has, for an import with nothing."""
        type_ = _type(request.urn)
        hidden = secret_names(request.inputs) | secret_names(request.properties)
        inputs, state = plain_all(request.inputs), plain_all(request.properties)
        # An import asks with the id alone.
        known = inputs if inputs or state else None
        turn = self._turn(request.urn, 0, request.inputs, request.properties)
        made = await self._run(type_, turn, hidden, partial(type_.read, turn, request.resource_id, known, state))
        if made is None and known is None:
            # An empty answer would be imported as a resource without properties.
            raise StepFailed(f"There is no {type_.what} with the id {request.resource_id} that this key reaches.")
        if made is None:
            return wire.ReadResponse("")
        if known is None:
            made = type_.without_values(made)
        outputs, found = _properties(type_, made.outputs, hidden), _properties(type_, made.inputs, hidden)
        return wire.ReadResponse(made.id, outputs, found)

    async def update(self, request: wire.UpdateRequest) -> wire.UpdateResponse:
        """Change it; in a preview, return what can be told before."""
        type_, hidden = _type(request.urn), secret_names(request.news) | secret_names(request.olds)
        old, state, new = plain_all(old_inputs()), plain_all(request.olds), plain_all(request.news)
        if request.preview:
            foreseen = type_.foreseen(new, state, type_.diff(old, state, new).changes)
            return wire.UpdateResponse(_properties(type_, foreseen, hidden))
        turn = self._turn(request.urn, request.timeout, request.news, request.olds)
        step = partial(type_.update, turn, request.resource_id, old, state, new)
        outputs = await self._run(type_, turn, hidden, step)
        return wire.UpdateResponse(_properties(type_, outputs, hidden))

    async def delete(self, request: wire.DeleteRequest) -> None:
        """Delete it, unless this update took it over, as another resource of the program or as its own replacement."""
        type_, state = _type(request.urn), plain_all(request.properties)
        turn = self._turn(request.urn, request.timeout, request.properties)
        if keeper := self._memory.taken.get(request.resource_id):
            turn.log.warning(_kept(request.resource_id, keeper, forced=keeper == request.urn))
            return
        await self._run(type_, turn, frozenset(), partial(type_.delete, turn, request.resource_id, {}, state))

    # How a step runs ---------------------------------------------------------------------------

    def _turn(self, urn: str, timeout_s: float, *values: Properties) -> Turn:
        if self._api is None:
            raise StepFailed("the provider was asked for a resource before it was configured")
        secrets = frozenset(text for one in values for text in self._texts(one))
        self._memory.secrets.update(secrets)
        log = ResourceLog(self._engine, urn, secrets)
        return Turn(urn, self._api, log, self._memory, self._stop, timeout_s, secrets)

    def _texts(self, values: Properties) -> Iterator[str]:
        """Yield the secrets among properties; of a write-only value, they have the fingerprint alone."""
        for text in secret_texts(values):
            yield text
            if known := self._memory.vault.value(text):
                yield known

    async def _run(self, type_: Lifecycle, turn: Turn, hidden: frozenset[str], step: Callable[[], T]) -> T:
        """Run a step in a thread, and turn what it raises into what the engine understands."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, step)
        except Unfinished as failure:
            inputs, outputs = (_properties(type_, one, hidden) for one in (failure.inputs, failure.outputs))
            raise PartlyDone(failure.id, inputs, outputs, hide(str(failure), turn.secrets)) from failure
        except (RenderError, ProviderError) as failure:
            unsure = isinstance(failure, Uncertain) or (isinstance(failure, Unavailable) and failure.sent)
            raise StepFailed(hide(str(failure), turn.secrets), unsure=unsure) from failure
        except Exception as failure:  # a mistake of ours, or an answer of a form that Render never gave
            turn.log.debug("".join(traceback.format_exception(failure)))
            said = hide(f"{type(failure).__name__}: {failure}", turn.secrets)
            raise StepFailed(
                f"Something unforeseen went wrong ({said}). Run this again; if it stays, report it with what "
                "`--debug` shows.",
                unsure=True,
            ) from failure


def _type(urn: str) -> Lifecycle:
    # urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME, and a name may hold the signs between the parts.
    token = urn.split("::", 3)[2].split("$")[-1]
    try:
        return TYPES[token]
    except KeyError:
        raise StepFailed(f"{token} is no type of this provider; it has {', '.join(TYPES)}") from None


def _kept(id_: str, keeper: str, *, forced: bool) -> str:
    """Return why something is not deleted."""
    if not forced:
        return f"{id_} is kept: it goes on as {name_of(keeper)}."
    # The engine says nothing of a replacement that the user asks for: it looks like an update that was interrupted.
    return (
        f"{id_} is kept, as a second one of its name would not be told from it. To replace it all the same, give the "
        "resource the option delete_before_replace."
    )


def _shown(problem: Problem, values: Values) -> str:
    """Return the property to name to the engine, which shows its value then: no secret, and no object."""
    return "" if problem.secret or isinstance(values.get(problem.name), dict | list) else problem.name


def _properties(type_: Lifecycle, values: Values, hidden: frozenset[str]) -> Properties:
    """Return values as properties. Secrets are those of the type, and what the program said is secret."""
    kinds = {name: one.kind for name, one in by_name(type_.fields).items()}
    secret = {one.name for one in type_.outputs if one.secret} | {KEY} | hidden
    # A property with secrets inside is a secret as a whole only if the type does not know where they are.
    return {name: _property(kinds.get(name), value, name in secret) for name, value in values.items()}


def _property(kind: Json, value: Json, secret: bool) -> PropertyValue:
    found = wrapped(value) if kind is None else marked(kind, value)
    return found.with_secret(True) if secret and not found.contains_secret() else found


def _difference(type_: Lifecycle, found: Difference) -> wire.DiffResponse:
    detailed: dict[str, wire.PropertyDiff] = {}
    for change in found.changes:
        for path, how in change.paths:
            replace = "_REPLACE" if change.field.name in found.replaces else ""
            detailed[path] = wire.PropertyDiff(wire.PropertyDiffKind[f"{_KINDS[how]}{replace}"], True)
    if found.unfinished:
        detailed[UNFINISHED] = wire.PropertyDiff(wire.PropertyDiffKind.DELETE, False)
    return wire.DiffResponse(
        changes=bool(found.changes) or found.unfinished,
        replaces=list(found.replaces),
        stables=[one.name for one in type_.outputs if one.stable] + ["id"],
        delete_before_replace=type_.delete_first,
        diffs=[change.field.name for change in found.changes] + ([UNFINISHED] if found.unfinished else []),
        detailed_diff=detailed,
    )
