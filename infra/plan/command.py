"""The command `python -m infra.plan`: shows what stacks declare, without an engine, an account or a secret."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.terminal import clean_output, console

if TYPE_CHECKING:  # pulumi takes most of the time, and each process needs it once
    from infra.plan.difference import Difference
    from infra.plan.document import Document

ROOT = Path(__file__).resolve().parents[2]
DONE, FAILED, WRONG_USAGE = 0, 1, 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="./dev plan",
        description="Show what a stack declares: its resources, cost and policies. Needs no account and no secret.",
        epilog="Exit status 0: done, 1: no plan, a broken policy or no comparison, 2: wrong usage.",
    )
    parser.add_argument("stacks", nargs="*", metavar="STACK", help="a stack, whose file is Pulumi.STACK.yaml")
    parser.add_argument("--all", action="store_true", help="all stacks that have a file")
    parser.add_argument("--against", metavar="REV", help="show what changed since a revision, or a file from --json")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print Markdown for a pull request")
    form.add_argument("--mermaid", action="store_true", help="print a diagram in Mermaid's language")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write a picture of the stack")
    parser.add_argument("--policy-config", metavar="FILE", type=Path, help="thresholds of policies, as JSON")
    return parser


@clean_output()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    from infra.plan.names import NoStack, chosen

    try:
        stacks = chosen(ROOT, given.stacks, given.all)
        configuration = _configuration(given.policy_config)
    except (NoStack, ValueError, OSError) as error:
        print(f"./dev plan: {error}", file=sys.stderr)
        return WRONG_USAGE
    if given.svg is not None and len(stacks) != 1:
        print("./dev plan: --svg takes one stack", file=sys.stderr)
        return WRONG_USAGE
    return _show(given, stacks, configuration)


def _show(given: argparse.Namespace, stacks: Sequence[str], configuration: Any) -> int:
    from infra.plan.revision import NoComparison, OlderRevision
    from policies.catalogue import ConfigurationError

    compared, failed, why = {}, False, ""
    try:
        documents = plan(stacks, configuration)
    except ConfigurationError as error:
        print(f"./dev plan: {error}", file=sys.stderr)
        return WRONG_USAGE
    try:
        compared = _compared(documents, given.against) if given.against else {}
    except NoComparison as error:
        failed, why = not isinstance(error, OlderRevision), str(error)  # the change that brings plans is no failure
        print(f"./dev plan: not compared: {why}", file=sys.stderr)
    if given.svg is not None:
        from infra.plan.picture import picture

        given.svg.write_text(picture(documents[0].stack, documents[0].resources), encoding="utf-8")
    _print(given, documents, compared, why)
    return DONE if not failed and all(one.passes for one in documents) else FAILED


def plan(stacks: Sequence[str], configuration: Any = None) -> list[Document]:
    """Return the plans of stacks of this checkout, made in several processes at once. Raises ConfigurationError."""
    one = partial(_plan, configuration=configuration)
    if len(stacks) == 1:
        return [one(stacks[0])]
    # Not by forking: gRPC, which Pulumi's SDK may have loaded here, does not survive it.
    with ProcessPoolExecutor(min(len(stacks), 4), get_context("spawn")) as pool:
        return list(pool.map(one, stacks))


def _plan(stack: str, configuration: Any) -> Document:
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of the providers' own modules
    from infra.plan.document import document_of

    return document_of(ROOT, stack, configuration)


def _compared(documents: Sequence[Document], against: str) -> dict[str, Difference]:
    from infra.plan.difference import difference
    from infra.plan.revision import plans_of

    before = plans_of(ROOT, against, [one.stack for one in documents])
    return {one.stack: difference(before.get(one.stack, []), one.resources) for one in documents if not one.error}


def _print(
    given: argparse.Namespace, documents: Sequence[Document], compared: dict[str, Difference], uncompared: str
) -> None:
    if given.json:
        from infra.plan.document import to_json

        print(json.dumps(to_json(documents), indent=1, ensure_ascii=False))
    elif given.markdown:
        from infra.plan.markdown import comment

        print(comment(documents, compared, given.against or "", uncompared), end="")
    elif given.mermaid:
        from infra.plan.mermaid import diagram

        print("\n".join(diagram(one.resources) for one in documents), end="")
    else:
        from infra.plan.text import print_plan

        for one in documents:
            print_plan(console(), one, compared.get(one.stack), given.against or "")


def _configuration(file: Path | None) -> Any:
    """Return thresholds by rule. Raises OSError, or ValueError for a file that is not JSON or not such a mapping."""
    if file is None:
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError(f"{file} has to hold the thresholds of each rule by its name")
    return found
