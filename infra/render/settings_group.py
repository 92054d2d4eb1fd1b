"""The environment group with the settings that all services with the database share."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.app_settings import AppSettings
from infra.render.deployed.names import prefix
from infra.render.services import Place, SharedSettings


@dataclass(frozen=True, kw_only=True)
class SettingsGroupArgs:
    """settings: plain and secret ones."""

    place: Place
    settings: AppSettings


class SettingsGroup(pulumi.ComponentResource):
    """`shared` is what a service needs to have the settings."""

    def __init__(self, name: str, args: SettingsGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:SettingsGroup", name, None, opts)
        self.group = render.EnvGroup(
            name,
            pulumi.ResourceOptions(parent=self),
            name=f"{prefix(args.place.stack)}-settings",
            environment_id=args.place.environment_id,
            env_vars=args.settings.variables,
        )
        self.shared = SharedSettings(group_id=self.group.id, revision=self.group.revision)
        self.register_outputs({"group": self.group.id})
