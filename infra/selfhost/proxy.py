"""Caddy, the only entrance: TLS for a domain, replicas in turn for /mcp, always the same one for an SSE session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from app.endpoints import HEALTH
from infra.selfhost.app_settings import secret
from infra.selfhost.caddyfile import HTTP, HTTPS, METRICS, caddyfile, replica_files
from infra.selfhost.files import FOLDER
from infra.selfhost.health import wget
from infra.selfhost.hosts import LOOPBACK, Engine, Listener
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService
from infra.selfhost.tls import Tls

ALIAS, DATA = "proxy", "/data"


@dataclass(frozen=True, kw_only=True)
class ProxyArgs:
    """placement: its published port is that of the metrics. http, https: ports of the host.

    domain: None serves plain HTTP, on loopback of the host alone.
    public_url: of the domain, with the port unless it is 443.
    upstreams: host:port of each replica that there may be. replicas: how many of them there are.
    tls: where the domain's certificate comes from. monitoring: the engine Prometheus runs on.
    """

    placement: Placement
    domain: str | None
    public_url: str | None
    http: int
    https: int
    upstreams: Sequence[str]
    replicas: int
    monitoring: Engine
    tls: Tls


class Proxy(SingleService):
    """`url` is the one for clients; `listener` is where Prometheus reads the metrics."""

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        tls = args.tls
        configuration = caddyfile(args.domain, args.public_url, args.upstreams, tls.directive)
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias=ALIAS,
                user="65532:65532",
                command=["caddy", "run", "--config", f"{FOLDER}/Caddyfile"],
                environment={"XDG_DATA_HOME": DATA, "XDG_CONFIG_HOME": "/tmp", "HOME": "/tmp"},  # noqa: S108 - a tmpfs
                files={
                    "Caddyfile": configuration,
                    **tls.files,
                    **{name: secret(text) for name, text in tls.secret_files.items()},
                    **replica_files(len(args.upstreams), args.replicas),
                },
                files_reloaded=True,  # those of the replicas, for every call: another number of them fails none
                reason=hashlib.sha256(f"{configuration}{tls.digest}".encode()).hexdigest()[:16],
                ports=_entrances(args),
                health=wget(METRICS, HEALTH),
            ),
            opts,
            port=METRICS,
            users=[args.monitoring],
            data={DATA: "data"},  # certificates: the authority refuses those who ask for a new one too often
        )
        self.url = args.public_url or f"http://{LOOPBACK}:{args.http}"


def certificate_url(domain: str | None, edge: Engine, engine: Engine, https: int) -> str | None:
    """Return where containers of an engine ask the proxy for its certificate, whatever they know the domain as."""
    if domain is None:
        return None
    return f"https://{Listener(engine=edge, alias=ALIAS, internal=HTTPS, published=https).seen_from(engine)}"


def _entrances(args: ProxyArgs) -> list[docker.ContainerPortArgs]:
    if args.domain is None:
        return [docker.ContainerPortArgs(internal=HTTP, external=args.http, ip=LOOPBACK)]
    return [
        docker.ContainerPortArgs(internal=HTTP, external=args.http),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https, protocol="udp"),
    ]
