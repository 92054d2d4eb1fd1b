"""Targets: what each needs, so that a new one is complete, and what a program leaves on the screen."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from infra.config import NAMESPACE, StackValues
from infra.errors import ConfigError, PackagesMissing
from infra.targets import Target, _show, _show_ignored, module, target_of
from tests.support.serving import ROOT
from tests.support.stacks import EXAMPLE_SECRETS, EXAMPLES


def missing(target: str, root: Path) -> list[str]:
    """Return what a target lacks."""
    folder = root / "infra" / target
    needed = {
        f"infra/{target}/__init__.py": "the folder of the target",
        f"infra/{target}/program.py": "check, declare and run",
        f"infra/{target}/mock_outputs.py": "what its provider adds in plans",
        f"Pulumi.{target}.yaml": "an example stack, with every key",
        f"docs/{target}.md": "how to deploy to it, from nothing",
        f"tests/infra/{target}/": "its tests",
    }
    problems = [f"{path}: {what}" for path, what in needed.items() if not (root / path).exists()]
    own = root / "requirements" / f"{target}.in"
    locked = _packages(own.read_text(encoding="utf-8")) if own.exists() else set()
    problems += [
        f"requirements/{target}.in: {package}, which infra/{target} imports"
        for package in sorted(_providers(folder) - locked)
    ]
    return problems


def _providers(folder: Path) -> set[str]:
    """Return the packages of Pulumi that a folder's modules import."""
    return {
        name.partition(".")[0].replace("_", "-")
        for file in folder.glob("**/*.py")
        for name in imports(file)
        if re.match(r"pulumi_\w+", name)
    }


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def _packages(text: str) -> set[str]:
    return {re.split(r"[=<>\[; ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("target", Target)
def test_a_target_is_complete(target: Target) -> None:
    assert missing(target, ROOT) == []


def test_what_a_new_target_needs_is_listed(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "moon.in").write_text("pulumi\n")
    (tmp_path / "infra" / "moon").mkdir(parents=True)
    (tmp_path / "infra" / "moon" / "base.py").write_text("import pulumi_moon as moon\n")

    assert [problem.partition(":")[0] for problem in missing("moon", tmp_path)] == [
        "infra/moon/__init__.py",
        "infra/moon/program.py",
        "infra/moon/mock_outputs.py",
        "Pulumi.moon.yaml",
        "docs/moon.md",
        "tests/infra/moon/",
        "requirements/moon.in",
    ]
    assert missing("moon", tmp_path)[-1] == "requirements/moon.in: pulumi-moon, which infra/moon imports"


def test_every_folder_with_a_program_is_a_target() -> None:
    assert {path.parent.name for path in (ROOT / "infra").glob("*/program.py")} == set(Target)


@pytest.mark.parametrize("target", Target)
def test_a_targets_modules_offer_what_pulumi_and_plans_call(target: Target) -> None:
    program = module(target, "program")

    assert all(callable(getattr(program, name, None)) for name in ("check", "declare", "run"))
    assert callable(module(target, "mock_outputs").mock_outputs)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_of_a_target_whose_secrets_the_tests_know(example: Path) -> None:
    target = yaml.safe_load(example.read_text(encoding="utf-8"))["config"][f"{NAMESPACE}:target"]

    assert target in set(Target)
    assert example.name.startswith(f"Pulumi.{target}")
    assert target in EXAMPLE_SECRETS


def test_what_targets_share_knows_no_provider_and_no_target() -> None:
    shared = [*(ROOT / "infra").glob("*.py"), *(ROOT / "infra" / "monitoring").glob("**/*.py")]
    outside = {
        file.name: name
        for file in shared
        for name in imports(file)
        if name.startswith("pulumi_") or name.startswith(tuple(f"infra.{target}" for target in Target))
    }

    assert len(shared) > 10
    assert outside == {}


@pytest.mark.parametrize("name", ["moon", "", None])
def test_an_unknown_target_is_refused_with_those_there_are(name: str | None) -> None:
    values = StackValues(stack="test", values={} if name is None else {"target": name}, secret_keys=frozenset())

    with pytest.raises(ConfigError, match=rf"target: got {name or 'nothing'}, takes one of {', '.join(Target)}"):
        target_of(values)


def test_no_target_brings_the_provider_of_another() -> None:
    for lock, others in (("selfhost", {"pulumi-alicloud"}), ("aliyun", {"pulumi-docker"})):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        assert not _packages(text) & others, lock
    text = (ROOT / "requirements" / "infra.txt").read_text(encoding="utf-8")
    assert not _packages(text) & {"pulumi-alicloud", "pulumi-docker"}


def test_a_target_without_its_packages_is_refused_with_the_command_that_brings_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("infra.aliyun.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pulumi_alicloud", None)

    with pytest.raises(PackagesMissing, match=r"module pulumi_alicloud, .* -r requirements/aliyun\.txt"):
        module(Target.ALIYUN, "program")


def test_the_interrupt_after_a_failed_resource_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert capsys.readouterr().err == ""


def test_nor_is_it_where_nothing_can_catch_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __del__(self) -> None:
            raise self.error

    monkeypatch.setattr(sys, "unraisablehook", _show_ignored)
    Failing(KeyboardInterrupt())
    assert capsys.readouterr().err == ""

    Failing(ValueError("unexpected"))
    assert "ValueError: unexpected" in capsys.readouterr().err


def test_any_other_error_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show(ValueError, ValueError("unexpected"), None)

    assert "ValueError: unexpected" in capsys.readouterr().err
