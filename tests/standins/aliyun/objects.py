"""OSS: objects in buckets."""

from __future__ import annotations

import functools
import hashlib
from email.utils import formatdate
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.standins.aliyun import products
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, reflected
_CHECKED_BYTES = 4 << 20  # a check of more takes seconds here


@functools.cache
def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc64(content: bytes) -> str:
    """Return the checksum that OSS and Function Compute use, in decimal digits."""
    table, crc = _table(), 0xFFFF_FFFF_FFFF_FFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return str(crc ^ 0xFFFF_FFFF_FFFF_FFFF)


def bucket(state: State, name: str) -> Json:
    """Return a bucket. Raises Refused if it is missing."""
    if name not in state.buckets:
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
    return state.buckets[name]


def content(state: State, bucket_name: str, key: str) -> tuple[bytes, str]:
    """Return what an object holds, and its checksum, empty for a large one. Raises Refused if it is missing."""
    found = _found(state, bucket_name, key)
    return found["content"], found["crc"]


def _found(state: State, bucket_name: str, key: str) -> Json:
    objects: dict[str, Json] = bucket(state, bucket_name)["objects"]
    if key not in objects:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return objects[key]


_KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "expires")


def put(state: State, request: Request) -> Reply:
    one: Json = {
        "content": request.content,
        "etag": hashlib.md5(request.content, usedforsecurity=False).hexdigest().upper(),
        "crc": crc64(request.content) if len(request.content) <= _CHECKED_BYTES else "",
        "headers": {name: request.headers[name] for name in _KEPT if name in request.headers},
        "modified": formatdate(usegmt=True),
        "acl": request.headers.get("x-oss-object-acl", "default"),
    }
    bucket(state, request.within)["objects"][request.path.strip("/")] = one
    return Reply(headers=_checksums(one))


def _checksums(one: Json) -> dict[str, str]:
    return {"ETag": f'"{one["etag"]}"'} | ({"x-oss-hash-crc64ecma": one["crc"]} if one["crc"] else {})


def get(state: State, request: Request) -> Reply:
    one = _found(state, request.within, request.path.strip("/"))
    told = {"Last-Modified": one["modified"], "x-oss-object-type": "Normal", "x-oss-storage-class": "Standard"}
    headers = {name.title(): value for name, value in one["headers"].items()}
    return Reply(one["content"], headers=headers | told | _checksums(one))


def delete(state: State, request: Request) -> Reply:
    bucket(state, request.within)["objects"].pop(request.path.strip("/"), None)
    return Reply(status=204)


def get_acl(state: State, request: Request) -> Reply:
    one = _found(state, request.within, request.path.strip("/"))
    return products.xml(
        f"<AccessControlPolicy><Owner><ID>{state.account}</ID></Owner><AccessControlList>"
        f"<Grant>{one['acl']}</Grant></AccessControlList></AccessControlPolicy>"
    )


def listed(state: State, request: Request) -> Reply:
    objects = bucket(state, request.within)["objects"]
    prefix = request.query.get("prefix", "")
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(one['content'])}</Size><ETag>{one['etag']}</ETag></Contents>"
        for key, one in sorted(objects.items())
        if key.startswith(prefix)
    )
    return products.xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")


def listed_versions(state: State, request: Request) -> Reply:
    versions = "".join(
        f"<Version><Key>{escape(key)}</Key><VersionId>null</VersionId><IsLatest>true</IsLatest></Version>"
        for key in sorted(bucket(state, request.within)["objects"])
    )
    return products.xml(f"<ListVersionsResult><IsTruncated>false</IsTruncated>{versions}</ListVersionsResult>")


def delete_several(state: State, request: Request) -> Reply:
    objects = bucket(state, request.within)["objects"]
    for key in ElementTree.fromstring(request.content).iter("Key"):
        objects.pop(key.text, None)
    return products.xml("<DeleteResult></DeleteResult>")


ROUTES = [
    ("oss PUT object", put),
    (r"oss (?:GET|HEAD) object(?:\?objectMeta)?", get),
    ("oss DELETE object", delete),
    (r"oss GET object\?acl", get_acl),
    ("oss GET bucket", listed),
    (r"oss GET bucket\?versions", listed_versions),
    (r"oss POST bucket\?delete", delete_several),
]
