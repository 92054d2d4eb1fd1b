"""A database URL as arguments of the driver: what it knows is handed on, the rest is translated or left out."""

from __future__ import annotations

import shutil
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.errors import StoreRefused
from app.store.address import connect_arguments
from app.store.database import Database
from tests.support.certificates import make_certificate
from tests.support.embedded import unprivileged
from tests.support.postgres import temporary_folder
from tests.support.postgres_server import binaries, postgres_server

URL = "postgresql://ann:made-up@db.example:5432/memory"


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


def arguments(options: str) -> dict[str, Any]:
    return connect_arguments(f"{URL}?{options}")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("sslmode=require&pgbouncer=true&connection_limit=5", "?sslmode=require"),
        ("ssl=true", "?sslmode=require"),
        ("schema=public", ""),
        ("application_name=x&keepalives=1", ""),
        ("options=-c%20search_path%3Da", "?options=-c%20search_path%3Da"),
        ("user=me@server&password=a+b", "?user=me%40server&password=a%2Bb"),
        ("channel_binding=prefer", ""),
        ("sslmode=disable", "?sslmode=disable"),
        ("", ""),
    ],
)
def test_the_driver_gets_what_it_knows(options: str, kept: str) -> None:
    assert arguments(options) == {"dsn": f"{URL}{kept}"}


def test_a_url_without_a_host_stays_one() -> None:
    url = "postgresql:///memory?host=%2Fsocket"

    assert connect_arguments(url) == {"dsn": url}


@pytest.mark.parametrize(("options", "expected"), [("connect_timeout=12", 12.0), ("connect_timeout=0", None)])
def test_the_urls_own_time_limit_is_used(options: str, expected: float | None) -> None:
    assert arguments(options).get("timeout") == expected


@pytest.mark.parametrize(
    "options",
    [
        "sslmode=verify-full",
        "sslmode=verify-full&sslrootcert=system",
        "sslrootcert=system",
        "sslmode=require&sslrootcert=system",
        "sslmode=require&channel_binding=require",
        "sslaccept=strict",
    ],
)
def test_a_server_that_must_prove_itself_is_checked_by_the_systems_authorities(options: str) -> None:
    found = arguments(options)

    assert found["dsn"] == URL
    assert found["ssl"].verify_mode is ssl.CERT_REQUIRED
    assert found["ssl"].check_hostname
    assert found["ssl"].minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("options", ["sslmode=require", "sslmode=prefer&channel_binding=disable", "sslmode=allow"])
def test_a_weaker_mode_is_left_to_the_driver(options: str) -> None:
    assert "ssl" not in arguments(options)


def test_on_a_socket_there_is_no_tls_to_check() -> None:
    assert "ssl" not in connect_arguments("postgresql://u@/d?host=/socket&sslmode=verify-full&channel_binding=require")


def test_a_file_of_authorities_goes_before_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    assert "ssl" not in arguments(f"sslmode=verify-full&sslrootcert={authority}")

    monkeypatch.setenv("PGSSLROOTCERT", str(authority))
    assert "ssl" not in arguments("sslmode=verify-full")
    monkeypatch.delenv("PGSSLROOTCERT")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert "ssl" not in arguments("sslmode=verify-full")


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreRefused, match=rf"DATABASE_URL: the file of {name} cannot be read \(No such file"):
        arguments(f"{name}={tmp_path}/missing")


def test_a_certificate_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("no certificate")

    with pytest.raises(StoreRefused, match="files of certificates cannot be used"):
        arguments(f"sslmode=verify-full&sslcert={tmp_path}/own.pem")


async def test_a_database_is_opened_by_the_url_of_another_client(server_url: str) -> None:
    url = f"{server_url}?sslmode=prefer&schema=public&pgbouncer=true&connect_timeout=10&options=-c%20work_mem%3D8MB"
    database = Database(connect_arguments(url))
    await database.open()
    try:
        async with database.as_service() as connection:
            assert await connection.fetchval("show work_mem") == "8MB"
    finally:
        await database.close()


async def test_a_mode_that_the_server_does_not_have_is_said(server_url: str) -> None:
    for options in ("sslmode=require", "channel_binding=require"):
        with pytest.raises(StoreRefused, match=r"refuses TLS, which sslmode or channel_binding in DATABASE_URL"):
            await Database(connect_arguments(f"{server_url}?{options}")).open()


async def test_authorities_that_are_missing_are_said(server_url: str) -> None:
    with pytest.raises(StoreRefused, match=r"DATABASE_URL: root certificate file .* does not exist") as caught:
        await Database(connect_arguments(f"{server_url}?sslmode=verify-ca")).open()

    assert isinstance(caught.value.__cause__, asyncpg.ClientConfigurationError)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
async def test_a_host_that_is_none_is_said_without_it(host: str) -> None:
    with pytest.raises(StoreRefused, match="DATABASE_URL cannot be used") as caught:
        await Database(connect_arguments(f"postgresql://u:made-up@{host}/d?sslmode=disable")).open()

    assert host not in str(caught.value)


async def test_a_certificate_is_checked_as_far_as_the_mode_asks(tmp_path: Path) -> None:
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql-15")
    own = temporary_folder()
    certificate = make_certificate(own, datetime.now(UTC) + timedelta(days=2))
    for path in (own, certificate):
        unprivileged().give(path)
    certificate.chmod(0o600)
    authority = tmp_path / "authority.pem"
    authority.write_bytes(certificate.read_bytes())
    files = {"ssl_cert_file": str(certificate), "ssl_key_file": str(certificate)}
    with postgres_server(ssl="on", **files) as server:
        for options in ("sslmode=require", f"sslmode=verify-ca&sslrootcert={authority}"):
            database = Database(connect_arguments(f"{server.url()}?{options}"))
            await database.open()
            await database.close()
        for options in ("sslmode=verify-full", "sslrootcert=system", "channel_binding=require&sslmode=require"):
            with pytest.raises(StoreRefused, match=r"certificate is not trusted \(.*put sslrootcert=FILE"):
                await Database(connect_arguments(f"{server.url()}?{options}")).open()
        with pytest.raises(StoreRefused, match="certificate is not trusted"):  # it is for another name
            await Database(connect_arguments(f"{server.url()}?sslmode=verify-full&sslrootcert={authority}")).open()
    shutil.rmtree(own)
