"""Settings: where a value comes from, what is wrong with it, and who may see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import InvalidSettings
from app.settings.fields import Settings, secret_names
from app.settings.loading import load_settings
from app.settings.shown import Origin, describe

CONTRACT = """
MEMU_API_KEY MEMU_BASE_URL LOG_LEVEL MCP_SERVER_NAME DEFAULT_USER_ID DEFAULT_AGENT_ID MAX_CONVERSATION_LENGTH
RATE_LIMIT_PER_MINUTE MAX_RETRY_ATTEMPTS WORKER_RESTART_DELAY RENDER_DEPLOYMENT API_MODE ENABLE_CORS
DASHSCOPE_API_KEY DASHSCOPE_BASE_URL FC_SERVER_PORT FC_RUNTIME PORT MEMORY_DATA_DIR MEMORY_BACKEND DATABASE_URL
QDRANT_URL QDRANT_API_KEY EMBEDDING_MODEL EMBEDDING_BASE_URL EMBEDDING_API_KEY HOST METRICS_PORT AUTH
ALLOWED_HOSTS ALLOWED_ORIGINS LOG_FORMAT REPLY_TOKEN_BUDGET REDACT_SECRETS
"""
SECRET = "-".join(["made", "up"])


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        for form in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(form, raising=False)


def test_every_setting_of_the_contract_is_there() -> None:
    assert {name.upper() for name in Settings.model_fields} >= set(CONTRACT.split())


def test_keys_and_the_database_are_secret() -> None:
    assert set(secret_names()) == {
        "DATABASE_URL",
        "QDRANT_API_KEY",
        "EMBEDDING_API_KEY",
        "DASHSCOPE_API_KEY",
        "MEMU_API_KEY",
        "MEMORY_TOKEN",
        "ALERTS_TOKEN",
        "ADMIN_DATABASE_URL",
        "ADMIN_TOKEN",
        "BACKUP_PASSPHRASE",
        "BACKUP_S3_ACCESS_KEY_ID",
        "BACKUP_S3_SECRET_ACCESS_KEY",
        "ALERTS_DINGTALK_URL",
        "ALERTS_DINGTALK_SECRET",
        "ALERTS_FEISHU_URL",
        "ALERTS_FEISHU_SECRET",
        "ALERTS_SLACK_URL",
        "ALERTS_WEBHOOK_URL",
        "ALERTS_WEBHOOK_SECRET",
        "ALERTS_SMTP_PASSWORD",
        "OPENID_CLIENT_SECRET",
    }


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


def test_flag_environment_file_dotenv_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key() -> tuple[str | None, Origin]:
        settings = load_settings()
        [row] = [row for row in describe(settings) if row.name == "QDRANT_API_KEY"]
        value = settings.qdrant_api_key
        return (None if value is None else value.get_secret_value()), row.origin

    assert key() == (None, Origin.DEFAULT)
    (tmp_path / ".env").write_text("QDRANT_API_KEY=from-dotenv\nPORT=9001\n")
    assert key() == ("from-dotenv", Origin.DOTENV)
    (tmp_path / "secret").write_text("from-file\n")
    monkeypatch.setenv("QDRANT_API_KEY_FILE", str(tmp_path / "secret"))
    assert key() == ("from-file", Origin.FILE), "the line's end is not part of it"
    monkeypatch.setenv("QDRANT_API_KEY", "from-environment")
    assert key() == ("from-environment", Origin.ENVIRONMENT)

    flags = {"port": "9002", "host": None}
    settings = load_settings(flags)
    assert settings.port == 9002
    assert [row.origin for row in describe(settings, flags) if row.name == "PORT"] == [Origin.FLAG]


def test_port_goes_over_the_port_of_function_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8000
    monkeypatch.setenv("FC_SERVER_PORT", "9000")
    assert load_settings().port == 9000
    monkeypatch.setenv("PORT", "9001")
    assert load_settings().port == 9001


def test_wrong_values_come_in_one_message_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "70000")
    monkeypatch.setenv("AUTH", "maybe")
    monkeypatch.setenv("DATABASE_URL", f"mysql://u:{SECRET}@h/d")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    message = str(caught.value)
    assert message.startswith("3 wrong settings: ")
    for part in ("PORT: got '70000'", "AUTH: got 'maybe'", "DATABASE_URL: got ***", "postgresql://"):
        assert part in message
    assert SECRET not in message
    assert "\n" not in message


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


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMU_API_KEY_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(InvalidSettings, match=r"MEMU_API_KEY_FILE: .*nowhere"):
        load_settings()


def test_secret_files_that_cannot_be_read_hide_no_other_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    monkeypatch.setenv("MEMU_API_KEY_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "binary"))
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    message = str(caught.value)
    assert message.startswith("3 wrong settings: ")
    for part in ("MEMU_API_KEY_FILE: ", "No such file", "DATABASE_URL_FILE: ", "not UTF-8", "PORT: got 'x'"):
        assert part in message


def test_the_table_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in secret_names():
        is_web = name.startswith("ALERTS_") and name.endswith("_URL")
        monkeypatch.setenv(name, f"https://h/{SECRET}" if is_web else f"postgresql://u:{SECRET}@h/d")
    token = f"cm_{SECRET:x<43}"
    monkeypatch.setenv("ADMIN_TOKEN", token)  # which has a form of its own
    settings = load_settings()
    rows = describe(settings)

    assert SECRET not in repr(rows) + repr(settings) + str(settings)
    assert {row.value for row in rows if row.secret} == {"***"}


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ({}, 0),
        ({"auth": "required"}, 60),
        ({"host": "0.0.0.0"}, 60),
        ({"rate_limit_per_minute": 5}, 5),
        ({"host": "0.0.0.0", "rate_limit_per_minute": 0}, 0),
    ],
)
def test_on_loopback_without_tokens_there_is_no_rate_limit(values: dict[str, object], limit: int) -> None:
    assert load_settings(values).requests_per_minute == limit


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
def test_what_no_calendar_knows_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="takes"):
        Settings(_env_file=None, **wrong)


@pytest.mark.parametrize(
    ("values", "drain_s"),
    [({}, 0.0), ({"database_url": "postgresql://u@h/d"}, 2.0), ({"drain_seconds": 1.5}, 1.5)],
)
def test_only_beside_others_a_server_drains_before_it_stops(values: dict[str, object], drain_s: float) -> None:
    assert Settings(_env_file=None, **values).drain_s == drain_s


def test_a_secret_that_is_too_short_is_told_in_characters_and_not_shown():
    with pytest.raises(InvalidSettings, match=r"ALERTS_TOKEN: takes at least 16 characters$") as caught:
        load_settings({"alerts_token": "short-one"})
    assert "short-one" not in str(caught.value)
