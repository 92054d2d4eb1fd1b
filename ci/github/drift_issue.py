"""Keeps one issue for each stack that differs from its program (`python -m ci.github.drift_issue STACK preview.json`).

It is opened at the first difference, updated while there is one, and closed when there is none. It names resources
and says what would happen to them; their values stay out of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci.errors import CiError, exit_code
from ci.github.api import Api, from_environment

_BOT = "github-actions[bot]"
_QUIET = frozenset({"same", "read", "refresh"})  # steps that change nothing
_MOST_LINES = 200


def main() -> int:
    """Report a stack's differences; print what was done."""
    if len(sys.argv) != 3:
        raise CiError("takes a stack and a file with the output of `pulumi preview --refresh --json`")
    stack, file = sys.argv[1:]
    found = differences(Path(file).read_text(encoding="utf-8"))
    print(f"{stack}: {len(found)} resources differ; issue {report(from_environment(), stack, found, run_url())}")
    return 0


def differences(preview: str) -> list[str]:
    """Return a line for each resource that differs. Raises CiError when a preview failed."""
    try:
        steps = json.loads(preview)["steps"]
    except (ValueError, KeyError, TypeError):
        raise CiError("the preview did not end with a list of steps; see its own output above") from None
    return [f"`{_name(step)}`: {step['op']}{_properties(step)}" for step in steps if step["op"] not in _QUIET]


def _name(step: Mapping[str, Any]) -> str:
    """Return type and name of a step's resource, of a URN urn:pulumi:STACK::PROJECT::TYPE::NAME."""
    return " ".join(re.sub(r"[`\s]", "", part) for part in str(step["urn"]).split("::")[2:])


def _properties(step: Mapping[str, Any]) -> str:
    """Return the names of what changed."""
    names = sorted(set(step.get("diffReasons") or ()))
    return f" ({', '.join(f'`{name}`' for name in names)})" if names else ""


def report(api: Api, stack: str, found: list[str], run: str) -> str:
    """Open, update or close the stack's issue; return which. Raises GitHubError."""
    return api.repeated(lambda: _report(api, stack, found, run))


def _report(api: Api, stack: str, found: list[str], run: str) -> str:
    marker = f"<!-- claude-memory: drift of {stack} -->"
    number = _open_issue(api, marker)
    text = {"title": f"The stack {stack} differs from its program", "body": _body(marker, found, run)}
    if number is None:
        if not found:
            return "not needed"
        api.send("POST", "issues", text)
        return "opened"
    if found:
        api.send("PATCH", f"issues/{number}", text)
        return "updated"
    api.send(
        "PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed", "body": _body(marker, [], run)}
    )
    return "closed"


def _open_issue(api: Api, marker: str) -> int | None:
    for one in api.pages("issues", state="open", creator=_BOT):
        if str(one["body"]).startswith(marker) and "pull_request" not in one:
            return int(one["number"])
    return None


def _body(marker: str, found: list[str], run: str) -> str:
    if not found:
        return f"{marker}\nThe stack agrees with its program again ([run]({run})).\n"
    lines = found[:_MOST_LINES]
    if len(found) > len(lines):
        lines.append(f"and {len(found) - len(lines)} more")
    listed = "\n".join(f"- {line}" for line in lines)
    return (
        f"{marker}\nSomething changed the stack outside of its program, or a change of the program was not deployed"
        f" ([run]({run})). `pulumi up` would do this:\n\n{listed}\n\n"
        "Deploy to undo it, or put it into the stack's configuration. The next check closes this issue when both"
        " agree again.\n"
    )


def run_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the page of the run that this is part of."""
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    return f"{server}/{repository}/actions/runs/{environment.get('GITHUB_RUN_ID', '')}"


if __name__ == "__main__":
    sys.exit(exit_code(main))
