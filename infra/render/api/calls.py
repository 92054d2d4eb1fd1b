"""get, post, put, patch and delete, each done once: limits kept, safe calls repeated, lost changes looked for.

There is no idempotency key. A POST whose answer was lost is looked for by what it would have made, and never sent
again unless Render itself refuses a second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from infra.render.api import errors
from infra.render.api.clock import Clock
from infra.render.api.errors import BadAnswer, CallFailed, RateLimited, RenderError, Unavailable, Uncertain
from infra.render.api.limits import Limits, OnWait, limit_of, retry_after_s
from infra.render.api.recovery import Recovery, made_s
from infra.render.api.transport import NO_BODY, Answer, Call, Transport

Json = dict[str, Any]

PAGE = 100  # the most that Render puts on a page
# Before each further try of a call that is safe to repeat.
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
# Between the looks for what a lost POST made: Render may still be at work on it.
LOOKS_S = (1.0, 3.0, 6.0, 10.0)
# How long a call may wait for its turn: an hourly limit, and a little more.
PATIENCE_S = 3_700.0
# Without a Date in the answers, Render's clock is taken to be at most this far from ours.
CLOCKS_APART_S = 60.0

_BY_STATUS: dict[int, type[CallFailed]] = {
    401: errors.NotAuthorized,
    402: errors.NotPaid,
    403: errors.NotAuthorized,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
}


def at(*parts: str) -> str:
    """Return a path of these parts, each quoted. Raises NoPlace.

    `at("secret-files", "a/b")` is `/secret-files/a%2Fb`. Dots alone would name what is above, even quoted.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise errors.NoPlace(f"{part!r} is no id and no name of anything on Render")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class Calls:
    """The API without knowledge of what its resources are."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock | None = None,
        on_wait: OnWait | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.clock = clock or Clock()
        self._transport, self._patience_s = transport, patience_s
        self._limits, self._on_wait = Limits(self.clock, on_wait), on_wait
        self._ahead_s: float | None = None

    def get(self, path: str, /, **params: Any) -> Any:
        """Return what is there. Lists of values are joined with commas; None leaves a parameter out."""
        return self._repeated(Call("GET", path, _params(params))).body

    def get_repeated(self, path: str, /, **params: Any) -> Any:
        """The same where Render wants a list as one parameter for each value, as for logs and metrics."""
        lists = {name: value for name, value in params.items() if isinstance(value, list | tuple)}
        plain = {name: value for name, value in params.items() if name not in lists}
        sent = _params(plain) | {name: [_text(one) for one in value] for name, value in lists.items()}
        return self._repeated(Call("GET", path, sent)).body

    def put(self, path: str, body: Any = NO_BODY) -> Any:
        """Replace what is there."""
        return self._repeated(Call("PUT", path, body=body)).body

    def patch(self, path: str, body: Json) -> Any:
        """Change fields. Repeated if need be: fields are set to values, so a second time changes nothing more."""
        return self._repeated(Call("PATCH", path, body=body)).body

    def delete(self, path: str, /, **params: Any) -> None:
        """Delete. Raises NotFound if it was gone before."""
        self._repeated(Call("DELETE", path, _params(params)))

    def post_again(self, path: str, body: Any = NO_BODY) -> Any:
        """POST what may be done twice with the effect of once, such as suspending or linking."""
        return self._repeated(Call("POST", path, body=body)).body

    def post(self, path: str, body: Any = NO_BODY, *, recovery: Recovery | None = None) -> Any:
        """POST what must be done once. Raises Uncertain if the answer is lost and `recovery` does not find it."""
        return self.post_answer(path, body, recovery=recovery).body

    def post_answer(self, path: str, body: Any = NO_BODY, *, recovery: Recovery | None = None) -> Answer:
        """The same, with the status: 202 says that the answer holds nothing yet."""
        call, started_s = Call("POST", path, body=body), self.clock.now()
        lost: Unavailable | None = None
        for pause_s in (*PAUSES_S, None):
            try:
                answer = self._in_turn(call)
                if answer.body is None and recovery and not recovery.may_be_empty:
                    raise BadAnswer("POST", path, "the answer is empty", sent=True, status=answer.status)
                return answer
            except Unavailable as failure:
                lost = failure if failure.sent else lost
                last = failure
            except (errors.Conflict, errors.Refused):
                # The first try did it after all, too late to be seen: the name is taken, by us.
                found = lost and recovery and self._look(call, recovery, started_s, lost, (0.0,))
                if found:
                    return found
                raise
            if lost:
                found = self._look(call, recovery, started_s, lost)
                if found:
                    return found
            if pause_s is None:
                break
            self._pause(pause_s, last)
        raise last

    def items(self, path: str, key: str, /, **params: Any) -> Iterator[Json]:
        """Yield everything of a list, newest first, without the wrapping {cursor, KEY}.

        Environment groups and registry credentials come without cursors: there, the next page is what was created
        before the last of this one.
        """
        seen: set[str] = set()
        turned: Json = {}
        while True:
            page = self.get(path, limit=PAGE, **(params | turned)) or []
            for one in page:
                item = one[key] if key in one and "cursor" in one else one
                if item.get("id") not in seen:
                    yield item
                seen |= {item["id"]} if "id" in item else set()
            before, turned = turned, _after(page)
            if len(page) < PAGE or turned in ({}, before):
                return

    def renders_time(self, ours_s: float) -> float:
        """Return a moment of our clock on Render's, never later than it was there."""
        return ours_s - CLOCKS_APART_S if self._ahead_s is None else ours_s + self._ahead_s

    # How a call is made ------------------------------------------------------------------------

    def _repeated(self, call: Call) -> Answer:
        """Make a call that may be made twice. Raises the last failure when nothing helps."""
        sent = False
        for pause_s in (*PAUSES_S, None):
            try:
                return self._in_turn(call)
            except errors.NotFound:
                if call.method == "DELETE" and sent:
                    return Answer(204, {}, None)  # an earlier try deleted it
                raise
            except Unavailable as failure:
                sent = sent or failure.sent
                if pause_s is None:
                    raise
                self._pause(pause_s, failure)
        raise AssertionError("the last try returns or raises")

    def _pause(self, pause_s: float, failure: Unavailable) -> None:
        """Wait before a further try, and tell why. Raises the failure if Render wants to be left alone for too long."""
        asked_s = failure.retry_after_s
        if asked_s > self._patience_s:
            raise failure
        status = f"{failure.status} " if failure.status is not None else ""
        said = f"{status}{failure.said}"
        if asked_s > pause_s:
            self._wait(asked_s, f"Render asks for it ({said})")
        else:
            self._wait(pause_s, f"{failure.method} {failure.path} failed ({said}) and is tried again")

    def _wait(self, wait_s: float, why: str) -> None:
        """Wait after a call that failed. Even a short wait is told: it may be the first of many."""
        if self._on_wait:
            self._on_wait(wait_s, why)
        self.clock.sleep(wait_s)

    def _in_turn(self, call: Call) -> Answer:
        """Make a call when the limits allow it; a 429 did nothing, so it is made again."""
        limit, waited_s, headers = limit_of(call.method, call.path), 0.0, None
        while True:
            wait_s = self._limits.take(limit)
            if wait_s <= 0:
                answer = self._transport.send(call)
                self._learn_time(answer)
                if answer.status != 429:
                    self._limits.learn(limit, answer.headers)
                    return self._checked(call, answer)
                wait_s, headers = max(self._limits.used_up(limit, answer.headers), 1.0), answer
            waited_s += wait_s
            if waited_s > self._patience_s:
                said = f"{limit.name}: {limit.calls} calls in {limit.period_s:.0f} s are used up"
                id_ = headers.request_id if headers else None
                raise RateLimited(call.method, call.path, said, wait_s=wait_s, request_id=id_)
            self._limits.wait(wait_s, f"Render takes {limit.calls} {limit.name} in {limit.period_s:.0f} s")

    def _learn_time(self, answer: Answer) -> None:
        if answer.sent_at_s is not None:
            # The Date is cut off to the second and is older by the way back: the difference is never too large.
            self._ahead_s = answer.sent_at_s - self.clock.now()

    def _checked(self, call: Call, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        body = answer.body if isinstance(answer.body, dict) else {}
        said = self._transport.hide(str(body.get("message") or body.get("error") or "no message"), call)
        if 300 <= answer.status < 400:
            said, remedy = "the answer points elsewhere, which the API never does", BadAnswer.remedy
            raise errors.Refused(call.method, call.path, said, status=answer.status, remedy=remedy)
        if answer.status >= 500:
            raise Unavailable(
                call.method,
                call.path,
                said,
                sent=True,
                status=answer.status,
                request_id=answer.request_id,
                retry_after_s=retry_after_s(answer.headers, self.clock.now()) or 0,
            )
        kind = _BY_STATUS.get(answer.status, errors.Refused)
        raise kind(call.method, call.path, said, status=answer.status, request_id=answer.request_id)

    def _look(
        self,
        call: Call,
        recovery: Recovery | None,
        started_s: float,
        lost: Unavailable,
        pauses_s: tuple[float, ...] = LOOKS_S,
    ) -> Answer | None:
        """Look for what a lost POST made; None: it made nothing, and may be sent again. Raises Uncertain."""

        def uncertain(why: str) -> Uncertain:
            return Uncertain(call.method, call.path, f"the answer was lost ({lost.said}){why}")

        if recovery is None:
            raise uncertain("")
        for pause_s in pauses_s:
            if pause_s:
                what = f"{call.method} {call.path}"
                self._wait(pause_s, f"the answer to {what} was lost ({lost.said}); looks for what it made")
            try:
                candidates = list(recovery.candidates())
                since_s = self.renders_time(started_s)
                times = [made_s(one) for one in candidates]
                made = [one for one, time_s in zip(candidates, times, strict=True) if time_s and time_s >= since_s]
                if len(made) == 1 and None not in times:
                    return Answer(201, {}, recovery.answer(made[0]))
            except RenderError as failure:
                raise uncertain(f", and looking for what it made failed: {failure}") from None
            if made or None in times:
                raise uncertain(f", and it is not clear which of {len(candidates)} of this name it made")
            if candidates and recovery.unique:
                return None  # an older one holds the name: Render will say so
        if recovery.unique:
            return None
        raise uncertain(f", and nothing it made was found in {sum(pauses_s):.0f} s")


def _after(page: list[Json]) -> Json:
    """Return the parameters that turn to the page after this one; none if there are no such."""
    last = page[-1] if page else {}
    if "cursor" in last:
        return {"cursor": last["cursor"]}
    return {"createdBefore": last["createdAt"]} if "createdAt" in last else {}


def _params(params: Json) -> dict[str, str | list[str]]:
    return {
        name: ",".join(map(_text, value)) if isinstance(value, list | tuple) else _text(value)
        for name, value in params.items()
        if value is not None
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
