"""The settings that functions get, for the app's own rules."""

from __future__ import annotations

from app.settings.rules import INIT, JOBS, SERVE
from infra.aliyun.containers import container_settings, database_url, known_database_url
from tests.infra.aliyun.test_config import options


def test_each_kind_of_function_is_known() -> None:
    found = container_settings(options(), {"DATABASE_URL": "postgresql://db.example.org/memory"})

    assert set(found) == {SERVE, INIT, JOBS}
    assert found[SERVE]["AUTH"] == "required"


def test_the_jobs_know_no_secret_of_the_server() -> None:
    found = container_settings(options(), {"DASHSCOPE_API_KEY": "made-up", "BACKUP_PASSPHRASE": "made-up"})

    assert "DASHSCOPE_API_KEY" not in found[JOBS]
    assert "BACKUP_PASSPHRASE" in found[JOBS]


def test_the_stacks_own_database_has_a_stand_in() -> None:
    own = options(
        {"databasePassword": "Made-up-passw0rd"}, DATABASE_URL=None, postgres={}, network={"zone": "cn-hangzhou-h"}
    )

    assert known_database_url(own, {}).startswith("postgresql://claude_memory:Made-up-passw0rd@pgm-")
    assert known_database_url(options(), {"DATABASE_URL": "postgresql://x"}) == "postgresql://x"


def test_the_address_names_user_and_database() -> None:
    assert database_url("host", "5432", "pw") == "postgresql://claude_memory:pw@host:5432/claude_memory"
