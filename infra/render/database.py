"""PostgreSQL, which Render runs, backs up and keeps up to date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.render import resources as render
from infra.render.config import Postgres
from infra.render.deployed.names import Store, name_of
from infra.render.services import Place, allowed

DATABASE, USER = "claude_memory", "claude_memory"


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """options: plan, version, size, and who may connect from outside. keep: whether Pulumi refuses to delete it."""

    place: Place
    options: Postgres
    keep: bool


class Database(pulumi.ComponentResource):
    """`url` is for services in the same region; `expires_at` says when a free one is deleted."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Database", name, None, opts)
        options = args.options
        more: dict[str, Any] = {} if options.disk_gb is None else {"disk_size_gb": options.disk_gb}
        if options.high_availability:
            more["enable_high_availability"] = True
        self.postgres = render.Postgres(
            name,
            pulumi.ResourceOptions(parent=self, protect=args.keep),
            name=name_of(args.place.stack, Store.POSTGRES),
            plan=options.plan,
            version=options.version,
            region=args.place.region,
            environment_id=args.place.environment_id,
            database_name=DATABASE,
            database_user=USER,
            ip_allow_list=allowed(options.allowed_addresses),
            **more,
        )
        self.url: pulumi.Output[str] = self.postgres.internal_connection_string
        self.expires_at: pulumi.Output[str | None] = self.postgres.expires_at
        self.register_outputs({"postgres": self.postgres.id})
