"""Makes a running service read its changed files, instead of restarting it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.selfhost.hardening import NOBODY
from infra.selfhost.hosts import Engine
from infra.selfhost.service import Service
from infra.selfhost.task import Task, TaskArgs

_POST = (
    "import sys, urllib.request as r; "
    "print(r.urlopen(r.Request(sys.argv[1], method='POST'), timeout=15).read().decode())"
)


@dataclass(frozen=True, kw_only=True)
class ReloadArgs:
    """url: answers a POST with 200 once the files are read, or with the reason why they are not."""

    service: Service
    engine: Engine
    image_id: pulumi.Input[str]
    url: str


class Reload(pulumi.ComponentResource):
    """A POST whenever the files of the service have changed; the first one, after its start, has no effect."""

    def __init__(self, name: str, args: ReloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Reload", name, None, opts)
        assert args.service.files is not None, "a service without files has nothing to reload"
        self.task = Task(
            name,
            TaskArgs(
                engine=args.engine,
                image_id=args.image_id,
                user=NOBODY,
                entrypoints=["python3", "-c", _POST],
                command=[args.url],
                reason=args.service.files.digest,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[args.service.container, args.service.files.holder]),
        )
        self.register_outputs({"done": self.task.done})
