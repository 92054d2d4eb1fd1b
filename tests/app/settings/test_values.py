"""What a setting may be: addresses, lists, schedules, tokens; a secret is never shown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import InvalidSettings
from app.settings.fields import Settings
from app.settings.loading import load_settings

SECRET = "-".join(["made", "up"])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://Memory.example.com", "https://memory.example.com"),
        ("https://memory.example.com/", "https://memory.example.com"),
        ("https://memory.example.com:443", "https://memory.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_the_public_address_is_an_origin(value: str, kept: str) -> None:
    assert load_settings({"public_url": value}).public_url == kept


@pytest.mark.parametrize("value", ["http://memory.example.com", "https://a.example/memory", "https://a.example?x", "x"])
def test_a_public_address_without_tls_or_with_a_path_is_refused(value: str) -> None:
    with pytest.raises(InvalidSettings, match="PUBLIC_URL"):
        load_settings({"public_url": value})


@pytest.mark.parametrize(
    "host", ["memory example", "memory.example.org {", "*.example.org", "a%zz.org", "a.org\\x", "$HOME"]
)
def test_a_host_that_the_metadata_of_sign_in_could_not_name_is_refused_before_a_server_starts(host: str) -> None:
    with pytest.raises(InvalidSettings, match=r"PUBLIC_URL: got .*, takes a URL such as"):
        load_settings({"public_url": f"https://{host}"})


@pytest.mark.parametrize("host", ["memory", "ex_ample.org", "10.0.0.1:8443", "[fd00::2]:8443", "m\u00fcnchen.example"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert load_settings({"public_url": f"https://{host}"}).public_url == f"https://{host}"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}/x@h/d",
        f"postgresql://u:{SECRET}#x@h/d",
        f"postgresql://u:{SECRET}?x@h/d",
        f"postgresql://u:x@{SECRET}@h/d",
        f"postgresql://u:1/{SECRET}@h/d",
        f"postgresql://u:1?{SECRET}@h/d",
        f"postgresql://u:1#{SECRET}@h/d",
        f"postgresql://u:p@h:{SECRET}/d",
        f"postgresql://u:[{SECRET}@h/d",
        f"postgresql://u:\u2100{SECRET}@h/d",
        f"postgresql://u:{SECRET}@h1,,h2/d",
    ],
)
def test_a_password_that_is_not_quoted_is_refused_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(InvalidSettings, match=r"DATABASE_URL: got \*\*\*, takes a URL such as .* %2F") as caught:
        load_settings()

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///db?host=/socket",
        "postgresql://u@/db?host=/socket&port=5433",
        "postgres://u:a%2F%23%3F%40b@h:5432/d?sslmode=require",
        "postgresql://u:p@h1:5432,h2:5433/d",
        "postgresql://[::1]:5432/d?user=me@server",
        "postgresql://h",
    ],
)
def test_database_urls_that_are_taken(url: str) -> None:
    settings = load_settings({"database_url": url})

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(" {}\n", id="white space"),
        pytest.param("'{}'", id="quotes, as docker --env-file keeps them"),
        pytest.param("psql '{}'", id="the command that Neon shows"),
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "POSTGRESQL+psycopg2"])
def test_what_surrounds_a_database_url_where_it_was_copied_is_no_part_of_it(form: str, scheme: str) -> None:
    settings = load_settings({"database_url": form.format(f"{scheme}://u:P%2F@h/d?sslmode=require")})

    assert settings.database_url is not None
    plain = scheme.lower().partition("+")[0]
    assert settings.database_url.get_secret_value() == f"{plain}://u:P%2F@h/d?sslmode=require"


def test_an_address_of_prismas_own_protocol_is_refused_with_what_to_take() -> None:
    with pytest.raises(InvalidSettings, match=r"Prisma's own protocol; take the direct one"):
        load_settings({"database_url": "prisma+postgres://accelerate.prisma-data.net/?api_key=made-up"})


@pytest.mark.parametrize("name", ["QDRANT_URL", "EMBEDDING_BASE_URL", "DASHSCOPE_BASE_URL", "MEMU_BASE_URL"])
@pytest.mark.parametrize("url", ["https://u:{}@h", "https://{}@h/v1", "https://u:{}/x@h", "u:{}@h", "https://u:1/{}@h"])
def test_a_url_with_a_password_is_refused_and_not_shown(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, url.format(SECRET))
    with pytest.raises(InvalidSettings, match=rf"{name}: got \*\*\*, takes a URL") as caught:
        load_settings()

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["https://", "http://h:port", "http://h:99999", "http://[::1"])
def test_a_url_without_a_usable_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match=r"takes a URL such as https://host"):
        load_settings({"qdrant_url": url})


def test_nodes_of_a_cluster_are_each_checked() -> None:
    assert load_settings({"qdrant_url": "http://a:6333/, http://b:6333"}).qdrant_url == "http://a:6333,http://b:6333"
    for wrong in (",", "http://a:6333,b:6333"):
        with pytest.raises(InvalidSettings, match=r"QDRANT_URL: .*takes a URL that begins"):
            load_settings({"qdrant_url": wrong})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", "")),
    ],
)
def test_only_this_machines_own_addresses_are_loopback(host: str, loopback: bool) -> None:
    assert load_settings({"host": host}).on_loopback is loopback


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example , b.example,")

    assert load_settings().allowed_hosts == ["a.example", "b.example"]


@pytest.mark.parametrize("value", ["15 3 * * *", "*/5 * * * 1-5", "off", "OFF"])
def test_schedules_are_cron_expressions_or_off(value: str) -> None:
    settings = Settings(_env_file=None, maintenance_schedule=value, schedule_timezone="Asia/Shanghai")

    assert settings.maintenance_schedule.lower() == value.lower()


@pytest.mark.parametrize(
    "wrong",
    [{"maintenance_schedule": one} for one in ("nightly", "61 * * * *", "* * *", "0 0 31 2 *")]
    + [{"schedule_timezone": one} for one in ("Mars/Olympus", "/etc/passwd", "..")],
)
def test_what_no_calendar_knows_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="takes"):
        Settings(_env_file=None, **wrong)


def test_a_secret_that_is_too_short_is_told_in_characters_and_not_shown() -> None:
    with pytest.raises(InvalidSettings, match=r"ALERTS_TOKEN: takes at least 16 characters$") as caught:
        load_settings({"alerts_token": "short-one"})
    assert "short-one" not in str(caught.value)
