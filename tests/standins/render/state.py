"""What the stand-in holds, and what all its parts share: requests, refusals, ids, times, pages."""

from __future__ import annotations

import base64
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
Reply = tuple[int, Any]  # status, body; NOTHING: no body at all
NOTHING = object()

OWNER = "tea-cspvinogph6c73ft00h0"
# A second workspace that the key reaches by its id; no list shows it.
OTHER_OWNER = "tea-d1aaaaogph6c73ft00hg"
REGIONS = ("oregon", "ohio", "virginia", "frankfurt", "singapore")


class Refused(Exception):
    """An answer of 400 or more."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message


def not_found(id_: str) -> Refused:
    return Refused(404, f"not found: {id_}")


def held(things: dict[str, Json], id_: str) -> Json:
    """Return the thing of this id. Raises Refused."""
    if id_ not in things:
        raise not_found(id_)
    return things[id_]


def removed(things: dict[str, Json], id_: str) -> Reply:
    """Remove the thing of this id, and answer so. Raises Refused."""
    held(things, id_)
    del things[id_]
    return 204, NOTHING


@dataclass
class Request:
    """A call as it came in, and how it was answered."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    status: int | None = None
    undocumented: list[str] = field(default_factory=list)  # fields the API does not document for this kind

    def filter(self, name: str) -> set[str] | None:
        """Return the values of a filter, comma separated or repeated; None: not given."""
        given = {value for text in self.query.get(name, []) for value in text.split(",")}
        return given or None

    def fits(self, **values: str | None) -> bool:
        """Whether a thing with these values passes all filters of these names."""
        return all((given := self.filter(name)) is None or value in given for name, value in values.items())


@dataclass
class Service:
    """A service: `shown` is its answer without what is kept elsewhere."""

    shown: Json
    variables: list[Json] = field(default_factory=list)  # newest last: {"cursor", "envVar"}
    files: list[Json] = field(default_factory=list)
    deploys: list[Json] = field(default_factory=list)  # newest last
    stage_began_s: float = 0.0
    outcomes: list[str] = field(default_factory=list)  # how the next deploys end; live if empty
    domains: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    routes: list[Json] = field(default_factory=list)
    headers: list[Json] = field(default_factory=list)
    notify: Json = field(
        default_factory=lambda: dict.fromkeys(("notificationsToSend", "previewNotificationsEnabled"), "default")
    )

    @property
    def id(self) -> str:
        return str(self.shown["id"])

    @property
    def details(self) -> Json:
        details: Json = self.shown["serviceDetails"]
        return details

    def touch(self, state: State) -> None:
        """Note a change."""
        self.shown["updatedAt"] = state.time()


class State:
    """A workspace. `lock` is held during each call.

    stage_s: how long each stage of a deploy or of a starting store takes; None: one look at it is one stage.
    queues: a deploy waits while another of its service runs (202); before May 2025 it did not.
    """

    def __init__(self, now: Callable[[], float] = time.time, owner: str = OWNER) -> None:
        self.now, self.owner = now, owner
        self.lock = threading.RLock()
        self.stage_s: float | None = None
        self.queues = True
        self.services: dict[str, Service] = {}
        self.disks: dict[str, Json] = {}
        self.stores: dict[str, Json] = {}  # {"shown", "password", "stage"}
        self.groups: dict[str, Json] = {}
        self.projects: dict[str, Json] = {}
        self.environments: dict[str, Json] = {}
        self.credentials: dict[str, Json] = {}
        self.webhooks: dict[str, Json] = {}
        self.streams: dict[str, Json] = {}  # by resource or owner
        self.notifications: Json = {
            "emailEnabled": True,
            "notificationsToSend": "failure",
            "previewNotificationsEnabled": False,
            "slackEnabled": False,
        }
        self.logs: list[Json] = []
        self.on_live: Callable[[Service], None] = lambda service: None  # a deploy of it is live from now on
        self.metrics: dict[tuple[str, str], list[tuple[float, float]]] = {}  # by (name, resource)
        self._random = random.Random(1)  # the same ids in each run
        self._numbers = itertools.count(self._random.randrange(1 << 24))

    def id(self, prefix: str) -> str:
        """Return a new id: its first letters hold the time, as Render's do."""
        number = next(self._numbers) % (1 << 24)
        raw = int(self.now()).to_bytes(4, "big") + b"standin"[:5] + number.to_bytes(3, "big")
        return f"{prefix}-{base64.b32hexencode(raw).decode().lower().rstrip('=')}"

    def letters(self, count: int) -> str:
        """Return random letters and digits."""
        return "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count))

    def generated(self) -> str:
        """Return a value as `generateValue` makes it."""
        return base64.b64encode(self._random.randbytes(32)).decode()

    def time(self, nanoseconds: bool = False) -> str:
        """Return the time; answers to some POSTs show nanoseconds."""
        text = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="microseconds")
        return text.replace("+00:00", "123Z" if nanoseconds else "Z")

    def service(self, id_: str) -> Service:
        if id_ not in self.services:
            raise not_found(id_)
        return self.services[id_]

    def environment(self, service: Service) -> dict[str, str]:
        """Return the variables that a service runs with: its own, then its groups'."""
        found = {one["envVar"]["key"]: one["envVar"]["value"] for one in service.variables}
        for group in self.groups.values():
            if service.id in group["links"]:
                found = {one["key"]: one["value"] for one in group["envVars"]} | found
        return found

    def owned(self, id_: str | None) -> str:
        """Return the owner, checked."""
        if id_ not in (self.owner, OTHER_OWNER):
            raise Refused(400, f"invalid owner ID: {id_}")
        return id_

    def owner_shown(self, id_: str | None = None) -> Json:
        return {"email": "owner@example.com", "id": id_ or self.owner, "name": "Stand-in", "type": "team"}


def cursor(id_: str) -> str:
    return base64.b64encode(id_.encode()).decode()


def page(request: Request, newest_first: Iterable[Json], wrapper: str, default: int = 20) -> Reply:
    """Return a page of wrapped things, each with its cursor."""
    wrapped = [one if "cursor" in one else {"cursor": cursor(one["id"]), wrapper: one} for one in newest_first]
    after = (request.query.get("cursor") or [""])[0]
    if after:
        places = [place for place, one in enumerate(wrapped) if one["cursor"] == after]
        wrapped = wrapped[places[0] + 1 :] if places else []
    limit = int((request.query.get("limit") or [str(default)])[0])
    if not 1 <= limit <= 100:
        raise Refused(400, "limit must be between 1 and 100")
    return 200, wrapped[:limit]


def bare_page(request: Request, newest_first: Iterable[Json]) -> Reply:
    """Return a page of things that the API does not wrap."""
    before = (request.query.get("createdBefore") or [""])[0]
    things = [one for one in newest_first if not before or one.get("createdAt", "") < before]
    return 200, things[: int((request.query.get("limit") or ["20"])[0])] or None


def needed(body: Any, *names: str) -> Json:
    """Return the body. Raises Refused if a field is missing."""
    if not isinstance(body, dict):
        raise Refused(400, "invalid JSON")
    missing = [name for name in names if body.get(name) in (None, "")]
    if missing:
        raise Refused(400, f"missing required field: {', '.join(missing)}")
    return body
