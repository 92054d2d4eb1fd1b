"""A name of one's own."""

from __future__ import annotations

from infra.aliyun.domain import host, record
from tests.support.aliyun_plan import EVERYTHING, of_kind, one
from tests.support.stacks import aliyun_plan


def test_the_domain_leads_to_the_alias_with_its_certificate() -> None:
    found = one(aliyun_plan(**EVERYTHING), "V3CustomDomain")

    assert found["customDomainName"] == "memory.example.org"
    assert found["protocol"] == "HTTPS"
    assert found["routeConfig"]["routes"] == [
        {
            "path": "/*",
            "functionName": "claude-memory-test",
            "qualifier": "live",
            "methods": ["GET", "POST", "DELETE"],
        }
    ]
    assert of_kind(aliyun_plan(), "V3CustomDomain") == {}


def test_the_certificates_key_is_a_secret() -> None:
    [domain] = of_kind(aliyun_plan(**EVERYTHING), "V3CustomDomain").values()

    assert domain.secrets == {"certConfig"}


def test_the_record_leads_to_the_accounts_address_in_the_region() -> None:
    assert record("memory.example.org", host("cn-hangzhou", "123")) == {
        "type": "CNAME",
        "name": "memory.example.org",
        "value": "123.cn-hangzhou.fc.aliyuncs.com",
    }
