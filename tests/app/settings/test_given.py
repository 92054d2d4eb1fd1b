"""What is given is what pydantic reads, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InvalidSettings
from app.settings.fields import Settings
from app.settings.given import given, with_defaults
from app.settings.loading import load_settings

SECRET = "-".join(["made", "up"])
NO_FLAGS = {"host": None, "port": None, "memory_data_dir": None}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        for form in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(form, raising=False)


def alone(texts: dict[str, str]) -> Settings:
    """Return the settings that these texts are."""
    return Settings(_env_file=None, **{name.lower(): text for name, text in texts.items()})


def test_without_anything_there_are_the_defaults() -> None:
    found = given(NO_FLAGS)

    assert (found.texts, found.certain) == ({}, True)
    assert with_defaults({})["HOST"] == Settings(_env_file=None).host


def test_host_and_port_are_found_in_the_order_of_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def address(**flags: str) -> tuple[str, str]:
        found = given({**NO_FLAGS, **flags})
        values = with_defaults(found.texts)
        assert found.certain
        settings = load_settings(flags)
        assert (settings.host, str(settings.port)) == (values["HOST"], values["PORT"])
        return values["HOST"], values["PORT"]

    (tmp_path / ".env").write_text("# comment\nexport FC_SERVER_PORT='9001'\nHOST=\"::1\"\nport=\n")
    assert address() == ("::1", "9001")
    monkeypatch.setenv("PORT", "")
    assert address() == ("::1", "9001"), "an empty value is none"
    monkeypatch.setenv("FC_CUSTOM_LISTEN_PORT", "9003")
    assert address() == ("::1", "9003"), "the documented name goes first"
    monkeypatch.setenv("PORT", "9002")
    monkeypatch.setenv("HOST", "localhost")
    assert address() == ("localhost", "9002")
    assert address(host="[::1]", port="0") == ("[::1]", "0")


@pytest.mark.parametrize(
    "dotenv",
    [
        "MCP_SERVER_NAME=plain",
        "mcp_server_name = spaces around \n",
        "MCP_SERVER_NAME='in quotes'\r\nAUTH=off\r\n",
        "export MCP_SERVER_NAME=exported",
        "MCP_SERVER_NAME=one\nMCP_SERVER_NAME=two",
        "MCP_SERVER_NAME=one\nMCP_SERVER_NAME=",
        "MCP_SERVER_NAME=value # and a comment",
        'MCP_SERVER_NAME="with \\"escapes\\" and #"',
        "AUTH=off\nMCP_SERVER_NAME=${AUTH}",
        "MCP_SERVER_NAME='two\nlines'",
        "MCP_SERVER_NAME",
        "MCP_SERVER_NAME=Tür",
        "# MCP_SERVER_NAME=a comment",
        "ALLOWED_HOSTS=a.example, b.example",
        "BACKUP_SCHEDULE=0 2 * * *",
        "UNKNOWN-NAME=x\nAUTH=off",
        f"QDRANT_API_KEY={SECRET}",
        "\n\n",
    ],
)
def test_a_dotenv_is_read_as_pydantic_reads_it(tmp_path: Path, dotenv: str) -> None:
    (tmp_path / ".env").write_text(dotenv, encoding="utf-8", newline="")

    try:
        expected = load_settings()
    except InvalidSettings:
        assert not given(NO_FLAGS).certain
    else:
        assert alone(given(NO_FLAGS).texts) == expected


def test_a_secret_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("QDRANT_API_KEY=from-dotenv\n")
    (tmp_path / "secret").write_text(f"{SECRET}\r\n")
    monkeypatch.setenv("QDRANT_API_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("LOG_LEVEL_FILE", str(tmp_path / "nowhere"))

    found = given(NO_FLAGS)
    assert (found.texts, found.certain) == ({"QDRANT_API_KEY": SECRET}, True), "LOG_LEVEL is no secret"
    monkeypatch.setenv("QDRANT_API_KEY", "from-environment")
    assert given(NO_FLAGS).texts["QDRANT_API_KEY"] == "from-environment"


def test_what_cannot_be_read_is_not_certain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    for path in (tmp_path / "nowhere", tmp_path / "binary", tmp_path):
        monkeypatch.setenv("MEMU_API_KEY_FILE", str(path))
        assert not given(NO_FLAGS).certain
    monkeypatch.delenv("MEMU_API_KEY_FILE")

    assert given(NO_FLAGS).certain
    (tmp_path / ".env").write_bytes(b"MCP_SERVER_NAME=\xff")
    assert not given(NO_FLAGS).certain


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "x"), ("LOG_LEVEL", "loud"), ("DATABASE_URL", "mysql://h"), ("MCP_SERVER_NAME", "\x07")],
)
def test_a_wrong_value_is_not_certain(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    assert not given(NO_FLAGS).certain
