"""What can go wrong with Render's API.

RenderError
├── NoAccess            no key, or an address that is none; no call was made
├── NoPlace             an id or a name that no path can hold; no call was made
└── CallFailed          a call: its method, path, status, request id, what Render said, what to do
    ├── NotAuthorized   401, 403
    ├── NotFound        404, 410
    ├── Conflict        409
    ├── Refused         every other 4xx, such as 400 and 422
    │   └── NotPaid     402
    ├── RateLimited     429, after waiting as long as the client may
    ├── Unavailable     no answer, or none that can be used
    │   ├── TimedOut
    │   └── BadAnswer   an answer that is no JSON, or cut off
    └── Uncertain       a change may or may not have been made, and looking did not tell
"""

from __future__ import annotations


class RenderError(Exception):
    """Base of all errors of the client."""


class NoAccess(RenderError):
    """The key or the address of the API is missing or wrong."""


class NoPlace(RenderError):
    """An id or a name that cannot be a part of a path."""


class CallFailed(RenderError):
    """A call that did not do what was asked.

    said: Render's own words, or what happened on the way; never holds the key or a value that was sent.
    remedy: what to do, for the reader of the message.
    """

    remedy = "see https://status.render.com, then run this again"

    def __init__(
        self,
        method: str,
        path: str,
        said: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.method, self.path, self.status, self.request_id = method, path, status, request_id
        self.said = " ".join(said.split())
        if remedy is not None:
            self.remedy = remedy
        answered = f"{status} " if status is not None else ""
        request = f" (request {request_id})" if request_id else ""
        super().__init__(f"{method} {path}: {answered}{self.said}{request}; {self.remedy}")


class NotAuthorized(CallFailed):
    """The key is wrong, or may not do this."""

    remedy = "check that the key (RENDER_API_KEY or renderApiKey) is valid and belongs to a member of the workspace"


class NotFound(CallFailed):
    """There is nothing of this id, or not for this key."""

    remedy = "check the id and the workspace; what was deleted by hand leaves the stack with `pulumi refresh`"


class Conflict(CallFailed):
    """The state of the resource, or another one of its name, is in the way."""

    remedy = "look at the resource in the dashboard, then change or remove what is in the way"


class Refused(CallFailed):
    """Render does not accept the request as it is."""

    remedy = "correct the values that the message names"


class NotPaid(Refused):
    """The workspace has no means of payment, or its plan does not include this."""

    remedy = "add a card or change the workspace's plan in the dashboard under Billing"


class RateLimited(CallFailed):
    """The limit of calls is used up for longer than the client may wait."""

    remedy = "run this again later"

    def __init__(self, method: str, path: str, said: str, *, wait_s: float, request_id: str | None = None) -> None:
        super().__init__(method, path, said, status=429, request_id=request_id, remedy=f"try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Unavailable(CallFailed):
    """No answer that can be used.

    sent: the request may have reached Render, so a change may have been made.
    retry_after_s: how long Render wants to be left alone, 0 if it did not say.
    """

    def __init__(
        self,
        method: str,
        path: str,
        said: str,
        *,
        sent: bool,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_s: float = 0,
    ) -> None:
        super().__init__(method, path, said, status=status, request_id=request_id)
        self.sent, self.retry_after_s = sent, retry_after_s


class TimedOut(Unavailable):
    """No answer in time."""


class BadAnswer(Unavailable):
    """An answer that is not what the API answers."""

    remedy = "check RENDER_API_URL and any proxy on the way; see https://status.render.com"


class Uncertain(CallFailed):
    """A change whose answer was lost, and the resource does not tell whether it was made."""

    remedy = "look in the dashboard whether it is there, then run this again"
