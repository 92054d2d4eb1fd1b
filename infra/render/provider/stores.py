"""PostgreSQL and Key Value: usable when made, with the connection strings as secrets."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from infra.render.api.stores import Store as StoreApi
from infra.render.provider.checking import Problem
from infra.render.provider.differing import Change
from infra.render.provider.fields import Field, Flag, ListOf, MapOf, Output, Record, Text, Whole, WriteOnly
from infra.render.provider.lifecycle import SETUP, UNFINISHED, Made
from infra.render.provider.plain import Plain
from infra.render.provider.service_fields import ADDRESSES, REGIONS, addresses_encoded
from infra.render.provider.service_rules import addresses
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json, Values

# Recorded: 30 to 45 s, and as long again after a change of the plan.
TIME_LIMIT_S = 900.0
POLL_S = 3.0
AVAILABLE = "available"
_ENDS = ("suspended", "recovery_failed")
# In words, where Render's own is none: "unknown" is what it says of a store that was just made.
_STATUS = {
    "unknown": "is being prepared",
    "creating": "is being created",
    "updating_instance": "is being updated",
    "config_restart": "restarts with its new configuration",
    "unavailable": "is not available yet",
    "maintenance_scheduled": "has maintenance scheduled",
    "maintenance_in_progress": "is under maintenance",
    "recovery_in_progress": "is being recovered",
    "recovery_failed": "could not be recovered",
}
_LOST = "the new one begins empty, and the old one is deleted with its data"

_ALL = (
    Field(name="name", required=True, at="name"),
    Field(
        name="ownerId", at="ownerId", returned="owner.id", replaces=f"a store cannot move to another workspace; {_LOST}"
    ),
    Field(name="environmentId", at="environmentId", default=""),
    Field(name="plan", required=True, at="plan"),
    Field(
        name="region", kind=Text(near=REGIONS), at="region", replaces=f"a store cannot move to another region; {_LOST}"
    ),
    # Without a list Render chooses; an empty one closes the store to the outside.
    Field(name="ipAllowList", kind=ADDRESSES, at="ipAllowList", encode=addresses_encoded),
)


class Store(Plain):
    """What both have in common."""

    @abstractmethod
    def kind(self, turn: Turn) -> StoreApi:
        """Return the API's part for this type."""

    def post(self, turn: Turn, body: Values) -> Json:
        """Make it; it is not usable yet."""
        return self.kind(turn).create(body)

    def rules(self, values: Values) -> Iterator[Problem]:
        """Yield what is no block of addresses."""
        yield from addresses(values)

    def created(self, turn: Turn, inputs: Values, answer: Json, outputs: Values) -> None:
        """Wait until it is usable, and ask for how to connect."""
        outputs[UNFINISHED] = SETUP
        outputs.update(self.told(self._usable(turn, answer)))
        outputs.update(self._connection(turn, answer["id"]))
        del outputs[UNFINISHED]

    def read(self, turn: Turn, id_: str, inputs: Values | None, state: Values) -> Made | None:
        """Look at it, and at how to connect."""
        made = super().read(turn, id_, inputs, state)
        if made is None:
            return None
        return replace(made, outputs=made.outputs | self._connection(turn, id_))

    def update(self, turn: Turn, id_: str, old: Values, state: Values, new: Values) -> Values:
        """Change it, and wait until it is usable again: some changes start it anew."""
        outputs = super().update(turn, id_, old, state, new)
        with turn.keeping(id_, new, outputs | {UNFINISHED: SETUP}) as kept:
            answer = self.kind(turn).get(id_)
            if "suspended" not in (answer.get("suspended"), answer.get("status")):
                answer = self._usable(turn, answer)
            kept.update(self.told(answer))
            del kept[UNFINISHED]
        return kept

    def _connection(self, turn: Turn, id_: str) -> Values:
        """Return how to connect, all of it secret."""
        answer = self.kind(turn).connection(id_)
        names = {one.name for one in self.outputs if one.secret}
        return {name: answer[name] for name in names if name in answer}

    def _usable(self, turn: Turn, answer: Json) -> Json:
        """Wait until a store is usable, and return it. Raises ProviderError when that takes too long."""
        limit_s, started_s = turn.timeout_s or TIME_LIMIT_S, turn.api.clock.now()
        while (status := answer.get("status")) != AVAILABLE:
            if status in _ENDS:
                raise ProviderError(f"The {self.what} {answer['id']} {_says(status)}; look at it in the dashboard.")
            if turn.api.clock.now() - started_s >= limit_s:
                raise ProviderError(
                    f"The {self.what} {answer['id']} is not {AVAILABLE} after {limit_s:.0f} s: it {_says(status)}; "
                    "run pulumi up to wait on."
                )
            turn.log.status(_says(status))
            turn.sleep(POLL_S)
            answer = self.kind(turn).get(answer["id"])
        return answer


def _says(status: Json) -> str:
    """Return a store's status in words."""
    return _STATUS.get(str(status), f"is {str(status).replace('_', ' ')}")


def _suffixed(wanted: Json, live: Json) -> bool:
    """Whether Render made this name of the one that was asked for, by adding to it."""
    return isinstance(live, str) and bool(re.fullmatch(rf"{re.escape(str(wanted))}_\w{{4,}}", live))


class Postgres(Store):
    """A PostgreSQL server with one database."""

    token, what = "render:index:Postgres", "PostgreSQL"
    fields = (
        *_ALL,
        Field(
            name="version",
            required=True,
            at="version",
            replaces=f"a PostgreSQL cannot change its version this way; {_LOST}",
        ),
        Field(
            name="databaseName",
            at="databaseName",
            matches=_suffixed,
            replaces=f"the database's name cannot be changed; {_LOST}",
        ),
        Field(name="databaseUser", at="databaseUser", replaces=f"the database's user cannot be changed; {_LOST}"),
        Field(name="diskSizeGB", kind=Whole(least=1, unit="GB"), at="diskSizeGB"),
        Field(
            name="enableDiskAutoscaling",
            kind=Flag(),
            at="enableDiskAutoscaling",
            returned="diskAutoscalingEnabled",
            default=False,
        ),
        Field(
            name="enableHighAvailability",
            kind=Flag(),
            at="enableHighAvailability",
            returned="highAvailabilityEnabled",
            default=False,
        ),
        # An empty list destroys the replicas there are; taking it out of a program leaves them.
        Field(
            name="readReplicas",
            kind=ListOf(
                of=Record(
                    fields=(Field(name="name", required=True), Field(name="parameterOverrides", kind=MapOf(of=Text())))
                )
            ),
            at="readReplicas",
        ),
        Field(name="parameterOverrides", kind=MapOf(of=Text()), at="parameterOverrides"),
        Field(name="datadogAPIKey", kind=WriteOnly(), at="datadogAPIKey", returned=None),
        Field(name="datadogSite", at="datadogSite", returned=None),
    )
    outputs = (
        Output(name="databaseName", at="databaseName"),
        Output(name="databaseUser", at="databaseUser"),
        Output(name="region", at="region"),
        Output(name="version", at="version"),
        Output(name="ownerId", at="owner.id"),
        Output(name="dashboardUrl", at="dashboardUrl"),
        Output(name="createdAt", at="createdAt"),
        Output(name="expiresAt", at="expiresAt", stable=False),
        Output(name="status", at="status", stable=False),
        Output(name="password", at="", secret=True),
        Output(name="internalConnectionString", at="", secret=True),
        Output(name="externalConnectionString", at="", secret=True),
        Output(name="psqlCommand", at="", secret=True),
    )

    def kind(self, turn: Turn) -> StoreApi:
        """Return the API's part for PostgreSQL."""
        return turn.api.postgres

    def moves(self, old: Values, new: Values) -> Iterator[Problem]:
        """Yield that the disk would shrink."""
        was, will = old.get("diskSizeGB"), new.get("diskSizeGB")
        if isinstance(was, int) and isinstance(will, int) and will < was:
            yield Problem("diskSizeGB", f"diskSizeGB cannot go from {was} to {will}: a disk only grows.")

    def refreshed(self, inputs: Values | None, answer: Json) -> Values:
        """Return the inputs after a look; a disk that Render let grow by itself is as it should be."""
        found = super().refreshed(inputs, answer)
        asked = (inputs or {}).get("diskSizeGB")
        if asked and answer.get("diskAutoscalingEnabled") and (answer.get("diskSizeGB") or 0) > asked:
            found["diskSizeGB"] = asked
        return found

    def warnings(self, found: list[Change]) -> Iterator[str]:
        """Yield that replicas would be destroyed."""
        for one in found:
            gone = _names(one.old) - _names(one.new) if one.field.name == "readReplicas" else set()
            if gone:
                yield f"The read replicas {', '.join(sorted(gone))} are destroyed."


def _names(replicas: Json) -> set[str]:
    return {str(one.get("name")) for one in replicas if isinstance(one, dict)} if isinstance(replicas, list) else set()


class KeyValue(Store):
    """A Key Value store (Valkey)."""

    token, what = "render:index:KeyValue", "Key Value store"
    fields = (
        *_ALL,
        Field(
            name="maxmemoryPolicy",
            kind=Text(
                choices=(
                    "noeviction",
                    "allkeys_lfu",
                    "allkeys_lru",
                    "allkeys_random",
                    "volatile_lfu",
                    "volatile_lru",
                    "volatile_random",
                    "volatile_ttl",
                )
            ),
            at="maxmemoryPolicy",
            returned="options.maxmemoryPolicy",
        ),
        Field(
            name="persistenceMode",
            kind=Text(choices=("off", "snapshot", "journal_snapshot")),
            at="persistenceMode",
            returned="options.persistenceMode",
        ),
    )
    outputs = (
        Output(name="region", at="region"),
        Output(name="version", at="version", stable=False),
        Output(name="ownerId", at="owner.id"),
        Output(name="createdAt", at="createdAt"),
        Output(name="status", at="status", stable=False),
        Output(name="internalConnectionString", at="", secret=True),
        Output(name="externalConnectionString", at="", secret=True),
        Output(name="cliCommand", at="", secret=True),
    )

    def kind(self, turn: Turn) -> StoreApi:
        """Return the API's part for Key Value."""
        return turn.api.key_value
