"""Caddy, the only door: TLS for a domain, replicas by turns for /mcp, always the same one for an SSE session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.selfhost.config import Limit
from infra.selfhost.files import FOLDER
from infra.selfhost.hosts import LOOPBACK, Engine, Listener
from infra.selfhost.service import Health, Service, ServiceArgs
from infra.selfhost.volumes import data_volume

HTTP, HTTPS, METRICS = 8080, 8443, 2019
DATA = "/data"


@dataclass(frozen=True, kw_only=True)
class ProxyArgs:
    """domain: None serves plain HTTP, on loopback of the host alone. upstreams: host:port of each replica.

    public_url: of the domain, with its port where it is not the usual one. metrics: the port for Prometheus elsewhere.
    """

    engine: Engine
    image_id: pulumi.Input[str]
    limit: Limit
    domain: str | None
    public_url: str | None
    http: int
    https: int
    metrics: int
    upstreams: Sequence[str]
    monitoring: Engine
    keep_data: bool


class Proxy(pulumi.ComponentResource):
    """The proxy; `url` is what clients are given, `metrics` what Prometheus asks."""

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:selfhost:Proxy", name, None, opts)
        self.url = args.public_url or f"http://{LOOPBACK}:{args.http}"
        self.metrics = Listener(engine=args.engine, alias="proxy", internal=METRICS, published=args.metrics)
        # certificates: asked for again too often, the authority refuses them
        data = data_volume(f"{name}-data", args.engine, args.keep_data, self)
        self.service = Service(
            name,
            ServiceArgs(
                engine=args.engine,
                image_id=args.image_id,
                alias="proxy",
                limit=args.limit,
                user="65532:65532",
                command=["caddy", "run", "--config", f"{FOLDER}/Caddyfile", "--watch"],
                environment={"XDG_DATA_HOME": DATA, "XDG_CONFIG_HOME": "/tmp", "HOME": "/tmp"},  # noqa: S108 - a tmpfs
                files={"Caddyfile": caddyfile(args.domain, args.public_url, args.upstreams)},
                files_reloaded=True,  # by --watch: a replica more or less fails no call
                volumes={DATA: data},
                ports=[*_doors(args), *self.metrics.binds(args.monitoring)],
                health=Health(command=["wget", "--quiet", "--spider", f"http://127.0.0.1:{METRICS}/metrics"]),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"container": self.service.container.id})


def _doors(args: ProxyArgs) -> list[docker.ContainerPortArgs]:
    if args.domain is None:
        return [docker.ContainerPortArgs(internal=HTTP, external=args.http, ip=LOOPBACK)]
    return [
        docker.ContainerPortArgs(internal=HTTP, external=args.http),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https, protocol="udp"),
    ]


def caddyfile(domain: str | None, public_url: str | None, upstreams: Sequence[str]) -> str:
    """Return the proxy's configuration.

    A replica that is told to stop answers 503 on /ready first, so it gets no new call; a call whose connection it
    refuses goes to the next one; Caddy can send it there only while it holds all of it (its issue 7546), hence the
    buffer. SSE posts belong to the replica that holds the stream: both by the client's address.
    """
    everywhere = " ".join(upstreams)
    # Caddy's own redirection from HTTP knows no port but the usual one.
    redirection = ""
    if public_url != f"https://{domain}" and domain:
        redirection = f"http://{domain} {{\n    redir {public_url}{{uri}} permanent\n}}\n\n"
    common = """
        health_uri /ready
        health_interval 1s
        health_timeout 2s
        lb_try_duration 10s
        lb_try_interval 100ms
        fail_duration 2s
        flush_interval -1
        request_buffers 1MiB"""
    return f"""{{
    admin off
    http_port {HTTP}
    https_port {HTTPS}
    servers {{
        metrics
    }}
}}

:{METRICS} {{
    metrics /metrics
}}

{redirection}{domain or f"http://:{HTTP}"} {{
    @sessions path /sse /messages /messages/*
    reverse_proxy @sessions {everywhere} {{
        lb_policy ip_hash{common}
    }}
    reverse_proxy {everywhere} {{
        lb_policy round_robin{common}
    }}
}}
"""
