"""Sign-in for remote MCP clients: OAuth 2.1 on the SDK's server side, when PUBLIC_URL is set.

| path | purpose |
|---|---|
| `/.well-known/oauth-protected-resource`, also followed by `/mcp` or `/sse` | names the issuer of tokens (RFC 9728) |
| `/.well-known/oauth-authorization-server`, also followed by those | lists the other endpoints (RFC 8414) |
| `/register`, `/register/ID` | dynamic client registration (RFC 7591) and its management (RFC 7592) |
| `/authorize` | the client sends the user here; after checks, redirects to the consent page |
| `/consent`, `/openid/callback` | the user proves who they are, then allows or denies |
| `/token`, `/revoke` | the client redeems its code, refreshes, revokes (RFC 7009) |

`routes` combines everything; `provider` serves the SDK's handlers; `consent` and `page` are the user's side; `openid`
calls an external provider; `clients` decides what a client may register and how it authenticates. This file imports
nothing: `app.serve.dispatch` needs the paths before anything else is loaded.
"""

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
AUTHORIZE, TOKEN, REVOKE, REGISTER = "/authorize", "/token", "/revoke", "/register"
CONSENT, OPENID_CALLBACK = "/consent", "/openid/callback"

PAGES = frozenset({CONSENT, OPENID_CALLBACK})


def is_open(path: str) -> bool:
    """Whether a request for a path needs neither a token nor an allowed origin."""
    return path == AUTHORIZE or is_for_clients(path)


def is_for_clients(path: str) -> bool:
    """Whether clients call a path: it depends on the request and on no cookie, so pages of any origin may call it.

    /authorize is not one of them: browsers are redirected there from anywhere, but no page needs to read the answer.
    """
    return path in (TOKEN, REVOKE, REGISTER) or path.startswith((f"{REGISTER}/", "/.well-known/"))
