"""Finds the pull requests of a commit by what GitHub says of them, never by what the pull request says."""

from __future__ import annotations

from ci.github.api import Api


def with_head(api: Api, repository: str, branch: str, commit: str) -> list[int]:
    """Return the numbers of the open pull requests whose newest commit this is.

    repository: `OWNER/NAME` of the branch, a fork's as well. Raises GitHubError.
    """
    owner = repository.partition("/")[0]
    # GitHub finds a fork's pull requests by owner and branch, not by commit.
    return sorted(
        int(one["number"])
        for one in api.pages("pulls", state="open", head=f"{owner}:{branch}")
        if one["head"]["sha"] == commit
        and one["head"]["repo"] is not None  # a fork that was deleted
        and one["head"]["repo"]["full_name"] == repository
        and one["base"]["repo"]["full_name"] == api.repository
    )
