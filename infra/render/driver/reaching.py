"""The deployed app of a session: its address and the token it is asked with."""

from __future__ import annotations

from pathlib import Path

from infra.reaching import checked_address, read_token
from infra.render.deployed.app import DeployedApp, address_of
from infra.render.deployed.choosing import Service
from infra.render.driver.common import TOKEN_VARIABLE, Session


def app_of(session: Session, service: Service) -> DeployedApp:
    """Return the app that a web service runs.

    The token is that of --token-file, MEMORY_TOKEN, or the ADMIN_TOKEN that the service itself runs with.
    """
    own = session.variables.of(service.id).get("ADMIN_TOKEN")
    return DeployedApp(url_of(session, service), given_token(session) or own)


def url_of(session: Session, service: Service) -> str:
    """Return --url, or the service's address."""
    if session.args.url is not None:
        return checked_address(session.args.url, "--url")
    return address_of(session.api, service)


def given_token(session: Session) -> str | None:
    """Return the token that the user gave. Raises WrongUsage."""
    file: Path | None = session.args.token_file
    if file is None:
        return session.environment.get(TOKEN_VARIABLE, "").strip() or None
    return read_token(file)
