"""What one step of a deployment works with: the API, the engine's log, what this process knows, its time limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from infra.render.api.client import RenderApi
from infra.render.api.errors import RenderError
from infra.render.provider.fingerprints import Vault
from infra.render.provider.values import Values


class ProviderError(Exception):
    """A step that cannot be done; its message is a sentence for the user."""


class Stopped(ProviderError):
    """The user stopped the deployment while it waited."""

    def __init__(self) -> None:
        super().__init__("The deployment was stopped; run pulumi up to go on.")


class Unfinished(ProviderError):
    """Something was made or changed, but not all: the state keeps what there is, and the next `up` goes on."""

    def __init__(self, id_: str, inputs: Values, outputs: Values, reason: str) -> None:
        super().__init__(reason)
        self.id, self.inputs, self.outputs = id_, inputs, outputs


def name_of(urn: str) -> str:
    """Return the name that the program gives a resource."""
    return urn.split("::", 3)[-1]


class Log(Protocol):
    """The engine's log of one resource."""

    def info(self, text: str) -> None:
        """Say something that stays."""

    def warning(self, text: str) -> None:
        """Say something that the user should not overlook."""

    def debug(self, text: str) -> None:
        """Say something that matters only while looking for a mistake."""

    def status(self, text: str) -> None:
        """Say what goes on; the next word takes its place."""


@dataclass
class Memory:
    """What this process knows of resources.

    ids: what the state says, by URN. replaced: URNs with a state whose id was not told, as a replacement because of
    another provider does not ask for a difference. taken: URNs by the id that they took over from an interrupted
    update. secrets: of all resources, as the log of a service may show those of its group or database.
    """

    vault: Vault = field(default_factory=Vault)
    ids: dict[str, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set, repr=False)


@dataclass(frozen=True)
class Turn:
    """One call of the engine for one resource.

    timeout_s: the resource's own time limit, 0 if it has none. secrets: texts that nothing may show.
    """

    urn: str
    api: RenderApi
    log: Log
    memory: Memory
    stop: threading.Event
    timeout_s: float = 0.0
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return name_of(self.urn)

    def owner(self, inputs: Values) -> str:
        """Return the workspace to make things in. Raises ProviderError if there are several to choose from."""
        if given := inputs.get("ownerId") or self.api.owner:
            return str(given)
        owners = list(self.api.owners.all())
        if len(owners) != 1:
            names = ", ".join(f"{one['id']} ({one['name']})" for one in owners) or "none"
            raise ProviderError(
                f"The key reaches {len(owners)} workspaces: {names}. Set the provider's owner to the id of one."
            )
        self.api.owner = str(owners[0]["id"])
        return self.api.owner

    def sleep(self, duration_s: float) -> None:
        """Wait. Raises Stopped as soon as the user stops the deployment."""
        if self.stop.is_set():
            raise Stopped
        self.api.clock.sleep(duration_s)
        if self.stop.is_set():
            raise Stopped

    @contextmanager
    def keeping(self, id_: str, inputs: Values, outputs: Values) -> Iterator[Values]:
        """Give `outputs` to fill; if anything fails inside, the state keeps the id and what was filled in so far."""
        try:
            yield outputs
        except Unfinished:
            raise
        except (RenderError, ProviderError) as failure:
            raise Unfinished(id_, inputs, outputs, str(failure)) from failure
        except Exception as failure:  # a mistake of ours must not lose the id either
            raise Unfinished(id_, inputs, outputs, f"{type(failure).__name__}: {failure}") from failure
