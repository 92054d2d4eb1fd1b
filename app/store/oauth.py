"""Sign-in for remote clients in PostgreSQL: clients, sign-ins in progress, grants and their tokens.

All replicas share the tables, so a client may register at one, be allowed at another and redeem its code at a third.
"""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database
from app.store.oauth_clients import OAuthClients
from app.store.oauth_grants import Grants
from app.store.oauth_sign_ins import SignIns


class OAuthStore:
    """The tables of one deployment.

    resource: the PUBLIC_URL; grants for another address are not found.
    """

    def __init__(self, db: Database, resource: str, access_for: timedelta, refresh_for: timedelta) -> None:
        self.clients = OAuthClients(db)
        self.sign_ins = SignIns(db, resource)
        self.grants = Grants(db, resource, access_for, refresh_for)
