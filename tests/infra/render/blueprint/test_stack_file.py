"""A stack's file as the program takes it: placeholders for secrets, and what a Blueprint cannot have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config import NAMESPACE
from infra.errors import ConfigError
from infra.render.blueprint.stack_file import stack_values
from infra.render.program import check

SECURE = {"secure": "v1:made-up:ciphertext"}
LEAST: dict[str, Any] = {"target": "render", "app": {"repo": "https://github.com/example/claude-memory"}}


def written(folder: Path, **values: Any) -> Path:
    file = folder / "Pulumi.staging.yaml"
    own = {f"{NAMESPACE}:{key}": value for key, value in {**LEAST, **values}.items()}
    file.write_text(yaml.safe_dump({"config": own}), encoding="utf-8")
    return file


def test_values_are_as_the_engine_hands_them_over(tmp_path: Path) -> None:
    values, left_out = stack_values(written(tmp_path, keepData=False, worker={"plan": "starter"}, LOG_LEVEL="INFO"))

    assert values.stack == "staging"
    assert json.loads(values.values["worker"]) == {"plan": "starter"}
    assert values.values["LOG_LEVEL"] == "INFO"
    assert left_out == []


def test_secrets_are_placeholders_that_the_program_takes(tmp_path: Path) -> None:
    secrets = ("adminToken", "EMBEDDING_API_KEY", "BACKUP_PASSPHRASE", "ALERTS_SLACK_URL")
    given = dict.fromkeys(secrets, SECURE)
    file = written(tmp_path, qdrant={}, cron={}, BACKUP_TO="s3://bucket", **given)

    values, _ = stack_values(file)
    assert "ciphertext" not in str(values)
    assert {*secrets, "qdrantApiKey", "BACKUP_S3_ACCESS_KEY_ID"} <= values.secret_keys
    assert check(values).options.qdrant is not None


def test_what_is_for_pulumi_alone_is_left_out_and_the_monitoring_is_told(tmp_path: Path) -> None:
    values, left_out = stack_values(written(tmp_path, monitoring={}, renderApiKey=SECURE, owner="tea-1", keepData=True))

    assert not {"monitoring", "renderApiKey", "owner", "keepData"} & values.values.keys()
    [sentence] = left_out
    assert sentence.startswith("monitoring: ")


@pytest.mark.parametrize("text", ["", "config: 3", "{", "config:\n  1: 2"])
def test_a_file_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.staging.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"Pulumi\.staging\.yaml: cannot be read"):
        stack_values(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Pulumi\.gone\.yaml: cannot be read \(FileNotFoundError\)"):
        stack_values(tmp_path / "Pulumi.gone.yaml")
