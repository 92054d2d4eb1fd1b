"""Where the API is and the key to it, found the same way by client, provider and driver."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.render.api.errors import NoAccess

DEFAULT_URL = "https://api.render.com/v1"
# The stack's configuration goes before the environment.
KEY, URL, OWNER = "renderApiKey", "renderApiUrl", "owner"
KEY_VARIABLE, URL_VARIABLE, OWNER_VARIABLE = "RENDER_API_KEY", "RENDER_API_URL", "RENDER_OWNER"


@dataclass(frozen=True, kw_only=True)
class Access:
    """The address (version included, no slash at its end), the key, and the workspace that owns what is made."""

    key: str = field(repr=False)
    url: str = DEFAULT_URL
    owner: str | None = None


def find_access(
    configured: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None
) -> Access:
    """Return the access to use. Raises NoAccess.

    configured: the stack's values by key without namespace (renderApiKey, renderApiUrl, owner); absent ones, None and
    empty ones leave it to the environment (RENDER_API_KEY, RENDER_API_URL, RENDER_OWNER).
    """
    configured = configured or {}
    environment = os.environ if environment is None else environment
    key = (configured.get(KEY) or environment.get(KEY_VARIABLE) or "").strip()
    url = (configured.get(URL) or environment.get(URL_VARIABLE) or DEFAULT_URL).strip().rstrip("/")
    if not key:
        raise NoAccess(
            f"no key for Render's API: make one in the dashboard under Account Settings, then set {KEY_VARIABLE} "
            f"or run `pulumi config set --secret {KEY}`"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise NoAccess(
            f"the key for Render's API holds spaces or characters that no key has; set {KEY_VARIABLE} or {KEY} again"
        )
    owner = (configured.get(OWNER) or environment.get(OWNER_VARIABLE) or "").strip()
    return Access(key=key, url=_checked(url), owner=owner or None)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0 and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise NoAccess(f"{URL_VARIABLE} is no address of an API; leave it unset for {DEFAULT_URL}")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise NoAccess(f"{URL_VARIABLE} must begin with https://, or the key would travel in clear; found {url!r}")
    return url
