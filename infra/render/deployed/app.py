"""The deployed app over HTTP: its health, its report, real round trips to what it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from infra.command_errors import CannotDo
from infra.reaching import Bearer, checked_address
from infra.render.api.client import RenderApi
from infra.render.api.clock import Clock
from infra.render.deployed.choosing import Json, Service

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10.0, 30.0
# A free service that sleeps takes up to a minute to wake.
_WAKING_TIMEOUT_S = 75.0
_POLL_S = 2.0


class AppFailed(CannotDo):
    """The app does not answer, or not as it should. status: of its answer, None if there was none."""

    def __init__(self, said: str, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class RoundTrip:
    """How a real call of the app to something it uses went."""

    ok: bool
    detail: str


@dataclass(frozen=True)
class DeployedApp:
    """The app at an address, with a token for what not everybody may ask."""

    url: str
    token: str | None = field(default=None, repr=False)

    def health(self) -> Json:
        """Return its state: status, version, uptime_seconds, components. Raises AppFailed."""
        return self._json(self._call("GET", "/health", timeout_s=_WAKING_TIMEOUT_S), "/health")

    def is_ready(self) -> bool:
        """Whether it answers calls now. Raises AppFailed."""
        return self._call("GET", "/ready", accepted=(200, 503)).status_code == 200

    def knows_token(self) -> bool:
        """Whether the token opens what asks for one. Raises AppFailed."""
        return self._call("GET", "/info", accepted=(200, 401, 403)).status_code == 200

    def report(self) -> Json:
        """Return versions, settings and schema. Raises AppFailed."""
        return self._json(self._call("GET", "/report"), "/report")

    def round_trips(self, names: Sequence[str]) -> dict[str, RoundTrip]:
        """Have it call what it uses for real: test_postgres, test_index, test_embeddings. Raises AppFailed."""
        answer = self._json(self._call("POST", "/test", body=dict.fromkeys(names, True)), "/test")
        return {name: RoundTrip(bool(one["ok"]), str(one["detail"])) for name, one in answer["results"].items()}

    def wait_for_process_since(self, since_s: float, clock: Clock, limit_s: float) -> Json:
        """Wait until a process answers that began after a moment; return its health. Raises AppFailed.

        Right after a deploy is live the one before it may still answer.
        """
        until_s = clock.now() + limit_s
        said = "the process from before the deploy still answers"
        while True:
            try:
                health = self.health()
                if float(health["uptime_seconds"]) <= clock.now() - since_s:
                    return health
            except AppFailed as error:
                said = str(error)
            if clock.now() >= until_s:
                raise AppFailed(f"{said}, {limit_s:.0f} s after the deploy was live")
            clock.sleep(_POLL_S)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        accepted: Sequence[int] = (200,),
        timeout_s: float = _READ_TIMEOUT_S,
    ) -> requests.Response:
        try:
            response = requests.request(
                method,
                self.url + path,
                json=body,
                auth=Bearer(self.token) if self.token else None,
                timeout=(_CONNECT_TIMEOUT_S, timeout_s),
                allow_redirects=False,  # it would carry the token elsewhere
            )
        except requests.RequestException as error:
            raise AppFailed(f"{self.url} does not answer ({type(error).__name__})") from None
        if response.status_code not in accepted:
            raise AppFailed(
                f"{self.url}{path} answered {response.status_code}{_reason(response)}", response.status_code
            )
        return response

    def _json(self, response: requests.Response, path: str) -> Json:
        if not response.content:
            raise AppFailed(f"{self.url}{path} answered {response.status_code} with nothing (zero length)", 200)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AppFailed(f"{self.url}{path} answered something that is no JSON object; is it a claude-memory?", 200)
        return answer


def address_of(api: RenderApi, service: Service) -> str:
    """Return the address of a web service: Render's own, or the first domain where that is switched off."""
    if service.details.get("renderSubdomainPolicy") == "disabled":
        verified = [one for one in api.domains.all(service.id) if one.get("verificationStatus") == "verified"]
        if not verified:
            raise CannotDo(f"{service.name} has no address: its onrender.com one is off, and no domain is verified")
        return f"https://{verified[-1]['name']}"
    return checked_address(str(service.details.get("url") or ""), service.name)


def _reason(response: requests.Response) -> str:
    if not response.content:
        return " with nothing (zero length)"
    try:
        said = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {said}"
