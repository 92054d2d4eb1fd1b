"""Function Compute 3.0: custom domains."""

from __future__ import annotations

import re

from tests.standins.aliyun import functions
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_DOMAINS = rf"{functions.API}/custom-domains"
_SENT = ("protocol", "routeConfig", "certConfig", "authConfig", "tlsConfig", "wafConfig", "corsConfig")


def create(state: State, request: Request) -> Reply:
    body = request.body or {}
    name = body.get("domainName", "")
    if name in state.domains:
        raise Refused(409, "DomainNameAlreadyExists", f"domain '{name}' already exists")
    if not re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", name):
        raise functions.invalid(f"domainName '{name}'")
    shown: Json = {
        "domainName": name,
        "accountId": state.account,
        "apiVersion": "2023-03-30",
        "protocol": "HTTP",
        "routeConfig": {"routes": []},
        "createdTime": state.time(),
        "subdomainCount": "0",
    }
    _set(state, shown, body)
    state.domains[name] = shown
    return Reply(_public(shown))


def _set(state: State, shown: Json, body: Json) -> None:
    sent = {key: body[key] for key in _SENT if body.get(key) is not None}
    new = shown | sent
    if new["protocol"] not in ("HTTP", "HTTPS", "HTTP,HTTPS"):
        raise functions.invalid(f"protocol: {new['protocol']}")
    if "HTTPS" in new["protocol"] and not (new.get("certConfig") or {}).get("certificate"):
        raise functions.invalid("certConfig is required for HTTPS")
    for route in new["routeConfig"].get("routes") or []:
        name, qualifier = route.get("functionName", ""), route.get("qualifier") or "LATEST"
        function = functions.found(state, name)
        if qualifier != "LATEST" and qualifier not in function["aliases"] | function["versions"]:
            raise functions.invalid(f"qualifier '{qualifier}' of function '{name}' does not exist")
        route["qualifier"] = qualifier
    shown |= new | {"lastModifiedTime": state.time()}


def _public(shown: Json) -> Json:
    """Return what is answered: never a private key."""
    certificate = shown.get("certConfig") or {}
    public = {key: value for key, value in certificate.items() if key != "privateKey"}
    return shown | ({"certConfig": public} if certificate else {})


def _found(state: State, name: str) -> Json:
    if name not in state.domains:
        raise Refused(404, "DomainNameNotFound", f"domain '{name}' does not exist")
    return state.domains[name]


def get(state: State, request: Request, name: str) -> Reply:
    return Reply(_public(_found(state, name)))


def update(state: State, request: Request, name: str) -> Reply:
    _set(state, _found(state, name), request.body or {})
    return Reply(_public(state.domains[name]))


def delete(state: State, request: Request, name: str) -> Reply:
    _found(state, name)
    del state.domains[name]
    return Reply(status=204)


ROUTES = [
    (rf"fc POST {_DOMAINS}", create),
    (rf"fc GET {_DOMAINS}/([^/]+)", get),
    (rf"fc PUT {_DOMAINS}/([^/]+)", update),
    (rf"fc DELETE {_DOMAINS}/([^/]+)", delete),
]
