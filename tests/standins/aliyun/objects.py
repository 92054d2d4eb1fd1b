"""OSS: objects in buckets."""

from __future__ import annotations

import hashlib
from email.utils import formatdate
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from fastcrc import crc64

from tests.standins.aliyun import products
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State


def bucket(state: State, name: str) -> Json:
    """Return a bucket. Raises Refused if it is missing."""
    if name not in state.buckets:
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
    return state.buckets[name]


def keeps_versions(one: Json) -> bool:
    """Whether a bucket keeps what is replaced or deleted."""
    return "<Status>Enabled</Status>" in one["configured"].get("versioning", "")


def content(state: State, bucket_name: str, key: str) -> tuple[bytes, str]:
    """Return what an object holds, and its checksum in decimal digits. Raises Refused if it is missing."""
    found = _found(state, bucket_name, key)
    return found["content"], found["crc"]


def _found(state: State, bucket_name: str, key: str) -> Json:
    versions: list[Json] = bucket(state, bucket_name)["objects"].get(key, [])
    if not versions or versions[-1]["marker"]:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return versions[-1]


def _add(state: State, request: Request, version: Json) -> Json:
    """Add a version, the newest; without versioning it takes the place of what is there."""
    one, key = bucket(state, request.within), request.path.strip("/")
    if keeps_versions(one):
        version["id"] = state.letters(32)
        one["objects"].setdefault(key, []).append(version)
    else:
        one["objects"][key] = [version]
    return version


_KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "expires")


def put(state: State, request: Request) -> Reply:
    version: Json = {
        "id": "null",
        "marker": False,
        "content": request.content,
        "etag": hashlib.md5(request.content, usedforsecurity=False).hexdigest().upper(),
        "crc": str(crc64.xz(request.content)),
        "headers": {name: request.headers[name] for name in _KEPT if name in request.headers},
        "modified": formatdate(usegmt=True),
        "acl": request.headers.get("x-oss-object-acl", "default"),
    }
    return Reply(headers=_told(_add(state, request, version)))


def _told(version: Json) -> dict[str, str]:
    told = {"ETag": f'"{version["etag"]}"', "x-oss-hash-crc64ecma": version["crc"]}
    return told | ({} if version["id"] == "null" else {"x-oss-version-id": version["id"]})


def get(state: State, request: Request) -> Reply:
    version = _found(state, request.within, request.path.strip("/"))
    told = {"Last-Modified": version["modified"], "x-oss-object-type": "Normal", "x-oss-storage-class": "Standard"}
    headers = {name.title(): value for name, value in version["headers"].items()}
    return Reply(version["content"], headers=headers | told | _told(version))


def delete(state: State, request: Request) -> Reply:
    """Remove an object, or mark it as deleted where versions are kept."""
    one, key = bucket(state, request.within), request.path.strip("/")
    if not keeps_versions(one):
        one["objects"].pop(key, None)
    elif key in one["objects"]:
        _add(state, request, {"marker": True})
    return Reply(status=204)


def get_acl(state: State, request: Request) -> Reply:
    one = _found(state, request.within, request.path.strip("/"))
    return products.xml(
        f"<AccessControlPolicy><Owner><ID>{state.account}</ID></Owner><AccessControlList>"
        f"<Grant>{one['acl']}</Grant></AccessControlList></AccessControlPolicy>"
    )


def listed(state: State, request: Request) -> Reply:
    prefix = request.query.get("prefix", "")
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(versions[-1]['content'])}</Size></Contents>"
        for key, versions in sorted(bucket(state, request.within)["objects"].items())
        if key.startswith(prefix) and not versions[-1]["marker"]
    )
    return products.xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")


def listed_versions(state: State, request: Request) -> Reply:
    found = []
    for key, versions in sorted(bucket(state, request.within)["objects"].items()):
        for version in versions:
            kind = "DeleteMarker" if version["marker"] else "Version"
            latest = str(version is versions[-1]).lower()
            parts = f"<Key>{escape(key)}</Key><VersionId>{version['id']}</VersionId><IsLatest>{latest}</IsLatest>"
            found.append(f"<{kind}>{parts}</{kind}>")
    return products.xml(f"<ListVersionsResult><IsTruncated>false</IsTruncated>{''.join(found)}</ListVersionsResult>")


def delete_several(state: State, request: Request) -> Reply:
    """Remove objects, or versions of them, for good."""
    objects = bucket(state, request.within)["objects"]
    for named in ElementTree.fromstring(request.content).iter("Object"):
        key, id_ = named.findtext("Key") or "", named.findtext("VersionId")
        left = [version for version in objects.pop(key, []) if id_ not in (None, version["id"])]
        objects |= {key: left} if left else {}
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
