"""Which addresses a client may have users sent back to."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.settings.forms import is_loopback


def is_redirect(value: str) -> bool:
    """Whether a client may have users sent back to an address: https, or http on loopback."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if not parts.hostname or parts.fragment or "@" in parts.netloc or not value.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
