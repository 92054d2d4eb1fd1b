"""Stacks from their files: secrets that are missing or encrypted are made up, everything else is as written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import ConfigError
from infra.made_up import is_made_up
from infra.plan.stacks import checked_stack
from tests.support.serving import ROOT

_SELFHOST = {"target": "selfhost", "images": {"app": "claude-memory:1"}}


def written(folder: Path, **values: object) -> Path:
    """Write the file of a stack called test."""
    config = {f"claude-memory:{key}": value for key, value in values.items()}
    (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": config}), encoding="utf-8")
    return folder


def test_missing_secrets_are_made_up_in_the_form_that_each_has() -> None:
    found = checked_stack(ROOT, "selfhost")

    assert found.values.secret_keys == {
        "adminToken",
        "alertsToken",
        "postgresAdminPassword",
        "postgresPassword",
        "qdrantApiKey",
    }
    assert all(is_made_up(found.values.values[key]) for key in found.values.secret_keys)


def test_an_encrypted_secret_is_made_up_without_the_passphrase(tmp_path: Path) -> None:
    secrets = {"ALERTS_SLACK_URL": {"secure": "v1:abc="}, "DASHSCOPE_API_KEY": {"secure": "v1:abc="}}

    found = checked_stack(written(tmp_path, **_SELFHOST, **secrets), "test")

    assert found.values.values["ALERTS_SLACK_URL"].startswith("https://")
    assert set(secrets) <= found.values.secret_keys
    assert "secure" not in str(dict(found.values.values))


def test_an_encrypted_secret_inside_a_value_is_made_up(tmp_path: Path) -> None:
    credentials = {"dnsCredentials": {"api_token": {"secure": "v1:abc="}, "zone": "example.org"}}
    certificate = {"certificate": {"dns": "cloudflare"}, "domain": "memory.example.org"}
    images = {"images": {"app": "claude-memory:1", "caddy": "caddy-cloudflare:1"}}

    found = checked_stack(written(tmp_path, **{**_SELFHOST, **images}, **certificate, **credentials), "test")

    made = json.loads(found.values.values["dnsCredentials"])
    assert is_made_up(made["api_token"])
    assert made["zone"] == "example.org"
    assert "dnsCredentials" in found.values.secret_keys


def test_a_secret_that_another_key_needs_is_made_up(tmp_path: Path) -> None:
    found = checked_stack(written(tmp_path, **_SELFHOST, grafana=True), "test")

    assert "grafanaPassword" in found.values.secret_keys


def test_a_secret_in_clear_text_stays_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="qdrantApiKey: is a secret in clear text"):
        checked_stack(written(tmp_path, **_SELFHOST, qdrantApiKey="made-up-key-of-qdrant"), "test")


def test_what_else_is_wrong_is_told_without_the_missing_secrets(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as failed:
        checked_stack(written(tmp_path, **_SELFHOST, replicas=0), "test")

    assert [problem.partition(":")[0] for problem in failed.value.problems] == ["replicas"]


def test_a_file_without_a_configuration_lacks_a_target(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.test.yaml").write_text("encryptionsalt: v1:abc\n")

    with pytest.raises(ConfigError, match="target: got nothing"):
        checked_stack(tmp_path, "test")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("config:\n  a: [1\nb: 2\n", r"Pulumi\.test\.yaml: is no YAML in line 3"),
        ("config:\n  a: \xff\x00\n", r"Pulumi\.test\.yaml: is no YAML"),
        ("config:\n  2: one\n  true: two\n", r"2: is no text; .*\n.*True: is no text"),
        ("config: text\n", r"Pulumi\.test\.yaml: takes values by their names, under config"),
        ("- a\n", r"Pulumi\.test\.yaml: takes values by their names, under config"),
    ],
)
def test_a_file_of_another_form_is_a_problem_of_the_configuration(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "Pulumi.test.yaml").write_text(text, encoding="latin-1")

    with pytest.raises(ConfigError, match=problem):
        checked_stack(tmp_path, "test")


def test_keys_of_other_projects_are_left_alone(tmp_path: Path) -> None:
    folder = written(tmp_path, **_SELFHOST)
    file = folder / "Pulumi.test.yaml"
    config = json.loads(file.read_text())
    config["config"]["docker:host"] = "unix:///docker.sock"
    file.write_text(json.dumps(config))

    assert "docker:host" not in checked_stack(folder, "test").values.values
