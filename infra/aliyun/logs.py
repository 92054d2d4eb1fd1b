"""Where the functions log: a project with one store, which forgets after a while, and an index to search it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_alicloud import fc, log

STORE = "functions"


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """project: its name, which no other project has. retention_days: how long lines are kept."""

    project: str
    retention_days: int


class Logs(pulumi.ComponentResource):
    """`config` is what a function takes."""

    def __init__(self, name: str, args: LogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Logs", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        project = log.Project(
            name, project_name=args.project, description="Logs of Claude Memory's functions.", opts=inside
        )
        store = log.Store(
            name,
            project_name=project.project_name,
            logstore_name=STORE,
            retention_period=args.retention_days,
            shard_count=1,
            auto_split=True,
            max_split_shard_count=8,
            opts=inside,
        )
        self._index = log.StoreIndex(
            name,
            project=project.project_name,
            logstore=store.logstore_name,
            full_text=log.StoreIndexFullTextArgs(case_sensitive=False, token=_SEPARATORS),
            opts=inside,
        )
        self.config = fc.V3FunctionLogConfigArgs(
            project=project.project_name,
            logstore=store.logstore_name,
            enable_request_metrics=True,
            enable_instance_metrics=True,
        )
        self.project, self.store = project.project_name, store.logstore_name
        self.register_outputs({"project": self.project})


_SEPARATORS = " ,'\";=()[]{}?@&<>/:\n\t\r"
