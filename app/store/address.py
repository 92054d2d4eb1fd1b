"""Turns a database URL into arguments of asyncpg.connect: other options than its own are translated or set aside."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from app.errors import StoreRefused
from app.settings.database_options import SYSTEM, is_for_the_driver, ssl_mode
from app.settings.values import url_options

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_ROOT_CERTIFICATE = ".postgresql/root.crt"  # in the home directory: where libpq and asyncpg look


def connect_arguments(url: str) -> dict[str, Any]:
    """Return `dsn` with the options that asyncpg knows, and where they are needed `ssl` and `timeout`.

    url: one that app.settings accepts. Raises StoreRefused when a file of certificates cannot be used.
    """
    options = url_options(url)
    parts = urlsplit(url)
    mode = ssl_mode(options)
    kept = {name: value for name, value in options.items() if is_for_the_driver(name)}
    arguments: dict[str, Any] = {}
    if mode is not None:
        kept["sslmode"] = mode
    if _by_authorities_of_the_system(options, mode, over_tcp=_is_over_tcp(parts.netloc, options)):
        arguments["ssl"] = _context(options)
        kept = {name: value for name, value in kept.items() if not name.startswith("ssl") or name == "sslnegotiation"}
    _check_files(kept)
    if int(options.get("connect_timeout", "0")):
        arguments["timeout"] = float(options["connect_timeout"])
    query = urlencode(kept, quote_via=quote, safe="")
    return {"dsn": f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if query else ''}{query}", **arguments}


def _is_over_tcp(netloc: str, options: dict[str, str]) -> bool:
    host = netloc.rpartition("@")[2] or options.get("host") or os.environ.get("PGHOST", "")
    return bool(host) and not host.startswith(("/", "%2F", "%2f"))


def _by_authorities_of_the_system(options: dict[str, str], mode: str | None, *, over_tcp: bool) -> bool:
    """Whether the server's certificate is checked, with its name, against the authorities that this machine trusts.

    channel_binding=require, which Neon hands out, makes a server prove that it is no one between. The driver cannot
    bind channels, and a certificate that is checked proves the same.
    """
    if not over_tcp:
        return False
    root = options.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if root == SYSTEM:
        return True
    if root is not None or _has_root_certificate():
        return False
    return mode == "verify-full" or options.get("channel_binding") == "require"


def _has_root_certificate() -> bool:
    try:
        return Path.home().joinpath(_ROOT_CERTIFICATE).exists()
    except RuntimeError:  # there is no home
        return False


def _context(options: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if "sslcrl" in options:
            context.load_verify_locations(cafile=options["sslcrl"])
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        if "sslcert" in options:
            context.load_cert_chain(options["sslcert"], options.get("sslkey"), options.get("sslpassword", ""))
    except OSError as error:
        raise StoreRefused(
            f"DATABASE_URL: its files of certificates cannot be used ({error.strerror or error})"
        ) from error
    for name, edge in (
        ("ssl_min_protocol_version", "minimum_version"),
        ("ssl_max_protocol_version", "maximum_version"),
    ):
        if name in options:
            setattr(context, edge, ssl.TLSVersion[options[name].replace(".", "_")])
    context.set_alpn_protocols(["postgresql"])  # which sslnegotiation=direct needs
    return context


def _check_files(options: dict[str, str]) -> None:
    """Say which file cannot be read: the driver's error would pass for one of the network."""
    for name in _FILES:
        if name not in options:
            continue
        try:
            with Path(options[name]).open("rb"):
                pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise StoreRefused(
                f"DATABASE_URL: the file of {name} cannot be read ({reason}); name one that can"
            ) from error
