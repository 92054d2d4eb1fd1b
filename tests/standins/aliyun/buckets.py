"""OSS: buckets and what is configured of them. A configuration is kept, and given back, as the XML that was sent."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.standins.aliyun import products
from tests.standins.aliyun.objects import bucket
from tests.standins.aliyun.state import Json, Refused, Reply, Request, State

# What is answered for a configuration that was never set: a refusal or the default.
_MISSING: dict[str, Refused] = {
    "cors": Refused(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist."),
    "website": Refused(404, "NoSuchWebsiteConfiguration", "The website configuration does not exist."),
    "lifecycle": Refused(404, "NoSuchLifecycle", "No rule is configured."),
    "policy": Refused(404, "NoSuchBucketPolicy", "The bucket policy does not exist."),
    "encryption": Refused(404, "NoSuchServerSideEncryptionRule", "No rule is configured."),
    "transferAcceleration": Refused(404, "NoSuchTransferAccelerationConfiguration", "It is not configured."),
}
_DEFAULTS = {
    "logging": "<BucketLoggingStatus></BucketLoggingStatus>",
    "referer": "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>"
    "<RefererList></RefererList></RefererConfiguration>",
    "tagging": "<Tagging><TagSet></TagSet></Tagging>",
    "resourceGroup": "<BucketResourceGroupConfiguration><ResourceGroupId>rg-default</ResourceGroupId>"
    "</BucketResourceGroupConfiguration>",
    "versioning": "<VersioningConfiguration></VersioningConfiguration>",
    "accessmonitor": "<AccessMonitorConfiguration><Status>Disabled</Status></AccessMonitorConfiguration>",
    "publicAccessBlock": "<PublicAccessBlockConfiguration><BlockPublicAccess>false</BlockPublicAccess>"
    "</PublicAccessBlockConfiguration>",
}
_ACLS = ("private", "public-read", "public-read-write")


def listed(state: State, request: Request) -> Reply:
    """List the account's buckets; a client asks so whether one exists."""
    found = "".join(
        f"<Bucket><Name>{name}</Name><Location>oss-{state.region}</Location></Bucket>"
        for name in sorted(state.buckets)
        if name.startswith(request.query.get("prefix", ""))
    )
    return products.xml(
        f"<ListAllMyBucketsResult><Owner><ID>{state.account}</ID></Owner><IsTruncated>false</IsTruncated>"
        f"<Buckets>{found}</Buckets></ListAllMyBucketsResult>"
    )


def create(state: State, request: Request) -> Reply:
    name = request.within
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name):
        raise Refused(400, "InvalidBucketName", "The specified bucket is not valid.")
    if name not in state.buckets:
        configuration = ElementTree.fromstring(request.content) if request.content else None
        chosen = {one.tag: one.text for one in configuration} if configuration is not None else {}
        state.buckets[name] = {
            "objects": {},
            "configured": {},
            "created": state.time().replace("Z", ".000Z"),
            "storage": chosen.get("StorageClass") or "Standard",
            "redundancy": chosen.get("DataRedundancyType") or "LRS",
            "acl": _acl(request.headers.get("x-oss-acl") or "private"),
        }
    return Reply()


def _acl(text: str) -> str:
    if text not in _ACLS:
        raise Refused(400, "InvalidArgument", f"no such ACL type: {text}")
    return text


def info(state: State, request: Request) -> Reply:
    one, name = bucket(state, request.within), escape(request.within)
    host = f"oss-{state.region}"
    return products.xml(
        f"<BucketInfo><Bucket><Name>{name}</Name><CreationDate>{one['created']}</CreationDate>"
        f"<Location>{host}</Location><StorageClass>{one['storage']}</StorageClass>"
        f"<DataRedundancyType>{one['redundancy']}</DataRedundancyType>"
        f"<ExtranetEndpoint>{host}.aliyuncs.com</ExtranetEndpoint>"
        f"<IntranetEndpoint>{host}-internal.aliyuncs.com</IntranetEndpoint>"
        f"<Owner><ID>{state.account}</ID><DisplayName>{state.account}</DisplayName></Owner>"
        f"<AccessControlList><Grant>{one['acl']}</Grant></AccessControlList>"
        f"<ServerSideEncryptionRule><SSEAlgorithm>{_encryption(one)}</SSEAlgorithm></ServerSideEncryptionRule>"
        f"{_versioning(one)}<AccessMonitor>Disabled</AccessMonitor></Bucket></BucketInfo>"
    )


def _encryption(one: Json) -> str:
    found = re.search("<SSEAlgorithm>(.*?)</SSEAlgorithm>", one["configured"].get("encryption", ""))
    return found[1] if found else "None"


def _versioning(one: Json) -> str:
    found = re.search("<Status>(.*?)</Status>", one["configured"].get("versioning", ""))
    return f"<Versioning>{found[1]}</Versioning>" if found else ""


def get_configured(state: State, request: Request, name: str) -> Reply:
    one = bucket(state, request.within)
    text = one["configured"].get(name) or _DEFAULTS.get(name)
    if text is None:
        raise _MISSING[name]
    return Reply(text)


def set_configured(state: State, request: Request, name: str) -> Reply:
    one, text = bucket(state, request.within), request.content.decode()
    if name == "lifecycle":
        text = _with_ids(state, text)
    one["configured"][name] = text
    return Reply()


def _with_ids(state: State, text: str) -> str:
    """Return rules for expiry, each with an id: OSS makes one up for a rule without."""
    rules = ElementTree.fromstring(text)
    for rule in rules.iter("Rule"):
        if rule.find("Status") is None:
            raise Refused(400, "MalformedXML", "a rule has no Status")
        if not rule.findtext("ID"):
            ElementTree.SubElement(rule, "ID").text = state.letters(32)
    return ElementTree.tostring(rules, encoding="unicode")


def remove_configured(state: State, request: Request, name: str) -> Reply:
    bucket(state, request.within)["configured"].pop(name, None)
    return Reply(status=204)


def set_acl(state: State, request: Request) -> Reply:
    bucket(state, request.within)["acl"] = _acl(request.headers.get("x-oss-acl", ""))
    return Reply()


def get_acl(state: State, request: Request) -> Reply:
    one = bucket(state, request.within)
    return products.xml(
        f"<AccessControlPolicy><Owner><ID>{state.account}</ID></Owner><AccessControlList>"
        f"<Grant>{one['acl']}</Grant></AccessControlList></AccessControlPolicy>"
    )


def delete(state: State, request: Request) -> Reply:
    if bucket(state, request.within)["objects"]:
        raise Refused(409, "BucketNotEmpty", "The bucket you tried to delete is not empty.")
    del state.buckets[request.within]
    return Reply(status=204)


_CONFIGURED = "|".join([*_MISSING, *_DEFAULTS])

ROUTES = [
    ("oss GET service", listed),
    ("oss PUT bucket", create),
    ("oss DELETE bucket", delete),
    (r"oss GET bucket\?bucketInfo", info),
    (r"oss GET bucket\?acl", get_acl),
    (r"oss PUT bucket\?acl", set_acl),
    (rf"oss GET bucket\?({_CONFIGURED})", get_configured),
    (rf"oss PUT bucket\?({_CONFIGURED})", set_configured),
    (rf"oss DELETE bucket\?({_CONFIGURED})", remove_configured),
]
