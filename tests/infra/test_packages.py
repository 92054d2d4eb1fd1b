"""The programs run with the packages that `pulumi install` brings, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.config import StackValues
from tests.support.serving import ROOT, clean_environment
from tests.support.stacks import EXAMPLES, example_values

# The lines in which pip says that a package index does not answer.
_UNREACHABLE = re.compile(r"^.*(?:Retrying \(Retry\(|Could not fetch URL).*$", re.MULTILINE)
_PLAN = """
import json, sys
from infra.config import StackValues
from infra.plan import plan_of

stack, values, secret_keys = json.load(sys.stdin)
print(len(plan_of(StackValues(stack=stack, values=values, secret_keys=frozenset(secret_keys))).resources))
"""

pytestmark = pytest.mark.timeout(600)  # packages of 250 MB are downloaded


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds requirements/infra.txt alone."""
    folder = tmp_path_factory.mktemp("packages") / "env"
    subprocess.run([sys.executable, "-I", "-m", "venv", folder], check=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [str(python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", "install", "--progress-bar=off"]
    done = subprocess.run(
        [*pip, "--no-compile", "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements" / "infra.txt")],
        capture_output=True,
        text=True,
    )
    output = done.stdout + done.stderr
    if done.returncode and (unreachable := _UNREACHABLE.search(output)):
        pytest.skip(f"needs a package index that pip can reach; pip says: {unreachable[0]}")
    assert done.returncode == 0, output
    return python


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_stack_is_planned_with_the_locked_packages_alone(python: Path, example: Path) -> None:
    values: StackValues = example_values(example)

    done = subprocess.run(
        [python, "-c", _PLAN],
        input=json.dumps([values.stack, dict(values.values), sorted(values.secret_keys)]),
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5, "a stack has more resources than that"


def test_all_stacks_are_planned_and_held_to_the_policies_with_the_locked_packages_alone(python: Path) -> None:
    done = subprocess.run(
        [python, "-m", "infra.plan", "--all", "--json"],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout)["stacks"]) == len(EXAMPLES)


def test_the_policy_pack_is_made_with_the_locked_packages_alone(python: Path) -> None:
    done = subprocess.run(
        [python, "-c", "from policies.pack import policies; print(len(policies()))"],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30, "there are more rules than that"


def test_the_environment_does_not_see_the_packages_of_the_tests(python: Path) -> None:
    done = subprocess.run([python, "-c", "import pytest"], env=clean_environment(), cwd=ROOT, capture_output=True)

    assert b"ModuleNotFoundError" in done.stderr
