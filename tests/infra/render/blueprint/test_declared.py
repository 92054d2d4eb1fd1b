"""The variables that a stack's program declares."""

from __future__ import annotations

from infra.render.blueprint.declared import declared_variables
from tests.support.serving import ROOT


def test_each_service_of_the_production_example_has_its_own_and_its_groups() -> None:
    found = declared_variables(ROOT / "Pulumi.render.yaml")

    assert set(found) >= {"claude-memory-web", "claude-memory-worker", "claude-memory-alerts", "claude-memory-qdrant"}
    web = found["claude-memory-web"]
    assert (web["HOST"], web["QDRANT_URL"]) == ("0.0.0.0", "http://claude-memory-qdrant:6333")
    assert (web["ADMIN_TOKEN"], web["DATABASE_URL"]) == (None, None)
    assert "ADMIN_TOKEN" not in found["claude-memory-worker"]
    assert found["claude-memory-alerts"]["ALERTS_TOKEN"] is None
