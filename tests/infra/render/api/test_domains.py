"""Domains come with their www name, and are verified."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi

pytestmark = pytest.mark.usefixtures("only_documented_fields")


@pytest.mark.parametrize(
    ("name", "other"), [("memory.example.com", None), ("example.com", "www.example.com"), ("www.a.org", "a.org")]
)
def test_domains(name: str, other: str | None, api: RenderApi, service_id: str) -> None:
    domain = api.domains.create(service_id, name)
    assert (domain["name"], domain["verificationStatus"]) == (name, "unverified")
    assert {one["name"] for one in api.domains.all(service_id)} == {name, other or name}

    api.domains.verify(service_id, domain["id"])
    assert api.domains.get(service_id, name)["verificationStatus"] == "verified"

    api.domains.delete(service_id, name)
    assert list(api.domains.all(service_id)) == []
