"""An artifact is data of a stranger."""

from __future__ import annotations

import io
import zipfile

import pytest

from ci.github.api import Api, GitHubError
from ci.github.artifact import BadArtifact, text_of
from tests.standins.github.server import GitHub


def test_the_text_of_a_runs_artifact_is_read(hub: GitHub, api: Api) -> None:
    hub.artifact(7, "plan", {"plan.md": "the plan"})

    assert text_of(api, 7, "plan", "plan.md") == "the plan"


def test_a_run_without_one_is_named(api: Api) -> None:
    with pytest.raises(BadArtifact, match="run 7 has no artifact 'plan'"):
        text_of(api, 7, "plan", "plan.md")


@pytest.mark.parametrize("files", [{"other.md": "x"}, {"../plan.md": "x"}, {}])
def test_one_without_the_file_is_refused(hub: GitHub, api: Api, files: dict[str, str]) -> None:
    hub.artifact(7, "plan", files)

    with pytest.raises(BadArtifact, match=r"has no readable plan\.md"):
        text_of(api, 7, "plan", "plan.md")


def test_what_is_no_archive_is_refused(hub: GitHub, api: Api) -> None:
    hub.artifacts[7] = {"plan": b"no archive"}

    with pytest.raises(BadArtifact, match="not a zip file"):
        text_of(api, 7, "plan", "plan.md")


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_compressed_wrongly_is_refused(hub: GitHub, api: Api, way: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", way) as content:
        content.writestr("plan.md", "a line of the plan\n" * 100)
    broken = bytearray(packed.getvalue())
    start = 30 + len("plan.md")  # where the compressed bytes begin
    header = 9 if way == zipfile.ZIP_LZMA else 0
    broken[start + header : start + header + 12] = b"\xff" * 12
    hub.artifacts[7] = {"plan": bytes(broken)}

    with pytest.raises(BadArtifact, match=r"has no readable plan\.md"):
        text_of(api, 7, "plan", "plan.md")


def test_a_file_that_unpacks_to_more_is_read_to_its_first_megabyte(hub: GitHub, api: Api) -> None:
    hub.artifact(7, "plan", {"plan.md": "a" * 100_000_000})

    assert len(text_of(api, 7, "plan", "plan.md")) == 1_000_000


def test_an_archive_that_is_too_large_is_not_read(hub: GitHub, api: Api) -> None:
    hub.artifacts[7] = {"plan": b"x" * 6_000_000}

    with pytest.raises(GitHubError, match="more than 5000000 bytes"):
        text_of(api, 7, "plan", "plan.md")


def test_bytes_that_are_no_text_are_replaced(hub: GitHub, api: Api) -> None:
    hub.artifact(7, "plan", {"plan.md": b"plan \xff"})

    assert text_of(api, 7, "plan", "plan.md") == "plan \ufffd"
