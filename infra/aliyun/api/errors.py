"""What can go wrong with a call of Alibaba Cloud's APIs.

ApiError
├── NoConnection   no answer, or none that can be used
├── Unfinished     a query of the logs that the service does not finish, after several tries
└── CallFailed     an answer that is an error: its status, code, request id, what to do
    ├── NotAllowed 401, 403
    ├── NotFound   404
    └── Throttled  429, after several tries
"""

from __future__ import annotations

from infra.errors import InfraError


class ApiError(InfraError):
    """Base of all of them."""


class NoConnection(ApiError):
    """A host does not answer, or not as the API does."""

    def __init__(self, host: str, said: str) -> None:
        super().__init__(
            f"{host} {said}; check the network, HTTPS_PROXY, and the stack's region and account, then run this again"
        )


class Unfinished(ApiError):
    """A query of the logs that the service does not finish: what it answers with is not all there is."""

    def __init__(self, project: str, tries: int) -> None:
        super().__init__(
            f"GetLogs of {project}: the service did not finish the query in {tries} tries; ask for less (--since,"
            " --query), or run this again later"
        )


class CallFailed(ApiError):
    """A call that was answered with an error. code: Alibaba Cloud's word for it."""

    remedy = "see the code in Alibaba Cloud's documentation, then run this again"

    def __init__(self, what: str, status: int, code: str, said: str, request_id: str) -> None:
        self.status, self.code, self.request_id = status, code, request_id
        request = f" (request {request_id})" if request_id else ""
        super().__init__(f"{what}: {status} {code}: {' '.join(said.split())}{request}; {self.remedy}")


class NotAllowed(CallFailed):
    """The keys are wrong, or may not do this."""

    remedy = "check the access key, this machine's clock, and the RAM user's rights (docs/aliyun.md, Keys)"


class NotFound(CallFailed):
    """There is nothing of this name."""

    remedy = "check the stack's region and account; `pulumi up` makes again what was deleted by hand"


class Throttled(CallFailed):
    """Too many calls, for longer than this waits."""

    remedy = "run this again in some minutes"


def failed(what: str, status: int, code: str, said: str, request_id: str) -> CallFailed:
    """Return the error for a status."""
    kinds = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 429: Throttled}
    return kinds.get(status, CallFailed)(what, status, code, said, request_id)
