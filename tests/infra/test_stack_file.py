"""What a stack's file says, and which values only Pulumi reads."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.stack_file import project_folder, read

SECRET = "cm_" + "Q1w2E3r4T5" * 4 + "zzz"


def write(folder: Path, text: str) -> None:
    (folder / "Pulumi.yaml").write_text("name: claude-memory\nruntime: python\n", encoding="utf-8")
    (folder / "Pulumi.render.yaml").write_text(text, encoding="utf-8")


def test_settings_secrets_and_the_targets_own_keys_are_told_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        "config:\n  claude-memory:LOG_LEVEL: DEBUG\n  claude-memory:QUOTA_MEMORIES: 5000\n"
        "  claude-memory:ENABLE_CORS: true\n  claude-memory:owner: Mine\n  other:LOG_LEVEL: INFO\n"
        "  claude-memory:scaling: {min: 1}\n  claude-memory:adminToken:\n    secure: v1:abc\n",
    )

    found = read(tmp_path, "render")
    assert found.settings == {"LOG_LEVEL": "DEBUG", "QUOTA_MEMORIES": "5000", "ENABLE_CORS": "true"}
    assert found.values["owner"] == "Mine"
    assert (found.key_of("ADMIN_TOKEN"), found.key_of("QDRANT_API_KEY")) == ("adminToken", None)


def test_a_stack_without_a_file_says_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "org/claude-memory/render")

    assert (found.exists, found.values, found.path.name) == (False, {}, "Pulumi.render.yaml")


@pytest.mark.parametrize("text", ["config: [", "- a list", "config:\n  - a\n", "\x00"])
def test_a_file_that_cannot_be_read_is_an_error_of_one_line(text: str, tmp_path: Path) -> None:
    write(tmp_path, text)

    with pytest.raises(CannotDo, match=r"Pulumi\.render\.yaml cannot be read"):
        read(tmp_path, "render")


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "")

    assert read(tmp_path, "render").values == {}


def test_the_project_is_the_nearest_folder_with_a_pulumi_yaml(tmp_path: Path) -> None:
    write(tmp_path, "")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)

    assert project_folder(deep) == tmp_path
    assert (project_folder(Path("/")) / "infra" / "render").is_dir()


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs the command pulumi")
def test_the_real_pulumi_takes_a_value_by_standard_input_and_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "")
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/state")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "a passphrase")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_SKIP_UPDATE_CHECK", "true")
    subprocess.run(["pulumi", "stack", "init", "render"], cwd=tmp_path, env=os.environ, check=True, capture_output=True)

    read(tmp_path, "render").put_secret("adminToken", SECRET)
    found = read(tmp_path, "render")
    assert found.secrets == {"adminToken"}
    assert SECRET not in found.path.read_text(encoding="utf-8")
    assert found.secret("adminToken") == SECRET
