"""Declares every setting with its type, default and help; a field's name in capitals is its environment variable.

Before this module is loaded, `app.process.boot` checks settings by `app.settings.table`, which is generated from it.
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
    Networks,
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
FUNCTION_STREAM_S = 585.0  # a function that serves SSE usually has a timeout of 600 s
OUTBOX_TOO_OLD_S = 900  # memU takes seconds to minutes for an entry; alert rules use it
BACKUP_TOO_OLD_HOURS = 36  # one nightly backup is missing, and half a day has passed; alert rules use it
VERIFIED_TOO_OLD_DAYS = 9  # one weekly verification is missing, and two days have passed; alert rules use it


class Settings(BaseSettings):
    """The settings; a field's name in capitals is its environment variable."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, case_sensitive=False
    )

    # Where it listens
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(DEFAULT_PORT, ge=0, le=65_535, description="HTTP port; 0: any free port")
    fc_custom_listen_port: int | None = Field(
        None, ge=1, le=65_535, description="port set by Function Compute, used when PORT is not set"
    )
    fc_server_port: int | None = Field(
        None, ge=1, le=65_535, description="the same under its older name, used when neither of those is set"
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65_535, description="separate port for /metrics and /health; PORT then does not serve /metrics"
    )
    mcp_server_name: PlainName = Field("claude-memory", description="name shown to MCP clients")

    # Who may use it
    auth: Auth = Field(Auth.AUTO, description="which callers need a token: auto, required, off")
    admin_token: Annotated[SecretStr, AfterValidator(access_token)] | None = Field(
        None,
        description="an access token that you generate, and that `init` and a server's start register for"
        " DEFAULT_USER_ID, so that a deployment has one from the beginning",
    )
    allowed_hosts: CommaList = Field(
        default_factory=list, description="host names clients may use, besides loopback; separated by commas"
    )
    allowed_origins: CommaList = Field(
        default_factory=list, description="web origins that may call, besides loopback; separated by commas"
    )
    trusted_proxies: Networks = Field(
        default=["127.0.0.0/8", "::1"],
        description="addresses and networks of the proxies whose X-Forwarded-For tells clients apart for limits per"
        " address; separated by commas; unset: this machine's own",
    )
    enable_cors: bool = Field(
        False, description="lets web pages of loopback and ALLOWED_ORIGINS read the answers (CORS)"
    )
    rate_limit_per_minute: int | None = Field(
        None,
        ge=0,
        description="requests a minute per user, with all tokens together; 0: no limit; unset: 60, or 0 on loopback"
        " without tokens",
    )
    default_user_id: PlainName = Field(
        "default", description="the user of callers without a token; a client over stdio has its own setting"
    )
    default_agent_id: PlainName = Field(
        "claude", description="the agent recorded with memories; unset: the name the client gives itself"
    )

    # Sign-in of remote clients (OAuth)
    public_url: PublicUrl | None = Field(
        None, description="https address at which clients reach the server; when set, they can sign in there"
    )
    certificate_url: TlsUrl | None = Field(
        None,
        description="where a worker reads the certificate of PUBLIC_URL, if its name does not lead there from here;"
        " unset: at PUBLIC_URL",
    )
    oauth_access_token_minutes: int = Field(
        60, ge=1, le=1_440, description="minutes after which a client must refresh its access token"
    )
    oauth_refresh_token_days: int = Field(
        30, ge=1, le=366, description="days without use after which a user must allow a client again"
    )
    oauth_unused_client_hours: int = Field(
        24, ge=1, le=8_760, description="hours after which a registered client that no user has allowed is deleted"
    )
    oauth_registrations_per_minute: int = Field(
        60, ge=1, description="clients that may register per minute from one address"
    )
    openid_issuer: TlsUrl | None = Field(
        None, description="OpenID provider where users can sign in, as an alternative to entering a token"
    )
    openid_client_id: str | None = Field(None, min_length=1, description="this server's client id at that provider")
    openid_client_secret: SecretStr | None = Field(None, description="this server's client secret at that provider")
    openid_user_claim: str = Field("email", min_length=1, description="claim that becomes the name of the user")
    openid_allowed_users: CommaList = Field(
        default_factory=list,
        description="users who may sign in through the provider: names, @domain for a whole domain, * for all",
    )

    # What it stores, and where
    memory_data_dir: Path | None = Field(
        None, description="data directory; unset: the platform's user data folder, or /var/lib/claude-memory for root"
    )
    timezone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        None,
        description="time zone of days, and of times given without an offset, such as Asia/Shanghai; unset: the"
        " machine's. Schedules have their own",
    )
    memory_backend: Literal["local", "memu", "both"] = Field(
        "local",
        description="where memories are kept: local, memu, both; with both, each write goes to memU too, and searches"
        " use the local store",
    )
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL server; unset: the embedded one"
    )
    admin_database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="the same server, as a role that may create roles and databases: for init and verify only"
    )
    qdrant_url: HttpUrls | None = Field(
        None,
        description="Qdrant server, or nodes of one cluster separated by commas: when one does not answer, the next is"
        " used; unset: the embedded index",
    )
    qdrant_api_key: SecretStr | None = Field(None, description="key of the Qdrant server")
    qdrant_collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = Field(
        "claude_memory", description="alias of the live collection, and prefix of all collection names"
    )
    qdrant_shards: int = Field(1, ge=1, le=1_000, description="shards of a collection, or of each shard key")
    qdrant_shard_keys: int = Field(
        0, ge=0, le=1_000, description="shard keys that users are spread over; needs a Qdrant cluster; 0: none"
    )
    qdrant_replication_factor: int = Field(1, ge=1, le=100, description="copies of each shard")
    qdrant_write_consistency_factor: int = Field(
        1, ge=1, le=100, description="copies that must have a write before it counts as done"
    )
    qdrant_quantize_from: int = Field(
        100_000, ge=0, description="number of points from which memory holds dense vectors as bytes; 0: never"
    )
    qdrant_on_disk: bool = Field(False, description="keeps vectors and their indexes on disk, to save memory")
    max_conversation_length: int = Field(
        8_000, ge=200, le=100_000, description="longest text stored as one memory, in characters; longer text is split"
    )
    quota_memories: int = Field(
        0, ge=0, description="memories a user may store, unless the user has a separate quota; 0: no limit"
    )
    quota_bytes: int = Field(
        0, ge=0, description="bytes of text a user may store, unless the user has a separate quota; 0: no limit"
    )
    cleanup_days: int = Field(
        60, ge=1, le=36_500, description="days after which maintenance deletes archived, revoked and leftover data"
    )
    redact_secrets: bool = Field(True, description="replaces text that looks like a credential before storing")
    reply_token_budget: int = Field(8_000, ge=500, le=100_000, description="longest reply of a tool, in tokens")

    # Embeddings
    embedding_model: PlainName | None = Field(
        None,
        description="model of a service that turns texts into vectors, such as text-embedding-v4; unset: no text leaves"
        " the machine, and search uses the model that `model add` brought, or words alone",
    )
    embedding_base_url: HttpUrl | None = Field(
        None, description="OpenAI-compatible service that offers the model; unset: DashScope"
    )
    embedding_api_key: SecretStr | None = Field(None, description="key of the embedding service, if it needs one")
    embedding_dimensions: int | None = Field(
        None,
        ge=8,
        le=4_096,
        description="length of the vectors, if the model offers a choice; unset: the model's default",
    )
    embedding_query_prefix: str = Field(
        "", max_length=200, description="put before a query, for models that need it: E5 needs `query: `"
    )
    embedding_passage_prefix: str = Field(
        "", max_length=200, description="put before a memory, for models that need it: E5 needs `passage: `"
    )
    dashscope_api_key: SecretStr | None = Field(
        None, description="key of DashScope, used there when EMBEDDING_API_KEY or RERANK_API_KEY is not set"
    )
    dashscope_base_url: HttpUrl = Field(
        "https://dashscope.aliyuncs.com/compatible-mode/v1", description="DashScope's OpenAI-compatible address"
    )

    # Reranking
    rerank_model: PlainName | None = Field(
        None,
        description="model of a service that orders the best 50 results of a search again, such as qwen3-rerank; unset:"
        " none does, and no text leaves the machine for it",
    )
    rerank_url: HttpUrl | None = Field(
        None,
        description="address of the service with its path, such as https://api.cohere.com/v2/rerank; unset: DashScope",
    )
    rerank_api_key: SecretStr | None = Field(None, description="key of the rerank service, if it needs one")
    rerank_seconds: float = Field(
        1.5,
        gt=0,
        le=30,
        description="seconds that a search waits for the service; after them it gives the order without it",
    )

    # Backups
    backup_to: str | None = Field(
        None,
        description="where the worker stores backups: a directory or s3://bucket/prefix; unset: no backups",
    )
    backup_schedule: CronExpression = Field(
        "0 2 * * *", description="when the worker backs up, as a cron expression; off: never"
    )
    backup_verify_schedule: CronExpression = Field(
        "0 5 * * 0",
        description="when the worker restores the newest backup into a scratch database, to prove it; off: never",
    )
    backup_passphrase: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        None, description="encrypts and decrypts backups; without it, encrypted backups are lost"
    )
    backup_keep_daily: int = Field(7, ge=0, description="number of days whose newest backup is kept")
    backup_keep_weekly: int = Field(5, ge=0, description="number of weeks whose newest backup is kept")
    backup_keep_monthly: int = Field(12, ge=0, description="number of months whose newest backup is kept")
    backup_s3_endpoint: HttpUrl | None = Field(None, description="S3-compatible store for backups; unset: Amazon's")
    backup_s3_region: str = Field("us-east-1", min_length=1, description="region of that store")
    backup_s3_access_key_id: SecretStr | None = Field(
        None, description="access key of that store; unset: found as Amazon's tools do"
    )
    backup_s3_secret_access_key: SecretStr | None = Field(None, description="secret of that access key")
    backup_s3_path_style: bool = Field(
        True, description="puts the bucket's name in the path; off: in the host name, as Alibaba Cloud OSS requires"
    )

    # Log archive
    wal_archive_to: Annotated[str, Field(pattern=r"^s3://[^/]")] | None = Field(
        None, description="where `wal ship` stores PostgreSQL's log: s3://bucket/prefix; keys and store as for backups"
    )
    wal_spool: Path = Field(
        Path("/var/lib/claude-memory/wal"), description="folder into which PostgreSQL archives its log for `wal ship`"
    )
    wal_base_hours: int = Field(24, ge=1, le=744, description="hours after which the log gets a new base backup")
    wal_keep_days: int = Field(7, ge=1, le=3_660, description="days to any moment of which the log can be restored")

    # memU
    memu_api_key: SecretStr | None = Field(None, description="key of the memU service")
    memu_base_url: HttpUrl = Field("https://api.memu.so", description="address of the memU service")
    memu_api_version: Literal["v1", "v2", "v3", "v4"] = Field(
        "v3", description="generation of the memU API: v1, v2, v3, v4"
    )
    memu_timeout_seconds: float = Field(
        60.0, gt=0, le=600, description="seconds that memU may take to answer a write or a status request"
    )
    memu_search_seconds: float = Field(
        1.0,
        gt=0,
        le=30,
        description="seconds that a search waits for memU; after them it answers from the outbox alone, degraded",
    )

    # Other servers
    memory_token: SecretStr | None = Field(None, description="token that `doctor` sends to a remote server")

    # The alert receiver
    alerts_host: str = Field("127.0.0.1", description="address the alert receiver listens on")
    alerts_port: int = Field(8081, ge=0, le=65_535, description="port of the alert receiver; 0: any free port")
    alerts_token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None,
        description="token of its callers, sent as bearer token or as password of any user; required beyond loopback",
    )
    alerts_log_megabytes: float = Field(10, gt=0, le=10_000, description="size at which the alert log is rotated")
    alerts_log_files: int = Field(5, ge=1, le=1_000, description="number of alert log files to keep")
    alerts_remind_minutes: float = Field(
        60, ge=0, description="minutes after which a repeated alert is forwarded again; 0: never"
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
        None, description="any other webhook that gets alerts, in Alertmanager's format"
    )
    alerts_webhook_secret: SecretStr | None = Field(
        None, description="signs those calls (Standard Webhooks); Base64 if it begins with whsec_"
    )
    alerts_email_to: Annotated[list[MailAddress], NoDecode, BeforeValidator(_split)] = Field(
        default_factory=list, description="mail addresses that get alerts; separated by commas"
    )
    alerts_email_from: MailAddress | None = Field(None, description="their sender")
    alerts_smtp_host: str | None = Field(None, min_length=1, description="mail server that sends them")
    alerts_smtp_port: int | None = Field(
        None, ge=1, le=65_535, description="its port; unset: 587 with starttls, 465 with tls, 25 with off"
    )
    alerts_smtp_security: SmtpSecurity = Field(SmtpSecurity.STARTTLS, description="starttls, tls, off")
    alerts_smtp_user: str | None = Field(None, min_length=1, description="name to sign in with")
    alerts_smtp_password: SecretStr | None = Field(None, description="password to sign in with")

    # How it runs
    daemon_idle_minutes: float = Field(
        15, ge=0, description="minutes without a connection after which a daemon stops; 0: never"
    )
    drain_seconds: float | None = Field(
        None,
        ge=0,
        le=8,
        description="how long a stopping server still answers but reports not ready, so that proxies stop using it;"
        " unset: 2 with DATABASE_URL, else 0",
    )
    stream_seconds: float | None = Field(
        None,
        ge=0,
        le=86_400,
        description="seconds after which the server ends an SSE stream and its client connects again, for a platform"
        " that cuts long requests; 0: never; unset: 585 on Function Compute, else 0",
    )
    log_level: LogLevel = Field("INFO", description="DEBUG, INFO, WARNING, ERROR")
    log_format: Literal["text", "json"] = Field("text", description="text, json")
    max_retry_attempts: int = Field(3, ge=0, le=20, description="attempts to call an external service")
    worker_restart_delay: float = Field(5.0, ge=0, le=3_600, description="seconds before a crashed worker restarts")
    maintenance_schedule: CronExpression = Field(
        "30 4 1 * *", description="when the worker runs `maintain`, as a cron expression; off: never"
    )
    schedule_timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC", description="time zone of the schedules, such as Asia/Shanghai"
    )
    render: str | None = Field(
        None, description="set by Render to true: the process then knows that files do not outlive a deploy"
    )
    render_deployment: bool = Field(False, description="set on Render: a worker logs a status line every minute")
    api_mode: Literal["full", "health"] = Field("full", description="full, or health: HTTP without the MCP endpoints")
    fc_function_name: str | None = Field(
        None, description="set by Function Compute: the process then knows that it runs there"
    )
    fc_instance_id: str | None = Field(None, description="set by Function Compute, with the same effect")
    fc_runtime: str | None = Field(None, description="set by some versions of Function Compute; has no effect")

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
        """The drain in force, in seconds: without a database server there is no other replica for a proxy to use."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 0.0 if self.database_url is None else 2.0

    @property
    def on_function_compute(self) -> bool:
        """Whether this process is an instance of a function on Alibaba Cloud Function Compute."""
        return self.fc_function_name is not None or self.fc_instance_id is not None

    @property
    def stream_s(self) -> float | None:
        """How long an SSE stream may last, in seconds; None means for ever."""
        if self.stream_seconds is not None:
            return self.stream_seconds or None
        return FUNCTION_STREAM_S if self.on_function_compute else None

    @property
    def requests_per_minute(self) -> int:
        """The rate limit in force; 0 means no limit."""
        if self.rate_limit_per_minute is not None:
            return self.rate_limit_per_minute
        return 0 if self.on_loopback and self.auth is not Auth.REQUIRED else 60


def secret_names() -> tuple[str, ...]:
    """Return the names of all secret settings; redaction of logs and tables uses this list."""
    return tuple(name.upper() for name, field in Settings.model_fields.items() if is_secret(field))
