"""The web service: what clients reach, with the database prepared before each new version of it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi

from infra.monitoring.jobs import Lookup
from infra.render import resources as render
from infra.render.app_settings import METRICS_PORT, AppSettings
from infra.render.config import FREE, PreviewGeneration, Scaling
from infra.render.config import Web as WebConfig
from infra.render.deployed.names import Role
from infra.render.services import AppCode, Place, SharedSettings, allowed, command

HEALTH = "/health"


@dataclass(frozen=True, kw_only=True)
class WebArgs:
    """settings: the service's own, beside the shared ones. preview_generation: of pull requests."""

    place: Place
    code: AppCode
    options: WebConfig
    shared: SharedSettings
    settings: AppSettings
    preview_generation: PreviewGeneration


class Web(pulumi.ComponentResource):
    """`url` is Render's own address of it, `host` the name in it. On the free plan it prepares the database itself."""

    def __init__(self, name: str, args: WebArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Web", name, None, opts)
        options = args.options
        self.service = render.WebService(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.WEB, options.plan),
            **args.code.args(),
            **args.shared.args(),
            **_instances(options),
            env_vars=args.settings.variables,
            health_check_path=HEALTH,
            preview_generation=args.preview_generation,
        )
        self.url: pulumi.Output[str] = self.service.url
        self.host = self.url.apply(lambda url: urlsplit(url).hostname or "")
        # Finds every instance in Render's private network.
        self.instances: pulumi.Output[Lookup] = self.service.slug.apply(
            lambda slug: Lookup(name=f"{slug}-discovery", port=METRICS_PORT)
        )
        self.register_outputs({"service": self.service.id})


def _instances(options: WebConfig) -> dict[str, Any]:
    """Return what depends on the plan, how many instances run, and who may connect."""
    found: dict[str, Any] = {}
    if options.plan != FREE:  # a free service has no command before a deploy
        found["pre_deploy_command"] = command("init")
    scaling = options.scaling
    if scaling.max > scaling.min:
        found["autoscaling"] = _autoscaling(scaling)
    elif scaling.max > 1:
        found["num_instances"] = scaling.max
    if options.allowed_addresses:
        found["ip_allow_list"] = allowed(options.allowed_addresses)
    return found


def _autoscaling(scaling: Scaling) -> dict[str, int]:
    measures = {"cpuPercent": scaling.cpu_percent, "memoryPercent": scaling.memory_percent}
    limits = {"min": scaling.min, "max": scaling.max}
    return limits | {name: percent for name, percent in measures.items() if percent is not None}
