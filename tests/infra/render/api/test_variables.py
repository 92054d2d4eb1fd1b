"""Environment variables and secret files of a service."""

from __future__ import annotations

import pytest

from infra.render.api.client import RenderApi

pytestmark = pytest.mark.usefixtures("only_documented_fields")


def test_variables(api: RenderApi, service_id: str) -> None:
    made = api.variables.replace(service_id, {"A": "1", "TOKEN": {"generateValue": True}})
    assert list(made) == ["A", "TOKEN"]
    assert len(made["TOKEN"]) == 44

    assert api.variables.set(service_id, "A", "2") == "2"
    assert api.variables.set(service_id, "B", "3") == "3"
    api.variables.unset(service_id, "TOKEN")
    assert api.variables.all(service_id) == {"B": "3", "A": "2"}

    assert api.variables.replace(service_id, {}) == {}


def test_secret_files(api: RenderApi, service_id: str) -> None:
    api.secret_files.replace(service_id, {"a.json": "{}", "b.pem": "x\ny\n"})
    api.secret_files.set(service_id, "c", "")

    assert api.secret_files.all(service_id) == {"c": "", "b.pem": "x\ny\n", "a.json": "{}"}


def test_odd_names_arrive_as_they_are(api: RenderApi, service_id: str) -> None:
    api.secret_files.set(service_id, "a b/c#1?.json", "{}")

    assert api.secret_files.all(service_id) == {"a b/c#1?.json": "{}"}
    api.secret_files.unset(service_id, "a b/c#1?.json")
    assert api.secret_files.all(service_id) == {}
