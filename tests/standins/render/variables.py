"""Environment variables and secret files of services, custom domains, routes and headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.standins.render.state import (
    NOTHING,
    Json,
    Refused,
    Reply,
    Request,
    Service,
    State,
    cursor,
    needed,
    not_found,
    page,
)

KEYS = {"envVar": ("key", "value"), "secretFile": ("name", "content")}


def made(state: State, given: Any, wrapper: str) -> Json:
    """Return a variable or a file, generated if it is to be."""
    name, content = KEYS[wrapper]
    given = needed(given, name)
    if wrapper == "envVar" and given.get("generateValue"):
        return {name: given[name], content: state.generated()}
    if not isinstance(given.get(content), str):
        raise Refused(400, f"{name} {given[name]} has no {content}")
    return {name: given[name], content: given[content]}


def put(state: State, kept: list[Json], given: Any, wrapper: str) -> None:
    """Replace all; each gets a new cursor."""
    name = KEYS[wrapper][0]
    new = [made(state, one, wrapper) for one in given or []]
    names = [one[name] for one in new]
    if len(set(names)) < len(names):
        raise Refused(400, f"duplicate {name}")
    kept[:] = [{"cursor": cursor(state.id("env")), wrapper: one} for one in new]


def _kept(service: Service, wrapper: str) -> list[Json]:
    return service.variables if wrapper == "envVar" else service.files


def _replacing(wrapper: str) -> Callable[..., Reply]:
    def replace(state: State, request: Request, id_: str) -> Reply:
        kept = _kept(state.service(id_), wrapper)
        put(state, kept, request.body, wrapper)
        return 200, list(kept)

    return replace


def _listing(wrapper: str) -> Callable[..., Reply]:
    def all_(state: State, request: Request, id_: str) -> Reply:
        return page(request, reversed(_kept(state.service(id_), wrapper)), wrapper)

    return all_


def _getting(wrapper: str) -> Callable[..., Reply]:
    def get(state: State, request: Request, id_: str, name: str) -> Reply:
        return 200, _find(state.service(id_), wrapper, unquote(name))[wrapper]

    return get


def _setting(wrapper: str) -> Callable[..., Reply]:
    def set_(state: State, request: Request, id_: str, name: str) -> Reply:
        service, name = state.service(id_), unquote(name)
        new = made(state, {KEYS[wrapper][0]: name} | needed(request.body), wrapper)
        try:
            _find(service, wrapper, name)[wrapper] = new
        except Refused:
            _kept(service, wrapper).append({"cursor": cursor(state.id("env")), wrapper: new})
        return (200 if wrapper == "envVar" else 201), new

    return set_


def _unsetting(wrapper: str) -> Callable[..., Reply]:
    def unset(state: State, request: Request, id_: str, name: str) -> Reply:
        service = state.service(id_)
        _kept(service, wrapper).remove(_find(service, wrapper, unquote(name)))
        return 204, NOTHING

    return unset


def _find(service: Service, wrapper: str, name: str) -> Json:
    for one in _kept(service, wrapper):
        if one[wrapper][KEYS[wrapper][0]] == name:
            return one
    raise not_found(name)


# Custom domains -------------------------------------------------------------------------------


def _domain(state: State, name: str, redirect_for: str = "") -> Json:
    apex = name.count(".") == 1
    return {
        "createdAt": state.time(nanoseconds=True),
        "domainType": "apex" if apex else "subdomain",
        "id": state.id("cdm"),
        "name": name,
        "publicSuffix": name.rsplit(".", 1)[1],
        "redirectForName": redirect_for,
        "verificationStatus": "unverified",
    }


def add_domain(state: State, request: Request, id_: str) -> Reply:
    service, name = state.service(id_), needed(request.body, "name")["name"]
    if service.shown["type"] not in ("web_service", "static_site"):
        raise Refused(400, f"custom domains are not available for {service.shown['type']}")
    if any(domain["name"] == name for one in state.services.values() for domain in one.domains):
        raise Refused(409, f"domain {name} is already in use")
    new = [_domain(state, name)]
    other = f"www.{name}" if name.count(".") == 1 else name.removeprefix("www.")
    if other != name and (name.count(".") == 1 or other.count(".") == 1):
        new.append(_domain(state, other, name))
    service.domains += [{**one, "createdAt": state.time()} for one in new]
    return 201, new


def all_domains(state: State, request: Request, id_: str) -> Reply:
    return page(request, reversed(state.service(id_).domains), "customDomain")


def _find_domain(service: Service, id_or_name: str) -> Json:
    for domain in service.domains:
        if unquote(id_or_name) in (domain["id"], domain["name"]):
            return domain
    raise not_found(id_or_name)


def get_domain(state: State, request: Request, id_: str, id_or_name: str) -> Reply:
    return 200, _find_domain(state.service(id_), id_or_name)


def verify_domain(state: State, request: Request, id_: str, id_or_name: str) -> Reply:
    _find_domain(state.service(id_), id_or_name)["verificationStatus"] = "verified"
    return 202, NOTHING


def delete_domain(state: State, request: Request, id_: str, id_or_name: str) -> Reply:
    service = state.service(id_)
    name = _find_domain(service, id_or_name)["name"]
    service.domains = [one for one in service.domains if name not in (one["name"], one["redirectForName"])]
    return 204, NOTHING


# Static sites ---------------------------------------------------------------------------------


def put_routes(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    rules = [needed(one, "type", "source", "destination") for one in request.body or []]
    service.routes = [{"id": state.id("rdr"), "priority": place, **rule} for place, rule in enumerate(rules)]
    return 200, service.routes or None


def put_headers(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    headers = [needed(one, "path", "name", "value") for one in request.body or []]
    service.headers = [{"id": state.id("hdr"), **header} for header in headers]
    return 200, service.headers or None


def all_routes(state: State, request: Request, id_: str) -> Reply:
    return page(request, state.service(id_).routes, "route")


def all_headers(state: State, request: Request, id_: str) -> Reply:
    return page(request, reversed(state.service(id_).headers), "headers")


_ONE = "/services/([^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", f"{_ONE}/custom-domains", add_domain),
    ("GET", f"{_ONE}/custom-domains", all_domains),
    ("GET", f"{_ONE}/custom-domains/([^/]+)", get_domain),
    ("POST", f"{_ONE}/custom-domains/([^/]+)/verify", verify_domain),
    ("DELETE", f"{_ONE}/custom-domains/([^/]+)", delete_domain),
    ("PUT", f"{_ONE}/routes", put_routes),
    ("GET", f"{_ONE}/routes", all_routes),
    ("PUT", f"{_ONE}/headers", put_headers),
    ("GET", f"{_ONE}/headers", all_headers),
]
for _wrapper, _folder in (("envVar", "env-vars"), ("secretFile", "secret-files")):
    ROUTES += [
        ("GET", f"{_ONE}/{_folder}", _listing(_wrapper)),
        ("PUT", f"{_ONE}/{_folder}", _replacing(_wrapper)),
        ("GET", f"{_ONE}/{_folder}/([^/]+)", _getting(_wrapper)),
        ("PUT", f"{_ONE}/{_folder}/([^/]+)", _setting(_wrapper)),
        ("DELETE", f"{_ONE}/{_folder}/([^/]+)", _unsetting(_wrapper)),
    ]
