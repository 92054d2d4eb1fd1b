"""A transport that reaches the APIs of the tests."""

from __future__ import annotations

import pytest

from infra.aliyun.api.transport import Transport


@pytest.fixture
def transport(waits: list[float]) -> Transport:
    """A transport without TLS."""
    return Transport(sleep=waits.append, scheme="http")
