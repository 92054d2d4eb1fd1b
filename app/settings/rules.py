"""Declares the rules between settings: which processes each concerns, when it is broken, what to do then.

A process checks its own rules when it starts, before it opens a port; `doctor`, `settings` and `pulumi up` check the
rules of all processes that the settings are meant for. `app.settings.fields` has the rules for single values.
Standard library only, and little of it: `app.process.boot` imports this before the port is open.
"""

from __future__ import annotations

from app.settings.forms import host_of, is_loopback

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Values = Mapping[str, str]  # of all settings, as in an environment; "" means not set
    Check = Callable[[Values], str | None]  # returns one sentence with what is wrong and what to do, or None

# The processes that have rules.
SERVE, DAEMON, WORKER, JOBS, ALERTS, INIT, REINDEX, BACKUP, WAL = (
    "serve",
    "daemon",
    "worker",
    "jobs",
    "alerts",
    "init",
    "reindex",
    "backup",
    "wal",
)
_SERVERS = (SERVE, DAEMON)
# At least one of these is set when there is an alert receiver.
_OF_THE_ALERT_RECEIVER = (
    "ALERTS_TOKEN",
    "ALERTS_DINGTALK_URL",
    "ALERTS_FEISHU_URL",
    "ALERTS_SLACK_URL",
    "ALERTS_WEBHOOK_URL",
    "ALERTS_EMAIL_TO",
)
_ON_MEMORIES = (*_SERVERS, WORKER, INIT, REINDEX)  # processes that open both the database and the index


class Rule:
    """One rule.

    modes: the processes it concerns. settings: the settings it reads.
    unsafe: if it is broken, others could connect without a token.
    """

    def __init__(
        self, check: Check, name: str, modes: tuple[str, ...], settings: tuple[str, ...], *, unsafe: bool
    ) -> None:
        self.check, self.name, self.modes, self.settings, self.unsafe = check, name, modes, settings, unsafe


class BrokenRule:
    """A rule that is broken; sentence: what is wrong and what to do."""

    def __init__(self, rule: Rule, sentence: str) -> None:
        self.rule, self.sentence = rule, sentence


RULES: list[Rule] = []


def broken_rules(values: Values, modes: Collection[str], without: Collection[str] = ()) -> list[BrokenRule]:
    """Return the broken rules of these processes, except rules that read a setting of `without`."""
    return [
        BrokenRule(rule, sentence)
        for rule in RULES
        if any(mode in modes for mode in rule.modes)
        and not any(name in without for name in rule.settings)
        and (sentence := rule.check(values)) is not None
    ]


def modes_meant(values: Values) -> list[str]:
    """Return the processes these settings are meant for; others than servers and commands only if something is set."""
    modes = [SERVE, DAEMON, INIT, REINDEX, BACKUP]
    if values["DATABASE_URL"]:
        modes.append(WORKER)
    if values["BACKUP_TO"] and values["FC_FUNCTION_NAME"]:
        modes.append(JOBS)
    if values["WAL_ARCHIVE_TO"]:
        modes.append(WAL)
    if any(values[name] for name in _OF_THE_ALERT_RECEIVER):
        modes.append(ALERTS)
    return modes


def _rule(name: str, modes: tuple[str, ...], *settings: str, unsafe: bool = False) -> Callable[[Check], Check]:
    def note(check: Check) -> Check:
        RULES.append(Rule(check, name, modes, settings, unsafe=unsafe))
        return check

    return note


@_rule("access from outside", (SERVE,), "HOST", "AUTH", unsafe=True)
def _access_from_outside(values: Values) -> str | None:
    host = values["HOST"].strip("[]")
    if values["AUTH"] != "auto" or is_loopback(host):
        return None
    return (
        f"{host} can be reached from outside, and no token is required; set AUTH=required and create"
        " a token (claude-memory token create --user NAME), or listen on 127.0.0.1; AUTH=off lets everyone in"
    )


@_rule("events from outside", (JOBS,), "HOST", "FC_FUNCTION_NAME", "FC_INSTANCE_ID", unsafe=True)
def _events_from_outside(values: Values) -> str | None:
    host = values["HOST"].strip("[]")
    if values["FC_FUNCTION_NAME"] or values["FC_INSTANCE_ID"] or is_loopback(host):
        return None
    return (
        f"{host} can be reached from outside, and events need no token; listen on 127.0.0.1,"
        " or run a worker, which keeps the schedules itself"
    )


@_rule("sign-in asks for a token", _SERVERS, "PUBLIC_URL", "AUTH")
def _sign_in_asks_for_a_token(values: Values) -> str | None:
    if not values["PUBLIC_URL"] or values["AUTH"] == "required":
        return None
    return (
        f"PUBLIC_URL is set, so others can connect, but AUTH={values['AUTH']} lets them in without a token;"
        " set AUTH=required"
    )


@_rule("OpenID provider", _SERVERS, "OPENID_ISSUER", "PUBLIC_URL", "OPENID_CLIENT_ID", "OPENID_ALLOWED_USERS")
def _openid_provider(values: Values) -> str | None:
    needed = ("PUBLIC_URL", "OPENID_CLIENT_ID", "OPENID_ALLOWED_USERS")
    missing = [name for name in needed if not values[name]]
    if not values["OPENID_ISSUER"] or not missing:
        return None
    return (
        f"OPENID_ISSUER also needs {', '.join(missing)}: the address users come back"
        " to, this server's id at the provider, and the users who may sign in"
    )


@_rule("metrics port", (SERVE,), "METRICS_PORT", "PORT")
def _metrics_port(values: Values) -> str | None:
    port = values["METRICS_PORT"]
    if not port or int(port) == 0 or int(port) != int(values["PORT"]):  # 0 takes a free one
        return None
    return f"METRICS_PORT: got {port}, takes a port other than PORT"


@_rule("database of a worker", (WORKER,), "DATABASE_URL", "MEMORY_BACKEND")
def _database_of_a_worker(values: Values) -> str | None:
    if values["DATABASE_URL"] or values["MEMORY_BACKEND"] == "memu":  # which has its outbox in the embedded one
        return None
    return "DATABASE_URL is not set, and the embedded PostgreSQL needs no worker: its server does that work itself"


@_rule("database's role", (INIT,), "ADMIN_DATABASE_URL", "DATABASE_URL")
def _database_role(values: Values) -> str | None:
    if not values["ADMIN_DATABASE_URL"] or not values["DATABASE_URL"]:
        return None
    address, _, options = values["DATABASE_URL"].partition("://")[2].partition("?")
    if address.partition("/")[0].rpartition("@")[0].partition(":")[0]:
        return None
    if any(option.startswith("user=") and option != "user=" for option in options.split("&")):
        return None
    return "DATABASE_URL: got no user, takes a URL that names the role to create: postgresql://user@…"


@_rule("key of memU", _ON_MEMORIES, "MEMORY_BACKEND", "MEMU_API_KEY")
def _key_of_memu(values: Values) -> str | None:
    if values["MEMORY_BACKEND"] == "local" or values["MEMU_API_KEY"]:
        return None
    return (
        f"MEMORY_BACKEND: got {values['MEMORY_BACKEND']!r}, but memU needs a key; set MEMU_API_KEY,"
        " or MEMORY_BACKEND=local to keep memories here alone"
    )


@_rule(
    "disk on Render",
    (*_SERVERS, WORKER),
    "RENDER",
    "DATABASE_URL",
    "MEMORY_DATA_DIR",
    "MEMORY_BACKEND",
    "API_MODE",
)
def _disk_on_render(values: Values) -> str | None:
    if values["RENDER"] != "true" or values["DATABASE_URL"] or values["MEMORY_DATA_DIR"]:
        return None
    if values["API_MODE"] == "health":  # nobody writes through it
        return None
    lost = "what memU does not have yet" if values["MEMORY_BACKEND"] == "memu" else "all memories"
    return (
        f"on Render files do not outlive a deploy, and {lost} would go with them; set DATABASE_URL,"
        " or attach a disk and set MEMORY_DATA_DIR to a folder on it"
    )


def _key_at_dashscope(name: str, modes: tuple[str, ...], model: str, url: str, key: str, without: str) -> None:
    """Declare that a model of DashScope needs a key. without: what unsetting the model does."""

    @_rule(name, modes, model, url, key, "DASHSCOPE_BASE_URL", "DASHSCOPE_API_KEY")
    def check(values: Values) -> str | None:
        if not values[model] or values[key] or values["DASHSCOPE_API_KEY"]:
            return None
        if not is_dashscope(values[url], values["DASHSCOPE_BASE_URL"]):
            return None
        return (
            f"{model}: got {values[model]!r}, but DashScope needs a key; set DASHSCOPE_API_KEY, "
            f"or {url} for another service, or unset {model} to {without}"
        )


_key_at_dashscope(
    "embedding key",
    _ON_MEMORIES,
    "EMBEDDING_MODEL",
    "EMBEDDING_BASE_URL",
    "EMBEDDING_API_KEY",
    "search by words alone",
)
_key_at_dashscope(
    "rerank key", _SERVERS, "RERANK_MODEL", "RERANK_URL", "RERANK_API_KEY", "keep the order of the search"
)


def is_dashscope(given_url: str | None, dashscope_url: str) -> bool:
    """Whether texts go to DashScope, by EMBEDDING_BASE_URL or RERANK_URL, and DASHSCOPE_BASE_URL."""
    url = (given_url or dashscope_url).rstrip("/")
    return url == dashscope_url.rstrip("/") or f".{host_of(url)}".endswith(".aliyuncs.com")


@_rule(
    "copies in Qdrant",
    _ON_MEMORIES,
    "QDRANT_URL",
    "QDRANT_WRITE_CONSISTENCY_FACTOR",
    "QDRANT_REPLICATION_FACTOR",
)
def _copies_in_qdrant(values: Values) -> str | None:
    written, copies = values["QDRANT_WRITE_CONSISTENCY_FACTOR"], values["QDRANT_REPLICATION_FACTOR"]
    if not values["QDRANT_URL"] or int(written) <= int(copies):
        return None
    return (
        f"QDRANT_WRITE_CONSISTENCY_FACTOR: got {written}, but there are only"
        f" QDRANT_REPLICATION_FACTOR={copies} copies to write to"
    )


@_rule(
    "keys of the backups' store",
    (WORKER, JOBS, BACKUP, WAL),
    "BACKUP_S3_ACCESS_KEY_ID",
    "BACKUP_S3_SECRET_ACCESS_KEY",
)
def _keys_of_the_backups_store(values: Values) -> str | None:
    key, secret = "BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"
    if bool(values[key]) == bool(values[secret]):
        return None
    given, missing = (key, secret) if values[key] else (secret, key)
    return f"{missing} is not set, and {given} is; set both, or neither to use Amazon's AWS_ ones"


@_rule("log archive", (WAL,), "WAL_ARCHIVE_TO", "BACKUP_PASSPHRASE")
def _log_archive(values: Values) -> str | None:
    if not values["WAL_ARCHIVE_TO"]:
        return "WAL_ARCHIVE_TO is not set; set it to s3://bucket/prefix, where PostgreSQL's log goes"
    if not values["BACKUP_PASSPHRASE"]:
        return "BACKUP_PASSPHRASE is not set, and the log of WAL_ARCHIVE_TO is always encrypted; set one, and keep it"
    return None


@_rule("token of the alert receiver", (ALERTS,), "ALERTS_HOST", "ALERTS_TOKEN", "AUTH", unsafe=True)
def _token_of_the_alert_receiver(values: Values) -> str | None:
    host = values["ALERTS_HOST"].strip("[]")
    if values["AUTH"] == "off" or values["ALERTS_TOKEN"]:
        return None
    if values["AUTH"] == "required":
        return "AUTH=required, but the alert receiver has no token; set ALERTS_TOKEN"
    if is_loopback(host):
        return None
    return (
        f"{host} can be reached from outside, and no token is required; set ALERTS_TOKEN,"
        " or listen on 127.0.0.1; AUTH=off lets everyone in"
    )


def _secret_of_a_chat_room(room: str) -> None:
    secret, url = f"ALERTS_{room}_SECRET", f"ALERTS_{room}_URL"

    @_rule(f"{room} secret", (ALERTS,), secret, url)
    def check(values: Values) -> str | None:
        if not values[secret] or values[url]:
            return None
        return f"{secret} is set, but the {url} it belongs to is not"


for _room in ("DINGTALK", "FEISHU", "WEBHOOK"):
    _secret_of_a_chat_room(_room)


@_rule("signature of the webhook", (ALERTS,), "ALERTS_WEBHOOK_SECRET")
def _signature_of_the_webhook(values: Values) -> str | None:
    secret = values["ALERTS_WEBHOOK_SECRET"]
    if not secret.startswith("whsec_"):
        return None
    from binascii import a2b_base64

    try:
        a2b_base64(secret.removeprefix("whsec_"), strict_mode=True)
    except ValueError:
        return "ALERTS_WEBHOOK_SECRET: takes whsec_ and Base64"
    return None


@_rule("alerts by e-mail", (ALERTS,), "ALERTS_EMAIL_TO", "ALERTS_EMAIL_FROM", "ALERTS_SMTP_HOST")
def _alerts_by_mail(values: Values) -> str | None:
    needed = ("ALERTS_EMAIL_TO", "ALERTS_EMAIL_FROM", "ALERTS_SMTP_HOST")
    missing = [name for name in needed if not values[name]]
    if len(missing) in (0, len(needed)):
        return None
    return f"e-mail also needs {', '.join(missing)}"


@_rule("sign-in at the mail server", (ALERTS,), "ALERTS_SMTP_USER", "ALERTS_SMTP_PASSWORD")
def _sign_in_at_the_mail_server(values: Values) -> str | None:
    if bool(values["ALERTS_SMTP_USER"]) == bool(values["ALERTS_SMTP_PASSWORD"]):
        return None
    return "ALERTS_SMTP_USER and ALERTS_SMTP_PASSWORD: set both or neither"


@_rule("password to the mail server", (ALERTS,), "ALERTS_SMTP_PASSWORD", "ALERTS_SMTP_SECURITY")
def _password_to_the_mail_server(values: Values) -> str | None:
    if not values["ALERTS_SMTP_PASSWORD"] or values["ALERTS_SMTP_SECURITY"] != "off":
        return None
    return "ALERTS_SMTP_SECURITY: got 'off', takes starttls or tls when a password is sent"
