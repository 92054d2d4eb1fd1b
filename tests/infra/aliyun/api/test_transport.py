"""Requests to the APIs: retried when throttled, typed when they fail, and without the keys in what is said."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import ApiError, CallFailed, NoConnection, NotFound, Throttled
from infra.aliyun.api.functions import Functions
from infra.aliyun.api.transport import Transport
from tests.standins.aliyun.server import Server, serving
from tests.support.aliyun_cloud import ACCOUNT, FUNCTION, KEYS, REGION, Cloud


def functions(transport: Transport) -> Functions:
    return Functions(keys=KEYS, region=REGION, account_id=ACCOUNT, transport=transport)


def test_throttling_and_failures_of_the_service_are_retried(
    cloud: Cloud, transport: Transport, waits: list[float]
) -> None:
    cloud.faults = [(429, {"Code": "Throttling"}), (503, b"nothing"), (500, {})]

    assert functions(transport).get(FUNCTION, "live")["functionName"] == FUNCTION
    assert len(waits) == 3
    assert waits == sorted(waits)


def test_throttling_that_goes_on_is_an_error(cloud: Cloud, transport: Transport) -> None:
    cloud.faults = [(429, {"Code": "ResourceThrottled", "Message": "too many"})] * 9

    with pytest.raises(Throttled, match=r"429 ResourceThrottled: too many \(request 1-made-up-request\)"):
        functions(transport).get(FUNCTION, "live")


@pytest.mark.parametrize("body", [b"", b"<html>", {"Code": "Strange"}, ["a list"]])
def test_a_refusal_of_any_form_is_one_line(body: object, cloud: Cloud, transport: Transport) -> None:
    cloud.faults = [(400, body)]

    with pytest.raises(CallFailed) as refused:
        functions(transport).get(FUNCTION, "live")
    assert "\n" not in str(refused.value)


def test_an_answer_that_is_no_json_is_an_error(cloud: Cloud, transport: Transport) -> None:
    cloud.faults = [(200, b"<html>")]

    with pytest.raises(NoConnection, match="no JSON"):
        functions(transport).get(FUNCTION, "live")


def test_a_host_that_does_not_answer_is_an_error_without_the_keys(
    cloud: Cloud, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(ApiError) as refused:
            functions(transport).get(FUNCTION, "live")

    assert KEYS.secret not in f"{refused.value!r} {refused.value.__cause__!r} {functions(transport)!r}"
    assert refused.value.__cause__ is None


def test_a_netrc_does_not_replace_the_signature(
    cloud: Cloud, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine {ACCOUNT}.{REGION}.fc.aliyuncs.com login me password else\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert functions(transport).get(FUNCTION, "live")["runtime"] == "custom.debian12"


def test_a_proxy_with_a_ca_of_its_own_is_reached_and_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/another/ca.pem")
    with serving(Server()) as standin:
        for name, value in standin.variables.items():
            monkeypatch.setenv(name, value)
        keys = Keys(id=standin.key, secret="any")
        asked = Functions(
            keys=keys, region=standin.state.region, account_id=standin.state.account, transport=Transport()
        )

        with pytest.raises(NotFound, match="GetFunction of none: 404 FunctionNotFound"):
            asked.get("none", "live")


def test_a_ca_that_is_not_trusted_is_told(monkeypatch: pytest.MonkeyPatch, transport: Transport) -> None:
    with serving(Server()) as standin:
        for name, value in standin.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)

        with pytest.raises(NoConnection, match=r"certificate that is not trusted \(SSL_CERT_FILE\)"):
            functions(Transport()).get(FUNCTION, "live")
