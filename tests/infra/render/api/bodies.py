"""Bodies for tests: the least that Render accepts."""

from __future__ import annotations

from typing import Any

from tests.standins.render.state import OWNER


def service(name: str = "web", kind: str = "web_service", **more: Any) -> dict[str, Any]:
    """Return the body of a service from an image."""
    details = {"runtime": "image", "plan": "starter", "region": "frankfurt", **more.pop("serviceDetails", {})}
    if kind == "cron_job":
        details["schedule"] = "0 3 * * *"
    image = {"ownerId": OWNER, "imagePath": "nginx"}
    return {"name": name, "ownerId": OWNER, "type": kind, "image": image, "serviceDetails": details, **more}


def postgres(name: str = "db", **more: Any) -> dict[str, Any]:
    return {"name": name, "ownerId": OWNER, "plan": "basic_256mb", "version": "17", **more}


def key_value(name: str = "cache", **more: Any) -> dict[str, Any]:
    return {"name": name, "ownerId": OWNER, "plan": "starter", **more}


def env_group(name: str = "shared", **more: Any) -> dict[str, Any]:
    return {"name": name, "ownerId": OWNER, "envVars": [{"key": "A", "value": "1"}], **more}


def project(name: str = "memory", **more: Any) -> dict[str, Any]:
    return {"name": name, "ownerId": OWNER, "environments": [{"name": "production"}], **more}


def credential(name: str = "ghcr", **more: Any) -> dict[str, Any]:
    body = {"registry": "GITHUB", "name": name, "username": "octocat", "authToken": "ghp_token", "ownerId": OWNER}
    return body | more


def webhook(name: str = "alerts", **more: Any) -> dict[str, Any]:
    body = {"ownerId": OWNER, "url": "https://hooks.example/1", "name": name, "enabled": True, "eventFilter": []}
    return body | more
