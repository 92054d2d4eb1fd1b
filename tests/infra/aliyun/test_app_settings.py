"""Settings as functions get them."""

from __future__ import annotations

import pytest

from infra.aliyun.app_settings import DATA, known_jobs, known_server, path
from tests.infra.aliyun.test_config import options


def test_a_stack_overrides_the_defaults_but_not_what_the_platform_needs() -> None:
    found = known_server(options(), {"LOG_LEVEL": "DEBUG", "HOST": "127.0.0.1"})

    assert found["LOG_LEVEL"] == "DEBUG"
    assert found["HOST"] == "0.0.0.0"
    assert found["MEMORY_DATA_DIR"] == DATA


def test_the_domain_is_the_public_address_unless_another_is_given() -> None:
    domain = {"name": "memory.example.org", "certificate": "-----BEGIN CERTIFICATE-----"}
    own = options({"certificateKey": "made-up"}, domain=domain)

    assert known_server(own, {})["PUBLIC_URL"] == "https://memory.example.org"
    assert known_server(own, {"PUBLIC_URL": "https://other.example.org"})["PUBLIC_URL"] == "https://other.example.org"
    assert "PUBLIC_URL" not in known_server(options(), {})


def test_only_the_jobs_get_the_settings_of_backups() -> None:
    given = {"BACKUP_TO": "s3://bucket"}

    assert "BACKUP_TO" not in known_server(options(), given)
    assert known_jobs(options(), given)["BACKUP_TO"] == "s3://bucket"


@pytest.mark.parametrize("version", ["3.11", "3.12"])
def test_the_layers_python_comes_first(version: str) -> None:
    assert path(version).startswith(f"/opt/python{version}/bin:")
