"""Sign-in for remote MCP clients: OAuth 2.1 on the SDK's server side, when PUBLIC_URL is set.

| path | what is there |
|---|---|
| `/.well-known/oauth-protected-resource`, and with `/mcp`, `/sse` behind it | who gives out tokens (RFC 9728) |
| `/.well-known/oauth-authorization-server`, and the same | where everything else is (RFC 8414) |
| `/register`, `/register/ID` | dynamic client registration (RFC 7591) and its management (RFC 7592) |
| `/authorize` | the client sends the user here; checked, then on to the consent page |
| `/consent`, `/openid/callback` | the user proves who they are, and allows or denies |
| `/token`, `/revoke` | the client redeems its code, refreshes, revokes (RFC 7009) |

`routes` puts it together; `provider` is what the SDK's handlers ask; `consent` and `page` are the user's side;
`openid` talks to an outside provider; `clients` says what a client may register and how it authenticates. This file
imports nothing: `app.serve.dispatch` needs the paths before anything else is loaded.
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
    """Whether clients call a path: they trust what the request holds and no cookie, so a page of any origin may.

    /authorize is not one of them. Browsers are sent there from everywhere, but no page has anything to read there.
    """
    return path in (TOKEN, REVOKE, REGISTER) or path.startswith((f"{REGISTER}/", "/.well-known/"))
