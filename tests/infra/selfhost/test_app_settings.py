"""Settings of the app: which are plain, which are files, and what each role gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from infra.config import StackConfig, checked
from infra.plan import declared
from infra.selfhost.app_settings import AppSettings, given_settings, init_settings, server_settings
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from infra.selfhost.mock_outputs import mock_outputs
from tests.support.stacks import SECRETS, selfhost_values


def stack(**others: Any) -> StackConfig[SelfhostConfig]:
    return checked(selfhost_values(**others), SelfhostConfig, MANAGED, container_settings)


def resolved(make: Callable[[], Mapping[str, pulumi.Input[str]]]) -> dict[str, tuple[str, bool]]:
    """Return the value of each setting, and whether it is secret."""
    found: dict[str, tuple[str, bool]] = {}

    async def note(name: str, output: pulumi.Output[str]) -> bool:
        value = await output.future()
        assert value is not None, name
        found[name] = (value, await output.is_secret())
        return True

    def program() -> None:
        for name, given in make().items():
            noted: pulumi.Input[bool] = note(name, pulumi.Output.from_input(given))
            pulumi.Output.from_input(noted)

    declared("test", program, mock_outputs)
    return found


def test_files_are_named_in_the_environment_and_their_contents_are_not() -> None:
    settings = AppSettings(plain={"LOG_LEVEL": "DEBUG"}, files={"MEMU_API_KEY": "made-up-key"})

    assert settings.environment == {"LOG_LEVEL": "DEBUG", "MEMU_API_KEY_FILE": "/run/files/MEMU_API_KEY"}


def test_extended_settings_leave_the_first_ones_alone() -> None:
    first = AppSettings(plain={"LOG_LEVEL": "DEBUG", "PORT": "1"}, files={"A": "a"})

    assert first.extended({"PORT": "2"}, {"B": "b"}) == AppSettings(
        plain={"LOG_LEVEL": "DEBUG", "PORT": "2"}, files={"A": "a", "B": "b"}
    )
    assert first == AppSettings(plain={"LOG_LEVEL": "DEBUG", "PORT": "1"}, files={"A": "a"})


def test_settings_of_the_stack_stand_over_the_defaults_of_the_target() -> None:
    given = given_settings(stack(LOG_FORMAT="text"))

    assert (given.plain["LOG_FORMAT"], given.plain["AUTH"]) == ("text", "required")


def test_secret_settings_of_the_stack_become_secret_files() -> None:
    given = stack(secrets={"MEMU_API_KEY": "made-up-key"})

    assert resolved(lambda: given_settings(given).files) == {"MEMU_API_KEY": ("made-up-key", True)}
    assert "MEMU_API_KEY" not in resolved(lambda: given_settings(given).plain)


def test_servers_find_both_stores_and_the_passwords_are_secret() -> None:
    options = stack().options

    def settings() -> AppSettings:
        return server_settings(AppSettings(), options, "10.0.0.2:5432", "qdrant:6333")

    password = SECRETS["postgresPassword"]
    assert resolved(lambda: settings().files) == {
        "DATABASE_URL": (f"postgresql://claude_memory:{password}@10.0.0.2:5432/claude_memory", True),
        "QDRANT_API_KEY": (SECRETS["qdrantApiKey"], True),
    }
    plain = {name: value for name, (value, _) in resolved(lambda: settings().plain).items()}
    assert plain["QDRANT_URL"] == "http://qdrant:6333"
    assert not set(plain.values()) & set(SECRETS.values())


def test_servers_listen_where_health_checks_and_the_proxy_expect_them() -> None:
    given = AppSettings(plain={"PORT": "1", "LOG_LEVEL": "DEBUG"})
    options = stack().options

    plain = resolved(lambda: server_settings(given, options, "postgres:5432", "qdrant:6333").plain)

    assert {name: plain[name][0] for name in ("HOST", "PORT", "METRICS_PORT", "LOG_LEVEL")} == {
        "HOST": "0.0.0.0",
        "PORT": "8000",
        "METRICS_PORT": "8080",
        "LOG_LEVEL": "DEBUG",
    }


def test_init_gets_the_superuser_of_postgresql_and_the_first_token_as_secrets() -> None:
    options = stack(secrets={"postgresAdminPassword": "made-up~password.of-admin"}).options

    assert resolved(lambda: init_settings(options, "postgres:5432")) == {
        "ADMIN_DATABASE_URL": ("postgresql://postgres:made-up~password.of-admin@postgres:5432/postgres", True),
        "ADMIN_TOKEN": (SECRETS["adminToken"], True),
    }
