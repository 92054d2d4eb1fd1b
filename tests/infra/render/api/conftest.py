"""A service to work on, and the check that only documented fields are sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.render.api.client import RenderApi
from tests.infra.render.api import bodies
from tests.standins.render.server import Server


@pytest.fixture
def only_documented_fields(render: Server) -> Iterator[None]:
    yield
    assert render.undocumented == []


@pytest.fixture
def service_id(api: RenderApi) -> str:
    return str(api.services.create(bodies.service()).service["id"])
