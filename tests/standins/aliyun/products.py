"""The products of Alibaba Cloud by their hosts, and the form in which each says no."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from tests.standins.aliyun.state import Refused, Reply, Request

# Product, and what its host looks like; `within` is a bucket or a log project.
_HOSTS = [
    ("fc", r"\d+\.[\w-]+\.fc\.aliyuncs\.com|fcv3\.[\w-]+\.aliyuncs\.com"),
    ("oss", r"(?:(?P<within>[a-z0-9-]+)\.)?oss-[\w-]+?\.aliyuncs\.com"),
    ("log", r"(?:(?P<within>[a-z0-9-]+)\.)?[\w-]+?\.log\.aliyuncs\.com"),
    ("cms", r"metrics\.(?:[\w-]+\.)?aliyuncs\.com"),
    ("location", r"location(?:-readonly)?\.aliyuncs\.com"),
    ("bss", r"business\.(?:[\w-]+\.)?aliyuncs\.com"),
    ("product", r"(?P<product>ram|sts|vpc|ecs|rds)(?:[.-][\w-]+)?\.aliyuncs\.com"),
]


def of_host(host: str) -> tuple[str, str]:
    """Return the product, and the bucket or log project that the host names; empty: not known, none."""
    for product, pattern in _HOSTS:
        if match := re.fullmatch(pattern, host):
            found = match.groupdict()
            return found.get("product") or product, found.get("within") or ""
    return "", ""


def refusal(request: Request, refused: Refused, id_: str) -> Reply:
    """Return the answer that says no, in the form of the request's product."""
    code, message = refused.code, refused.message
    if request.product == "oss":
        body = (
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{id_}</RequestId><HostId>{escape(request.host)}</HostId></Error>"
        )
        return Reply(_DECLARATION + body, refused.status, {"x-oss-request-id": id_, "x-oss-ec": "0000-00000000"})
    if request.product == "log":
        return Reply({"errorCode": code, "errorMessage": message}, refused.status, {"x-log-requestid": id_})
    return Reply({"Code": code, "Message": message, "RequestId": id_, "HostId": request.host}, refused.status)


_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def xml(body: str) -> Reply:
    """Return an answer of OSS."""
    return Reply(_DECLARATION + body)


def key_of(request: Request) -> str:
    """Return the id of the access key that signed a request, as far as it can be seen; empty: none."""
    authorization = request.headers.get("authorization", "")
    patterns = (r"Credential=([^/,\s]+)", r"^(?:acs|OSS|LOG|FC) ([^:\s]+):")
    for pattern in patterns:
        if match := re.search(pattern, authorization):
            return match[1]
    return request.parameters.get("AccessKeyId") or request.query.get("OSSAccessKeyId", "")
