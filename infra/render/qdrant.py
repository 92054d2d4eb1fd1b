"""Qdrant as a private service, with its collections on a disk."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.render import resources as render
from infra.render.app_settings import write_only
from infra.render.config import Qdrant as QdrantConfig
from infra.render.deployed.names import Role
from infra.render.services import Place, disk_args, image_args

PORT = 6333
DATA = "/qdrant/storage"
KEY = "QDRANT__SERVICE__API_KEY"  # how Qdrant itself names service.api_key of its configuration


@dataclass(frozen=True, kw_only=True)
class QdrantArgs:
    """api_key: what the app presents."""

    place: Place
    options: QdrantConfig
    image: str
    api_key: pulumi.Input[str]


class Qdrant(pulumi.ComponentResource):
    """One node. `address` is host:port and `url` how the app reaches it, both in Render's private network."""

    def __init__(self, name: str, args: QdrantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Qdrant", name, None, opts)
        self.service = render.PrivateService(
            name,
            pulumi.ResourceOptions(parent=self),
            **args.place.args(Role.QDRANT, args.options.plan),
            **image_args(args.image),
            **disk_args(DATA, args.options.disk_gb),
            env_vars={
                "PORT": str(PORT),  # tells Render where it listens
                "QDRANT__SERVICE__HTTP_PORT": str(PORT),
                "QDRANT__TELEMETRY_DISABLED": "true",
                KEY: write_only(args.api_key),
            },
        )
        self.address = pulumi.Output.concat(self.service.slug, f":{PORT}")
        self.url = pulumi.Output.concat("http://", self.address)
        self.register_outputs({"service": self.service.id})
