"""Plans of another revision: made by its own program, of files beside the checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from infra.plan import revision
from infra.plan.document import to_json
from infra.plan.revision import NoComparison, OlderRevision, plans_of
from tests.support.plans import document, fleet

_PROGRAM = """
import json, pathlib, sys
assert sys.argv[1:] == ["--all", "--json"]
print(pathlib.Path("plans.json").read_text())
"""


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=folder, check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one revision, v1, whose program says what a file holds; and a change after it."""
    (tmp_path / "infra" / "plan").mkdir(parents=True)
    (tmp_path / "infra" / "plan" / "__main__.py").write_text(_PROGRAM)
    (tmp_path / "plans.json").write_text(json.dumps(to_json([document(*fleet())])))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "One")
    git(tmp_path, "tag", "v1")
    (tmp_path / "plans.json").write_text("changed since")
    return tmp_path


def test_a_revision_is_planned_by_its_own_program(checkout: Path) -> None:
    found = plans_of(checkout, "v1", ["test"])

    assert [one.key for one in found["test"]] == [one.key for one in fleet()]


def test_the_checkout_stays_as_it_is(checkout: Path) -> None:
    plans_of(checkout, "v1", ["test"])

    done = subprocess.run(["git", "status", "--short"], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout == " M plans.json\n"


def test_a_stack_that_the_revision_did_not_have_is_left_out(checkout: Path) -> None:
    assert plans_of(checkout, "v1", ["other"]) == {}


def test_a_file_takes_the_place_of_a_revision(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(to_json([document(*fleet())])))

    assert set(plans_of(tmp_path, str(file), ["test"])) == {"test"}


@pytest.mark.parametrize("name", ["v2", "--output=x"])
def test_a_revision_that_is_not_there_is_named(checkout: Path, name: str) -> None:
    with pytest.raises(NoComparison, match=name):
        plans_of(checkout, name, ["test"])


def test_a_revision_without_the_command_is_told(checkout: Path) -> None:
    git(checkout, "rm", "-r", "--quiet", "infra")
    git(checkout, "commit", "--quiet", "--message", "Two")

    with pytest.raises(OlderRevision, match=r"HEAD gives no plans: it has no `python -m infra.plan`"):
        plans_of(checkout, "HEAD", ["test"])


def test_a_revision_whose_program_fails_is_told_with_its_last_line(checkout: Path) -> None:
    (checkout / "infra" / "plan" / "__main__.py").write_text("raise SystemExit('no wind')")
    git(checkout, "commit", "--quiet", "--all", "--message", "Two")

    with pytest.raises(NoComparison, match=r"HEAD gives no plans: no wind"):
        plans_of(checkout, "HEAD", ["test"])


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("", r"its program printed nothing \(0\)"),
        ("import infra.wind", "No module named 'infra.wind'"),
        ("import os; os._exit(3)", r"its program printed nothing \(3\)"),
        ("import os, signal; print('{', flush=True); os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
        ("print('half of {')", "Expecting value"),
        ("import time; time.sleep(60)", "it took over 1 s"),
    ],
)
def test_a_program_that_is_there_and_gives_nothing_is_not_taken_for_an_older_revision(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    (checkout / "infra" / "plan" / "__main__.py").write_text(program)
    git(checkout, "commit", "--quiet", "--all", "--message", "Two")
    monkeypatch.setattr(revision, "_PLAN_S", 1 if "sleep" in program else 60)

    with pytest.raises(NoComparison, match=f"HEAD gives no plans: .*{why}") as error:
        plans_of(checkout, "HEAD", ["test"])
    assert not isinstance(error.value, OlderRevision)


def test_a_file_that_holds_no_plans_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}")

    with pytest.raises(NoComparison, match=r"odd\.json gives no plans: it is no plan"):
        plans_of(tmp_path, str(tmp_path / "odd.json"), ["test"])
