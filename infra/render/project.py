"""The project and the stack's environment in it: made here, or the environment alone in a project made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.arguments import EnvironmentSettings
from infra.render.config import Environment, Project


@dataclass(frozen=True, kw_only=True)
class HomeArgs:
    """project: by name to make it, by id to use it."""

    project: Project
    environment: Environment


class Home(pulumi.ComponentResource):
    """`environment_id` is where everything of the stack is, `project_id` what its other environments need."""

    def __init__(self, name: str, args: HomeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Home", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        own, settings = args.environment.name, _settings(args.environment)
        if args.project.id is None:
            project = render.Project(name, child, name=args.project.name or "", environments={own: settings})
            self.project_id: pulumi.Output[str] = project.id
            self.environment_id: pulumi.Output[str] = project.environment_ids.apply(lambda ids: ids[own])
        else:
            self.project_id = pulumi.Output.from_input(args.project.id)
            environment = render.Environment(
                name,
                child,
                name=own,
                project_id=args.project.id,
                protected_status=settings["protectedStatus"],
                network_isolation_enabled=settings["networkIsolationEnabled"],
            )
            self.environment_id = environment.id
        self.register_outputs({"project": self.project_id, "environment": self.environment_id})


def _settings(environment: Environment) -> EnvironmentSettings:
    return {
        "protectedStatus": "protected" if environment.protected else "unprotected",
        "networkIsolationEnabled": environment.network_isolation,
    }
