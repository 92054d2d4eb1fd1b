"""Posts the plan of a pull request as one comment, and updates it (`python -m ci.github.plan_comment`).

It runs after the job that made the plan, in a workflow of the main branch, and has the right to comment.
The plan is a stranger's text.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci.errors import CiError, exit_code
from ci.github.api import Api, from_environment
from ci.github.artifact import text_of
from ci.github.pull_requests import with_head
from ci.github.untrusted import harmless

MARKER = "<!-- claude-memory: the plan -->"
ARTIFACT, FILE = "plan", "plan.md"
_BOT = "github-actions[bot]"  # whose token a job has


def main() -> int:
    """Comment on the pull requests of the run that GITHUB_EVENT_PATH tells of; print what was done."""
    api = from_environment()
    run = finished_run(os.environ)
    commit = run["head_sha"]
    if run["head_repository"] is None:  # GitHub's answer for a fork that was deleted
        print(f"the repository that {commit} came from is gone; nothing to say")
        return 0
    numbers = with_head(api, run["head_repository"]["full_name"], run["head_branch"], commit)
    if not numbers:
        print(f"no open pull request has {commit} as its newest commit; nothing to say")
        return 0
    body = comment(text_of(api, int(run["id"]), ARTIFACT, FILE), commit)
    for number in numbers:
        print(f"comment on pull request {number}: {publish(api, number, body)}")
    return 0


def finished_run(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the run that started this one. Raises CiError."""
    path = environment.get("GITHUB_EVENT_PATH")
    event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    run = event.get("workflow_run")
    if not isinstance(run, dict):
        raise CiError("this was not started by another run; it works only in a job `on: workflow_run`")
    return run


def comment(plan: str, commit: str) -> str:
    """Return the comment's text."""
    return (
        f"{MARKER}\n### What this changes in the example stacks\n\n"
        f"*Made without credentials by the code of this pull request, at {commit[:12]}.*\n\n{harmless(plan)}\n"
    )


def publish(api: Api, number: int, body: str) -> str:
    """Create our comment on a pull request or change it; return which. Raises GitHubError."""
    return api.repeated(lambda: _publish(api, number, body))


def _publish(api: Api, number: int, body: str) -> str:
    for one in api.pages(f"issues/{number}/comments"):
        if one["user"]["login"] == _BOT and str(one["body"]).startswith(MARKER):
            if one["body"] == body:
                return "unchanged"
            api.send("PATCH", f"issues/comments/{one['id']}", {"body": body})
            return "updated"
    api.send("POST", f"issues/{number}/comments", {"body": body})
    return "created"


if __name__ == "__main__":
    sys.exit(exit_code(main))
