"""What the Docker provider adds to a resource, for plans, which run without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mock_outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that the program reads: an image's id, and how a task ended."""
    if type_ == "docker:index/remoteImage:RemoteImage":
        return {"imageId": inputs["name"]}
    if type_ == "docker:index/container:Container":
        return {"exitCode": 0, "containerLogs": ""}
    return {}
