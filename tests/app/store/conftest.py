"""Sign-in's tables on the test's database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.store.database import Database
from app.store.oauth import OAuthStore
from tests.support.oauth import RESOURCE


@pytest.fixture
def sign_in_store(database: Database) -> OAuthStore:
    return OAuthStore(database, RESOURCE, timedelta(minutes=60), timedelta(days=30))
