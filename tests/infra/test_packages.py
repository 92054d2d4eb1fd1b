"""The programs run with the packages that the page of their target says to install, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from infra.config import StackValues
from infra.targets import LOCKS, target_of
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
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that returns the Python of an environment with these locks of requirements/ alone."""

    @cache
    def python_with(*locks: str) -> Path:
        folder = tmp_path_factory.mktemp("packages") / "env"
        subprocess.run([sys.executable, "-I", "-m", "venv", folder], check=True)
        python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        pip = [str(python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
        files = [part for lock in locks for part in ("-r", str(ROOT / "requirements" / f"{lock}.txt"))]
        done = subprocess.run(
            [*pip, "--progress-bar=off", "--no-compile", "--require-hashes", "--no-deps", *files],
            capture_output=True,
            text=True,
        )
        output = done.stdout + done.stderr
        if done.returncode and (unreachable := _UNREACHABLE.search(output)):
            pytest.skip(f"needs a package index that pip can reach; pip says: {unreachable[0]}")
        assert done.returncode == 0, output
        return python

    return python_with


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_stack_is_planned_with_the_packages_of_its_target_alone(
    python_with: Callable[..., Path], example: Path
) -> None:
    values: StackValues = example_values(example)
    python = python_with(LOCKS[target_of(values)].removesuffix(".txt"))

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


def test_all_stacks_are_planned_and_held_to_the_policies_with_what_a_workflow_installs(
    python_with: Callable[..., Path],
) -> None:
    done = subprocess.run(
        [python_with("selfhost", "aliyun"), "-m", "infra.plan", "--all", "--json"],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout)["stacks"]) == len(EXAMPLES)


def test_the_policy_pack_is_made_with_the_packages_that_every_target_has(python_with: Callable[..., Path]) -> None:
    done = subprocess.run(
        [python_with("infra"), "-c", "from policies.pack import policies; print(len(policies()))"],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30, "there are more rules than that"


@pytest.mark.parametrize("module", ["pytest", "pulumi_alicloud"])
def test_the_environment_does_not_see_the_packages_of_the_tests_or_of_another_target(
    python_with: Callable[..., Path], module: str
) -> None:
    command = [str(python_with("selfhost")), "-c", f"import {module}"]
    done = subprocess.run(command, env=clean_environment(), cwd=ROOT, capture_output=True)

    assert b"ModuleNotFoundError" in done.stderr
