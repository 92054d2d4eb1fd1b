"""What plans pretend that the Docker provider adds."""

from __future__ import annotations

from infra.selfhost.mock_outputs import mock_outputs
from tests.support.components import CONTAINER, IMAGE, VOLUME


def test_an_image_is_known_by_its_name() -> None:
    assert mock_outputs(IMAGE, "memory-app-image", {"name": "claude-memory:1"}) == {"imageId": "claude-memory:1"}


def test_every_task_succeeds() -> None:
    assert mock_outputs(CONTAINER, "memory-app-init", {}) == {"exitCode": 0, "containerLogs": ""}


def test_nothing_is_made_up_for_other_resources() -> None:
    assert mock_outputs(VOLUME, "memory-postgres-data", {}) == {}
