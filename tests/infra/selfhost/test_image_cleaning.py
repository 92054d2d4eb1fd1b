"""Which images lie unused; an engine lists them as the real one does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.selfhost.image_cleaning import old_images, remove, repository_of
from tests.support.engine_answers import IMAGE_ID, AnsweringHost, container

DIGEST = "sha256:" + "77" * 32
NAMES = ("claude-memory:0.3.0", f"postgres:18.1@{DIGEST}")


def listed(name: str, number: int, digest: str = "<none>", id_: str = "") -> dict[str, Any]:
    repository, _, tag = name.rpartition(":")
    made = f"2026-01-{number:02} 00:00:00 +0000 UTC"
    return {
        **{"Repository": repository, "Tag": tag, "Digest": digest, "ID": id_ or f"sha256:{number:064}"},
        **{"CreatedAt": made, "Size": "200MB"},
    }


def host(*images: dict[str, Any]) -> AnsweringHost:
    """Return an engine with these images, and a container that uses the one with IMAGE_ID."""
    said = {"image ls": "\n".join(map(json.dumps, images)), "image rm": ""}
    return AnsweringHost(containers=[container("app-1")], said=said)


def old(*images: dict[str, Any], keep: int = 0) -> list[str]:
    return [one.reference for one in old_images(host(*images), NAMES, keep)]


def test_older_ones_of_the_stacks_kinds_are_found_by_tag_or_digest() -> None:
    other = "sha256:" + "88" * 32

    found = old(listed("claude-memory:0.1.0", 1), listed("postgres:<none>", 2, other), listed("redis:8", 3))

    assert found == ["claude-memory:0.1.0", f"postgres@{other}"]


def test_what_the_stack_names_and_what_a_container_uses_stay() -> None:
    assert (
        old(
            listed("claude-memory:0.3.0", 3),
            listed("postgres:<none>", 2, DIGEST),
            listed("claude-memory:0.2.0", 1, id_=IMAGE_ID),
            listed("claude-memory:also-0.2.0", 1, id_=IMAGE_ID),
        )
        == []
    )


def test_the_newest_of_each_kind_stay_to_go_back_to() -> None:
    images = [
        listed("claude-memory:0.1.0", 1),
        listed("claude-memory:0.2.0", 2),
        listed("postgres:17.0", 3),
        listed("postgres:16.0", 2),
    ]

    assert old(*images, keep=1) == ["claude-memory:0.1.0", "postgres:16.0"]
    assert old(*images, keep=2) == []


def test_an_image_with_several_names_is_kept_or_goes_with_all_of_them() -> None:
    same = "sha256:" + "9" * 64

    images = [
        listed("claude-memory:a", 1, id_=same),
        listed("claude-memory:b", 1, id_=same),
        listed("claude-memory:c", 2),
    ]

    assert old(*images, keep=1) == ["claude-memory:a", "claude-memory:b"]


def test_builds_without_a_name_are_left_to_docker() -> None:
    assert old(listed("claude-memory:<none>", 1)) == []


def test_an_image_is_removed_by_its_name_and_never_by_force() -> None:
    engine = host(listed("claude-memory:0.1.0", 1))

    for one in old_images(engine, NAMES, 0):
        remove(one)

    assert engine.asked[-1] == ("image", "rm", "claude-memory:0.1.0")


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("postgres:18.1", "postgres"),
        ("docker.io/library/postgres:18.1", "postgres"),
        ("registry.example.org:5000/a/b:1", "registry.example.org:5000/a/b"),
        (f"registry.example.org:5000/a@{DIGEST}", "registry.example.org:5000/a"),
    ],
)
def test_a_repository_is_written_as_docker_lists_it(name: str, repository: str) -> None:
    assert repository_of(name) == repository
