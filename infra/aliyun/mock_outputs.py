"""What the Alibaba Cloud provider adds to a resource, for plans, which run without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mock_outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that the program reads."""
    kind = type_.rpartition(":")[2]
    known: dict[str, dict[str, Any]] = {
        "V3Trigger": {"httpTrigger": {"urlInternet": f"https://{name}.example.fcapp.run"}},
        "V3FunctionVersion": {"versionId": f"{name}-version"},
        "V3LayerVersion": {"layerVersionArn": f"acs:fc:region:account:layers/{name}/versions/1"},
        "Role": {"arn": f"acs:ram::account:role/{name}"},
        "Instance": {"connectionString": f"{name}.pg.rds.example.com", "port": "5432"},
    }
    return known.get(kind, {})
