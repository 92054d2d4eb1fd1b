"""Checks a server at a URL, by speaking MCP to it."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.clients.conversation import NoConversation, OverHttp, ToolRefused, converse
from app.endpoints import MCP, SSE
from app.logs import Redactor
from app.ops.checks import Check, State
from app.ops.doctor.answers import check_components, check_search
from app.ops.doctor.remedies import MEMU
from app.settings.fields import Settings
from app.settings.forms import is_loopback

_RUN_THERE = "run `claude-memory doctor` on the machine it runs on"
_OF_SERVER = f"see the server's log, or {_RUN_THERE}"
_BY_HTTP_STATUS = {
    None: "check the address, and that the server runs and can be reached from here",
    200: "check the address: what answers there speaks no MCP",
    401: "set MEMORY_TOKEN, or give --token-file, with a token of that server: claude-memory token create --user NAME",
    403: "the token lacks a scope (read is needed), or a proxy on the way asks for more",
    404: f"check the path: a server has {MCP} and {SSE}",
    405: f"check the path: a server has {MCP} and {SSE}",
    421: "add the host name of the URL to the server's ALLOWED_HOSTS",
    429: "wait a minute, or raise RATE_LIMIT_PER_MINUTE there",
}


async def examine_mcp(settings: Settings, url: str) -> list[Check]:
    """Speak MCP to a server at a URL, with MEMORY_TOKEN when it is set."""
    token = settings.memory_token
    http = OverHttp(url, token)
    checks = []
    if token is not None and url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
        checks.append(Check("token", State.WARNING, "it crosses the network in clear", "put TLS in front: https://"))
    try:
        answers = await converse(http.session(), lambda: http.status)
    except ToolRefused as error:
        return [
            *checks,
            Check.failed("MCP call", str(error), "check the address: another server answers there"),
        ]
    except NoConversation as error:
        remedy = _BY_HTTP_STATUS.get(error.http_status) or _OF_SERVER
        found = str(error) if error.http_status in (None, 200) else f"HTTP {error.http_status}: {error}"
        return [*checks, Check("MCP call", State.FAILED, Redactor.of(settings).clean(found), remedy)]
    found = f"{answers.server} brought initialize ({answers.protocol}), {answers.tools} tools and memory_health"
    checks.append(Check("MCP call", State.OK, found))
    checks += check_components(answers, {"memu": f"there, {MEMU}"}, _RUN_THERE)
    return [*checks, check_search(answers, _RUN_THERE)]
