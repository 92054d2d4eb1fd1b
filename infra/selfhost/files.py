"""A container's files, secrets among them, in a volume of their own.

The Docker provider cannot upload into a container with a read-only root, and `docker inspect` shows environments. So
the files are uploaded into a holder, a container that is created but never started; the real container mounts its
volume.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pulumi
import pulumi_docker as docker

from infra.selfhost.hosts import Engine
from infra.selfhost.labels import FILES, STACK, labels

FOLDER = "/run/files"  # in every container
_SCRYPT_COST = 2**14  # 50 ms: the digest is in a visible label, and must not make a short password easy to guess


@dataclass(frozen=True, kw_only=True)
class FilesArgs:
    """contents: by file name. reloaded: the running container reads changed files, so the volume is not replaced."""

    engine: Engine
    image_id: pulumi.Input[str]
    contents: Mapping[str, pulumi.Input[str]]
    reloaded: bool = False


class Files(pulumi.ComponentResource):
    """A volume with files, readable by every user inside the container that mounts it.

    digest: changes with any content; not secret, even if the contents are.
    """

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Files", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=args.engine.provider)
        contents = pulumi.Output.all(**args.contents)
        self.digest = pulumi.Output.unsecret(contents.apply(lambda files: digest_of(name, files)))
        stack: dict[str, pulumi.Input[str]] = {STACK: pulumi.get_stack()}
        told = stack if args.reloaded else {**stack, FILES: self.digest}
        self.volume = docker.Volume(
            name,
            labels=[docker.VolumeLabelArgs(label=label, value=value) for label, value in told.items()],
            opts=child,
        )
        self.holder = docker.Container(
            name,
            image=args.image_id,
            start=False,
            must_run=False,
            mounts=[docker.ContainerMountArgs(target=FOLDER, type="volume", source=self.volume.name)],
            uploads=[
                docker.ContainerUploadArgs(file=f"{FOLDER}/{file}", content=content, permissions="0444")
                for file, content in sorted(args.contents.items())
            ],
            labels=labels({}),
            # for a new volume alone the provider would keep the container, and the volume would stay empty
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(replace_on_changes=["mounts"])),
        )
        self.register_outputs({"volume": self.volume.name, "digest": self.digest})


def digest_of(salt: str, files: Mapping[str, str]) -> str:
    """Return 16 hexadecimal digits that change with any file name or content."""
    return _digest(salt, json.dumps(files, sort_keys=True))


@cache  # several plans of one process have the same files
def _digest(salt: str, content: str) -> str:
    return hashlib.scrypt(content.encode(), salt=salt.encode(), n=_SCRYPT_COST, r=8, p=1, dklen=8).hex()
