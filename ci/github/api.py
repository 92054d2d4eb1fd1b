"""GitHub's REST API: as much of it as the workflows need, with limits on time, size and repetition."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from ci.errors import CiError

_TIMEOUT_S = 30
_TRIES = 3
_PAUSES_S = (1.0, 4.0)  # before the second and the third try
_LONGEST_PAUSE_S = 60.0
_MOST_PAGES = 50  # of 100 entries
_CHUNK_BYTES = 65_536
_HINTS = {
    401: "check that GITHUB_TOKEN is the job's own token",
    403: "check the job's `permissions:`, and that the repository lets workflows write",
    404: "check the number and that the job's `permissions:` allow reading it",
}


class GitHubError(CiError):
    """GitHub refused a request, or did not answer it. status: None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may work later."""
        return self.status is None or self.status == 429 or self.status >= 500


class Api:
    """Calls on one repository, `OWNER/NAME`.

    url: where the API is, without a slash at its end. sleep: takes seconds.
    """

    def __init__(
        self,
        repository: str,
        token: str,
        url: str = "https://api.github.com",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repository, self._url, self._sleep = repository, url, sleep
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )

    def get(self, path: str, **query: str | int) -> Any:
        """Return what is at a path below the repository. Raises GitHubError."""
        return self._read(self._below(path), query).json()

    def pages(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """Yield all entries of a list. Raises GitHubError."""
        address: str | None = self._below(path)
        parameters: Mapping[str, str | int] = {"per_page": 100, **query}
        for _ in range(_MOST_PAGES):
            if address is None:
                return
            answer = self._read(address, parameters)
            body = answer.json()
            yield from body if isinstance(body, list) else next(one for one in body.values() if isinstance(one, list))
            address, parameters = answer.links.get("next", {}).get("url"), {}
        raise GitHubError(f"{path} of {self.repository} has more than {_MOST_PAGES} pages; this reads no more")

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Create or change something, in one try: a second could do it twice. Raises GitHubError."""
        return self._once(method, self._below(path), {}, body).json()

    def download(self, path: str, most_bytes: int) -> bytes:
        """Return a file's content. Raises GitHubError, also when it has more bytes."""
        answer = self._read(self._below(path), {}, stream=True)
        content = bytearray()
        with answer:
            for chunk in answer.iter_content(_CHUNK_BYTES):
                content += chunk
                if len(content) > most_bytes:
                    raise GitHubError(f"{path} has more than {most_bytes} bytes; it was not read", 413)
        return bytes(content)

    def repeated(self, work: Callable[[], str]) -> str:
        """Do something that may be done again from its start, until no passing error stops it. Raises GitHubError."""
        for pause in _PAUSES_S:
            try:
                return work()
            except GitHubError as error:
                if not error.passing:
                    raise
            self._sleep(pause)
        return work()

    def _below(self, path: str) -> str:
        return f"{self._url}/repos/{self.repository}/{path}"

    def _read(self, address: str, query: Mapping[str, str | int], *, stream: bool = False) -> requests.Response:
        """Return an answer; ask again after a passing error."""
        for tried in range(_TRIES):
            try:
                return self._once("GET", address, query, None, stream=stream)
            except _LaterError as error:
                if tried == _TRIES - 1:
                    raise
                self._sleep(min(error.pause_s or _PAUSES_S[tried], _LONGEST_PAUSE_S))
        raise AssertionError("the last try returns or raises")

    def _once(
        self,
        method: str,
        address: str,
        query: Mapping[str, str | int],
        body: Mapping[str, Any] | None,
        *,
        stream: bool = False,
    ) -> requests.Response:
        what = f"{method} {address.removeprefix(self._url)}"
        try:
            answer = self._session.request(method, address, params=query, json=body, timeout=_TIMEOUT_S, stream=stream)
        except requests.RequestException as error:
            raise _LaterError(f"{what} got no answer ({type(error).__name__}); run the job again") from None
        if answer.ok:
            return answer
        with answer:
            reason = f"{what} was answered {answer.status_code} ({_message(answer)})"
            if answer.status_code in _HINTS:
                raise GitHubError(f"{reason}; {_HINTS[answer.status_code]}", answer.status_code)
            if answer.status_code == 429 or answer.status_code >= 500:
                wait = answer.headers.get("Retry-After", "")
                raise _LaterError(
                    f"{reason}; run the job again", answer.status_code, float(wait) if wait.isdigit() else None
                )
            raise GitHubError(reason, answer.status_code)


class _LaterError(GitHubError):
    """A passing error. pause_s: how long GitHub asks to wait."""

    def __init__(self, message: str, status: int | None = None, pause_s: float | None = None) -> None:
        super().__init__(message, status)
        self.pause_s = pause_s


def _message(answer: requests.Response) -> str:
    """Return what GitHub says of an error, or the status in words."""
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        body = None
    return str(body.get("message", answer.reason)) if isinstance(body, dict) else str(answer.reason)


def from_environment(environment: Mapping[str, str] = os.environ) -> Api:
    """Return the API of the repository that a job runs for. Raises CiError outside of a job."""
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not environment.get(name)]
    if missing:
        raise CiError(f"{' and '.join(missing)} not set; a job sets GITHUB_TOKEN in the step's `env:`")
    return Api(
        environment["GITHUB_REPOSITORY"],
        environment["GITHUB_TOKEN"],
        environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
    )
