"""The root certificate of the proxy's own authority, as an output of the stack: clients must trust it."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.command_errors import CannotDo
from infra.selfhost.config import Hosts, SelfhostConfig
from infra.selfhost.engine_calls import DockerHost
from infra.selfhost.names import NAME
from infra.selfhost.proxy import DATA
from infra.selfhost.running import look

OUTPUT = "certificate_root"
FILE = f"{DATA}/caddy/pki/authorities/local/root.crt"


def export_private_root(options: SelfhostConfig, last: Sequence[pulumi.Output[str]]) -> None:
    """Export it once the last resources are there, if the certificate is of that authority."""
    if options.domain is None or options.certificate.source_for(options.domain) != "private":
        return
    stack = pulumi.get_stack()
    pulumi.export(OUTPUT, pulumi.Output.all(*last).apply(lambda _: _root_or_warning(options.hosts, stack)))


def private_root(hosts: Hosts, stack: str) -> str:
    """Return the root certificate as PEM. Raises CannotDo."""
    proxy = look(DockerHost.all_of(hosts), stack).newest(f"{NAME}-proxy")
    if proxy is None:
        raise CannotDo("the proxy is not there")
    return proxy.host.run("exec", proxy.id, "cat", FILE)


def _root_or_warning(hosts: Hosts, stack: str) -> str | None:
    try:
        return private_root(hosts, stack)
    except CannotDo as error:  # the stack works without this output
        pulumi.log.warn(f"output {OUTPUT}: the root certificate cannot be read ({error}); `pulumi up` tries again")
        return None
