"""A container that runs to its end before others start; again whenever its image, command, files or reason change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from infra.errors import TaskFailed
from infra.selfhost.config import Limit
from infra.selfhost.failures import Underway
from infra.selfhost.files import FOLDER, Files, FilesArgs
from infra.selfhost.hardening import hardening
from infra.selfhost.hosts import Engine
from infra.selfhost.labels import FILES, GENERATION, REASON, SERVICE, generation, labels

_LIMIT = Limit(memory_mb=256)
_SCRATCH = {"/tmp": 64}  # noqa: S108 - a tmpfs of the container
_LINES = 20
_OTHERS_WITHIN_S = 90  # a service that does not become healthy has failed after 60


@dataclass(frozen=True, kw_only=True)
class TaskArgs:
    """reason: a text whose change makes the task run again."""

    engine: Engine
    image_id: pulumi.Input[str]
    user: str
    command: Sequence[pulumi.Input[str]]
    entrypoints: Sequence[str] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    reason: pulumi.Input[str] = ""


class Task(pulumi.ComponentResource):
    """One run. `done` is its exit status, and fails unless that is 0; whatever needs the run depends on it."""

    def __init__(self, name: str, args: TaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Task", name, None, opts)
        files: Files | None = None
        if args.files:
            files = Files(
                f"{name}-files",
                FilesArgs(engine=args.engine, image_id=args.image_id, contents=args.files),
                pulumi.ResourceOptions(parent=self),
            )
        self.container = docker.Container(
            name,
            image=args.image_id,
            entrypoints=list(args.entrypoints) or None,
            command=list(args.command),
            envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted(args.environment.items())],
            must_run=False,
            attach=True,
            logs=True,
            restart="no",
            # NONE overrides the image's check; without times every preview would show a difference to the image's.
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["NONE"], interval="30s", timeout="30s", start_period="30s"
            ),
            mounts=[docker.ContainerMountArgs(target=FOLDER, type="volume", source=files.volume.name, read_only=True)]
            if files
            else [],
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=args.engine.network.name)],
            labels=labels({SERVICE: name, **_versions(name, args, files)}),
            **hardening(_LIMIT, args.user, _SCRATCH, args.engine.logging),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=args.engine.provider,
                depends_on=[files.holder] if files else [],
                replace_on_changes=["healthcheck", "labels", "logDriver", "logOpts"],
                hooks=args.engine.hooks,
            ),
        )
        self.done: pulumi.Output[int] = pulumi.Output.all(
            self.container.exit_code, self.container.container_logs
        ).apply(lambda result: _succeeded(name, args.engine.underway, *result))
        self.register_outputs({"done": self.done})


def _versions(name: str, args: TaskArgs, files: Files | None) -> dict[str, pulumi.Input[str]]:
    """Return the labels that another version of the task has with other values, and its next run after it failed."""
    reason = pulumi.Output.concat(args.reason, args.engine.again.get(name, ""))
    told: dict[str, pulumi.Input[str]] = {FILES: files.digest if files else "", REASON: reason}
    declared = {"image": args.image_id, "command": list(args.command), "environment": dict(args.environment), **told}
    return {**told, GENERATION: generation(declared)}


async def _succeeded(name: str, underway: Underway, status: int | None, output: str | None) -> int:
    """Return 0. Raises TaskFailed with the last log lines for any other status. None: still unknown, in a preview.

    The error ends the program; services that are just being made may fail as well, and have their logs shown before.
    """
    if status:
        await underway.over(_OTHERS_WITHIN_S)
        raise TaskFailed(name, status, "\n".join((output or "").splitlines()[-_LINES:]))
    return 0
