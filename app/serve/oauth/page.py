"""Writes the pages a user sees: plain HTML without JavaScript and without external resources.

All text from outside goes through `_text`. Clients choose their own names, so a page always shows the redirect address
too, which distinguishes clients.
"""

from __future__ import annotations

import base64
import hashlib
import html
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from app.serve.oauth import CONSENT

SCOPE_MEANINGS = {
    "read": "search and read the memories",
    "write": "store, change and delete memories",
    "admin": "read the server's numbers, which cover all users",
}

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that show nothing
_MARKS_LIMIT = 4  # on one letter; more cover the lines above and below

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #ffffff; --line: #6e6e73; --accent: #0b57d0; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f2f2f2; --paper: #1d1d1f; --line: #a0a0a5; --accent: #a8c7fa; --bad: #f2b8b5 }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif }
main { max-width: 32rem; margin: 0 auto; padding: 2rem 1.25rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
dt { font-weight: 600 }
dd { margin: 0 0 .75rem; overflow-wrap: anywhere }
label { display: block; font-weight: 600; margin-top: 1.5rem }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .6rem; margin: .25rem 0 }
input, button { border: 1px solid var(--line); border-radius: .4rem; background: var(--paper); color: var(--ink) }
button { font: inherit; padding: .6rem 1.25rem; margin: .5rem .5rem 0 0; min-height: 2.75rem; cursor: pointer }
button.main { background: var(--accent); border-color: var(--accent); color: var(--paper) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.problem { border-left: .3rem solid var(--bad); padding-left: .75rem; color: var(--bad); font-weight: 600 }
.hint { color: var(--line); font-size: .9375rem }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRequest:
    """The content of a page: who asks for what, and what its form sends back."""

    client: str
    redirect_uri: str
    scopes: tuple[str, ...]
    server: str
    handle: str
    form_token: str


def proof_page(request: ConsentRequest, openid: str | None, problem: str | None = None, status: int = 200) -> Response:
    """Ask who the user is. openid: the provider's name, if there is one."""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    by_openid = (
        f'<form method="post" action="{CONSENT}">{_fields(request)}'
        f'<button class="main" name="action" value="openid">Sign in with {_text(openid)}</button></form>'
        if openid
        else ""
    )
    body = f"""<h1>{_text(request.client)} asks for access to a memory</h1>
{_problem(problem)}{_facts(request)}
{by_openid}
<form method="post" action="{CONSENT}">{_fields(request)}
<label for="token">Your access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false"
 autocapitalize="none" required{described}{"" if openid else " autofocus"}>
<p class="hint">It begins with cm_ and proves who you are. The application does not see it.</p>
<button class="main" name="action" value="token">Continue</button>
<button name="action" value="deny" formnovalidate>Cancel</button>
</form>"""
    return _page("Who are you?", body, request.redirect_uri, status)


def consent_page(request: ConsentRequest, user: str) -> Response:
    """Ask the identified user whether the client may use the memory."""
    body = f"""<h1>May {_text(request.client)} use the memory of {_text(user)}?</h1>
{_facts(request)}
<form method="post" action="{CONSENT}">{_fields(request)}
<button class="main" name="action" value="allow">Allow</button>
<button name="action" value="deny">Deny</button>
</form>
<p class="hint">Allow it only if you have just asked this application to connect, and know the address it sends you back
to. The operator of this server can end it later.</p>"""
    return _page("Allow access?", body, request.redirect_uri)


def problem_page(problem: str, status: int) -> Response:
    """Say in one line why a sign-in cannot continue, without a redirect."""
    body = f"<h1>This sign-in cannot continue</h1>\n{_problem(problem)}"
    return _page("Sign-in", body + "<p>Go back to the application and connect again.</p>", None, status)


def _page(title: str, body: str, redirect_uri: str | None, status: int = 200) -> Response:
    # Chromium applies form-action to every redirect after a form, even those of the client's page after ours, so we
    # allow the scheme, not one address.
    forms = "'self'" if redirect_uri is None else f"'self' {urlsplit(redirect_uri).scheme}:"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {forms}; frame-ancestors 'none';"
        " base-uri 'none'"
    )
    text = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title} – Claude Memory</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    headers = {
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",  # with no-referrer, the form's Origin would be null
        "cache-control": "no-store",
    }
    return HTMLResponse(text, status, headers)


def _facts(request: ConsentRequest) -> str:
    scopes = "".join(f"<li>{_text(SCOPE_MEANINGS[scope])}</li>" for scope in request.scopes)
    return (
        f"<dl><dt>The application calls itself</dt><dd>{_text(request.client)}</dd>"
        f'<dt>Afterwards you are sent to</dt><dd id="redirect">{_text(urlsplit(request.redirect_uri).netloc)}</dd>'
        f"<dt>The memory is at</dt><dd>{_text(request.server)}</dd>"
        f"<dt>It would be able to</dt><dd><ul>{scopes}</ul></dd></dl>"
    )


def _fields(request: ConsentRequest) -> str:
    return (
        f'<input type="hidden" name="request" value="{html.escape(request.handle)}">'
        f'<input type="hidden" name="form_token" value="{html.escape(request.form_token)}">'
    )


def _problem(problem: str | None) -> str:
    return "" if problem is None else f'<p class="problem" id="problem" role="alert">{_text(problem)}</p>\n'


def visible(value: str) -> str:
    """Return text without invisible characters, such as those that turn its direction, and without towers of marks."""
    kept, marks = [], 0
    for character in value:
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0
        if category not in _INVISIBLE and character not in _BLANK and marks <= _MARKS_LIMIT:
            kept.append(character)
    return "".join(kept).strip()


def _text(value: str) -> str:
    """Return text without markup and without invisible characters."""
    return f"<bdi>{html.escape(visible(value))}</bdi>"
