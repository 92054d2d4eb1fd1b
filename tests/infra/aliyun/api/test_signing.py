"""Signatures are those of the worked examples in Alibaba Cloud's documentation."""

from __future__ import annotations

import hashlib

from infra.aliyun.api.access import Keys
from infra.aliyun.api.signing import acs3, log, log_text, query_text


def test_acs3_is_that_of_the_documents_example() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}

    signed = acs3(Keys(id="YourAccessKeyId", secret="YourAccessKeySecret"), "POST", "/", query, headers)

    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_the_log_services_signature_is_that_of_the_documents_example() -> None:
    keys = Keys(id="bq2sjzesjmo86kq35behupbq", secret="4fdO2fTDDnZPU/L7CHNd" + "emB2Nsk=")
    headers = {"x-log-signaturemethod": "hmac-sha1", "x-log-apiversion": "0.6.0"}
    query = {"size": "1000", "logstoreName": "", "offset": "0"}

    text = log_text("GET", "/logstores", query, headers, "Mon, 09 Nov 2015 06:11:16 GMT")

    assert text == (
        "GET\n\n\nMon, 09 Nov 2015 06:11:16 GMT\nx-log-apiversion:0.6.0\nx-log-signaturemethod:hmac-sha1\n"
        "/logstores?logstoreName=&offset=0&size=1000"
    )
    assert log(keys, text) == "LOG bq2sjzesjmo86kq35behupbq:jEYOTCJs2e88o+y5F4/S5IsnBJQ="


def test_a_query_is_escaped_as_it_is_signed() -> None:
    assert query_text({"query": '"a b" and *~', "from": "1"}) == "from=1&query=%22a%20b%22%20and%20%2A~"
