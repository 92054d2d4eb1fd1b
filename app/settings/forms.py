"""Decides without pydantic whether the text of a setting is certainly valid.

Built-in modules and one without imports: `app.process.boot` uses it before the port is open. `app.settings.table`
gives each setting's form.
"""

from __future__ import annotations

import _socket

from app.settings.database_options import problem

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ACCESS_TOKEN = r"cm_[A-Za-z0-9_-]{43}"  # noqa: S105 - the form of a token: 32 random bytes
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NAME = _LETTERS | set("_-")
_HOST = _NAME | {"."}
_PLAIN = _HOST | set("~%")  # what needs no quoting anywhere in a URL
_SWITCH = frozenset(("on", "off", "true", "false", "yes", "no", "t", "f", "y", "n", "1", "0"))
_CRON_RANGES = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))  # a day above 28 is not in every month
_DIGITS_LIMIT = 15
_TOKEN_CHARACTERS = 46


def is_certain(form: tuple[Any, ...], text: str) -> bool:
    """Whether `app.settings.fields` certainly accepts a text; False only means that pydantic must decide.

    form: its name, and the further arguments of its function below.
    """
    judge = _JUDGES.get(form[0])
    return judge is not None and text.isprintable() and judge(text, *form[1:])


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without brackets, is this machine's own."""
    if host.lower() in ("localhost", "ip6-localhost"):
        return True
    address = _address(host)
    return address[0] == 127 if len(address) == 4 else address == bytes(15) + b"\x01"


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, without user, port and brackets."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def _address(text: str) -> bytes:
    """Return an IPv4 or IPv6 address as bytes; empty for any other text. An IPv6 address may name its interface."""
    for family, address in ((_socket.AF_INET, text), (_socket.AF_INET6, text.partition("%")[0])):
        try:
            return _socket.inet_pton(family, address)
        except (OSError, ValueError):  # ValueError: invalid characters
            continue
    return b""


def _is_text(text: str, least: int, most: int | None) -> bool:
    """least, most: characters."""
    return least <= len(text) and (most is None or len(text) <= most)


def _is_name(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and _NAME.issuperset(text)


def _is_whole(text: str, least: int | None, most: int | None) -> bool:
    return _is_digits(text) and (least is None or least <= int(text)) and (most is None or int(text) <= most)


def _is_number(text: str, least: float, most: float | None) -> bool:
    left, dot, right = text.partition(".")
    if not _is_digits(left) or (dot and not _is_digits(right)):
        return False
    return least <= float(text) and (most is None or float(text) <= most)


def _is_number_above(text: str, limit: float, most: float | None) -> bool:
    return _is_number(text, limit, most) and float(text) > limit


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_LIMIT


def _is_url(text: str, *schemes: str) -> bool:
    scheme, _, rest = text.partition("://")
    host, _, path = rest.partition("/")
    return scheme in schemes and _is_host(host) and _PLAIN.issuperset(path.replace("/", ""))


def _is_origin(text: str) -> bool:
    return _is_url(text, "https") and "/" not in text.removeprefix("https://").removesuffix("/")


def _is_host(text: str) -> bool:
    name, colon, port = text.partition(":")
    return bool(name) and _HOST.issuperset(name) and (not colon or _is_whole(port, 0, 65_535))


def _is_database(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    authority, _, rest = rest.partition("/")
    user, _, host = authority.rpartition("@")
    name, _, options = rest.partition("?")
    return (
        scheme in ("postgresql", "postgres")
        and _is_host(host)
        and _PLAIN.issuperset(user.replace(":", "", 1))
        and _PLAIN.issuperset(name)
        and _are_database_options(options)
    )


def _are_database_options(text: str) -> bool:
    if not text:
        return True
    options = [option.partition("=") for option in text.split("&")]
    names = {name for name, equals, value in options if equals and _PLAIN.issuperset(value) and "%" not in name + value}
    return len(names) == len(options) and problem({name: value for name, _, value in options}) is None


def _is_network(text: str) -> bool:
    address, slash, bits = text.partition("/")
    number = _address(address)
    if not number or "%" in address:
        return False
    most = 8 * len(number)
    return not slash or (_is_whole(bits, 0, most) and not int.from_bytes(number) << int(bits) & (1 << most) - 1)


def _is_cron(text: str) -> bool:
    fields = text.split(" ")
    return text.lower() == "off" or (
        len(fields) == len(_CRON_RANGES)
        and all(field == "*" or _is_whole(field, *limits) for field, limits in zip(fields, _CRON_RANGES, strict=True))
    )


def _is_access_token(text: str) -> bool:
    return text.startswith("cm_") and len(text) == _TOKEN_CHARACTERS and _NAME.issuperset(text)


_JUDGES: dict[str, Callable[..., bool]] = {
    "text": _is_text,
    "name": _is_name,
    "whole": _is_whole,
    "number": _is_number,
    "number above": _is_number_above,
    "switch": lambda text: text.lower() in _SWITCH,
    "choice": lambda text, *choices: text in choices,
    "choice in any case": lambda text, *choices: text.upper() in choices,
    "list": lambda text: True,
    "networks": lambda text: all(_is_network(part.strip()) for part in text.split(",")),
    "URL": lambda text: _is_url(text, "http", "https"),
    "URLs": lambda text: all(_is_url(part.strip(), "http", "https") for part in text.split(",")),
    "TLS URL": lambda text: _is_url(text, "https"),
    "origin": _is_origin,
    "database": _is_database,
    "cron": _is_cron,
    "time zone": lambda text: text == "UTC",
    "access token": _is_access_token,
}
