"""Caddy, the only entrance: TLS for a domain, replicas in turn for /mcp, always the same one for an SSE session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from app.endpoints import MESSAGES, SSE
from infra.selfhost.files import FOLDER
from infra.selfhost.health import wget
from infra.selfhost.hosts import LOOPBACK, Engine
from infra.selfhost.service import Placement, ServiceArgs
from infra.selfhost.single_service import SingleService

HTTP, HTTPS, METRICS = 8080, 8443, 2019
DATA = "/data"


@dataclass(frozen=True, kw_only=True)
class ProxyArgs:
    """placement: its published port is that of the metrics. http, https: ports of the host.

    domain: None serves plain HTTP, on loopback of the host alone.
    public_url: of the domain, with the port unless it is 443.
    upstreams: host:port of each replica. monitoring: the engine Prometheus runs on.
    """

    placement: Placement
    domain: str | None
    public_url: str | None
    http: int
    https: int
    upstreams: Sequence[str]
    monitoring: Engine


class Proxy(SingleService):
    """`url` is the one for clients; `listener` is where Prometheus reads the metrics."""

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            name,
            ServiceArgs(
                placement=args.placement,
                alias="proxy",
                user="65532:65532",
                command=["caddy", "run", "--config", f"{FOLDER}/Caddyfile", "--watch"],
                environment={"XDG_DATA_HOME": DATA, "XDG_CONFIG_HOME": "/tmp", "HOME": "/tmp"},  # noqa: S108 - a tmpfs
                files={"Caddyfile": caddyfile(args.domain, args.public_url, args.upstreams)},
                files_reloaded=True,  # by --watch: a changed number of replicas fails no call
                ports=_entrances(args),
                health=wget(METRICS, "/metrics"),
            ),
            opts,
            port=METRICS,
            users=[args.monitoring],
            data={DATA: "data"},  # certificates: the authority refuses those who ask for a new one too often
        )
        self.url = args.public_url or f"http://{LOOPBACK}:{args.http}"


def _entrances(args: ProxyArgs) -> list[docker.ContainerPortArgs]:
    if args.domain is None:
        return [docker.ContainerPortArgs(internal=HTTP, external=args.http, ip=LOOPBACK)]
    return [
        docker.ContainerPortArgs(internal=HTTP, external=args.http),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https),
        docker.ContainerPortArgs(internal=HTTPS, external=args.https, protocol="udp"),
    ]


def caddyfile(domain: str | None, public_url: str | None, upstreams: Sequence[str]) -> str:
    """Return the proxy's configuration.

    A replica that is stopping first answers 503 on /ready, so it gets no new calls. A call that it refuses goes to the
    next replica, which Caddy can do only while it holds the whole call (its issue 7546), hence the buffer. The posts of
    an SSE session must reach the replica that holds the stream, so both are routed by the client's address.
    """
    everywhere = " ".join(upstreams)
    # Caddy's own redirection from HTTP always leads to port 443.
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
    @sessions path {SSE} {MESSAGES.rstrip("/")} {MESSAGES}*
    reverse_proxy @sessions {everywhere} {{
        lb_policy ip_hash{common}
    }}
    reverse_proxy {everywhere} {{
        lb_policy round_robin{common}
    }}
}}
"""
