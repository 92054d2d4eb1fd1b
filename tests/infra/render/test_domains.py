"""Custom domains, and the DNS records to set for them."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from infra.render.domains import APEX_ADDRESS, Domains, DomainsArgs, dns_records
from tests.support.render_plan import built, of_kind

HOST = "claude-memory-web.onrender.com"


def test_a_subdomain_is_an_alias_of_renders_name() -> None:
    assert dns_records("memory.example.org", "subdomain", HOST) == [
        {"name": "memory.example.org", "type": "CNAME", "value": HOST}
    ]


def test_an_apex_gets_an_address_and_its_www_the_alias() -> None:
    assert dns_records("example.org", "apex", HOST) == [
        {"name": "example.org", "type": "A", "value": APEX_ADDRESS},
        {"name": "www.example.org", "type": "CNAME", "value": HOST},
    ]


def test_each_domain_is_added_to_the_service_and_has_its_records() -> None:
    records: list[list[Mapping[str, str]]] = []

    def declare() -> object:
        args = DomainsArgs(
            names=["memory.example.org", "example.org"], service_id="srv-1", host=pulumi.Output.from_input(HOST)
        )
        return Domains("domain", args).records.apply(records.append)

    domains = of_kind(built(declare), "CustomDomain")
    assert {name: one.inputs for name, one in domains.items()} == {
        f"domain-{name}": {"serviceId": "srv-1", "name": name} for name in ("memory.example.org", "example.org")
    }
    assert [record["type"] for record in records[0]] == ["CNAME", "A", "CNAME"]
