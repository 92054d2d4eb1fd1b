"""How a deployed app is reached: an address that a token may be sent to, and the token on a request."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from app.settings.forms import is_loopback
from infra.command_errors import WrongUsage


class Bearer(AuthBase):
    """Puts the token on a request; as `auth`, so that no ~/.netrc replaces it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def checked_address(url: str, whose: str) -> str:
    """Return an address that a token may be sent to. Raises WrongUsage."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url.rstrip("/")
    raise WrongUsage(f"{whose}: the address must begin with https://, or a token would travel in clear; found {url!r}")


def read_token(file: Path) -> str:
    """Return the token that a file holds, the value of --token-file. Raises WrongUsage."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"--token-file {file}: cannot be read ({type(error).__name__})") from None
    if not token or not token.isprintable() or " " in token:  # it becomes a header
        raise WrongUsage(f"--token-file {file}: takes a file with a token and nothing else")
    return token
