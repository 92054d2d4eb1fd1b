"""Makes on a PostgreSQL server what the app's own role may not make for itself: that role, and its database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from app.errors import Conflict, NotPermitted, StoreUnavailable
from app.store.unreachable import UNREACHABLE, refused, why

APP_ROLE = "claude_memory_app"  # requests run as it; the first schema file names it too
_CONNECT_TIMEOUT_S = 10.0
_SCRAM_ROUNDS = 4_096  # PostgreSQL's own number

# createrole: the schema makes APP_ROLE where it is missing. createdb: `verify` restores into a database of its own.
_RIGHTS = "login createrole createdb nosuperuser nobypassrls"


@dataclass(frozen=True, slots=True)
class Login:
    """What a database URL says of the one who logs in."""

    role: str
    password: str | None
    database: str

    @classmethod
    def of(cls, url: str) -> Login:
        """Read a URL, which names a role by a rule of app.settings.rules."""
        parts = urlsplit(url)
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        return cls(unquote(user), unquote(password) or None, unquote(parts.path.lstrip("/")) or unquote(user))


async def provision(admin: Mapping[str, Any], url: str) -> AsyncIterator[tuple[str, str, bool]]:
    """Make role and database of a database URL; yield (what, name, whether it was missing) after each step.

    admin: arguments of asyncpg.connect for somebody who may create roles and databases.
    Raises StoreUnavailable, NotPermitted, and Conflict when the database belongs to somebody else.
    """
    login = Login.of(url)
    try:
        connection = await asyncpg.connect(**admin, timeout=_CONNECT_TIMEOUT_S)
        try:
            yield "login role", login.role, await _make_login(connection, login, url)
            yield "application role", APP_ROLE, await _make_app_role(connection, login.role)
            yield "database", login.database, await _make_database(connection, login)
        finally:
            connection.terminate()
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise NotPermitted(
            f"PostgreSQL refused: {error}; ADMIN_DATABASE_URL must name somebody who may create roles and databases"
        ) from error
    except ConnectionRefusedError as error:
        raise StoreUnavailable(refused("ADMIN_DATABASE_URL")) from error
    except UNREACHABLE as error:
        raise StoreUnavailable(why(error)) from error


async def _make_login(connection: asyncpg.Connection, login: Login, url: str) -> bool:
    """Make the role; where it is there with another password than the URL's, give it that one."""
    row = await connection.fetchrow("select rolcreaterole and rolcreatedb from pg_roles where rolname = $1", login.role)
    if row is None:
        await _execute(connection, f"create role %I {_RIGHTS}", login.role)
    elif not row[0]:
        await _execute(connection, "alter role %I createrole createdb", login.role)
    if login.password is not None and (row is None or not await _password_holds(url)):
        await _execute(connection, "alter role %I password %L", login.role, scram_verifier(login.password))
    return row is None


async def _password_holds(url: str) -> bool:
    """Ask the server itself: what it keeps of a password is for superusers' eyes."""
    try:
        connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
    except asyncpg.InvalidPasswordError:
        return False
    except asyncpg.InvalidCatalogNameError:  # said after the password was taken
        return True
    connection.terminate()
    return True


async def _make_app_role(connection: asyncpg.Connection, member: str) -> bool:
    """Make the role of requests, and let the login role act as it and hand it on, as the first schema file does."""
    there = await connection.fetchval("select exists (select from pg_roles where rolname = $1)", APP_ROLE)
    if not there:
        await connection.execute(f"create role {APP_ROLE} nologin")
    if not await connection.fetchval("select pg_has_role($1, $2, 'member')", member, APP_ROLE):
        await _execute(connection, f"grant {APP_ROLE} to %I with admin option", member)
    return not there


async def _make_database(connection: asyncpg.Connection, login: Login) -> bool:
    owner = await connection.fetchval(
        "select pg_get_userbyid(datdba) from pg_database where datname = $1", login.database
    )
    if owner is None:
        if not await connection.fetchval("select pg_has_role(current_user, $1, 'usage')", login.role):
            await _execute(connection, "grant %I to current_user", login.role)
        await _execute(
            connection,
            "create database %I owner %I encoding 'UTF8' template template0",
            login.database,
            login.role,
        )
    elif owner != login.role:
        raise Conflict(
            f"the database {login.database} belongs to {owner}, not to {login.role} whom DATABASE_URL names;"
            " name another database, or hand it over: alter database … owner to …"
        )
    return owner is None


async def _execute(connection: asyncpg.Connection, statement: str, *names: str) -> None:
    """Execute a statement with names (%I) and texts (%L) put in by PostgreSQL itself."""
    await connection.execute(await connection.fetchval("select format($1, variadic $2::text[])", statement, names))


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL stores of a password (RFC 5803), so that the password is in no statement and no log."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", unicodedata.normalize("NFKC", password).encode(), salt, _SCRAM_ROUNDS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored, salt64 = hashlib.sha256(client).digest(), base64.b64encode(salt).decode()
    keys = f"{base64.b64encode(stored).decode()}:{base64.b64encode(server).decode()}"
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{salt64}${keys}"
