"""Creates on a PostgreSQL server what the app's role cannot create itself: that role and its database."""

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

from app.errors import Conflict, NotPermitted
from app.settings.values import url_options
from app.store.address import connect_arguments
from app.store.connecting import connect
from app.store.unreachable import NOT_CONNECTED, UNREACHABLE, connect_problem, unavailable

APP_ROLE = "claude_memory_app"  # the role of requests; the first schema file names it too
_CONNECT_TIMEOUT_S = 10.0
_SCRAM_ROUNDS = 4_096  # PostgreSQL's default

# createrole: the schema creates APP_ROLE if it is missing. createdb: `verify` restores into a scratch database.
_RIGHTS = "login createrole createdb nosuperuser nobypassrls"


@dataclass(frozen=True, slots=True)
class Login:
    """The login in a database URL."""

    role: str
    password: str | None
    database: str

    @classmethod
    def of(cls, url: str) -> Login:
        """Parse a URL; app.settings.rules ensures that it names a role."""
        parts, options = urlsplit(url), url_options(url)
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        role = unquote(user) or options.get("user", "")
        name = unquote(parts.path.lstrip("/")) or options.get("dbname") or options.get("database") or role
        return cls(role, unquote(password) or options.get("password"), name)


async def provision(admin: Mapping[str, Any], url: str) -> AsyncIterator[tuple[str, str, bool]]:
    """Create the role and database of a database URL; yield (what, name, whether it was missing) after each step.

    admin: arguments of asyncpg.connect for a role that may create roles and databases.
    Raises StoreUnavailable, NotPermitted, and Conflict when the database belongs to another role.
    """
    login = Login.of(url)
    connection = await _connect(admin)
    try:
        yield "login role", login.role, await _make_login(connection, login, url)
        yield "application role", APP_ROLE, await _make_app_role(connection, login.role)
        yield "database", login.database, await _make_database(connection, login)
    except asyncpg.InsufficientPrivilegeError as error:
        raise _not_permitted(error) from error
    except UNREACHABLE as error:
        raise unavailable(error) from error
    finally:
        connection.terminate()


async def _connect(admin: Mapping[str, Any]) -> asyncpg.Connection:
    try:
        return await connect(**{"timeout": _CONNECT_TIMEOUT_S, **admin})
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise _not_permitted(error) from error
    except NOT_CONNECTED as error:
        raise connect_problem(error, "ADMIN_DATABASE_URL") from error


def _not_permitted(error: asyncpg.PostgresError) -> NotPermitted:
    return NotPermitted(
        f"PostgreSQL refused: {error}; ADMIN_DATABASE_URL must name a role that may create roles and databases"
    )


async def _make_login(connection: asyncpg.Connection, login: Login, url: str) -> bool:
    """Create the role, or give an existing one the URL's password if it has another."""
    row = await connection.fetchrow("select rolcreaterole and rolcreatedb from pg_roles where rolname = $1", login.role)
    if row is None:
        await _execute(connection, f"create role %I {_RIGHTS}", login.role)
    elif not row[0]:
        await _execute(connection, "alter role %I createrole createdb", login.role)
    if login.password is not None and (row is None or not await _password_holds(url)):
        await _execute(connection, "alter role %I password %L", login.role, scram_verifier(login.password))
    return row is None


async def _password_holds(url: str) -> bool:
    """Report whether the URL's password works, by logging in: only superusers can read what the server stores."""
    try:
        connection = await connect(**{"timeout": _CONNECT_TIMEOUT_S, **connect_arguments(url)})
    except asyncpg.InvalidPasswordError:
        return False
    except asyncpg.InvalidCatalogNameError:  # raised after the password was accepted
        return True
    except NOT_CONNECTED as error:
        raise connect_problem(error) from error
    connection.terminate()
    return True


async def _make_app_role(connection: asyncpg.Connection, member: str) -> bool:
    """Create the role of requests, and let the login role use and grant it, as the first schema file does."""
    exists = await connection.fetchval("select exists (select from pg_roles where rolname = $1)", APP_ROLE)
    if not exists:
        await connection.execute(f"create role {APP_ROLE} nologin")
    if not await connection.fetchval("select pg_has_role($1, $2, 'member')", member, APP_ROLE):
        await _execute(connection, f"grant {APP_ROLE} to %I with admin option", member)
    return not exists


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
            f"the database {login.database} belongs to {owner}, not to {login.role}, which DATABASE_URL names;"
            " name another database, or hand it over: alter database … owner to …"
        )
    return owner is None


async def _execute(connection: asyncpg.Connection, statement: str, *names: str) -> None:
    """Execute a statement with names (%I) and texts (%L) that PostgreSQL quotes itself."""
    await connection.execute(await connection.fetchval("select format($1, variadic $2::text[])", statement, names))


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL stores of a password (RFC 5803), to keep the password out of statements and logs."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", unicodedata.normalize("NFKC", password).encode(), salt, _SCRAM_ROUNDS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored, salt64 = hashlib.sha256(client).digest(), base64.b64encode(salt).decode()
    keys = f"{base64.b64encode(stored).decode()}:{base64.b64encode(server).decode()}"
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{salt64}${keys}"
