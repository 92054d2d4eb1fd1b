"""The comment with the plan: one for each pull request, changed in place, and only ever ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ci.github.api import Api, GitHubError
from ci.github.plan_comment import MARKER, comment, publish
from tests.standins.github.server import REPOSITORY, TOKEN, Fault, GitHub

ROOT = Path(__file__).parents[3]


def run(hub: GitHub, folder: Path, event: object) -> subprocess.CompletedProcess[str]:
    """Run it as the workflow does."""
    (folder / "event.json").write_text(json.dumps(event))
    own = {
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": hub.url,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
    }
    return subprocess.run(
        [sys.executable, "-m", "ci.github.plan_comment"],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=60,
    )


def finished(repository: str = REPOSITORY, commit: str = "abc") -> dict[str, object]:
    """The event of a run that ended."""
    run = {"id": 7, "head_sha": commit, "head_branch": "change", "head_repository": {"full_name": repository}}
    return {"workflow_run": run}


def test_a_forks_plan_becomes_a_comment_that_the_next_run_changes(hub: GitHub, tmp_path: Path) -> None:
    hub.pull(3, "abc", "theirs/claude-memory")
    hub.artifact(7, "plan", {"plan.md": "2 resources more"})

    first = run(hub, tmp_path, finished("theirs/claude-memory"))
    hub.artifact(7, "plan", {"plan.md": "3 resources more"})
    second = run(hub, tmp_path, finished("theirs/claude-memory"))
    third = run(hub, tmp_path, finished("theirs/claude-memory"))

    assert first.stdout == "comment on pull request 3: created\n", first.stderr
    assert second.stdout == "comment on pull request 3: updated\n"
    assert third.stdout == "comment on pull request 3: unchanged\n"
    [one] = hub.comments[3]
    assert "3 resources more" in one["body"]


def test_all_pull_requests_with_the_same_head_get_one(hub: GitHub, tmp_path: Path) -> None:
    hub.pull(3, "abc")
    hub.pull(4, "abc")
    hub.artifact(7, "plan", {"plan.md": "the plan"})

    run(hub, tmp_path, finished())

    assert [len(hub.comments[number]) for number in (3, 4)] == [1, 1]


def test_a_number_in_the_artifact_changes_nothing(hub: GitHub, tmp_path: Path) -> None:
    hub.pull(3, "abc", "theirs/claude-memory")
    hub.pull(4, "def")
    hub.artifact(7, "plan", {"plan.md": "the plan", "number": "4", "event.json": '{"number": 4}'})

    run(hub, tmp_path, finished("theirs/claude-memory"))

    assert [len(hub.comments[number]) for number in (3, 4)] == [1, 0]


def test_an_older_commit_is_passed_over(hub: GitHub, tmp_path: Path) -> None:
    hub.pull(3, "newer")

    done = run(hub, tmp_path, finished())

    assert done.returncode == 0
    assert done.stdout == "no open pull request has abc as its newest commit; nothing to say\n"


def test_a_fork_that_was_deleted_is_passed_over(hub: GitHub, tmp_path: Path) -> None:
    gone = {"id": 7, "head_sha": "abc", "head_branch": "change", "head_repository": None}

    done = run(hub, tmp_path, {"workflow_run": gone})

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the repository that abc came from is gone; nothing to say\n"


def test_without_a_plan_it_fails_with_one_line(hub: GitHub, tmp_path: Path) -> None:
    hub.pull(3, "abc")

    done = run(hub, tmp_path, finished())

    assert done.returncode == 1
    assert done.stderr == "error: run 7 has no artifact 'plan'; see why its job made none\n"


def test_started_by_anything_else_it_refuses(hub: GitHub, tmp_path: Path) -> None:
    done = run(hub, tmp_path, {"pull_request": {"number": 3}})

    assert done.returncode == 1
    assert "works only in a job `on: workflow_run`" in done.stderr


def test_the_comment_of_a_stranger_that_looks_like_ours_is_left_alone(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc")
    theirs = hub.comment(3, f"{MARKER} mine", login="stranger")
    quoted = hub.comment(3, f"> {MARKER}")

    assert publish(api, 3, comment("the plan", "abc")) == "created"
    assert (theirs["body"], quoted["body"]) == (f"{MARKER} mine", f"> {MARKER}")


def test_our_comment_is_found_behind_many_others(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc")
    for number in range(5):
        hub.comment(3, str(number), login="stranger")
    ours = hub.comment(3, f"{MARKER} old")
    hub.page_size = 2

    assert publish(api, 3, comment("new", "abc")) == "updated"
    assert "new" in ours["body"]


def test_an_answer_that_got_lost_makes_no_second_comment(hub: GitHub, api: Api, pauses: list[float]) -> None:
    hub.pull(3, "abc")
    hub.faults = [Fault("POST", "comments", 502, after=True)]

    assert publish(api, 3, comment("the plan", "abc")) == "unchanged"
    assert len(hub.comments[3]) == 1
    assert pauses == [1.0]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_refusal_is_not_tried_again(hub: GitHub, api: Api, status: int) -> None:
    hub.pull(3, "abc")
    hub.faults = [Fault("POST", "comments", status)]

    with pytest.raises(GitHubError, match=str(status)):
        publish(api, 3, comment("the plan", "abc"))
    assert hub.comments[3] == []


def test_a_server_that_stays_broken_ends_it(hub: GitHub, api: Api, pauses: list[float]) -> None:
    hub.pull(3, "abc")
    hub.faults = [Fault("POST", "comments", 500)] * 3

    with pytest.raises(GitHubError, match="500"):
        publish(api, 3, comment("the plan", "abc"))
    assert pauses == [1.0, 4.0]


def test_the_longest_plan_fits_into_a_comment(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc")

    publish(api, 3, comment("a line of a plan\n" * 100_000, "abc"))

    assert hub.comments[3][0]["body"].count(MARKER) == 1
