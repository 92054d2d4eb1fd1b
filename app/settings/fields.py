"""Every setting once, with type, default, secrecy and help; a field's name in capitals is its name in the environment.

`app.process.boot` judges settings by `app.settings.table`, which is made from here, before this module is loaded.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.datadir.folder import data_directory
from app.settings.forms import is_loopback
from app.settings.sources import SecretFiles
from app.settings.values import (
    Auth,
    CommaList,
    CronExpression,
    HttpUrl,
    HttpUrls,
    LogLevel,
    MailAddress,
    PlainName,
    PublicUrl,
    SecretHttpUrl,
    SmtpSecurity,
    TlsUrl,
    _postgres_url,
    _split,
    _time_zone,
    access_token,
    is_secret,
)

DEFAULT_PORT = 8000
BACKUP_TOO_OLD_HOURS = 36  # one night was missed, and half a day has gone by; alert rules take it from here


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
        description="an access token of your own making, which `init` and a server's start make valid for"
        " DEFAULT_USER_ID: with it a deployment has one from the beginning",
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
        return (init_settings, env_settings, SecretFiles(settings_cls), dotenv_settings)

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


def secret_names() -> tuple[str, ...]:
    """Names of all secret settings: the one list that redaction of logs and tables is derived from."""
    return tuple(name.upper() for name, field in Settings.model_fields.items() if is_secret(field))
