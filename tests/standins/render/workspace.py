"""What belongs to the workspace: owners, registry credentials, webhooks, notifications, log streams."""

from __future__ import annotations

from tests.standins.render.state import (
    Json,
    Refused,
    Reply,
    Request,
    State,
    bare_page,
    held,
    needed,
    not_found,
    page,
    removed,
)


def all_owners(state: State, request: Request) -> Reply:
    return page(request, [state.owner_shown()], "owner")


def get_owner(state: State, request: Request, id_: str) -> Reply:
    if id_ != state.owner:
        raise not_found(id_)
    return 200, state.owner_shown()


def get_user(state: State, request: Request) -> Reply:
    return 200, {"email": "owner@example.com", "name": "Owner"}


# Registry credentials -------------------------------------------------------------------------


def _credential_shown(credential: Json) -> Json:
    """Return it without its owner, which no answer tells."""
    return {name: value for name, value in credential.items() if name != "ownerId"}


def create_credential(state: State, request: Request) -> Reply:
    body = needed(request.body, "registry", "name", "username", "authToken", "ownerId")
    state.owned(body["ownerId"])
    given = {name: body[name] for name in ("name", "registry", "username", "ownerId")}
    credential = {"id": state.id("rgc"), **given, "updatedAt": state.time()}
    state.credentials[credential["id"]] = credential
    return 200, _credential_shown(credential)


def all_credentials(state: State, request: Request) -> Reply:
    credentials = reversed(state.credentials.values())
    fitting = [
        _credential_shown(one)
        for one in credentials
        if request.fits(name=one["name"], username=one["username"], type=one["registry"], ownerId=one["ownerId"])
    ]
    return bare_page(request, fitting)


def get_credential(state: State, request: Request, id_: str) -> Reply:
    return 200, _credential_shown(held(state.credentials, id_))


def update_credential(state: State, request: Request, id_: str) -> Reply:
    credential, body = held(state.credentials, id_), needed(request.body, "registry", "name", "username", "authToken")
    credential |= {name: body[name] for name in ("name", "registry", "username")} | {"updatedAt": state.time()}
    return 200, _credential_shown(credential)


def delete_credential(state: State, request: Request, id_: str) -> Reply:
    return removed(state.credentials, id_)


# Webhooks -------------------------------------------------------------------------------------


def create_webhook(state: State, request: Request) -> Reply:
    body = needed(request.body, "ownerId", "url", "name")
    state.owned(body["ownerId"])
    if not isinstance(body.get("enabled"), bool) or not isinstance(body.get("eventFilter"), list):
        raise Refused(400, "enabled and eventFilter are required")
    shown = {name: body[name] for name in ("url", "name", "enabled", "eventFilter")}
    state.webhooks[id_] = shown = {"id": (id_ := state.id("whk")), **shown, "secret": f"whsec_{state.letters(32)}"}
    return 201, shown


def all_webhooks(state: State, request: Request) -> Reply:
    return page(request, reversed(state.webhooks.values()), "webhook")


def get_webhook(state: State, request: Request, id_: str) -> Reply:
    return 200, held(state.webhooks, id_)


def update_webhook(state: State, request: Request, id_: str) -> Reply:
    webhook, body = held(state.webhooks, id_), needed(request.body)
    webhook |= {name: body[name] for name in ("url", "name", "enabled", "eventFilter") if name in body}
    return 200, webhook


def delete_webhook(state: State, request: Request, id_: str) -> Reply:
    return removed(state.webhooks, id_)


# Notifications --------------------------------------------------------------------------------


def owner_notifications(state: State, request: Request, id_: str) -> Reply:
    state.notifications |= {name: value for name, value in (request.body or {}).items() if name in state.notifications}
    return 200, state.notifications | {"ownerId": state.owned(id_)}


def service_notifications(state: State, request: Request, id_: str) -> Reply:
    service = state.service(id_)
    service.notify |= {name: value for name, value in (request.body or {}).items() if name in service.notify}
    told = service.notify["notificationsToSend"]
    service.shown["notifyOnFail"] = {"default": "default", "none": "ignore"}.get(told, "notify")
    return 200, service.notify | {"serviceId": id_}


# Log streams ----------------------------------------------------------------------------------


def _resource_of_stream(state: State, id_: str) -> None:
    replicas = {one["id"] for store in state.stores.values() for one in store["shown"].get("readReplicas", [])}
    if id_ not in state.services and id_ not in state.stores and id_ not in replicas:
        raise not_found(id_)


def set_resource_stream(state: State, request: Request, id_: str) -> Reply:
    _resource_of_stream(state, id_)
    body = needed(request.body, "setting")
    shown = {"endpoint": body.get("endpoint") or "", "resourceId": id_, "setting": body["setting"]}
    state.streams[id_] = shown
    return 200, shown


def set_owner_stream(state: State, request: Request, id_: str) -> Reply:
    body = needed(request.body, "preview")
    shown = {"endpoint": body.get("endpoint") or "", "ownerId": state.owned(id_), "preview": body["preview"]}
    state.streams[id_] = shown
    return 200, shown


def get_stream(state: State, request: Request, id_: str) -> Reply:
    return 200, held(state.streams, id_)


def delete_stream(state: State, request: Request, id_: str) -> Reply:
    return removed(state.streams, id_)


_CREDENTIAL, _WEBHOOK = "/registrycredentials/([^/]+)", "/webhooks/([^/]+)"
_OF_OWNER = "/notification-settings/owners/([^/]+)"
_OF_SERVICE = "/notification-settings/overrides/services/([^/]+)"
ROUTES = [
    ("GET", "/owners", all_owners),
    ("GET", "/owners/([^/]+)", get_owner),
    ("GET", "/users", get_user),
    ("POST", "/registrycredentials", create_credential),
    ("GET", "/registrycredentials", all_credentials),
    ("GET", _CREDENTIAL, get_credential),
    ("PATCH", _CREDENTIAL, update_credential),
    ("DELETE", _CREDENTIAL, delete_credential),
    ("POST", "/webhooks", create_webhook),
    ("GET", "/webhooks", all_webhooks),
    ("GET", _WEBHOOK, get_webhook),
    ("PATCH", _WEBHOOK, update_webhook),
    ("DELETE", _WEBHOOK, delete_webhook),
    ("GET", _OF_OWNER, owner_notifications),
    ("PATCH", _OF_OWNER, owner_notifications),
    ("GET", _OF_SERVICE, service_notifications),
    ("PATCH", _OF_SERVICE, service_notifications),
    ("PUT", "/logs/streams/owner/([^/]+)", set_owner_stream),
    ("PUT", "/logs/streams/resource/([^/]+)", set_resource_stream),
    ("GET", "/logs/streams/(?:owner|resource)/([^/]+)", get_stream),
    ("DELETE", "/logs/streams/(?:owner|resource)/([^/]+)", delete_stream),
]
