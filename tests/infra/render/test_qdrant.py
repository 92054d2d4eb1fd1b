"""Qdrant: its disk, its key, where it listens."""

from __future__ import annotations

from functools import cache

import pulumi

from infra import versions
from infra.plan import Plan
from infra.render.config import Qdrant as QdrantConfig
from infra.render.qdrant import Qdrant, QdrantArgs
from tests.support.render_plan import PLACE, built, of_kind, one, plain, secret


@cache
def plan() -> Plan:
    return built(
        lambda: Qdrant(
            "qdrant",
            QdrantArgs(
                place=PLACE,
                options=QdrantConfig(plan="standard", disk_gb=20),
                image=versions.QDRANT,
                api_key=pulumi.Output.secret("made-up-key-of-qdrant"),
            ),
        )
    )


def test_collections_are_on_a_disk_of_a_private_service() -> None:
    inputs = one(plan(), "PrivateService")

    assert inputs["name"] == "claude-memory-qdrant"
    assert inputs["image"] == {"imagePath": versions.QDRANT}
    assert inputs["disk"] == {"name": "data", "mountPath": "/qdrant/storage", "sizeGB": 20}


def test_it_asks_for_a_key_and_tells_render_where_it_listens() -> None:
    variables = one(plan(), "PrivateService")["envVars"]

    assert secret(variables) == {"QDRANT__SERVICE__API_KEY": "made-up-key-of-qdrant"}
    assert plain(variables) == {
        "PORT": "6333",
        "QDRANT__SERVICE__HTTP_PORT": "6333",
        "QDRANT__TELEMETRY_DISABLED": "true",
    }
    assert of_kind(plan(), "PrivateService")["qdrant"].secrets == {"envVars"}
