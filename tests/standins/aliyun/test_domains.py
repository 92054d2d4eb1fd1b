"""Custom domains."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.aliyun import Caller, function

NAME = "memory.example.org"
ROUTE = {"path": "/*", "functionName": "memory", "methods": ["GET", "POST", "DELETE"]}
CERTIFICATE = {"certName": "memory", "certificate": "made-up", "privateKey": "made-up-key"}


def body(**more: Any) -> dict[str, Any]:
    return {
        "domainName": NAME,
        "protocol": "HTTPS",
        "routeConfig": {"routes": [ROUTE]},
        "certConfig": CERTIFICATE,
    } | more


def test_a_domain_is_answered_without_its_private_key(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    made = caller.fc("POST", "/custom-domains", body())

    assert made.body["certConfig"] == {"certName": "memory", "certificate": "made-up"}
    assert made.body["routeConfig"]["routes"] == [ROUTE | {"qualifier": "LATEST"}]
    assert caller.fc("GET", f"/custom-domains/{NAME}").body == made.body


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"domainName": "memory"}, "InvalidArgument"),
        ({"protocol": "SSH"}, "InvalidArgument"),
        ({"certConfig": None}, "InvalidArgument"),
        ({"routeConfig": {"routes": [ROUTE | {"functionName": "none"}]}}, "FunctionNotFound"),
        ({"routeConfig": {"routes": [ROUTE | {"qualifier": "none"}]}}, "InvalidArgument"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused(caller: Caller, more: dict[str, Any], code: str) -> None:
    caller.fc("POST", "/functions", function())

    assert caller.fc("POST", "/custom-domains", body(**more)).code == code


def test_a_domain_is_taken_once_changed_and_deleted(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    caller.fc("POST", "/custom-domains", body())

    assert caller.fc("POST", "/custom-domains", body()).code == "DomainNameAlreadyExists"
    assert caller.fc("PUT", f"/custom-domains/{NAME}", {"protocol": "HTTP"}).body["protocol"] == "HTTP"
    assert caller.fc("DELETE", f"/custom-domains/{NAME}").status == 204
    assert caller.fc("GET", f"/custom-domains/{NAME}").code == "DomainNameNotFound"
