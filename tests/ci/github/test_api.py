"""The client of GitHub's API: pages, passing errors, refusals."""

from __future__ import annotations

import pytest

from ci.errors import CiError
from ci.github.api import Api, GitHubError, from_environment
from tests.standins.github.server import REPOSITORY, TOKEN, Fault, GitHub


def test_all_pages_are_read(hub: GitHub, api: Api) -> None:
    hub.pull(1, "abc")
    for number in range(7):
        hub.comment(1, str(number))
    hub.page_size = 3

    assert [one["body"] for one in api.pages("issues/1/comments")] == [str(number) for number in range(7)]
    assert hub.asked == ["GET issues/1/comments"] * 3


def test_more_pages_than_make_sense_are_refused(hub: GitHub, api: Api) -> None:
    hub.pull(1, "abc")
    for number in range(60):
        hub.comment(1, str(number))
    hub.page_size = 1

    with pytest.raises(GitHubError, match="more than 50 pages"):
        list(api.pages("issues/1/comments"))


def test_a_passing_error_is_asked_again_and_waits_as_told(hub: GitHub, api: Api, pauses: list[float]) -> None:
    hub.pull(1, "abc")
    hub.faults = [Fault("GET", "comments", 502), Fault("GET", "comments", 429, {"Retry-After": "9"})]

    assert list(api.pages("issues/1/comments")) == []
    assert pauses == [1.0, 9.0]


def test_an_error_that_stays_is_reported_after_three_tries(hub: GitHub, api: Api, pauses: list[float]) -> None:
    hub.pull(1, "abc")
    hub.faults = [Fault("GET", "comments", 503)] * 3

    with pytest.raises(GitHubError, match=r"was answered 503 \(Service Unavailable\); run the job again") as error:
        list(api.pages("issues/1/comments"))
    assert error.value.passing
    assert pauses == [1.0, 4.0]


def test_no_wait_is_longer_than_a_minute(hub: GitHub, api: Api, pauses: list[float]) -> None:
    hub.pull(1, "abc")
    hub.faults = [Fault("GET", "comments", 429, {"Retry-After": "86400"})]

    list(api.pages("issues/1/comments"))

    assert pauses == [60.0]


def test_a_missing_right_names_what_to_check_and_is_not_asked_again(hub: GitHub, api: Api) -> None:
    hub.rights = set()

    with pytest.raises(GitHubError, match=r"403 \(Resource not accessible by integration\); check the job's `permi"):
        api.get("pulls", state="open", head="ours:change")
    assert len(hub.asked) == 1


def test_what_is_not_there_is_said_to_be_missing(api: Api) -> None:
    with pytest.raises(GitHubError, match=r"404 \(Not Found\); check the number"):
        list(api.pages("issues/5/comments"))


def test_a_wrong_token_is_refused_without_being_shown(hub: GitHub) -> None:
    with pytest.raises(GitHubError, match="Bad credentials") as error:
        Api(REPOSITORY, "another token", hub.url).get("pulls")
    assert "another token" not in str(error.value)


def test_a_server_that_is_away_is_a_passing_error(pauses: list[float]) -> None:
    away = Api(REPOSITORY, TOKEN, "http://127.0.0.1:9", sleep=pauses.append)

    with pytest.raises(GitHubError, match=r"got no answer \(ConnectionError\)") as error:
        away.get("pulls")
    assert error.value.status is None
    assert error.value.passing


def test_a_download_follows_to_the_storage_without_the_token(hub: GitHub, api: Api) -> None:
    hub.artifact(7, "plan", {"plan.md": "text"})

    assert api.download("actions/artifacts/7/zip", 1_000).startswith(b"PK")
    assert "authorization" not in hub.storage_headers[0]


def test_a_download_that_is_too_large_is_given_up(hub: GitHub, api: Api) -> None:
    hub.artifact(7, "plan", {"plan.md": "text"})

    with pytest.raises(GitHubError, match="has more than 20 bytes"):
        api.download("actions/artifacts/7/zip", 20)


def test_outside_of_a_job_it_says_what_is_missing() -> None:
    with pytest.raises(CiError, match="GITHUB_REPOSITORY and GITHUB_TOKEN not set"):
        from_environment({})


def test_in_a_job_it_takes_the_jobs_own_address(hub: GitHub) -> None:
    environment = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": f"{hub.url}/"}

    assert from_environment(environment).get("pulls", state="open", head="ours:change") == []
