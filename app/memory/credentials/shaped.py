r"""Credentials that have a shape and no mark at their beginning: key blocks, URLs, webhooks, command lines.

Each pattern begins with characters that are rare, or has a gate: a text without the gate is not searched. Patterns are
linear: whatever repeats is bounded or followed by nothing that could fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from app.memory.credentials.judging import (
    is_example,
    looks_chosen,
    looks_random,
    speaks_of_itself,
)
from app.memory.credentials.scanning import Found, found

Judge = Callable[[re.Match[str]], bool]
_BEGIN = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"
_AT = r"https://[A-Za-z0-9.-]{1,100}/"
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


def _random(match: re.Match[str]) -> bool:
    return looks_random(match["secret"]) and not is_example(match["secret"])


def _generated_or_chosen(value: str) -> bool:
    return (looks_random(value, 3) or looks_chosen(value)) and not speaks_of_itself(value)


def _password(match: re.Match[str]) -> bool:
    """Whether it is no placeholder, and no word such as a group's or a version's name."""
    value = match["secret"]
    return (looks_random(value, 3) or looks_chosen(value) or len(value) > 8) and not speaks_of_itself(value)


# Schemes whose URLs carry passwords. Elsewhere (s3, registry, urn) a colon before an @ mostly means something else.
_WITH_PASSWORD = re.compile(
    r"(?i)(?:amqp|bolt|cassandra|clickhouse|cockroach|couch|cql|dav|db2|ftp|git|hdb|http|imap|influx|kafka|ldap|mariadb|mongo"
    r"|mqtt|mssql|mysql|nats|neo4j|oracle|pop3|postgres|presto|redis|rtmp|rtsp|sftp|smtp|snowflake|socks|sqlserver|ssh|svn"
    r"|trino|valkey|vertica|vnc|ws)[a-z0-9+]*\Z"
)
_COMMON = {"password", "passwd", "pass", "pw", "pwd", "secret", "changeme", "token", "key", "apikey"}


def _url_password(match: re.Match[str]) -> bool:
    """Whether what stands between `:` and `@` is a password: no port, no placeholder, no part of a path."""
    value = match["secret"]
    if value.lower() in _COMMON or is_example(value) or len(value) == 1:
        return False
    if value.isdigit() and len(value) <= 5 and "." not in match["host"]:
        return False  # http://service:8080@v2 has a port
    known = _WITH_PASSWORD.search(match.string, max(0, match.start() - 24), match.start())
    return known is not None or looks_random(value, 3) or looks_chosen(value)


@dataclass(frozen=True)
class Shape:
    """One kind. gate: any text that matches has it. judge: looks at a match once more."""

    kind: str
    gate: str
    pattern: str
    judge: Judge | None = None

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compiled at first use: most gates never occur."""
        return re.compile(self.pattern, re.ASCII)


# What may go over many lines; searched in the whole text at once.
_BLOCKS = (
    # RFC 7468, RFC 4880: the whole block, or as far as its base64 goes
    Shape(
        "private-key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        # no possessive repetition: before 3.11.5 Python matches nested ones wrongly
        r"(?:[^-]*(?:-(?!----)[^-]*)*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:(?:\s|\\[nr]){0,8}[A-Za-z0-9+/=]{16,}+)+)",
    ),
    # the.earth.li/~sgtatham/putty, appendix C: PPK file format
    Shape(
        "private-key",
        "Private-Lines: ",
        r"Private-Lines: \d{1,4}(?:\s{1,4}[A-Za-z0-9+/=]{16,})+",
    ),
    # PEM in base64 once more, as kubeconfig files and Kubernetes secrets have it: `-----BEGIN `
    Shape(
        "private-key", "LS0tLS1CRUdJTi", rf"{_BEGIN}LS0tLS1CRUdJTi(?!BDRVJ|BQVUJ|BDRVJUSU)[A-Za-z0-9+/]{{120,}}={{0,2}}"
    ),
    # RFC 7517, 7518: the private parts of a JSON Web Key
    Shape("json-web-key", '"kty"', r'"(?:d|p|q|dp|dq|qi|k)"\s{0,3}:\s{0,3}"(?P<secret>[A-Za-z0-9_-]{20,})"'),
)

# A URL with a name and a password, or a token in the place of both
_USERINFO = (
    # RFC 3986, 3.2.1: the password in a URL, unless it is a placeholder ($PASS, ${pass}, {pass}, %s, ***)
    Shape(
        "url-password",
        "@",
        r"://[^\s/:@'\"<>]{0,100}:(?!\$\{|\$[A-Z_]+@|\{|\*+@|%s@|%\(|\[redacted: )"
        r"(?P<secret>[^\s/'\"<>]{1,200})@(?=(?P<host>[A-Za-z0-9\[{$/][^\s/'\"<>:]{0,100}))",
        _url_password,
    ),
    # a password with a slash in it, before a host with a port
    Shape(
        "url-password",
        "@",
        r"://[^\s/:@'\"<>?#]{1,100}:(?P<secret>[^\s:'\"<>\[{$?#]{4,100})@(?=(?P<host>[A-Za-z0-9.-]{1,100}):\d{2,5}/)",
        _url_password,
    ),
    # docs.sentry.io, "DSN"; docs.github.com, "Cloning with HTTPS": a token as the name
    Shape("url-token", "@", r"://(?P<secret>[A-Za-z0-9_-]{20,200})(?::x-oauth-basic|:)?@(?=[A-Za-z0-9])", _random),
)

# Addresses that are credentials, whole
_HOOKS = (
    # discord.com/developers/docs/resources/webhook
    Shape("discord-webhook", "/api/webhooks/", _AT + r"api/webhooks/\d{15,20}/[A-Za-z0-9_-]{40,}"),
    # docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    Shape(
        "slack-webhook-url",
        "hooks.slack.com/",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/(?P<random>[A-Za-z0-9+/]{30,80})",
        lambda match: looks_random(match["random"]),
    ),
    # learn.microsoft.com, "Create incoming webhooks"
    Shape("microsoft-teams-webhook", "/webhookb2/", _AT + r"webhookb2/[A-Za-z0-9@/_-]{60,}"),
    # open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; Lark's international addresses are alike
    Shape("feishu-webhook", "/hook/", _AT + rf"open-apis/bot/(?:v2/)?hook/(?:{_UUID}|[A-Za-z0-9]{{20,}})"),
    # developer.work.weixin.qq.com/document/path/91770
    Shape("wecom-webhook", "/webhook/send", _AT + rf"cgi-bin/webhook/send\?key={_UUID}"),
    # help.zapier.com, help.make.com, tines.com/docs
    Shape("zapier-webhook", "hooks.zapier.com/", _AT + r"hooks/catch/\d{4,12}/[A-Za-z0-9]{5,}"),
    Shape("make-webhook", ".make.com/", r"https://hook\.[a-z0-9]{2,6}\.make\.com/[A-Za-z0-9]{20,}"),
    Shape("tines-webhook", ".tines.com/", _AT + r"webhook/[a-z0-9]{32}/[a-z0-9]{32}"),
)
_OTHER_ADDRESSES = (
    # open.dingtalk.com/document/robots/custom-robot-access
    Shape("dingtalk-webhook", "/robot/send", _AT + r"robot/send\?access_token=[A-Za-z0-9]{32,}"),
    # developers.google.com/workspace/chat/quickstart/webhooks
    Shape("google-chat-webhook", "chat.googleapis.com", _AT + r"v1/spaces/[\w-]{5,40}/messages\?[\w=&%-]{40,}"),
    # ifttt.com/maker_webhooks
    Shape("ifttt-key", "maker.ifttt.com/", r"/with/key/(?P<secret>[A-Za-z0-9_-]{20,})"),
)

# A mark in the middle or at the end. Patterns begin with it, which is what a search finds quickly, and look back.
_MARKED_WITHIN = (
    # core.telegram.org/bots/api#authorizing-your-bot; in a URL it follows `bot`
    Shape(
        "telegram-bot-token",
        ":AA",
        r":AA(?<=(?P<begin>\d{8}):AA)(?P<random>[A-Za-z0-9_-]{33})" + _END,
        lambda match: looks_random(match["random"]),
    ),
    # learn.microsoft.com: client secrets of Entra ID
    Shape(
        "azure-client-secret",
        "Q~",
        r"Q~(?<=(?P<begin>[A-Za-z0-9_~.]{3}\d)Q~)(?<![A-Za-z0-9_~.-][A-Za-z0-9_~.]{3}\dQ~)"
        r"[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])",
    ),
    # gitleaks: hashicorp-tf-api-token, maxmind-license-key, facebook-access-token
    Shape("terraform-token", ".atlasv1.", r"\.atlasv1\.(?<=(?P<begin>[A-Za-z0-9]{14})\.atlasv1\.)[A-Za-z0-9_=-]{60,}"),
    Shape("maxmind-license-key", "_mmk", r"_mmk(?<=(?P<begin>[A-Za-z0-9]{6}_[A-Za-z0-9]{29})_mmk)" + _END),
    Shape("facebook-app-token", "|", r"\|(?<=\d{15}\|)(?P<secret>[A-Za-z0-9_-]{27,40})" + _END, _random),
    # mailchimp.com/developer: 32 hex and the data centre; without the word "mailchimp"
    Shape(
        "mailchimp-api-key",
        "-us",
        r"-us(?<=(?P<begin>(?<![A-Za-z0-9_-])[0-9a-f]{32})-us)\d{1,2}" + _END,
        lambda match: looks_random(match["begin"]) and not is_example(match["begin"]),
    ),
    # docs.newrelic.com, "New Relic API keys": licence keys and mobile keys
    Shape("new-relic-key", "NRAL", r"NRAL(?<=(?P<begin>[0-9a-f]{26}[0-9A-Fa-f]{10})NRAL)" + _END),
    Shape("new-relic-key", "-NRMA", r"-NRMA(?<=(?P<begin>[0-9a-fA-Zx]{42})-NRMA)" + _END),
    # developers.asana.com/docs/personal-access-token
    Shape(
        "asana-token",
        "/",
        r"/(?<=(?P<begin>[12])/)(?<![A-Za-z0-9_.-][12]/)\d{13,20}(?:/\d{13,20})?:[0-9a-f]{32}" + _END,
    ),
    # developers.google.com/identity/protocols/oauth2: refresh tokens and authorization codes
    Shape("google-refresh-token", "1//0", r"1//0(?<![A-Za-z0-9_.-]1//0)[A-Za-z0-9_-]{40,}"),
    Shape("google-authorization-code", "4/0A", r"4/0A(?<![A-Za-z0-9_.-]4/0A)[A-Za-z0-9_-]{50,}"),
    # learn.microsoft.com, "Refresh tokens"
    Shape("microsoft-token", ".A", r"\.A(?<=(?P<begin>[01])\.A)[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{100,}"),
)

# RFC 6750; after other names than Authorization, or after none
_BEARERS = (Shape("bearer-token", "earer", r"earer[ :=]{1,3}[\"']?(?P<secret>[A-Za-z0-9_~+/.-]{20,}={0,2})", _random),)
# As people write
_SAID = tuple(
    Shape(
        "password",
        f"{name} is ",
        name + r" is [\"'`]?(?P<secret>[^\s\"'`,;<>(){}\[\]$]{8,200})",
        lambda match: _generated_or_chosen(match["secret"].rstrip(".:!?")),
    )
    for name in ("assword", "assphrase", "ecret", "oken", "api key", "API key")
)
_ON_COMMAND_LINES = (
    # curl(1)
    Shape(
        "command-line-password",
        "curl",
        r"-(?:u|-user|-proxy-user|U)[ =]{0,2}[\"']?[^\s:\"'@-][^\s:\"'@]{0,64}:"
        r"(?P<secret>[^\s\"'$<{\[][^\s\"']{3,100})",
        _password,
    ),
    # mysql(1), sshpass(1), redis-cli(1), docker-login(1)
    Shape("command-line-password", "mysql", r"mysql\w{0,8} [^\n]{0,80}?-p(?P<secret>[^\s-][^\s]{5,64})", _password),
    Shape("command-line-password", "sshpass", r"sshpass -p ?[\"']?(?P<secret>[^\s\"'$]{4,64})", _password),
    Shape(
        "command-line-password", "redis-cli", r"redis-cli [^\n]{0,80}?-a [\"']?(?P<secret>[^\s\"'$]{6,100})", _password
    ),
    Shape(
        "command-line-password",
        " login ",
        r" login (?:(?<=docker login )|(?<=podman login )|(?<=registry login )|(?<=auth login ))"
        r"[^\n]{0,80}?-p[ =][\"']?(?P<secret>[^\s\"'$]{6,200})",
        _password,
    ),
    # any option whose value is a word of its own
    Shape(
        "command-line-password",
        "--",
        r"--(?:[a-z]{1,12}-){0,3}(?:password|passwd|passphrase|secret|token|api-?key|access-?key|secret-?key|key|pat)"
        r" {1,3}[\"']?(?P<secret>[^\s\"'$<{(\[-][^\s\"']{7,300})",
        lambda match: _generated_or_chosen(match["secret"]),
    ),
)
_IN_NETRC = (
    # ftp(1): .netrc
    Shape("netrc-password", "login ", r"login \S{1,100}\s{1,3}password\s{1,3}(?P<secret>[^\s$<]{4,200})", _password),
)
_IN_MANIFESTS = (
    # kubernetes.io/docs/concepts/configuration/secret: every value below `data:`
    Shape(
        "kubernetes-secret",
        "kind: Secret",
        r"(?m)^(?:data|stringData):[ \t]*\n(?P<secret>(?:[ \t]+[\w.-]{1,100}:[ \t]*[^\s#{<$][^\n]{3,}\n?)+)",
    ),
)
_IN_COLUMNS = (
    # postgresql.org/docs, "The Password File"
    Shape(
        "pgpass-password",
        ":",
        r":(?:\d{4,5}|\*):[\w*-]{1,63}:[\w.*-]{1,63}:(?P<secret>[^\s:'\"]{8,200})(?=\s|\Z)",
        lambda match: _generated_or_chosen(match["secret"]),
    ),
)

# Each group with its gate, which all of its kinds have. Those of the second table need a long token as well.
_ALWAYS = (
    ("://", _USERINFO),
    (" is ", _SAID),
    (" -", _ON_COMMAND_LINES),
    ("login ", _IN_NETRC),
    (":", _IN_COLUMNS),
    ("kind: Secret", _IN_MANIFESTS),
)
_LONG = (
    ("hook", _HOOKS),
    ("https://", _OTHER_ADDRESSES),
    ("earer", _BEARERS),
    ("", _MARKED_WITHIN),
)
_ALL = _ALWAYS + _LONG


def shapes(text: str, *, long: bool) -> Iterator[Found]:
    """Yield all credentials with a shape. long: whether the text has a long token."""
    if long:
        for block in _BLOCKS:
            if block.gate in text:
                yield from _found(block, block.regex.finditer(text))
    for gate, group in _ALL if long else _ALWAYS:
        if gate in text:
            for shape in group:
                if shape.gate in text:
                    yield from _found(shape, found(shape.regex, text))


def _found(shape: Shape, matches: Iterator[re.Match[str]]) -> Iterator[Found]:
    groups = shape.regex.groupindex
    begin = "begin" if "begin" in groups else "secret" if "secret" in groups else 0
    end = "secret" if "secret" in groups else 0
    for match in matches:
        if shape.judge is None or shape.judge(match):
            yield Found(match.start(begin), match.end(end), shape.kind)
