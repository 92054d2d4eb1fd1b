"""Whether a server may listen where its settings say: others must not get in without a token."""

from __future__ import annotations

from app.access.tokens import TokenStore
from app.errors import InvalidSettings, MemoryServerError
from app.settings.fields import Settings
from app.settings.values import Auth


class UnsafeBind(MemoryServerError):
    """Beyond loopback without tokens: the server does not start."""

    code = "unsafe_bind"
    exit_status = 1


def check_bind(settings: Settings) -> None:
    """Raise UnsafeBind when others could connect and nobody asks them who they are."""
    if settings.auth is Auth.AUTO and not settings.on_loopback:
        raise UnsafeBind(
            f"{settings.host} can be reached from outside, and no token is asked for; set AUTH=required and create"
            " a token (claude-memory token create --user NAME), or listen on 127.0.0.1; AUTH=off lets everybody in"
        )


def check_sign_in(settings: Settings) -> None:
    """Raise InvalidSettings when clients could sign in, but not for what the settings say."""
    if settings.public_url is not None and settings.auth is not Auth.REQUIRED:
        raise InvalidSettings(
            f"PUBLIC_URL is set, so others can connect, but AUTH={settings.auth} lets them in without a token;"
            " set AUTH=required"
        )
    if settings.openid_issuer is None:
        return
    missing = [
        name for name in ("public_url", "openid_client_id", "openid_allowed_users") if not getattr(settings, name)
    ]
    if missing:
        raise InvalidSettings(
            f"OPENID_ISSUER needs {', '.join(name.upper() for name in missing)} as well: the address users come back"
            " to, this server's id at the provider, and who of its users may come in"
        )


async def check_tokens(tokens: TokenStore) -> None:
    """Raise UnsafeBind when there is no token to sign in with, though one is required."""
    if not await tokens.any_live():
        raise UnsafeBind(
            "AUTH=required, but there is no token, so nobody could connect;"
            " create one: claude-memory token create --user NAME"
        )
