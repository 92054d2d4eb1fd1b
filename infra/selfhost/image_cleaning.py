"""Which images of a stack's kinds lie unused on its hosts, and their removal; an older one of each stays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.selfhost.engine_calls import DockerHost

_NONE = "<none>"


@dataclass(frozen=True, kw_only=True)
class OldImage:
    """An image that no container on a host uses. reference: what Docker knows it by there."""

    host: DockerHost
    reference: str
    id: str
    created: str
    size: str


def repository_of(name: str) -> str:
    """Return the name of an image without tag and digest, as Docker lists it."""
    before = name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    path, colon, tag = before.rpartition(":")
    return path if colon and "/" not in tag else before


def old_images(host: DockerHost, names: Iterable[str], keep: int) -> list[OldImage]:
    """Return the unused images of a host in the repositories of these names, but the newest `keep` of each repository.

    What the names themselves stand for stays, and so does what any container uses, also one of another stack.
    Raises CannotDo.
    """
    wanted = {_reference(name) for name in names}
    repositories = {repository_of(name) for name in wanted}
    used = _used(host)
    found: dict[str, list[OldImage]] = {}
    for one in _listed(host):
        repository, image = one["Repository"], one["ID"]
        by_tag, by_digest = f"{repository}:{one['Tag']}", f"{repository}@{one['Digest']}"
        if repository not in repositories or image in used or {by_tag, by_digest} & wanted:
            continue
        if one["Tag"] != _NONE:
            reference = by_tag
        elif one["Digest"] != _NONE:
            reference = by_digest
        else:  # a newer build took its name; `docker image prune` removes those of all programs
            continue
        old = OldImage(host=host, reference=reference, id=image, created=one["CreatedAt"], size=one["Size"])
        found.setdefault(repository, []).append(old)
    return [one for old in found.values() for one in _without_newest(old, keep)]


def _reference(name: str) -> str:
    """Return what Docker lists an image under: one that was pulled by its digest has no tag there."""
    before, at, digest = name.partition("@")
    repository = repository_of(before)
    return f"{repository}@{digest}" if at else f"{repository}:{before.rpartition(':')[2]}"


def remove(image: OldImage) -> None:
    """Remove a name of an image, and the image with its last name. Raises CannotDo, also when it is used again."""
    image.host.run("image", "rm", image.reference)


def _used(host: DockerHost) -> set[str]:
    ids = host.run("ps", "--all", "--quiet", "--no-trunc").split()
    return {one["Image"] for one in host.inspect("container", ids)}


def _listed(host: DockerHost) -> list[dict[str, str]]:
    said = host.run("image", "ls", "--no-trunc", "--digests", "--format", "{{json .}}")
    return [json.loads(line) for line in said.splitlines()]


def _without_newest(images: Sequence[OldImage], keep: int) -> list[OldImage]:
    newest_first = sorted({one.id: one.created for one in images}.items(), key=lambda both: both[1], reverse=True)
    kept = {image for image, _ in newest_first[:keep]}
    return [one for one in images if one.id not in kept]
