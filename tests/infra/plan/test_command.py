"""The command: what it prints in each form, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra.plan import command, revision
from infra.plan.document import to_json
from tests.support.plans import example_document
from tests.support.serving import ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example for development, in place of the whole checkout."""
    (tmp_path / "Pulumi.render-dev.yaml").write_text((ROOT / "Pulumi.render-dev.yaml").read_text())
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return tmp_path


def test_a_stack_is_shown_as_text(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["render-dev"]) == command.DONE
    assert "Policies  all kept" in capsys.readouterr().out


def test_json_holds_what_the_document_does(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--all", "--json"]) == command.DONE

    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(to_json([example_document("render-dev")])))


def test_markdown_and_a_diagram_are_printed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["render-dev", "--markdown"])
    assert capsys.readouterr().out.startswith("## Plan\n")
    command.main(["render-dev", "--mermaid"])
    assert capsys.readouterr().out.startswith("flowchart LR\n")


def test_a_picture_is_written(checkout: Path, tmp_path: Path) -> None:
    command.main(["render-dev", "--svg", str(tmp_path / "it.svg")])

    assert ElementTree.parse(tmp_path / "it.svg").getroot().tag.endswith("svg")


def test_changes_since_a_file_are_shown(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["--all", "--json"])
    (tmp_path / "before.json").write_text(capsys.readouterr().out)
    stack = checkout / "Pulumi.render-dev.yaml"
    stack.write_text(stack.read_text().replace("oregon", "frankfurt"))

    assert command.main(["render-dev", "--against", str(tmp_path / "before.json")]) == command.DONE
    assert "region: oregon → frankfurt" in capsys.readouterr().out


def test_a_broken_policy_and_a_wrong_configuration_fail(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "Pulumi.render-dev.yaml").rename(checkout / "Pulumi.render.yaml")
    assert command.main(["render"]) == command.FAILED
    assert "render-no-free-plan" in capsys.readouterr().out

    (checkout / "Pulumi.render.yaml").write_text("config: {}")
    assert command.main(["render"]) == command.FAILED
    assert "target: got nothing" in capsys.readouterr().out


def test_a_policy_configuration_changes_what_fails(checkout: Path, tmp_path: Path) -> None:
    (checkout / "Pulumi.render-dev.yaml").rename(checkout / "Pulumi.render.yaml")
    file = tmp_path / "policies.json"
    free = {"development": ["render"]}
    rules = ("render-no-free-plan", "render-no-auto-deploy", "backup-scheduled")
    file.write_text(json.dumps(dict.fromkeys(rules, free)))

    assert command.main(["render", "--policy-config", str(file)]) == command.DONE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no stack nowhere"),
        ([], "which stack?"),
        (["render-dev", "--policy-config", "nothing.json"], "nothing.json"),
    ],
)
def test_wrong_usage_is_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert command.main(arguments) == command.WRONG_USAGE

    error = capsys.readouterr().err
    assert error.startswith("./dev plan: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_policy_configuration_with_an_unknown_rule_is_wrong_usage(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policies.json").write_text('{"no-such-rule": {}}')

    assert command.main(["render-dev", "--policy-config", str(tmp_path / "policies.json")]) == command.WRONG_USAGE
    assert "names no-such-rule" in capsys.readouterr().err


def test_a_picture_is_of_one_stack(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "Pulumi.other.yaml").write_text("config: {}")

    assert command.main(["--all", "--svg", "it.svg"]) == command.WRONG_USAGE
    assert "--svg takes one stack" in capsys.readouterr().err


def test_nothing_to_compare_with_fails_in_one_line_and_shows_the_plan_all_the_same(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["render-dev", "--against", "no-such-revision"]) == command.FAILED

    printed = capsys.readouterr()
    assert printed.err.startswith("./dev plan: not compared: git has no no-such-revision here")
    assert printed.err.count("\n") == 1
    assert "Policies  all kept" in printed.out


def test_markdown_says_why_nothing_is_compared(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["render-dev", "--against", "no-such-revision", "--markdown"]) == command.FAILED

    printed = capsys.readouterr().out
    assert "| not compared |" in printed
    assert "\nNot compared: git has no no-such-revision here" in printed


def test_a_revision_from_before_there_were_plans_leaves_the_plan_uncompared(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(root: Path, against: str, stacks: list[str]) -> None:
        raise revision.OlderRevision("main gives no plans: it has no `python -m infra.plan`")

    monkeypatch.setattr(revision, "plans_of", older)

    assert command.main(["render-dev", "--against", "main", "--markdown"]) == command.DONE
    printed = capsys.readouterr()
    assert "| not compared |" in printed.out
    assert printed.err == "./dev plan: not compared: main gives no plans: it has no `python -m infra.plan`\n"
