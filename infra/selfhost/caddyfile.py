"""The proxy's configuration: which replica gets a call, and what a client is told when none can.

Caddy closes every idle connection when it reads another configuration, and a call that a client has just sent over one
of them is lost. So it is told once of all replicas that there may ever be. Whether one is there stands in a file of its
own, whose content Caddy puts before the address whenever it calls or checks the replica.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import indent

from app.endpoints import HEALTH, MCP, MESSAGES, READY, READY_FOR_CALLS, SSE
from app.errors import Unavailable, error_body, rpc_error_body
from infra.selfhost.files import FOLDER

HTTP, HTTPS, METRICS = 8080, 8443, 2019
UNREADY = 2020  # within the container alone: replicas that are not ready, too
# How long a replica is looked for, first among those that are ready, and how long each try to reach one may take. A
# client has its error when both looks and the last try of each are over.
_READY_MS, _UNREADY_MS, _DIAL_MS = 500, 300, 500
# What the files hold. The first changes nothing of an address, as does a file that is just being written; the second
# makes it a name that there cannot be, so that no one is asked for it, and its health check never passes.
THERE, ABSENT = "tcp/", "tcp/.."
_SESSIONS = f"{SSE} {SSE}/ {MESSAGES.rstrip('/')} {MESSAGES}*"
_SESSION_OF = "Session-Of"
_NO_REPLICA = Unavailable("no replica of the memory server answers; try again in a second")


def replica_files(most: int, replicas: int) -> dict[str, str]:
    """Return the files for all replicas that there may be, of which the first `replicas` are there."""
    return {_file(number): THERE if number <= replicas else ABSENT for number in range(1, most + 1)}


def _file(number: int) -> str:
    return f"replica-{number}"


def caddyfile(domain: str | None, public_url: str | None, upstreams: Sequence[str], tls: str = "") -> str:
    """Return the configuration.

    upstreams: host:port of every replica that there may be. tls: the directive for the domain's certificate; without
    it Caddy gets one from Let's Encrypt.

    A call goes to a replica that is ready. One that is stopping is not, before it takes no more calls; a call that it
    refuses goes to the next replica. If none is ready, because none reaches PostgreSQL, the call goes to one that says
    so itself, and if there is none, the proxy has an error in the same form.
    """
    everywhere = " ".join(
        f"{{file.{FOLDER}/{_file(number)}}}{upstream}" for number, upstream in enumerate(upstreams, start=1)
    )
    # Caddy's own redirection from HTTP always leads to port 443.
    redirection = ""
    if public_url != f"https://{domain}" and domain:
        redirection = f"http://{domain} {{\n    redir {public_url}{{uri}} permanent\n}}\n\n"
    # Of a failed check Caddy logs a line each time, and those of absent replicas fail every second.
    return f"""{{
    admin off
    http_port {HTTP}
    https_port {HTTPS}
    skip_install_trust
    metrics
    log {{
        exclude http.handlers.reverse_proxy.health_checker.active
    }}
}}

# to a replica whose health is good; all calls of an SSE session to the same one
(replicas) {{
    reverse_proxy {everywhere} {{
        lb_policy header {_SESSION_OF} {{
            fallback round_robin
        }}
        health_uri {{args[0]}}
        health_interval {{args[1]}}
        health_timeout 5s
        lb_try_duration {{args[2]}}
        lb_try_interval 100ms
        fail_duration 2s
        flush_interval -1
        trusted_proxies 127.0.0.1/32
        transport http {{
            dial_timeout {_DIAL_MS}ms
        }}
    }}
}}

(no_replica) {{
    @mcp path {MCP} {MCP}/ {_SESSIONS}
    header Content-Type application/json
    header Cache-Control no-store
    header Retry-After 1
    respond @mcp `{json.dumps(rpc_error_body(_NO_REPLICA))}` {_NO_REPLICA.status}
    respond `{json.dumps(error_body(_NO_REPLICA))}` {_NO_REPLICA.status}
}}

:{METRICS} {{
    metrics /metrics
    respond {HEALTH} 200
}}

{redirection}{domain or f"http://:{HTTP}"} {{{indent(f"{chr(10)}{tls}", " " * 4) if tls else ""}
    @sessions path {_SESSIONS}
    route {{
        request_header -{_SESSION_OF}
        request_header @sessions {_SESSION_OF} {{remote_host}}
        import replicas {READY} 1s {_READY_MS}ms
    }}
    handle_errors 502 503 504 {{
        # as long as no replica has seen anything of the call
        @unsent expression `{{err.message}}.matches("^(no upstreams available|dial )")`
        handle @unsent {{
            reverse_proxy 127.0.0.1:{UNREADY} {{
                flush_interval -1
            }}
        }}
        handle {{
            import no_replica
        }}
    }}
}}

:{UNREADY} {{
    bind 127.0.0.1
    import replicas {READY_FOR_CALLS} 2s {_UNREADY_MS}ms
    handle_errors 502 503 504 {{
        import no_replica
    }}
}}
"""
