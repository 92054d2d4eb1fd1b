"""The stand-in as a proxy: certificates, hosts, keys, what it keeps of requests."""

from __future__ import annotations

import http.client
import io
import ssl
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.standins.aliyun import server as module
from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller, function


def test_a_client_that_trusts_the_ca_reaches_each_host(caller: Caller) -> None:
    assert caller.rpc("sts", "GetCallerIdentity").body["AccountId"] == "1234567890123456"
    assert caller.fc("GET", "/functions/none").code == "FunctionNotFound"


def test_a_client_that_does_not_trust_the_ca_refuses_the_certificate(aliyun: Server) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", aliyun.server_port, timeout=10)
    connection.set_tunnel("ram.aliyuncs.com", 443)

    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")
    connection.close()


def test_requests_without_tls_are_answered_too(aliyun: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", aliyun.server_port, timeout=10)
    connection.request("GET", f"http://sts.aliyuncs.com/?Action=GetCallerIdentity&AccessKeyId={aliyun.key}")
    answer = connection.getresponse()

    assert (answer.status, b"1234567890123456" in answer.read()) == (200, True)
    connection.close()


def test_one_tunnel_carries_many_requests(aliyun: Server) -> None:
    trusted = ssl.create_default_context(cafile=aliyun.authority.trusted)
    connection = http.client.HTTPSConnection("127.0.0.1", aliyun.server_port, timeout=10, context=trusted)
    connection.set_tunnel("ram.aliyuncs.com", 443)
    for _ in range(3):
        connection.request("POST", f"/?Action=GetRole&RoleName=none&AccessKeyId={aliyun.key}")
        answer = connection.getresponse()
        assert (answer.status, b"EntityNotExist.Role" in answer.read()) == (404, True)
    connection.close()
    assert [one.operation for one in aliyun.requests] == ["ram GetRole"] * 3


@pytest.mark.parametrize("product", ["ram", "vpc", "rds"])
def test_an_unknown_access_key_is_refused(aliyun: Server, product: str) -> None:
    answer = Caller(aliyun, key="another").rpc(product, "GetRole", RoleName="none")

    assert (answer.status, answer.code) == (404, "InvalidAccessKeyId.NotFound")


def test_what_the_stand_in_does_not_know_is_refused_by_name(caller: Caller) -> None:
    answer = caller.rpc("ram", "CreateUser")

    assert (answer.status, answer.code) == (400, "StandIn.Unknown")
    assert "ram CreateUser of ram.aliyuncs.com" in answer.body["Message"]


def test_requests_are_kept_with_their_operation_and_without_secrets_in_their_text(
    aliyun: Server, caller: Caller
) -> None:
    caller.fc("POST", "/functions", function(environmentVariables={"KEY": "very-secret"}))
    caller.rpc("rds", "CreateAccount", AccountPassword="very-secret")
    caller.oss("GET", "/?bucketInfo")

    assert [one.operation for one in aliyun.requests] == [
        "fc POST /2023-03-30/functions",
        "rds CreateAccount",
        "oss GET bucket?bucketInfo",
    ]
    assert [one.operation for one in aliyun.changes()] == ["fc POST /2023-03-30/functions", "rds CreateAccount"]
    assert [one.status for one in aliyun.requests] == [200, 400, 200]
    assert "very-secret" not in repr(aliyun.requests)
    assert aliyun.requests[0].body["environmentVariables"] == {"KEY": "very-secret"}


def test_the_variables_lead_a_client_here(aliyun: Server) -> None:
    variables = aliyun.variables

    assert variables["HTTPS_PROXY"] == f"http://127.0.0.1:{aliyun.server_port}"
    assert variables["NO_PROXY"] == "127.0.0.1,localhost"
    assert Path(variables["SSL_CERT_FILE"]).read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE-----")


def test_the_command_prints_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Server, "serve_forever", interrupted)
    with redirect_stdout(io.StringIO()) as printed:
        module.main([])

    assert "export HTTPS_PROXY=http://127.0.0.1:" in printed.getvalue()


def test_counts_tell_what_there_is(aliyun: Server, caller: Caller) -> None:
    caller.fc("POST", "/functions", function())

    assert aliyun.state.counts() == {"functions": 1, "buckets": 1, "objects": 1}


def test_a_request_that_comes_again_with_its_token_makes_nothing_more(aliyun: Server, caller: Caller) -> None:
    made = [
        caller.rpc("vpc", "CreateVpc", CidrBlock="10.20.0.0/16", ClientToken=token).body["VpcId"]
        for token in ("one", "one", "two")
    ]

    assert made[0] == made[1] != made[2]
    assert len(aliyun.state.vpcs) == 2
