"""Objects in buckets, and their versions."""

from __future__ import annotations

import re

import pytest

from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def test_an_object_comes_back_with_its_checksums(caller: Caller) -> None:
    put = caller.oss("PUT", "/a/b.zip", b"123456789", Content_Type="application/zip")
    got = caller.oss("GET", "/a/b.zip")

    # The check value of CRC-64/XZ is that of these nine digits.
    assert put.headers["x-oss-hash-crc64ecma"] == got.headers["x-oss-hash-crc64ecma"] == str(0x995DC9BBDF1939FA)
    assert got.headers["etag"] == '"25F9E794323B453885F5181F1B624D0B"'
    assert got.headers["content-type"] == "application/zip"
    assert caller.oss("HEAD", "/a/b.zip").headers["content-length"] == "9"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_missing_object_is_missing(caller: Caller, method: str) -> None:
    assert caller.oss(method, "/none.zip").status == 404


def test_a_deleted_object_is_gone(aliyun: Server, caller: Caller) -> None:
    caller.oss("DELETE", "/code.zip")

    assert caller.oss("HEAD", "/code.zip?objectMeta").status == 404
    assert aliyun.state.counts() == {"buckets": 1}


def test_a_bucket_with_versions_keeps_what_is_replaced_and_deleted(aliyun: Server, caller: Caller) -> None:
    caller.oss("PUT", "/?versioning", ENABLED)
    ids = {caller.oss("PUT", "/code.zip", text).headers["x-oss-version-id"] for text in (b"2", b"3")}
    caller.oss("DELETE", "/code.zip")
    listed = caller.oss("GET", "/?versions").body

    assert len(ids) == 2
    assert caller.oss("GET", "/code.zip").status == 404
    assert (listed.count("<Version>"), listed.count("<DeleteMarker>")) == (3, 1)
    assert "<Code>BucketNotEmpty</Code>" in caller.oss("DELETE").body
    named = "".join(
        f"<Object><Key>code.zip</Key>{version}</Object>" for version in re.findall("<VersionId>.*?</VersionId>", listed)
    )
    caller.oss("POST", "/?delete", f"<Delete>{named}</Delete>".encode())
    assert caller.oss("DELETE").status == 204
    assert aliyun.state.counts() == {}


def test_objects_are_listed_by_the_beginning_of_their_name(caller: Caller) -> None:
    caller.oss("PUT", "/layers/a.zip", b"a")

    assert re.findall("<Key>(.*?)</Key>", caller.oss("GET", "/?prefix=layers").body) == ["layers/a.zip"]
