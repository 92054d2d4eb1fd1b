"""Environment variables and secret files of a service. Changing them deploys nothing."""

from __future__ import annotations

from collections.abc import Mapping

from infra.render.api.calls import Calls, Json, at


class Variables:
    """Environment variables by name. A value is what it is, or Json such as {"generateValue": True}."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, service_id: str) -> dict[str, str]:
        """Return the variables set on the service itself, with their values in clear."""
        found = self._calls.items(at("services", service_id, "env-vars"), "envVar")
        return {one["key"]: one["value"] for one in found}

    def replace(self, service_id: str, values: Mapping[str, str | Json]) -> dict[str, str]:
        """Set exactly these and remove all others; return them, with what Render generated."""
        body = [{"key": name} | _value(value) for name, value in values.items()]
        answer = self._calls.put(at("services", service_id, "env-vars"), body) or []
        return {one["envVar"]["key"]: one["envVar"]["value"] for one in answer}

    def set(self, service_id: str, name: str, value: str | Json) -> str:
        """Set one; return its value."""
        answer: Json = self._calls.put(at("services", service_id, "env-vars", name), _value(value))
        return str(answer["value"])

    def unset(self, service_id: str, name: str) -> None:
        """Remove one. Raises NotFound."""
        self._calls.delete(at("services", service_id, "env-vars", name))


class SecretFiles:
    """Secret files by name."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, service_id: str) -> dict[str, str]:
        """Return the contents in clear."""
        found = self._calls.items(at("services", service_id, "secret-files"), "secretFile")
        return {one["name"]: one["content"] for one in found}

    def replace(self, service_id: str, contents: Mapping[str, str]) -> None:
        """Set exactly these and remove all others."""
        body = [{"name": name, "content": content} for name, content in contents.items()]
        self._calls.put(at("services", service_id, "secret-files"), body)

    def set(self, service_id: str, name: str, content: str) -> None:
        """Set one."""
        self._calls.put(at("services", service_id, "secret-files", name), {"content": content})

    def unset(self, service_id: str, name: str) -> None:
        """Remove one. Raises NotFound."""
        self._calls.delete(at("services", service_id, "secret-files", name))


def _value(value: str | Json) -> Json:
    return {"value": value} if isinstance(value, str) else value
