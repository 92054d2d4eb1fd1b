"""Plans of another revision of the repository, made by the program of that revision; or of a file with such plans."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.errors import InfraError
from infra.plan.document import Shown, resources_from_json

_CHECK_OUT_S, _PLAN_S = 60, 120


class NoComparison(InfraError):
    """There is nothing to compare with; the message says why."""


class OlderRevision(NoComparison):
    """A revision is from before there were plans: nothing is wrong with either one."""


def plans_of(root: Path, against: str, stacks: Sequence[str]) -> dict[str, list[Shown]]:
    """Return the resources of each stack. against: a revision as Git names it, or a file that --json wrote.

    stacks: those that are wanted; one that the revision does not have is left out. Raises NoComparison,
    OlderRevision among it.
    """
    try:
        text = Path(against).read_text(encoding="utf-8") if Path(against).is_file() else _made(root, against)
        found = resources_from_json(json.loads(text))
    except (ValueError, OSError) as error:
        raise NoComparison(f"{against} gives no plans: {error}") from None
    except subprocess.TimeoutExpired as error:
        raise NoComparison(f"{against} gives no plans: it took over {error.timeout:g} s") from None
    return {stack: found[stack] for stack in stacks if stack in found}


def _made(root: Path, revision: str) -> str:
    """Return what the program of a revision says of all its stacks, as JSON."""
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _check_out(root, revision, Path(folder) / "index", tree)
        if not (tree / "infra" / "plan" / "__main__.py").is_file():
            raise OlderRevision(f"{revision} gives no plans: it has no `python -m infra.plan`")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [sys.executable, "-m", "infra.plan", "--all", "--json"],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PLAN_S,
            check=False,
        )
    if done.returncode < 0:
        raise NoComparison(
            f"{revision} gives no plans: its program was ended by {signal.Signals(-done.returncode).name}"
        )
    if not done.stdout.strip():
        last = "".join(done.stderr.strip().splitlines()[-1:]) or f"its program printed nothing ({done.returncode})"
        raise NoComparison(f"{revision} gives no plans: {last}")
    return done.stdout  # also of a program that fails, since a stack breaks a policy


def _check_out(root: Path, revision: str, index: Path, tree: Path) -> None:
    """Write the files of a revision into a folder. The checkout and its index stay as they are."""
    if revision.startswith("-"):
        raise NoComparison(f"{revision} is no revision")
    tree.mkdir()
    environment = os.environ | {"GIT_INDEX_FILE": str(index)}
    for command in (["read-tree", f"{revision}^{{commit}}"], ["checkout-index", "--all", f"--prefix={tree}/"]):
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command
                ["git", *command],  # noqa: S607 - wherever Git is
                cwd=root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_CHECK_OUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise NoComparison("the command git is not installed; give a file that --json wrote") from None
        if done.returncode:
            raise NoComparison(f"git has no {revision} here: {' '.join(done.stderr.strip().splitlines()[-1:])}")
