"""The function that makes backups and does maintenance when a timer calls it. Nothing else can: it has no address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_alicloud import fc

from infra.aliyun.app_settings import Variables
from infra.aliyun.config import Jobs as JobsConfig
from infra.aliyun.function import Surroundings, function_options, surroundings

COMMAND = "jobs"  # of the app: it runs a job for each event
_LATEST = "LATEST"
_DISK_MB = 512


@dataclass(frozen=True, kw_only=True)
class JobsArgs:
    """timers: cron expressions of the platform, by the job. server_command: to which the app's command is added."""

    function: str
    runtime: str
    server_command: tuple[str, ...]
    port: int
    options: JobsConfig
    timers: Mapping[str, str]
    variables: Variables
    surroundings: Surroundings


class Jobs(pulumi.ComponentResource):
    """A function that runs one job at a time in an instance, and a timer for each job."""

    def __init__(self, name: str, args: JobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Jobs", name, None, opts)
        options = args.options
        self.function = fc.V3Function(
            name,
            function_name=args.function,
            description="Claude Memory: maintenance and backups.",
            memory_size=options.memory_mb,
            cpu=options.cpu,
            disk_size=_DISK_MB,
            timeout=options.timeout_s,
            instance_concurrency=1,
            internet_access=True,  # to the bucket of the backups
            custom_runtime_config=fc.V3FunctionCustomRuntimeConfigArgs(
                commands=[*args.server_command, COMMAND], port=args.port
            ),
            opts=function_options(self),
            **surroundings(args.runtime, args.surroundings, args.variables),
        )
        for job, timer in args.timers.items():
            fc.V3Trigger(
                f"{name}-{job}",
                function_name=self.function.function_name,
                qualifier=_LATEST,
                trigger_name=job,
                trigger_type="timer",
                trigger_config=json.dumps({"cronExpression": timer, "enable": True, "payload": job}),
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
        self.register_outputs({"function": self.function.function_name})
