"""What settings there are, which of them are secret, and what follows from several."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import app
from app.errors import InvalidSettings
from app.settings.fields import Settings, secret_names
from app.settings.loading import load_settings

CONTRACT = """
MEMU_API_KEY MEMU_BASE_URL LOG_LEVEL MCP_SERVER_NAME DEFAULT_USER_ID DEFAULT_AGENT_ID MAX_CONVERSATION_LENGTH
RATE_LIMIT_PER_MINUTE MAX_RETRY_ATTEMPTS WORKER_RESTART_DELAY RENDER_DEPLOYMENT API_MODE ENABLE_CORS
DASHSCOPE_API_KEY DASHSCOPE_BASE_URL FC_SERVER_PORT FC_RUNTIME PORT MEMORY_DATA_DIR MEMORY_BACKEND DATABASE_URL
FC_CUSTOM_LISTEN_PORT QDRANT_URL QDRANT_API_KEY EMBEDDING_MODEL EMBEDDING_BASE_URL EMBEDDING_API_KEY HOST
METRICS_PORT AUTH ALLOWED_HOSTS ALLOWED_ORIGINS LOG_FORMAT REPLY_TOKEN_BUDGET REDACT_SECRETS
"""

# What the name of a secret ends with. The address of an alert target is a secret because its key is a part of it.
SECRET_NAME = re.compile(r"(^|_)(KEY|KEY_ID|TOKEN|PASSWORD|PASSPHRASE|SECRET|DATABASE_URL)$|^ALERTS_\w+_URL$")
ADDRESS = ("_url", "_endpoint", "_issuer")

# Settings that a platform gives and nothing reads.
READ_BY_NOTHING = {"FC_RUNTIME"}


def test_every_setting_of_the_contract_is_there() -> None:
    assert {name.upper() for name in Settings.model_fields} >= set(CONTRACT.split())


def test_every_setting_is_read_somewhere() -> None:
    """By its field, or by its name in a rule or before pydantic is imported."""
    read: set[str] = set()
    for file in Path(app.__file__).parent.rglob("*.py"):
        if file.name == "table.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper():
                read.add(node.value.lower())

    assert {name.upper() for name in Settings.model_fields.keys() - read} == READ_BY_NOTHING, (
        "a setting without code that reads it"
    )


def test_a_setting_is_secret_just_when_its_name_says_so() -> None:
    named = {name.upper() for name in Settings.model_fields if SECRET_NAME.search(name.upper())}

    assert set(secret_names()) == named, "make it a SecretStr in app/settings/fields.py, or give it another name"
    assert len(named) > 20


@pytest.mark.parametrize(
    "name",
    [name for name in Settings.model_fields if name.endswith(ADDRESS) and name.upper() not in secret_names()],
)
def test_an_address_that_is_shown_takes_no_password(name: str) -> None:
    with pytest.raises(InvalidSettings, match="without user:password@"):
        load_settings({name: "https://user:password@host"})


def test_port_goes_over_the_port_of_function_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().port == 8000
    monkeypatch.setenv("FC_SERVER_PORT", "9000")
    assert load_settings().port == 9000
    monkeypatch.setenv("FC_CUSTOM_LISTEN_PORT", "9002")
    assert load_settings().port == 9002
    monkeypatch.setenv("PORT", "9001")
    assert load_settings().port == 9001


@pytest.mark.parametrize("mark", ["FC_FUNCTION_NAME", "FC_INSTANCE_ID"])
def test_streams_are_shorter_on_function_compute_unless_they_are_set(
    monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    assert not load_settings().on_function_compute
    assert load_settings().stream_s is None
    monkeypatch.setenv("FC_RUNTIME", "custom.debian12")
    assert not load_settings().on_function_compute
    monkeypatch.setenv(mark, "memory")
    assert load_settings().on_function_compute
    assert load_settings().stream_s == 585
    monkeypatch.setenv("STREAM_SECONDS", "50")
    assert load_settings().stream_s == 50
    monkeypatch.setenv("STREAM_SECONDS", "0")
    assert load_settings().stream_s is None


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ({}, 0),
        ({"auth": "required"}, 60),
        ({"host": "0.0.0.0"}, 60),
        ({"rate_limit_per_minute": 5}, 5),
        ({"host": "0.0.0.0", "rate_limit_per_minute": 0}, 0),
    ],
)
def test_on_loopback_without_tokens_there_is_no_rate_limit(values: dict[str, object], limit: int) -> None:
    assert load_settings(values).requests_per_minute == limit


@pytest.mark.parametrize(
    ("values", "drain_s"),
    [({}, 0.0), ({"database_url": "postgresql://u@h/d"}, 2.0), ({"drain_seconds": 1.5}, 1.5)],
)
def test_only_beside_others_a_server_drains_before_it_stops(values: dict[str, Any], drain_s: float) -> None:
    assert Settings(_env_file=None, **values).drain_s == drain_s
