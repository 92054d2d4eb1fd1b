"""`python -m infra.render blueprint`: writes, prints, checks; and says in one message what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from infra.render.driver.cli import main
from tests.support.serving import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the example stacks, in which the command runs."""
    for name in ("Pulumi.yaml", "Pulumi.render.yaml", "Pulumi.render-dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_render_yaml_beside_the_stacks_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "--stack", "render-dev"], environment={}) == 0

    assert (project / "render.yaml").read_text(encoding="utf-8") == (ROOT / "render.yaml").read_text(encoding="utf-8")
    assert capsys.readouterr() == (f"wrote {project / 'render.yaml'}\n", "")


def test_it_needs_no_key_and_says_what_it_leaves_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "--output", "-"], environment={}) == 0

    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["projects"][0]["name"] == "claude-memory"
    assert printed.err.startswith("left out: monitoring: ")
    assert not (project / "render.yaml").exists()


def test_another_file_can_be_named(project: Path) -> None:
    assert main(["blueprint", "--stack", "organisation/claude-memory/render", "--output", "other.yaml"]) == 0
    assert (project / "other.yaml").exists()


def test_a_stack_that_is_wrong_writes_nothing_and_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "Pulumi.render-dev.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "  claude-memory:nonsense: 1\n", encoding="utf-8")

    assert main(["blueprint", "--stack", "render-dev"]) == 1
    assert "nonsense: there is no such key" in capsys.readouterr().err
    assert not (project / "render.yaml").exists()


def test_a_stack_without_a_file_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "--stack", "gone"]) == 1
    assert "Pulumi.gone.yaml: cannot be read" in capsys.readouterr().err


def test_a_file_is_checked_and_its_problems_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "render.yaml"
    shutil.copy(ROOT / "render.yaml", file)
    assert main(["blueprint", "--check", str(file)]) == 0
    file.write_text(
        "services:\n  - {type: worker, name: w, runtime: docker, plan: free, autoDeployTrigger: off}\n",
        encoding="utf-8",
    )
    capsys.readouterr()

    assert main(["blueprint", "--check", str(file)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"python -m infra.render blueprint: 2 problems in {file}:\n")
    assert "there is no free worker" in told


@pytest.mark.parametrize("text", ["- a list", "just text", "a: [", ""])
def test_a_file_that_is_no_blueprint_is_told(text: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "render.yaml").write_text(text, encoding="utf-8")

    assert main(["blueprint", "--check", "render.yaml"]) == 1
    assert capsys.readouterr().err.startswith("python -m infra.render blueprint: ")


def test_a_file_that_is_not_there_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "--check", "gone.yaml"]) == 1
    assert "gone.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("services: [\n", "is not YAML, line 2: ", id="no YAML"),
        pytest.param("previews: {generation: automatic}\n", "is not a Blueprint: it has no services", id="no services"),
    ],
)
def test_a_file_that_is_no_blueprint_is_told_in_one_line(
    text: str, told: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "render.yaml").write_text(text, encoding="utf-8")

    assert main(["blueprint", "--check", "render.yaml"]) == 1
    said = capsys.readouterr().err
    assert (told in said, said.count("\n")) == (True, 1), said


def test_a_file_that_cannot_be_written_is_told_in_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "--stack", "render-dev", "--output", "gone/render.yaml"]) == 1
    assert "blueprint: gone/render.yaml: No such file or directory\n" in capsys.readouterr().err


def test_a_stack_of_another_target_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(ROOT / "Pulumi.selfhost.yaml", project / "Pulumi.selfhost.yaml")

    assert main(["blueprint", "--stack", "selfhost"]) == 1
    assert "target: got selfhost, takes render" in capsys.readouterr().err
