"""Creates what a deployment needs before its first start: role, database, schema, first token, index collection.

Every step looks first, so running it again changes nothing, and says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from app.runtime.command_database import open_database
from app.runtime.composition import index_setup
from app.settings.fields import Settings
from app.store.address import connect_arguments
from app.store.migrations import migrations
from app.store.provisioning import provision
from app.store.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that exists now; made: whether it was missing."""

    what: str
    name: str
    made: bool

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


async def initialise(settings: Settings) -> AsyncIterator[Step]:
    """Create what is missing, a step at a time. Raises StoreUnavailable, NotPermitted, Conflict."""
    if settings.database_url is not None and settings.admin_database_url is not None:
        admin = connect_arguments(settings.admin_database_url.get_secret_value())
        async for what, name, made in provision(admin, settings.database_url.get_secret_value()):
            yield Step(what, name, made)
    async with open_database(settings, "init") as db:
        yield Step("schema", migrations()[-1].name, db.applied > 0)
        if settings.admin_token is not None:
            token, user = settings.admin_token.get_secret_value(), settings.default_user_id
            yield Step("token", f"of {user}", await Tokens(db).ensure_admin(token, user))
        if index_setup(settings).shared is not None:
            from app.ops.reindex import ensure_collection

            name, made = await ensure_collection(settings, db, lambda points, memories: None)
            yield Step("collection", name, made)
