"""Defines the types of settings, which validate their values, and which settings are secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode

from app.settings import database_options
from app.settings.forms import ACCESS_TOKEN, is_certain, is_loopback

OFF = "off"


class Auth(StrEnum):
    """Which callers need a token."""

    AUTO = "auto"  # none on loopback; beyond loopback the server refuses to start
    REQUIRED = "required"  # all
    OFF = "off"  # none, wherever the server listens: set by hand only


class SmtpSecurity(StrEnum):
    """How a connection to a mail server is encrypted."""

    STARTTLS = "starttls"  # begins unencrypted, then upgrades; port 587
    TLS = "tls"  # from the start; port 465
    OFF = "off"  # not at all: for a relay on this machine or in a private network; port 25


# What no name of a host holds: clients that check URLs refuse them, and so does the metadata of sign-in.
_NOT_IN_A_HOST = re.compile(r"[\s\\%<>^`{|}\"$*]")


def _split(value: Any) -> Any:
    """Turn `a, b` into ["a", "b"]: in an environment, commas separate the items of a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def in_capitals(value: Any) -> str:
    """Return a word in capitals, so that either case is accepted."""
    return str(value).upper()


def http_url(value: str) -> str:
    """Check a URL and return it without a slash at its end. Raises ValueError."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("takes a URL that begins with http:// or https://")
    if "@" in value:  # a password would show in tables and logs
        raise ValueError("takes a URL without user:password@; an @ elsewhere is written %40")
    try:
        host = urlsplit(value).hostname or ""
        _ = urlsplit(value).port
    except ValueError:
        host = ""
    if not host or (":" not in host and _NOT_IN_A_HOST.search(host)):
        raise ValueError("takes a URL such as https://host:8000/path")
    return value.rstrip("/")


def _http_urls(value: str) -> str:
    """Check one URL, or several separated by commas. Raises ValueError."""
    return ",".join(http_url(url) for url in _split(value) or [value])


def _secret_http_url(value: SecretStr) -> SecretStr:
    """Check a URL that contains a key, such as a chat room's webhook. Raises ValueError."""
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
    value = SecretStr(_as_handed_out(value.get_secret_value()))
    text = value.get_secret_value()
    if text.startswith("prisma+postgres://"):
        raise ValueError("is an address of Prisma's own protocol; take the direct one, which begins with postgres://")
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("takes a URL that begins with postgresql://")
    if not _is_clear(text):
        raise ValueError(
            "takes a URL such as postgresql://user:password@host:5432/name;"
            " quote / # ? @ in the password as %2F %23 %3F %40"
        )
    if (wrong := database_options.problem(url_options(text))) is not None:
        raise ValueError(wrong)
    return value


def _as_handed_out(text: str) -> str:
    """Return a database URL without what surrounds it where it was copied from.

    Neon shows it as `psql 'URL'`, `docker --env-file` keeps quotes, and SQLAlchemy writes its driver after the scheme.
    """
    text = text.strip().removeprefix("psql ").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    scheme, colon, rest = text.partition("://")
    name = scheme.lower().partition("+")[0]
    return f"{name}{colon}{rest}" if name in ("postgres", "postgresql") else text


def _is_clear(url: str) -> bool:
    """Whether a database URL can be read in only one way: no part of a password can pass for a port, path or query.

    The driver would show such a part in its error. Several hosts, separated by commas, are fine.
    """
    try:
        parts = urlsplit(url)
        user, _, hosts = parts.netloc.rpartition("@")
        if "," in hosts and not all(hosts.split(",")):
            return False
        for host in hosts.split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError:  # do not show its message: it holds the text
        return False
    name = parts.query.partition("@")[0]
    in_query = "@" in parts.query and "=" not in name
    return not ("@" in user + parts.path or in_query or parts.fragment)


def url_options(url: str) -> dict[str, str]:
    """Return the options that have a value in a database URL, unquoted as libpq does: a + is a +."""
    options = (option.partition("=") for option in urlsplit(url).query.split("&"))
    return {unquote(name): unquote(value) for name, _, value in options if value}


def url_passwords(url: str) -> set[str]:
    """Return the passwords in a database URL, both quoted as in the URL and unquoted."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    options = (option.partition("=") for option in parts.query.split("&"))
    passwords = [parts.netloc.rpartition("@")[0].partition(":")[2]]
    passwords += [value for name, _, value in options if name in ("password", "sslpassword")]
    return {form for password in passwords if password for form in (password, unquote(password))}


def _cron_expression(value: str) -> str:
    if value.lower() == OFF:
        return OFF
    if is_certain(("cron",), value):  # as the defaults are, so that a start need not import the parser
        return value
    from cronsim import CronSim, CronSimError

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
    """Check that a text has the form of an access token. Raises ValueError."""
    if not re.fullmatch(ACCESS_TOKEN, value.get_secret_value()):
        raise ValueError(
            "takes cm_ and 43 letters, digits, - and _:"
            " `echo cm_$(openssl rand -base64 32 | tr +/ -_ | tr -d =)` makes one"
        )
    return value


def _networks(value: list[str]) -> list[str]:
    """Check addresses and networks. Raises ValueError."""
    import ipaddress

    for one in value:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise ValueError("takes addresses and networks such as 10.0.0.5, 172.16.0.0/12, fd00::/8") from None
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
HttpUrls = Annotated[str, AfterValidator(_http_urls)]
SecretHttpUrl = Annotated[SecretStr, AfterValidator(_secret_http_url)]
TlsUrl = Annotated[HttpUrl, AfterValidator(_over_tls)]
PublicUrl = Annotated[TlsUrl, AfterValidator(_without_path)]
CronExpression = Annotated[str, AfterValidator(_cron_expression)]
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Networks = Annotated[CommaList, AfterValidator(_networks)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(in_capitals)]
MailAddress = Annotated[str, Field(max_length=320, pattern=r"^[^\s@<>,;:\"\x00-\x1f]+@[^\s@<>,;:\"\x00-\x1f]+$")]
PlainName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(field.annotation) or any("SecretStr" in str(part) for part in field.metadata)


def plain(value: Any) -> str:
    """Return a value as text, as an environment variable holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(value)
    return str(value)
