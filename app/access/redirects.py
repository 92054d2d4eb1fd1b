"""Says which addresses users may be sent to, and which of them a client may register."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from app.settings.forms import is_loopback

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]{1,2000}")


def is_redirect(value: str) -> bool:
    """Whether an address is valid as a redirect: https, or http on loopback."""
    if not is_address(value) or "#" in value:
        return False
    parts = urlsplit(value)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def is_address(value: str) -> bool:
    """Whether a text is a URL with a host and without user, in the characters of RFC 3986 only.

    All other characters are read differently by different programs: browsers take a backslash for a slash, drop tabs,
    and turn the letters of a host into others.
    """
    if not _URL.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and "%" not in parts.netloc
    except ValueError:  # brackets that do not match, a port that is none
        return False
