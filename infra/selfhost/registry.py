"""Asks registries which digest a tag stands for, by the API that all of them have (OCI Distribution Specification).

A HEAD request for the manifest; a registry that wants a token says where to get one, which it gives to anyone for a
public image. Docker Hub does not count HEAD requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from app.settings.forms import is_loopback
from infra.command_errors import CannotDo

_HUB, _HUB_SERVER = "docker.io", "registry-1.docker.io"
_TIMEOUT_S = 20.0
_MANIFESTS = (  # of an image for several platforms first: its digest is good on each of them
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PART = re.compile(r'(\w+)="([^"]*)"')


class RegistryFailed(CannotDo):
    """A registry did not say which digest a tag stands for."""


@dataclass(frozen=True)
class Reference:
    """An image's name taken apart."""

    server: str
    repository: str
    tag: str

    @classmethod
    def of(cls, name: str) -> Reference:
        """Take a name with a tag apart, as Docker does."""
        first, slash, rest = name.partition("/")
        if not slash or not ("." in first or ":" in first or first == "localhost"):
            first, rest = _HUB, name
        repository, _, tag = rest.rpartition(":")
        if first == _HUB:
            first, repository = _HUB_SERVER, repository if "/" in repository else f"library/{repository}"
        return cls(first, repository, tag)

    @property
    def url(self) -> str:
        """Where its manifest is; a registry on loopback has no TLS, as for Docker."""
        scheme = "http" if is_loopback(self.server.rpartition(":")[0] or self.server) else "https"
        return f"{scheme}://{self.server}/v2/{self.repository}/manifests/{self.tag}"


class Registry:
    """Asks for digests; keeps its connections. Each method raises RegistryFailed."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = True

    def digest(self, name: str) -> str:
        """Return the digest that a name with a tag stands for now."""
        reference = Reference.of(name)
        try:
            answer = self._head(reference, None)
            if answer.status_code == requests.codes.unauthorized:
                answer = self._head(reference, self._token(name, answer.headers.get("WWW-Authenticate", "")))
        except requests.RequestException as error:
            raise RegistryFailed(f"{name}: {reference.server} cannot be reached ({type(error).__name__})") from None
        if answer.status_code != requests.codes.ok:
            raise RegistryFailed(f"{name}: {reference.server} {_refusal(answer)}")
        found = answer.headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(found):
            raise RegistryFailed(f"{name}: {reference.server} names no digest; pin the image by hand")
        return found

    def _head(self, reference: Reference, token: str | None) -> requests.Response:
        headers = {"Accept": ", ".join(_MANIFESTS)}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._session.head(
            reference.url, headers=headers, auth=_Nothing(), timeout=_TIMEOUT_S, allow_redirects=True
        )

    def _token(self, name: str, challenge: str) -> str:
        kind, _, rest = challenge.partition(" ")
        given = dict(_PART.findall(rest))
        realm = given.pop("realm", "")
        parts = urlsplit(realm)
        if kind.lower() != "bearer" or not (parts.scheme == "https" or is_loopback(parts.hostname or "")):
            raise RegistryFailed(f"{name}: its registry wants a password; pin a private image by its digest instead")
        wanted = {key: value for key, value in given.items() if key in ("service", "scope")}
        answer = self._session.get(realm, params=wanted, auth=_Nothing(), timeout=_TIMEOUT_S)
        if answer.status_code != requests.codes.ok:
            raise RegistryFailed(f"{name}: {parts.hostname} {_refusal(answer)}")
        try:
            body = answer.json()
            return str(body.get("token") or body["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise RegistryFailed(f"{name}: {parts.hostname} gives no token") from None


class _Nothing(requests.auth.AuthBase):
    """Shows nothing; as `auth`, so that no ~/.netrc adds a password."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _refusal(answer: requests.Response) -> str:
    if answer.status_code == requests.codes.not_found:
        return "has no such image or tag"
    if answer.status_code == requests.codes.too_many_requests:
        return "was asked too often; try again later"
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        return "has no such image for everyone; pin a private one by its digest instead"
    return f"answered {answer.status_code}"
