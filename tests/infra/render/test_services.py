"""What all services share: names, the app's image, commands that fit it, files."""

from __future__ import annotations

import re

from infra.render.config import Source
from infra.render.deployed.names import Role
from infra.render.services import (
    BUILT_FROM,
    CONTEXT,
    DOCKERFILE,
    PROGRAM,
    AppCode,
    allowed,
    command,
    disk_args,
    image_args,
)
from tests.support.render_plan import PLACE, REPOSITORY, SHARED
from tests.support.serving import ROOT

DIGEST = f"ghcr.io/example/app@sha256:{'0' * 64}"


def test_a_service_is_named_by_its_stack_and_role() -> None:
    assert PLACE.args(Role.WEB, "starter") == {
        "name": "claude-memory-web",
        "plan": "starter",
        "region": "frankfurt",
        "environment_id": "evm-1",
    }


def test_a_repository_is_built_by_the_dockerfile_and_only_for_changes_that_matter() -> None:
    args = AppCode(source=Source(repo=REPOSITORY, branch="release", auto_deploy="checksPass")).args()

    assert (args["runtime"], args["repo"], args["branch"]) == ("docker", REPOSITORY, "release")
    assert (args["dockerfile_path"], args["docker_context"]) == (DOCKERFILE, CONTEXT)
    assert args["build_filter"] == {"paths": list(BUILT_FROM), "ignoredPaths": []}
    assert args["auto_deploy_trigger"] == "checksPass"
    assert AppCode(source=Source(repo=REPOSITORY)).args()["auto_deploy_trigger"] == "off"


def test_the_dockerfile_copies_nothing_that_a_commit_could_change_without_a_build() -> None:
    dockerfile = (ROOT / DOCKERFILE).read_text(encoding="utf-8")
    copied = {words.split()[0] for words in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)}

    assert copied == {path.removesuffix("/**") for path in BUILT_FROM}


def test_an_image_is_taken_as_it_is_and_never_deployed_by_a_commit() -> None:
    args = AppCode(source=Source(image=DIGEST), credential_id="rgc-1").args()

    assert args == {"runtime": "image", "image": {"imagePath": DIGEST, "registryCredentialId": "rgc-1"}}
    assert image_args(DIGEST) == {"runtime": "image", "image": {"imagePath": DIGEST}}


def test_a_command_names_the_program_in_the_image_and_needs_no_shell() -> None:
    dockerfile = (ROOT / DOCKERFILE).read_text(encoding="utf-8")

    assert f">{PROGRAM}" in dockerfile
    assert command("init") == f"{PROGRAM} init"
    assert not re.search(r"""['"&|;$><]""", command("worker"))


def test_a_service_with_shared_settings_is_deployed_when_they_change() -> None:
    assert SHARED.args() == {"env_group_ids": ["evg-1"], "redeploy_on": {"settings": "revision-1"}}


def test_disks_and_allow_lists_are_as_the_api_has_them() -> None:
    assert disk_args("/data", 5) == {"disk": {"name": "data", "mountPath": "/data", "sizeGB": 5}}
    assert allowed(["203.0.113.0/24"]) == [{"cidrBlock": "203.0.113.0/24"}]
    assert allowed([]) == []
