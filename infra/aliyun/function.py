"""The function that clients reach, its releases, and the alias that shares requests out among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_alicloud import fc

from app.endpoints import SSE
from infra.aliyun.api.functions import ALIAS
from infra.aliyun.app_settings import Variables
from infra.aliyun.config import Function as FunctionConfig
from infra.aliyun.config import HealthCheck, Release
from infra.aliyun.storage import Stored

_HANDLER = "index.handler"  # the API asks for one; a custom runtime has none
_PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What both functions of a stack have. network: of a function that joins one."""

    code: Stored
    role: pulumi.Input[str]
    logs: fc.V3FunctionLogConfigArgs
    network: fc.V3FunctionVpcConfigArgs | None
    layers: Sequence[pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """function: its name. release: the name of what the other arguments describe."""

    function: str
    options: FunctionConfig
    release: str
    releases: Release
    variables: Variables
    surroundings: Surroundings


class Function(pulumi.ComponentResource):
    """`name` is the function's, once its alias serves a release."""

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Function", name, None, opts)
        self._prefix, self._args = name, args
        options = args.options
        self._inside = pulumi.ResourceOptions(parent=self)
        self.function = fc.V3Function(
            name,
            function_name=args.function,
            description="Claude Memory: an MCP server.",
            memory_size=options.memory_mb,
            cpu=options.cpu,
            disk_size=options.disk_mb,
            timeout=options.timeout_s,
            instance_concurrency=options.concurrency,
            session_affinity="MCP_SSE",
            session_affinity_config=affinity(options.sessions),
            internet_access=options.internet_access,
            custom_runtime_config=fc.V3FunctionCustomRuntimeConfigArgs(
                commands=list(options.command),
                port=options.port,
                health_check_config=health_check(options.health_check),
            ),
            opts=function_options(self),
            **surroundings(options.runtime, args.surroundings, args.variables),
        )
        self.versions = {release: self._publish(release) for release in self._releases()}
        self.alias = self._alias()
        if options.reserved is not None:
            fc.V3ConcurrencyConfig(
                name,
                function_name=self.function.function_name,
                reserved_concurrency=options.reserved,
                opts=self._inside,
            )
        self.register_outputs({"function": self.function.function_name})

    @property
    def serving(self) -> str:
        """The release that gets the requests, but for a canary's share."""
        return self._args.releases.serving or self._args.release

    @property
    def canary(self) -> int:
        """The share in percent that the new release gets beside the serving one; 0 without one."""
        return 0 if self.serving == self._args.release else self._args.releases.canary or 0

    def _releases(self) -> list[str]:
        """Return the releases that are kept, the serving and the new one among them; each once."""
        known = (*self._args.releases.keep, self.serving)
        new = () if self._goes_back else (self._args.release,)
        return list(dict.fromkeys((*known, *new)))

    @property
    def _goes_back(self) -> bool:
        """Whether an earlier release gets all requests, so that there is no need for a new one."""
        return self._args.releases.serving is not None and self._args.releases.canary is None

    def _publish(self, release: str) -> fc.V3FunctionVersion:
        # A version is a copy of the function at the time; only another description makes a new one.
        return fc.V3FunctionVersion(
            f"{self._prefix}-{release}",
            function_name=self.function.function_name,
            description=f"release {release}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.function]),
        )

    def _alias(self) -> fc.V3Alias:
        canary, weights = self.canary, None
        if canary:
            weights = self.versions[self._args.release].version_id.apply(lambda new: {new: canary / _PERCENT})
        return fc.V3Alias(
            self._prefix,
            function_name=self.function.function_name,
            alias_name=ALIAS,
            version_id=self.versions[self.serving].version_id,
            additional_version_weight=weights,
            description="The release that clients reach.",
            opts=self._inside,
        )


def surroundings(runtime: str, found: Surroundings, variables: Variables) -> dict[str, Any]:
    """Return the arguments that follow from where a function is."""
    return {
        "handler": _HANDLER,
        "runtime": runtime,
        "code": fc.V3FunctionCodeArgs(
            oss_bucket_name=found.code.bucket, oss_object_name=found.code.key, checksum=found.code.checksum
        ),
        "layers": list(found.layers),
        "role": found.role,
        "log_config": found.logs,
        "vpc_config": found.network,
        "environment_variables": pulumi.Output.secret(dict(variables)),
    }


def function_options(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return options of a function. A replacement has the same name, so that the old one goes first."""
    return pulumi.ResourceOptions(
        parent=parent, delete_before_replace=True, additional_secret_outputs=["environmentVariables"]
    )


def affinity(sessions: int) -> str:
    """Return how requests of an MCP session find its instance. The provider compares it as text."""
    return json.dumps({"sseEndpointPath": SSE, "sessionConcurrencyPerInstance": sessions}, separators=(",", ":"))


def health_check(options: HealthCheck) -> fc.V3FunctionCustomRuntimeConfigHealthCheckConfigArgs:
    """Return the check in the provider's words."""
    return fc.V3FunctionCustomRuntimeConfigHealthCheckConfigArgs(
        http_get_url=options.path,
        initial_delay_seconds=options.initial_delay_s,
        period_seconds=options.period_s,
        timeout_seconds=options.timeout_s,
        failure_threshold=options.failure_threshold,
        success_threshold=options.success_threshold,
    )
