"""Everything the app reads from its environment: each setting once, with type, default, secrecy and help.

Order of precedence: command-line flag, environment, file named by NAME_FILE (secrets), `.env`, default.
`app.process.boot` reads HOST and the port by itself before this module is loaded, by the same names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.datadir.folder import data_directory
from app.errors import InvalidSettings, shown

DEFAULT_PORT = 8000
BACKUP_TOO_OLD_HOURS = 36  # one night was missed, and half a day has gone by; alert rules take it from here
ACCESS_TOKEN = r"cm_[A-Za-z0-9_-]{43}"  # noqa: S105 - its form: 32 random bytes
OFF = "off"


class Auth(StrEnum):
    """When a caller must show a token."""

    AUTO = "auto"  # on loopback nobody; beyond loopback the server refuses to start
    REQUIRED = "required"  # everybody
    OFF = "off"  # nobody, wherever it listens: set by hand only


class SmtpSecurity(StrEnum):
    """How a connection to a mail server is encrypted."""

    STARTTLS = "starttls"  # begins in clear and changes over; port 587
    TLS = "tls"  # from the start; port 465
    OFF = "off"  # not at all: for a relay on this machine or in a private network; port 25


class Origin(StrEnum):
    """Where a setting's value came from."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"  # the file that NAME_FILE names
    DOTENV = ".env"
    DEFAULT = "default"


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without brackets, is this machine's own."""
    if host.lower() in ("localhost", "ip6-localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: Any) -> Any:
    """Turn `a, b` into ["a", "b"]: lists are written with commas in an environment."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def http_url(value: str) -> str:
    """Check a URL and return it without a slash at its end. Raises ValueError."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("takes a URL that begins with http:// or https://")
    if "@" in value:  # it would be shown in tables and logs
        raise ValueError("takes a URL without user:password@; an @ elsewhere is written %40")
    try:
        has_host = bool(urlsplit(value).hostname)
        _ = urlsplit(value).port
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError("takes a URL such as https://host:8000/path")
    return value.rstrip("/")


def _http_urls(value: str) -> str:
    """Take one URL or several, with commas between. Raises ValueError."""
    return ",".join(http_url(one) for one in _split(value) or [value])


def _secret_http_url(value: SecretStr) -> SecretStr:
    """Take a URL with a key in it, such as chat rooms give out."""
    http_url(value.get_secret_value())
    return value


def _over_tls(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("takes a URL that begins with https://; secrets go there")
    return value


def _without_path(value: str) -> str:
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment:
        raise ValueError("takes a URL without a path, such as https://memory.example.com")
    return value.lower().removesuffix(":443" if parts.scheme == "https" else ":80")


def _postgres_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("takes a URL that begins with postgresql://")
    if not _is_clear(text):
        raise ValueError(
            "takes a URL such as postgresql://user:password@host:5432/name;"
            " quote / # ? @ in the password as %2F %23 %3F %40"
        )
    return value


def _is_clear(url: str) -> bool:
    """Whether a database URL has one reading: a piece of a password never ends up as a port, a path or a query.

    The driver would name such a piece in its error. Several hosts with a comma between them are one reading.
    """
    try:
        parts = urlsplit(url)
        user, _, hosts = parts.netloc.rpartition("@")
        for host in hosts.split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError:  # its message has the text
        return False
    name = parts.query.partition("@")[0]
    in_query = "@" in parts.query and "=" not in name
    return not ("@" in user + parts.path or in_query or parts.fragment)


def url_passwords(url: str) -> set[str]:
    """Return the password inside a database URL, as it is written there and as it is meant."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    options = (option.partition("=") for option in parts.query.split("&"))
    found = [parts.netloc.rpartition("@")[0].partition(":")[2]]
    found += [value for name, _, value in options if name == "password"]
    return {form for password in found if password for form in (password, unquote(password))}


def _cron_expression(value: str) -> str:
    from cronsim import CronSim, CronSimError

    if value.lower() == OFF:
        return OFF
    try:
        next(CronSim(value, datetime.now(UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("takes a cron expression such as `15 3 * * *`, or off") from None
    return value


def _time_zone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        raise ValueError("takes the name of a time zone such as UTC or Asia/Shanghai") from None
    return value


def access_token(value: SecretStr) -> SecretStr:
    """Refuse what no access token looks like."""
    if not re.fullmatch(ACCESS_TOKEN, value.get_secret_value()):
        raise ValueError(
            "takes cm_ and 43 letters, digits, - and _:"
            " `echo cm_$(openssl rand -base64 32 | tr +/ -_ | tr -d =)` makes one"
        )
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
HttpUrls = Annotated[str, AfterValidator(_http_urls)]
SecretHttpUrl = Annotated[SecretStr, AfterValidator(_secret_http_url)]
TlsUrl = Annotated[HttpUrl, AfterValidator(_over_tls)]
PublicUrl = Annotated[TlsUrl, AfterValidator(_without_path)]
CronExpression = Annotated[str, AfterValidator(_cron_expression)]
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda value: str(value).upper())]
MailAddress = Annotated[str, Field(max_length=320, pattern=r"^[^\s@<>,;:\"\x00-\x1f]+@[^\s@<>,;:\"\x00-\x1f]+$")]
PlainName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Settings(BaseSettings):
    """The settings; a field's name in capitals is its name in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, case_sensitive=False
    )

    # Where it listens
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(DEFAULT_PORT, ge=0, le=65_535, description="HTTP port; 0 takes a free one")
    fc_server_port: int | None = Field(
        None, ge=1, le=65_535, description="port given by Function Compute, used where PORT is not set"
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65_535, description="serves /metrics and /health there, and takes /metrics off the public port"
    )
    mcp_server_name: PlainName = Field("claude-memory", description="name shown to MCP clients")

    # Who may use it
    auth: Auth = Field(Auth.AUTO, description="when a token is asked for: auto, required, off")
    admin_token: Annotated[SecretStr, AfterValidator(access_token)] | None = Field(
        None,
        description="an access token of your own making, which `init` makes valid for DEFAULT_USER_ID: with it a"
        " deployment has one before its first start",
    )
    allowed_hosts: CommaList = Field(
        default_factory=list, description="host names clients may use, beside loopback; comma between them"
    )
    allowed_origins: CommaList = Field(
        default_factory=list, description="web origins that may call, beside loopback; comma between them"
    )
    enable_cors: bool = Field(
        False, description="lets web pages of loopback and ALLOWED_ORIGINS read the answers (CORS)"
    )
    rate_limit_per_minute: int | None = Field(
        None, ge=0, description="requests a minute of one token; 0: no limit; unset: 60, on loopback without tokens 0"
    )
    default_user_id: PlainName = Field(
        "default", description="the user of callers without a token; a client over stdio has its own"
    )
    default_agent_id: PlainName = Field(
        "claude", description="the agent noted on memories; where it is not set, the name the client gives itself"
    )

    # Sign-in of remote clients (OAuth)
    public_url: PublicUrl | None = Field(
        None, description="https address under which clients reach the server; set: they can sign in there"
    )
    oauth_access_token_minutes: int = Field(
        60, ge=1, le=1_440, description="how long a client's access token lasts before it has to be refreshed"
    )
    oauth_refresh_token_days: int = Field(
        30, ge=1, le=366, description="days without use after which a client must be allowed anew"
    )
    oauth_unused_client_hours: int = Field(
        24, ge=1, le=8_760, description="hours after which a client that registered and was never allowed is forgotten"
    )
    oauth_registrations_per_minute: int = Field(
        60, ge=1, description="clients that may register in a minute from one address"
    )
    openid_issuer: TlsUrl | None = Field(
        None, description="OpenID provider where users may prove who they are, beside showing a token"
    )
    openid_client_id: str | None = Field(None, min_length=1, description="this server's client id at that provider")
    openid_client_secret: SecretStr | None = Field(None, description="this server's client secret at that provider")
    openid_user_claim: str = Field("email", min_length=1, description="claim that becomes the name of the user")
    openid_allowed_users: CommaList = Field(
        default_factory=list,
        description="users the provider may vouch for: names, @domain for all of a domain, * for all",
    )

    # What it keeps, and where
    memory_data_dir: Path | None = Field(
        None, description="data directory; unset: the platform's user data folder, for root /var/lib/claude-memory"
    )
    memory_backend: Literal["local", "memu"] = Field("local", description="where memories live: local, memu")
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL server; unset: the embedded one"
    )
    admin_database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="the same server as somebody who may create roles and databases: for init and verify only"
    )
    qdrant_url: HttpUrls | None = Field(
        None,
        description="Qdrant server, or nodes of one cluster with commas between: when one is away, the next is asked;"
        " unset: the embedded index",
    )
    qdrant_api_key: SecretStr | None = Field(None, description="key of the Qdrant server")
    qdrant_collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = Field(
        "claude_memory", description="alias of the live collection, and how all collections' names begin"
    )
    qdrant_shards: int = Field(1, ge=1, le=1_000, description="shards of a collection, or of each shard key")
    qdrant_shard_keys: int = Field(
        0, ge=0, le=1_000, description="shard keys the users are spread over; needs a Qdrant cluster; 0: none"
    )
    qdrant_replication_factor: int = Field(1, ge=1, le=100, description="copies of each shard")
    qdrant_write_consistency_factor: int = Field(
        1, ge=1, le=100, description="copies that must have a write before it counts as written"
    )
    qdrant_quantize_from: int = Field(
        100_000, ge=0, description="points from which dense vectors are held as bytes in memory; 0: never"
    )
    qdrant_on_disk: bool = Field(False, description="keeps vectors and their indexes on disk, to save memory")
    max_conversation_length: int = Field(
        8_000, ge=200, le=100_000, description="longest piece kept as one memory, in characters; longer text is split"
    )
    quota_memories: int = Field(
        0, ge=0, description="memories a user may keep, unless it has its own quota; 0: no limit"
    )
    quota_bytes: int = Field(
        0, ge=0, description="bytes of text a user may keep, unless it has its own quota; 0: no limit"
    )
    cleanup_days: int = Field(
        60, ge=1, le=36_500, description="days after which maintenance deletes what is archived, revoked or left over"
    )
    redact_secrets: bool = Field(True, description="replaces what looks like a credential before storing")
    reply_token_budget: int = Field(8_000, ge=500, le=100_000, description="tokens of the longest reply of a tool")

    # Embeddings
    embedding_model: PlainName | None = Field(
        None,
        description="model that turns texts into vectors, such as text-embedding-v4; unset: search goes by words alone"
        " and no text leaves the machine",
    )
    embedding_base_url: HttpUrl | None = Field(
        None, description="OpenAI-compatible service that has the model; unset: DashScope"
    )
    embedding_api_key: SecretStr | None = Field(None, description="key of the embedding service, where it wants one")
    embedding_dimensions: int | None = Field(
        None,
        ge=8,
        le=4_096,
        description="length of the vectors, where a model offers a choice; unset: the model's own",
    )
    embedding_query_prefix: str = Field(
        "", max_length=200, description="put before a question, for models that want it: E5 wants `query: `"
    )
    embedding_passage_prefix: str = Field(
        "", max_length=200, description="put before a memory, for models that want it: E5 wants `passage: `"
    )
    dashscope_api_key: SecretStr | None = Field(
        None, description="key of DashScope, used there where EMBEDDING_API_KEY is not set"
    )
    dashscope_base_url: HttpUrl = Field(
        "https://dashscope.aliyuncs.com/compatible-mode/v1", description="DashScope's OpenAI-compatible address"
    )

    # Backups
    backup_to: str | None = Field(
        None,
        description="where the worker's backups go: a directory or s3://bucket/prefix; unset: it makes none",
    )
    backup_schedule: CronExpression = Field(
        "0 2 * * *", description="when the worker backs up, as a cron expression; off: never"
    )
    backup_passphrase: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        None, description="encrypts backups and opens encrypted ones; whoever loses it loses them"
    )
    backup_keep_daily: int = Field(7, ge=0, description="days of which the newest backup is kept")
    backup_keep_weekly: int = Field(5, ge=0, description="weeks of which the newest backup is kept")
    backup_keep_monthly: int = Field(12, ge=0, description="months of which the newest backup is kept")
    backup_s3_endpoint: HttpUrl | None = Field(None, description="S3-compatible store of backups; unset: Amazon's")
    backup_s3_region: str = Field("us-east-1", min_length=1, description="region of that store")
    backup_s3_access_key_id: SecretStr | None = Field(
        None, description="access key of that store; unset: as Amazon's tools find it"
    )
    backup_s3_secret_access_key: SecretStr | None = Field(None, description="secret of that access key")
    backup_s3_path_style: bool = Field(
        True, description="names the bucket in the path; off: in the host name, as Alibaba Cloud OSS asks for"
    )

    # memU
    memu_api_key: SecretStr | None = Field(None, description="key of the memU service")
    memu_base_url: HttpUrl = Field("https://api.memu.so", description="address of the memU service")

    # Other servers
    memory_token: SecretStr | None = Field(None, description="token that `doctor` shows to a server elsewhere")

    # The alert receiver
    alerts_host: str = Field("127.0.0.1", description="address the alert receiver listens on")
    alerts_port: int = Field(8081, ge=0, le=65_535, description="port of the alert receiver; 0 takes a free one")
    alerts_token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="what its callers show, as bearer token or as password of any user; needed beyond loopback"
    )
    alerts_log_megabytes: float = Field(10, gt=0, le=10_000, description="size at which the alert log is rotated")
    alerts_log_files: int = Field(5, ge=1, le=1_000, description="files of the alert log that are kept")
    alerts_remind_minutes: float = Field(
        60, ge=0, description="minutes after which an alert that is sent again is forwarded again; 0: never"
    )
    alerts_give_up_hours: float = Field(
        24, gt=0, le=8_760, description="hours after which an alert that could not be forwarded is dropped"
    )
    alerts_dingtalk_url: SecretHttpUrl | None = Field(None, description="webhook of a DingTalk robot that gets alerts")
    alerts_dingtalk_secret: SecretStr | None = Field(None, description="its signing secret, which begins with SEC")
    alerts_feishu_url: SecretHttpUrl | None = Field(None, description="webhook of a Feishu bot that gets alerts")
    alerts_feishu_secret: SecretStr | None = Field(None, description="its signing secret")
    alerts_slack_url: SecretHttpUrl | None = Field(None, description="Slack incoming webhook that gets alerts")
    alerts_webhook_url: SecretHttpUrl | None = Field(
        None, description="any other webhook that gets alerts, in Alertmanager's form"
    )
    alerts_webhook_secret: SecretStr | None = Field(
        None, description="signs those calls (Standard Webhooks); Base64 where it begins with whsec_"
    )
    alerts_email_to: Annotated[list[MailAddress], NoDecode, BeforeValidator(_split)] = Field(
        default_factory=list, description="mail addresses that get alerts; comma between them"
    )
    alerts_email_from: MailAddress | None = Field(None, description="their sender")
    alerts_smtp_host: str | None = Field(None, min_length=1, description="mail server that takes them")
    alerts_smtp_port: int | None = Field(
        None, ge=1, le=65_535, description="its port; unset: 587 with starttls, 465 with tls, 25 with off"
    )
    alerts_smtp_security: SmtpSecurity = Field(SmtpSecurity.STARTTLS, description="starttls, tls, off")
    alerts_smtp_user: str | None = Field(None, min_length=1, description="name to sign in with")
    alerts_smtp_password: SecretStr | None = Field(None, description="password to sign in with")

    # How it runs
    daemon_idle_minutes: float = Field(
        15, ge=0, description="minutes after which a daemon nobody is connected to ends itself; 0: never"
    )
    drain_seconds: float | None = Field(
        None,
        ge=0,
        le=8,
        description="how long a stopping server still answers, not ready, so that proxies turn away;"
        " unset: 2 with DATABASE_URL, else 0",
    )
    log_level: LogLevel = Field("INFO", description="DEBUG, INFO, WARNING, ERROR")
    log_format: Literal["text", "json"] = Field("text", description="text, json")
    max_retry_attempts: int = Field(3, ge=0, le=20, description="tries of a call to an outside service")
    worker_restart_delay: float = Field(5.0, ge=0, le=3_600, description="seconds before a crashed worker starts again")
    maintenance_schedule: CronExpression = Field(
        "30 4 1 * *", description="when the worker runs `maintain`, as a cron expression; off: never"
    )
    schedule_timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC", description="time zone of the schedules, such as Asia/Shanghai"
    )
    render_deployment: bool = Field(False, description="set on Render: the worker logs a status line every minute")
    api_mode: Literal["full", "health"] = Field("full", description="full, or health: HTTP without the MCP endpoints")
    fc_runtime: str | None = Field(None, description="set on Function Compute")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _SecretFiles(settings_cls), dotenv_settings)

    @cached_property
    def data_dir(self) -> Path:
        """The data directory, made absolute; not created here."""
        return data_directory(self.memory_data_dir)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def drain_s(self) -> float:
        """The drain in force: without a database server there is no other replica that a proxy could turn to."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 0.0 if self.database_url is None else 2.0

    @property
    def requests_per_minute(self) -> int:
        """The rate limit in force; 0 is none."""
        if self.rate_limit_per_minute is not None:
            return self.rate_limit_per_minute
        return 0 if self.on_loopback and self.auth is not Auth.REQUIRED else 60


class ClientIdentity(BaseModel):
    """Who a client over stdio is, as its own environment says: two settings that each client has for itself."""

    default_user_id: PlainName | None = None
    default_agent_id: PlainName | None = None

    @classmethod
    def checked(cls, given: dict[str, Any]) -> Self:
        """Return what a bridge told. Raises InvalidSettings."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidSettings(_all_wrong(error)) from None


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for the content of a file that cannot be read; no setting takes it as its value."""

    why: str


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads each secret setting from the file that NAME_FILE names, without the line's end."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if not is_secret(field):
            return None, field_name, False
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            # an answer, not an exception: the other wrong settings are to be reported with it
            return _Unreadable(f"{field_name.upper()}_FILE: {path} cannot be read: {reason}"), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of `claude-memory settings`; `value` is `***` for a secret that is set."""

    name: str
    value: str
    origin: Origin
    default: str
    secret: bool
    help: str


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(field.annotation) or any("SecretStr" in str(part) for part in field.metadata)


def secret_names() -> tuple[str, ...]:
    """Names of all secret settings: the one list that redaction of logs and tables is derived from."""
    return tuple(name.upper() for name, field in Settings.model_fields.items() if is_secret(field))


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read and check all settings. `flags` holds field names with values, None where a flag was not given.

    Raises InvalidSettings with every wrong setting in one message.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise InvalidSettings(_all_wrong(error)) from None
    if settings.fc_server_port and "port" not in settings.model_fields_set:
        settings = settings.model_copy(update={"port": settings.fc_server_port})
    return settings


class _GivenSettings(Settings):
    """The same settings, read from nowhere but the call."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def check_given(values: Mapping[str, str]) -> list[str]:
    """Return one line for each wrong value of a setting, by its name in capitals; this environment plays no part."""
    try:
        _GivenSettings.model_validate({name.lower(): value for name, value in values.items()})
    except ValidationError as error:
        return _wrong_lines(error)
    return []


def _all_wrong(error: ValidationError) -> str:
    wrong = _wrong_lines(error)
    return f"{len(wrong)} wrong setting{'s' if len(wrong) > 1 else ''}: " + "; ".join(wrong)


def _wrong_lines(error: ValidationError) -> list[str]:
    secrets = secret_names()
    wrong = []
    for one in error.errors():
        if isinstance(one["input"], _Unreadable):
            wrong.append(one["input"].why)
            continue
        name = str(one["loc"][0]).upper()
        # somebody's password may stand before an @
        if one["type"] == "too_short":  # pydantic counts a secret's characters as items
            wrong.append(f"{name}: takes at least {one['ctx']['min_length']} characters")
            continue
        got = "***" if name in secrets or "@" in str(one["input"]) else shown(one["input"])
        wrong.append(
            f"{name}: got {got}, {one['msg'].removeprefix('Value error, ')[:1].lower()}"
            f"{one['msg'].removeprefix('Value error, ')[1:]}"
        )
    return wrong


def describe(settings: Settings, flags: Mapping[str, Any] | None = None) -> list[SettingRow]:
    """Return every setting with its value and origin, secrets hidden."""
    given = {name for name, value in (flags or {}).items() if value is not None}
    environment = {name.upper() for name, value in os.environ.items() if value}
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        secret = is_secret(field)
        rows.append(
            SettingRow(
                name=name.upper(),
                value="***" if secret and value is not None else plain(value),
                origin=_origin(name, given, environment, settings),
                default=plain(field.get_default(call_default_factory=True, validated_data={})),
                secret=secret,
                help=field.description or "",
            )
        )
    return rows


def _origin(name: str, flags: set[str], environment: set[str], settings: Settings) -> Origin:
    upper = name.upper()
    if name in flags:
        return Origin.FLAG
    if upper in environment or (name == "port" and "FC_SERVER_PORT" in environment):
        return Origin.ENVIRONMENT
    if f"{upper}_FILE" in environment and is_secret(Settings.model_fields[name]):
        return Origin.FILE
    return Origin.DOTENV if name in settings.model_fields_set else Origin.DEFAULT


def plain(value: Any) -> str:
    """Return a value as it is written in an environment."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(value)
    return str(value)
