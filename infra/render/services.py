"""What all services of a stack have in common: where they are, what they are called, how the app's image is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.render.arguments import AllowedAddresses
from infra.render.config import Source
from infra.render.deployed.names import Role, name_of

# Render splits a command at spaces, runs it without a shell, and in place of the image's entry point as well.
PROGRAM = "/opt/claude-memory/bin/claude-memory"  # in the image of app/Dockerfile
DOCKERFILE, CONTEXT = "./app/Dockerfile", "."
BUILT_FROM = ("app/**", "requirements/app.txt")  # a commit that changes nothing else builds nothing
SECRET_FILES = "/etc/secrets"  # noqa: S105 - the folder in which a service finds its secret files


def command(*arguments: str) -> str:
    """Return a command of the app's image."""
    return " ".join((PROGRAM, *arguments))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where services of a stack are. stack: its name, which is part of theirs."""

    stack: str
    region: str
    environment_id: pulumi.Input[str]

    def args(self, role: Role, plan: str) -> dict[str, Any]:
        """Return the arguments that every service has."""
        return {
            "name": name_of(self.stack, role),
            "plan": plan,
            "region": self.region,
            "environment_id": self.environment_id,
        }


@dataclass(frozen=True, kw_only=True)
class AppCode:
    """Where the app's image comes from. credential_id: of the registry of a private image."""

    source: Source
    credential_id: pulumi.Input[str] | None = None

    def args(self) -> dict[str, Any]:
        """Return the arguments of a service that runs the app."""
        if self.source.image is not None:
            return image_args(self.source.image, self.credential_id)
        trigger = self.source.auto_deploy
        return {
            "runtime": "docker",
            "repo": self.source.repo,
            "branch": self.source.branch,
            "dockerfile_path": DOCKERFILE,
            "docker_context": CONTEXT,
            "auto_deploy_trigger": "off" if trigger == "never" else trigger,
            "build_filter": {"paths": list(BUILT_FROM), "ignoredPaths": []},
        }


def image_args(image: str, credential_id: pulumi.Input[str] | None = None) -> dict[str, Any]:
    """Return the arguments of a service that runs an image."""
    credential = {} if credential_id is None else {"registryCredentialId": credential_id}
    return {"runtime": "image", "image": {"imagePath": image, **credential}}


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """An environment group that services are linked to. revision: another one as soon as a value is."""

    group_id: pulumi.Input[str]
    revision: pulumi.Input[str]

    def args(self) -> dict[str, Any]:
        """Return the arguments of a service that has them, and is deployed again when they change."""
        return {"env_group_ids": [self.group_id], "redeploy_on": {"settings": self.revision}}


def disk_args(mount_path: str, size_gb: int) -> dict[str, Any]:
    """Return the arguments of a service with a disk."""
    return {"disk": {"name": "data", "mountPath": mount_path, "sizeGB": size_gb}}


def allowed(addresses: Sequence[str]) -> list[AllowedAddresses]:
    """Return blocks of addresses as an allow list."""
    return [{"cidrBlock": address} for address in addresses]
