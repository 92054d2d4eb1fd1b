"""Knows the options after the `?` of a database URL: which are used, which are set aside, and which are refused.

Providers hand out URLs for libpq, or with options of another client or of a pooler, and the driver would send each one
that it does not know to the server as a setting, which refuses the connection. Sources:
https://www.postgresql.org/docs/current/libpq-connect.html (names, values and what they mean),
https://www.prisma.io/docs/orm/overview/databases/postgresql (Prisma), https://neon.com/docs/connect (Neon),
https://supabase.com/docs/guides/database/connecting-to-postgres (Supabase), and the manuals of JDBC, pgx,
node-postgres, SQLAlchemy, Ecto, Rails and Django for theirs.
No imports: `app.process.boot` uses it before the port is open. `app.store.address` turns the options into arguments of
the driver.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SYSTEM = "system"  # as sslrootcert: the certificate authorities that this machine trusts
# Other clients' words for a mode: node-postgres, .NET, and drivers that write it without a hyphen.
_OTHER_MODES = {
    "no-verify": "require",
    "verifyca": "verify-ca",
    "verifyfull": "verify-full",
    "true": "require",
    "1": "require",
    "on": "require",
    "yes": "require",
    "false": "disable",
    "0": "disable",
    "off": "disable",
    "no": "disable",
}
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_PORT_LIMIT = 65_535

# Options with any value, for the driver.
PASSED_ON = frozenset(
    (
        *("host", "dbname", "database", "user", "password", "passfile", "service", "krbsrvname", "options"),
        *("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"),
    )
)
# Options with few values, for the driver.
_CHOICES = {
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    "gsslib": ("gssapi", "sspi"),
}
# Options that `app.store.address` translates, and their values.
_TRANSLATED = {
    "channel_binding": ("disable", "prefer", "require"),
    "sslaccept": ("strict", "accept_invalid_certs"),  # Prisma's
    "requiressl": ("0", "1"),
}
# Options of libpq that are asides here as long as they ask for nothing: with other values, a connection that they
# forbid would be made.
_ASIDE_WITH = {
    "gssencmode": ("disable", "prefer"),
    "replication": ("false", "off", "no", "0"),
    "sslcertmode": ("disable", "allow"),
    "sslcompression": ("0",),
}
# Options that restrict which server is trusted. The driver cannot keep to them, so they are neither used nor ignored.
_IMPOSSIBLE = {
    "hostaddr": "write the address as the host",
    "requirepeer": "remove it",
    "require_auth": "remove it; sslmode=verify-full makes the server prove who it is",
    "sslcrldir": "write a file as sslcrl",
    "sslidentity": "write sslcert and sslkey",
    "scram_client_key": "write a password",
    "scram_server_key": "write a password",
}
# Set aside whatever their value, compared in lower case: they are about a client's own pool, statements and time
# limits, about sockets that the heartbeat watches here, or they name what we name ourselves.
_ASIDE = frozenset(
    (
        # libpq
        *("application_name", "fallback_application_name", "client_encoding", "load_balance_hosts", "sslsni"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("gssdelegation", "sslkeylogfile", "min_protocol_version", "max_protocol_version"),
        # Prisma
        *("schema", "connection_limit", "pool_timeout", "socket_timeout", "pgbouncer", "statement_cache_size", "pool"),
        *("max_connection_lifetime", "max_idle_connection_lifetime", "single_use_connections"),
        # Supabase, Vercel, Neon
        *("supa", "workaround", "pooler", "pool_mode", "endpoint"),
        # JDBC
        *("applicationname", "currentschema", "preparethreshold", "preparedstatementcachequeries", "autosave"),
        *("preparedstatementcachesizemib", "defaultrowfetchsize", "rewritebatchedinserts", "logintimeout"),
        *("connecttimeout", "sockettimeout", "tcpkeepalive", "binarytransfer", "stringtype", "targetservertype"),
        *("loadbalancehosts", "prefermode", "prefer_query_mode", "preferquerymode"),
        # pgx, lib/pq, sqlx
        *("pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime"),
        *("pool_max_conn_lifetime_jitter", "pool_max_conn_idle_time", "pool_health_check_period"),
        *("default_query_exec_mode", "statement_cache_capacity", "statement-cache-capacity"),
        *("description_cache_capacity", "binary_parameters", "prefer_simple_protocol", "statement_cache_mode"),
        # node-postgres, postgres.js
        *("uselibpqcompat", "max", "min", "idletimeoutmillis", "connectiontimeoutmillis", "idle_timeout"),
        *("max_lifetime", "prepare", "fetch_types"),
        # SQLAlchemy, asyncpg, Django, Rails, Ecto
        *("prepared_statement_cache_size", "prepared_statement_name_func", "command_timeout", "pool_size"),
        *("max_overflow", "pool_recycle", "pool_pre_ping", "max_cached_statement_lifetime"),
        *("max_cacheable_statement_size", "conn_max_age", "conn_health_checks", "disable_server_side_cursors"),
        *("encoding", "prepared_statements", "checkout_timeout", "reaping_frequency", "min_messages", "timeout"),
    )
)
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_LONGEST_SHOWN = 40


def ssl_mode(options: Mapping[str, str]) -> str | None:
    """Return the sslmode that the options ask for, in libpq's word; None for none, and for an unknown one."""
    if "sslmode" in options or "ssl" in options:
        word = options.get("sslmode", options.get("ssl", "")).lower().replace("_", "-")
        return _OTHER_MODES.get(word, word if word in SSL_MODES else None)
    if "sslaccept" in options:
        return "verify-full" if options["sslaccept"] == "strict" else "require"
    return "require" if options.get("requiressl") == "1" else None


def problem(options: Mapping[str, str]) -> str | None:
    """Return what is wrong with the options, after the words `DATABASE_URL: got ***,`; None when all can be kept."""
    for name, value in options.items():
        if (wrong := _wrong(name, value)) is not None:
            return wrong
    mode = ssl_mode(options)
    if ("sslmode" in options or "ssl" in options) and mode is None:
        return f"takes an sslmode of {', '.join(SSL_MODES)}"
    if options.get("sslrootcert") == SYSTEM and mode in ("disable", "allow", "prefer"):
        return f"takes sslmode=verify-full beside sslrootcert=system, not {mode}"
    if options.get("sslnegotiation") == "direct" and mode in (None, "disable", "allow", "prefer"):
        return "takes sslmode=require or verify-full beside sslnegotiation=direct"
    return None


def _wrong(name: str, value: str) -> str | None:
    choices = _CHOICES.get(name) or _TRANSLATED.get(name)
    if choices is not None:
        return None if value in choices else f"takes a {name} of {', '.join(choices)}"
    if name in _ASIDE_WITH:
        return None if value in _ASIDE_WITH[name] else f"has a {name} that this driver cannot keep to; remove it"
    if name in _IMPOSSIBLE:
        return f"has the option {name}, which this driver cannot keep to; {_IMPOSSIBLE[name]}"
    if name == "host":
        return None if all(value.split(",")) else "takes a host between two commas"
    if name == "port":
        return None if all(map(_is_port, value.split(","))) else "takes a port from 1 to 65535"
    if name == "connect_timeout":
        return None if value.isascii() and value.isdigit() else "takes a connect_timeout in whole seconds"
    if name in PASSED_ON or name in ("sslmode", "ssl") or name.lower() in _ASIDE:
        return None
    shown = f" {name}" if _NAME_CHARACTERS.issuperset(name) and 0 < len(name) <= _LONGEST_SHOWN else ""
    return (
        f"has an unknown option{shown}; remove it, or write a setting of the server as options=-c%20NAME%3DVALUE,"
        " and quote / # ? @ in the password as %2F %23 %3F %40"
    )


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _PORT_LIMIT


def is_for_the_driver(name: str) -> bool:
    """Whether the driver takes an option as it is."""
    return name in PASSED_ON or name in _CHOICES or name == "port"
