"""Options of a database URL: those of providers and other clients are kept or set aside, others are named."""

from __future__ import annotations

import pytest

from app.errors import InvalidSettings
from app.settings.database_options import problem, ssl_mode
from app.settings.loading import load_settings
from app.settings.values import url_options

URL = "postgresql://ann:made-up@db.example:5432/memory"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param("sslmode=require&channel_binding=require", id="Neon"),
        pytest.param("sslmode=require&options=endpoint%3Dep-cool-1", id="Neon, for clients without SNI"),
        pytest.param("pgbouncer=true&connection_limit=1&pool_timeout=20&connect_timeout=15", id="Supabase for Prisma"),
        pytest.param("sslmode=require&supa=base-pooler.x", id="Supabase on Vercel"),
        pytest.param("workaround=supabase-pooler.vercel", id="Vercel"),
        pytest.param("schema=public&sslaccept=strict&statement_cache_size=0&socket_timeout=5", id="Prisma"),
        pytest.param("sslmode=require&pool=true", id="Prisma Postgres"),
        pytest.param("sslmode=verify-full&sslrootcert=system", id="libpq with the system's authorities"),
        pytest.param("sslmode=no-verify", id="node-postgres"),
        pytest.param("uselibpqcompat=true&sslmode=require", id="node-postgres as libpq"),
        pytest.param("ssl=true&ApplicationName=x&prepareThreshold=0&currentSchema=public", id="JDBC"),
        pytest.param("pool_max_conns=10&default_query_exec_mode=exec", id="pgx"),
        pytest.param("keepalives=1&keepalives_idle=30&tcp_user_timeout=1000&gssencmode=disable", id="libpq's sockets"),
        pytest.param("application_name=x&client_encoding=utf8&load_balance_hosts=disable", id="libpq's names"),
        pytest.param("target_session_attrs=read-write&sslnegotiation=direct&sslmode=require", id="libpq's servers"),
        pytest.param("ssl_min_protocol_version=TLSv1.3&sslcompression=0&sslsni=1", id="libpq's TLS"),
        pytest.param("sslmode", id="without a value"),
        pytest.param("&sslmode=disable&", id="without an option"),
        pytest.param("host=/socket&port=5433&user=me@server&password=a+b", id="libpq's socket"),
        pytest.param("", id="none"),
    ],
)
def test_options_of_providers_and_other_clients_are_taken(options: str) -> None:
    settings = load_settings({"database_url": f"{URL}?{options}"})

    assert settings.database_url is not None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("sslmod=require", r"has an unknown option sslmod; remove it, or .*options=-c%20NAME%3DVALUE"),
        ("statement_timeout=5000", "has an unknown option statement_timeout"),
        ("sslmode=strict", "takes an sslmode of disable, allow, prefer, require, verify-ca, verify-full"),
        ("ssl=maybe", "takes an sslmode of disable"),
        ("sslmode=disable&sslrootcert=system", "takes sslmode=verify-full beside sslrootcert=system, not disable"),
        ("sslnegotiation=direct", "takes sslmode=require or verify-full beside sslnegotiation=direct"),
        ("sslnegotiation=tls", "takes a sslnegotiation of postgres, direct"),
        ("channel_binding=maybe", "takes a channel_binding of disable, prefer, require"),
        ("connect_timeout=soon", "takes a connect_timeout in whole seconds"),
        ("host=a,,b", "takes a host between two commas"),
        ("port=no", "takes a port from 1 to 65535"),
        ("port=5432,70000", "takes a port from 1 to 65535"),
        ("gssencmode=require", "has a gssencmode that this driver cannot keep to; remove it"),
        ("replication=database", "has a replication that this driver cannot keep to"),
        ("requirepeer=postgres", "has the option requirepeer, which this driver cannot keep to; remove it"),
        ("hostaddr=10.0.0.1", "has the option hostaddr, .*; write the address as the host"),
    ],
)
def test_an_option_that_cannot_be_kept_is_named_with_what_to_do(options: str, says: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"DATABASE_URL: got \*\*\*, {says}"):
        load_settings({"database_url": f"{URL}?{options}"})


def test_a_piece_of_a_password_that_looks_like_an_option_is_not_shown() -> None:
    assert "s3cr!t" not in str(problem({"s3cr!t": "x"}))
    assert "x" * 41 not in str(problem({"x" * 41: "x"}))


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        *((f"sslmode={mode}", mode) for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
        *((f"sslmode={word}", "verify-full") for word in ("verify_full", "VerifyFull", "VERIFY-FULL")),
        *((f"sslmode={word}", "require") for word in ("REQUIRE", "no-verify")),
        *((f"ssl={word}", "require") for word in ("true", "1", "require")),
        *((f"ssl={word}", "disable") for word in ("false", "0")),
        ("sslmode=verify-full&ssl=false", "verify-full"),
        ("sslaccept=strict", "verify-full"),
        ("sslaccept=accept_invalid_certs", "require"),
        ("requiressl=1", "require"),
        ("requiressl=0", None),
        ("", None),
    ],
)
def test_every_clients_word_for_tls_is_understood(options: str, mode: str | None) -> None:
    assert ssl_mode(url_options(f"{URL}?{options}")) == mode
