"""The bucket is private, names objects by their content, and forgets old ones."""

from __future__ import annotations

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.storage import object_key
from tests.support.aliyun_plan import of_kind, one
from tests.support.stacks import aliyun_plan


def test_the_bucket_is_private_and_expires_what_was_replaced() -> None:
    bucket = one(aliyun_plan(code={"keepDays": 7}), "Bucket")
    [rule] = bucket["lifecycleRules"]

    assert one(aliyun_plan(code={"keepDays": 7}), "BucketAcl")["acl"] == "private"
    assert bucket["versioning"] == {"status": "Enabled"}
    assert rule["noncurrentVersionExpirations"] == [{"days": 7}]


def test_an_object_is_named_by_its_content() -> None:
    archive = Archive(path="code.zip", sha256="ab" * 32, crc64="7", bytes=1, unpacked_bytes=1, files=1)

    assert object_key("code", archive) == "code-abababababababab.zip"


def test_the_function_takes_the_object_and_checks_it() -> None:
    code = of_kind(aliyun_plan(), "V3Function")["memory-function"].inputs["code"]

    assert code["ossObjectName"] == one(aliyun_plan(), "BucketObject")["key"]
    assert code["checksum"] == "0"
