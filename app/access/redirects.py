"""Says which redirect addresses a client may register."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.settings.forms import is_loopback


def is_redirect(value: str) -> bool:
    """Whether an address is valid as a redirect: https, or http on loopback."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if not parts.hostname or parts.fragment or "@" in parts.netloc or not value.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
