"""Names that nobody reads: misspelt ones are told, and what belongs to other programs is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.settings.fields import Settings
from app.settings.unread import unread_names

OTHERS = (
    "PATH", "HOME", "HOSTNAME", "HOSTS", "PORTS", "PGHOST", "PGPORT", "PGDATABASE", "POSTGRES_URL", "POSTGRES_PASSWORD",
    "LOGLEVEL", "LOG_LEVELS", "LOG_FORMATS", "LOGFORMAT", "UVICORN_LOG_LEVEL", "AUTHOR", "OAUTH", "API_MODEL",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_ENDPOINT", "MEM0_API_KEY", "OPENAI_API_KEY",
    "OPENAI_CLIENT_ID", "ANTHROPIC_API_KEY", "QDRANT__SERVICE__API_KEY", "QDRANT_HOST", "EMBEDDING_SERVICE",
    "SMTP_HOST", "SMTP_PASSWORD", "DB_URL", "REDIS_URL", "PUBLIC_PATH", "USER", "SHELL", "LANG", "XDG_DATA_HOME",
    "FC_REGION", "RENDER_SERVICE_NAME", "KUBERNETES_SERVICE_HOST", "PYTHONPATH", "VIRTUAL_ENV", "CLAUDE_PROJECT_DIR",
)  # fmt: skip


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without anything, in a folder without a `.env`."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("QRDANT_URL", "QDRANT_URL"),
        ("QDRANT_ULR", "QDRANT_URL"),
        ("QDRANTURL", "QDRANT_URL"),
        ("EMBEDING_MODEL", "EMBEDDING_MODEL"),
        ("EMBEDDINGS_MODLE", "EMBEDDING_MODEL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("databse_url", "DATABASE_URL"),
        ("DATABSE_URL_FILE", "DATABASE_URL_FILE"),
        ("BACKUP_PASPHRASE_FILE", "BACKUP_PASSPHRASE_FILE"),
    ],
)
def test_a_misspelt_name_in_the_environment_is_told_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "a secret, perhaps")

    said = str(unread_names())

    assert f"{name.upper()} ({meant}?)" in said
    assert "secret, perhaps" not in said


def test_names_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHERS:
        monkeypatch.setenv(name, "x")

    assert unread_names() is None


def test_our_own_names_and_their_files_are_no_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "x")
    monkeypatch.setenv("DATABASE_URL_FILE", "x")

    assert unread_names() is None


def test_a_name_near_one_that_is_set_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URI", "x")
    assert "DATABASE_URL?" in str(unread_names())
    monkeypatch.setenv("DATABASE_URL", "postgresql://")

    assert unread_names() is None


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRDANT_URL", "")

    assert unread_names() is None


def test_every_unknown_name_in_the_file_is_told() -> None:
    Path(".env").write_text(
        "QDRANT_URL=http://x\nqdrant_collection=y\nEMBEDING_MODEL=m\nCOMPOSE_PROJECT_NAME=p\n"
        "BACKUP_PASSPHRASE_FILE=/run/secrets/b\nEMPTY=\n",
        encoding="utf-8",
    )

    assert unread_names() == (
        "set, but unused: BACKUP_PASSPHRASE_FILE in .env (it takes effect only in the environment),"
        " COMPOSE_PROJECT_NAME in .env, EMBEDING_MODEL in .env (EMBEDDING_MODEL?);"
        " `claude-memory settings` lists all names"
    )


def test_what_may_be_a_piece_of_a_secret_is_not_told() -> None:
    Path(".env").write_text("KEY_NOBODY_KNOWS\nMIIEvQIBADANBgkqh==\ncm_abcdefghijklmnop=\n", encoding="utf-8")

    assert unread_names() is None
