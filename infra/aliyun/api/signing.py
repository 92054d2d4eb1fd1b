"""Signs requests: ACS3-HMAC-SHA256 for Function Compute, version 1 (HMAC-SHA1) for Simple Log Service.

Sources: Alibaba Cloud's "V3 request body and signature mechanism" and "Simple Log Service: Request signatures", whose
worked examples the tests repeat.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from infra.aliyun.api.access import Keys

_ACS3 = "ACS3-HMAC-SHA256"
_UNESCAPED = "-_.~"


def query_text(query: Mapping[str, str]) -> str:
    """Return a query as it is signed and sent: sorted, each part escaped as RFC 3986 has it."""
    return "&".join(f"{quote(name, _UNESCAPED)}={quote(value, _UNESCAPED)}" for name, value in sorted(query.items()))


def acs3(keys: Keys, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the header Authorization of a request.

    headers: host and those that begin with x-acs-, their names in small letters; all are signed,
    x-acs-content-sha256 among them, which is the body's.
    """
    names = sorted(headers)
    signed = ";".join(names)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    path, content = quote(path, f"/{_UNESCAPED}"), headers["x-acs-content-sha256"]
    request = "\n".join((method, path, query_text(query), lines, signed, content))
    text = f"{_ACS3}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(keys.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{_ACS3} Credential={keys.id},SignedHeaders={signed},Signature={signature}"


def log_text(method: str, resource: str, query: Mapping[str, str], headers: Mapping[str, str], date: str) -> str:
    """Return what is signed of a request to Simple Log Service without a body. headers: x-log- and x-acs- ones."""
    lines = "\n".join(f"{name}:{headers[name].strip()}" for name in sorted(headers))
    asked = "&".join(f"{name}={value}" for name, value in sorted(query.items()))  # not escaped, unlike what is sent
    return f"{method}\n\n\n{date}\n{lines}\n{resource}{'?' if asked else ''}{asked}"


def log(keys: Keys, text: str) -> str:
    """Return the header Authorization of a request to Simple Log Service. text: see log_text."""
    # SHA-1 is what version 1 of the service's signature is made of.
    signature = hmac.new(keys.secret.encode(), text.encode(), hashlib.sha1).digest()
    return f"LOG {keys.id}:{base64.b64encode(signature).decode()}"
