"""Files of a container: the holder that carries them, the volume that shares them, the digest that tells changes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pulumi

from infra.plan import Plan
from infra.selfhost.files import Files, FilesArgs, digest_of
from tests.support.components import CONTAINER, VOLUME, built


@cache
def plan(content: str = "made-up", reloaded: bool = False, secret: bool = True) -> Plan:
    def declare(here: Any, there: Any) -> None:
        contents = {"key": pulumi.Output.secret(content) if secret else content, "a.yml": "plain"}
        Files("files", FilesArgs(engine=here, image_id="sha256:image", contents=contents, reloaded=reloaded))

    return built(declare)


def holder(plan: Plan) -> Any:
    return plan.of_type(CONTAINER)["files"].inputs


def volume_labels(plan: Plan) -> dict[str, str]:
    return {label["label"]: label["value"] for label in plan.of_type(VOLUME)["files"].inputs["labels"]}


def test_the_holder_is_created_and_never_started() -> None:
    assert holder(plan())["start"] is False
    assert holder(plan())["mustRun"] is False


def test_the_files_are_uploaded_into_the_volume_readable_by_every_user() -> None:
    assert [(upload["file"], upload["content"], upload["permissions"]) for upload in holder(plan())["uploads"]] == [
        ("/run/files/a.yml", "plain", "0444"),
        ("/run/files/key", "made-up", "0444"),
    ]
    assert holder(plan())["mounts"] == [{"source": "files", "target": "/run/files", "type": "volume"}]


def test_secret_contents_are_encrypted_in_the_state_and_plain_ones_are_not() -> None:
    assert plan().of_type(CONTAINER)["files"].secrets == {"uploads"}
    assert plan(secret=False).of_type(CONTAINER)["files"].secrets == frozenset()


def test_changed_contents_give_a_new_volume_unless_the_container_reads_them_again() -> None:
    assert volume_labels(plan("one")) != volume_labels(plan("two"))
    assert volume_labels(plan("one", reloaded=True)) == volume_labels(plan("two", reloaded=True))


def test_the_label_with_the_digest_is_no_secret_and_holds_no_content() -> None:
    digest = digest_of("files", {"key": "made-up", "a.yml": "plain"})

    assert volume_labels(plan()) == {"claude-memory.stack": "test", "claude-memory.files": digest}
    assert plan().of_type(VOLUME)["files"].secrets == frozenset()


def test_the_digest_changes_with_a_name_a_content_or_the_service_and_with_nothing_else() -> None:
    digest = digest_of("a", {"x": "1", "y": "2"})

    assert digest == digest_of("a", {"y": "2", "x": "1"})
    assert len({digest, digest_of("a", {"x": "1", "z": "2"}), digest_of("a", {"x": "1", "y": "3"})}) == 3
    assert digest != digest_of("b", {"x": "1", "y": "2"}), "equal passwords of two services must not look equal"
