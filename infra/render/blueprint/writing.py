"""A whole Blueprint: what a stack's program declares, as render.yaml has it."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill, indent
from typing import Any

import yaml

from infra.errors import ConfigError
from infra.plan import Declared, MockOutputs, Plan, plan_of
from infra.render.blueprint.services import database, service
from infra.render.blueprint.stack_file import stack_values
from infra.render.blueprint.variables import TYPES, Entry, Variables, kind_of
from infra.targets import Target, module

_HEAD = """\
# Render's Blueprint of this repository: New > Blueprint in the dashboard, or a Deploy to Render button.
# Written by `python -m infra.render blueprint --stack {stack}` from Pulumi.{stack}.yaml; change that file instead.
# Render asks once for every variable with `sync: false`. ADMIN_TOKEN is the first access token of the app:
#   echo cm_$(openssl rand -base64 32 | tr +/ -_ | tr -d =)
"""
_WIDTH = 120


def blueprint(file: Path) -> tuple[str, list[str]]:
    """Return the text of render.yaml for a stack's file, and what it cannot have. Raises ConfigError, RulesError."""
    values, left_out = stack_values(file)
    tree = blueprint_tree(plan_of(values), values.stack, module(Target.RENDER, "mock_outputs").mock_outputs)
    notes = "".join(indent(fill(f"Not in here: {one}.", _WIDTH - 2), "# ") + "\n" for one in left_out)
    body = yaml.safe_dump(tree, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return f"{_HEAD.format(stack=values.stack)}{notes}{body}", left_out


def blueprint_tree(plan: Plan, stack: str, mock_outputs: MockOutputs) -> Entry:
    """Return the Blueprint of a plan. Raises ConfigError for a project without a name."""
    resources = plan.resources
    projects = [one for one in resources if kind_of(one) == "Project"]
    if not projects:
        raise ConfigError(stack, ["project.id: a Blueprint makes its project by name; use project.name"])
    [project] = projects
    variables = Variables(resources, mock_outputs)
    contents = {
        "databases": [database(one) for one in resources if kind_of(one) == "Postgres"],
        "envVarGroups": variables.groups(),
        "services": _services(resources, variables),
    }
    [(name, settings)] = project.inputs["environments"].items()
    return {
        "previews": {"generation": _previews(resources)},
        "projects": [
            {
                "name": project.inputs["name"],
                "environments": [{"name": name, **_environment(settings), **contents}],
            }
        ],
    }


def _services(resources: list[Declared], variables: Variables) -> list[Entry]:
    domains = [one.inputs for one in resources if kind_of(one) == "CustomDomain"]
    credentials = {f"{one.name}-id": one.inputs["name"] for one in resources if kind_of(one) == "RegistryCredential"}
    return [
        service(
            one,
            variables,
            [domain["name"] for domain in domains if domain["serviceId"] == f"{one.name}-id"],
            credentials,
        )
        for one in resources
        if kind_of(one) in TYPES
    ]


def _environment(settings: dict[str, Any]) -> Entry:
    isolated, protected = settings["networkIsolationEnabled"], settings["protectedStatus"] == "protected"
    return {
        "networking": {"isolation": "enabled" if isolated else "disabled"},
        "permissions": {"protection": "enabled" if protected else "disabled"},
    }


def _previews(resources: list[Declared]) -> str:
    """Return when Render makes a preview of everything: when it makes one of the web service."""
    return next(str(one.inputs["previewGeneration"]) for one in resources if kind_of(one) == "WebService")
