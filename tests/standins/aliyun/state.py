"""What the stand-in holds, and what all its parts share: requests, answers, refusals, ids, times."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]

ACCOUNT = "1234567890123456"
REGION = "cn-hangzhou"


class Refused(Exception):
    """An answer of 400 or more; each product has a form of its own for it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


@dataclass
class Reply:
    """What is answered. A body is JSON, text that is XML, bytes, or nothing."""

    body: Json | list[Any] | str | bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """A call as it came in, and how it was answered. What can hold secrets is not in its repr."""

    product: str
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # names in lower case
    content: bytes = field(default=b"", repr=False)
    host: str = ""
    within: str = ""  # the bucket or the log project that the host names
    status: int | None = None

    @cached_property
    def body(self) -> Any:
        """The body, if it is JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            return None

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of an action: of the query and of a form."""
        form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return self.query | (dict(parse_qsl(self.content.decode(), keep_blank_values=True)) if form else {})

    @cached_property
    def action(self) -> str:
        """The name of an action; empty for products that go by method and path."""
        return self.parameters.get("Action") or self.headers.get("x-acs-action", "")

    def parameter(self, name: str) -> str:
        """Return a parameter. Raises Refused if it is missing."""
        if not self.parameters.get(name):
            raise Refused(400, f"MissingParameter.{name}", f"{name} is required")
        return self.parameters[name]

    def numbered(self, prefix: str) -> list[str]:
        """Return the parameters PREFIX.1, PREFIX.2 and so on."""
        numbers = itertools.takewhile(lambda n: f"{prefix}.{n}" in self.parameters, itertools.count(1))
        return [self.parameters[f"{prefix}.{n}"] for n in numbers]

    def tags(self) -> dict[str, str]:
        """Return the parameters Tag.1.Key, Tag.1.Value and so on."""
        numbers = itertools.takewhile(lambda n: f"Tag.{n}.Key" in self.parameters, itertools.count(1))
        return {self.parameters[f"Tag.{n}.Key"]: self.parameters.get(f"Tag.{n}.Value", "") for n in numbers}

    @cached_property
    def operation(self) -> str:
        """What it asks for, without values: "ram CreateRole", "fc POST /functions", "oss PUT bucket?lifecycle"."""
        if self.product == "oss":
            place = "service" if not self.within else "object" if self.path.strip("/") else "bucket"
            names = [name for name, value in self.query.items() if not value]
            return f"oss {self.method} {place}" + (f"?{names[0]}" if names else "")
        # Calls of Function Compute go by method and path, though some clients name the action, too.
        action = "" if self.product == "fc" else self.action
        return f"{self.product} {action or f'{self.method} {self.path}'}"


class State:
    """An account. `lock` is held during each call. Each part keeps its things in a table of its own."""

    def __init__(self, now: Callable[[], float] = time.time, account: str = ACCOUNT, region: str = REGION) -> None:
        self.now, self.account, self.region = now, account, region
        self.lock = threading.RLock()
        self._random = random.Random(1)  # the same ids in each run
        # fc: functions hold their triggers, versions, aliases and limits
        self.functions: dict[str, Json] = {}
        self.domains: dict[str, Json] = {}
        self.layers: dict[str, dict[int, Json]] = {}
        self.buckets: dict[str, Json] = {}
        self.roles: dict[str, Json] = {}
        self.policies: dict[str, Json] = {}
        self.projects: dict[str, Json] = {}
        self.vpcs: dict[str, Json] = {}
        self.vswitches: dict[str, Json] = {}
        self.security_groups: dict[str, Json] = {}
        self.databases: dict[str, Json] = {}
        self.alarms: dict[str, Json] = {}
        self.contacts: dict[str, Json] = {}
        self.contact_groups: dict[str, Json] = {}

    def letters(self, count: int) -> str:
        """Return random letters and digits."""
        return "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=count))

    def id(self, prefix: str) -> str:
        """Return a new id, as VPC and ECS make them."""
        return f"{prefix}-bp1{self.letters(17)}"

    def time(self) -> str:
        """Return the time."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def counts(self) -> dict[str, int]:
        """Return how many of each kind there are, those without any left out."""
        inner = ("triggers", "versions", "aliases", "provisioned", "reserved")
        found = {name: len(table) for name, table in vars(self).items() if isinstance(table, dict)}
        found |= {name: sum(len(one[name]) for one in self.functions.values()) for name in inner}
        found["layers"] = sum(map(len, self.layers.values()))
        found["objects"] = sum(
            not versions[-1]["marker"] for bucket in self.buckets.values() for versions in bucket["objects"].values()
        )
        found["attachments"] = sum(len(role["policies"]) for role in self.roles.values())
        found["stores"] = sum(len(project["stores"]) for project in self.projects.values())
        found["rules"] = sum(len(group["rules"]) for group in self.security_groups.values())
        for name in ("accounts", "schemas", "connections"):
            found[name] = sum(len(one[name]) for one in self.databases.values())
        return {name: count for name, count in found.items() if count}
