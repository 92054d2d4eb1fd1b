"""Custom domains of the web service, and the DNS records that whoever runs the domain has to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.render import resources as render

APEX_ADDRESS = "216.24.57.1"  # Render's, for a name that cannot be an alias
_APEX = "apex"


@dataclass(frozen=True, kw_only=True)
class DomainsArgs:
    """names: domains, the first of which is the app's own address. host: the service's name at Render."""

    names: Sequence[str]
    service_id: pulumi.Input[str]
    host: pulumi.Output[str]


class Domains(pulumi.ComponentResource):
    """`records` are the DNS records of all domains. Render gets their certificates once they are set."""

    def __init__(self, name: str, args: DomainsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:render:Domains", name, None, opts)
        self.domains = [
            render.CustomDomain(
                f"{name}-{domain}", pulumi.ResourceOptions(parent=self), service_id=args.service_id, name=domain
            )
            for domain in args.names
        ]
        kinds = pulumi.Output.all(*(domain.domain_type for domain in self.domains))
        self.records: pulumi.Output[list[Mapping[str, str]]] = pulumi.Output.all(kinds, args.host).apply(
            lambda found: [
                record
                for domain, kind in zip(args.names, found[0], strict=True)
                for record in dns_records(domain, kind, found[1])
            ]
        )
        self.register_outputs({"records": self.records})


def dns_records(domain: str, kind: Any, host: str) -> list[Mapping[str, str]]:
    """Return the records of a domain. kind: Render's word, apex or subdomain. host: the service's name at Render.

    An apex gets an address, since a CNAME may not stand beside its other records; Render redirects its www to it.
    """
    if kind != _APEX:
        return [{"name": domain, "type": "CNAME", "value": host}]
    return [
        {"name": domain, "type": "A", "value": APEX_ADDRESS},
        {"name": f"www.{domain}", "type": "CNAME", "value": host},
    ]
