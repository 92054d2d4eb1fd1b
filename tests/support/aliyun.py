"""A client of the stand-in of Alibaba Cloud's APIs, which comes to it as the provider does: through it as a proxy."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from tests.standins.aliyun.server import Server

_REGION = "cn-hangzhou"
# What makes an instance of PostgreSQL.
INSTANCE = {
    "Engine": "PostgreSQL",
    "EngineVersion": "17.0",
    "DBInstanceClass": "pg.n2.2c.1m",
    "DBInstanceStorage": "20",
    "SecurityIPList": "10.20.0.0/24",
    "DBInstanceDescription": "memory",
}


@dataclass(frozen=True)
class Answer:
    """What came back. body: JSON, or text that is none."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case

    @property
    def code(self) -> str:
        """Why it was refused."""
        return str(self.body.get("Code") or self.body.get("errorCode"))


class Caller:
    """Calls the stand-in. key: the id of the access key it signs with; signatures are not checked."""

    def __init__(self, server: Server, key: str | None = None) -> None:
        self._server, self._key = server, key or server.key

    def send(
        self, method: str, host: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request through a tunnel of its own."""
        trusted = ssl.create_default_context(cafile=self._server.authority.trusted)
        connection = http.client.HTTPSConnection("127.0.0.1", self._server.server_port, timeout=10, context=trusted)
        connection.set_tunnel(host, 443)
        signed = {"Authorization": f"acs {self._key}:made-up"}
        connection.request(method, path, content, signed | (headers or {}))
        try:
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, _parsed(text), told)

    def fc(self, method: str, path: str, body: Any = None) -> Answer:
        """Call Function Compute."""
        content = json.dumps(body).encode() if body is not None else b""
        host = f"{self._server.state.account}.{_REGION}.fc.aliyuncs.com"
        return self.send(method, host, f"/2023-03-30{path}", content, {"Content-Type": "application/json"})

    def rpc(self, product: str, action: str, **parameters: str) -> Answer:
        """Call an action, its parameters in the query."""
        hosts = {"ram": "ram.aliyuncs.com", "cms": f"metrics.{_REGION}.aliyuncs.com", "rds": "rds.aliyuncs.com"}
        host = hosts.get(product, f"{product}.{_REGION}.aliyuncs.com")
        # Dots cannot be in the name of an argument: Tag_1_Key is Tag.1.Key.
        given = {name.replace("_", "."): value for name, value in parameters.items()}
        return self.send("POST", host, f"/?{urlencode({'Action': action, **given})}")

    def log(self, method: str, path: str, body: Any = None, project: str = "logs") -> Answer:
        """Call the Log Service about a project."""
        content = json.dumps(body).encode() if body is not None else b""
        return self.send(method, f"{project}.{_REGION}.log.aliyuncs.com", path, content)

    def oss(self, method: str, path: str = "/", content: bytes = b"", bucket: str = "code", **headers: str) -> Answer:
        """Call the object store about a bucket."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(method, f"{bucket}.oss-{_REGION}.aliyuncs.com", quote(path, safe="/?=&"), content, told)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode()


def function(**more: Any) -> dict[str, Any]:
    """Return the body that creates a function, as the provider sends it; the bucket holds its code."""
    body: dict[str, Any] = {
        "functionName": "memory",
        "runtime": "custom.debian12",
        "handler": "index.handler",
        "cpu": 1,
        "memorySize": 2048,
        "diskSize": 512,
        "timeout": 600,
        "instanceConcurrency": 200,
        "layers": [
            "acs:fc:cn-hangzhou:1730431480417716:layers/MCP-Runtime-V2/versions/1",
            "acs:fc:cn-hangzhou:official:layers/Python312/versions/1",
        ],
        "environmentVariables": {"LOG_LEVEL": "INFO"},
        "sessionAffinity": "MCP_SSE",
        "sessionAffinityConfig": '{"sseEndpointPath":"/sse","sessionConcurrencyPerInstance":20}',
        "customRuntimeConfig": {"command": ["python", "mcp_server.py"], "args": [], "port": 8000},
        "code": {"ossBucketName": "code", "ossObjectName": "code.zip"},
    }
    return body | more
