"""The private bucket with the bundle: an object is named by its content's hash, and old ones expire."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_alicloud import oss

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle

_HASH_DIGITS = 16
_ROOT = ".."  # the checkout, seen from infra/, where the provider runs; a path of one machine would differ on others


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """bucket: its name, which no other bucket in the world has. keep_days: how long replaced objects are kept."""

    bucket: str
    bundle: Bundle
    keep_days: int


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An archive in the bucket, as the platform takes it."""

    bucket: pulumi.Input[str]
    key: pulumi.Input[str]
    checksum: str


class Storage(pulumi.ComponentResource):
    """`code` is the code's archive, `layer` that of the dependencies when they are not in it."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Storage", name, None, opts)
        self._prefix = name
        self._bucket = oss.Bucket(
            name,
            bucket=args.bucket,
            storage_class="Standard",
            # A replaced object stays as an older version for a while; `destroy` removes everything.
            versioning=oss.BucketVersioningArgs(status="Enabled"),
            lifecycle_rules=[_expire(args.keep_days)],
            force_destroy=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        acl = oss.BucketAcl(
            name, bucket=self._bucket.bucket, acl="private", opts=pulumi.ResourceOptions(parent=self._bucket)
        )
        self._after = pulumi.ResourceOptions(parent=self, depends_on=[acl])
        self.code = self._stored("code", args.bundle.code)
        self.layer = self._stored("layer", args.bundle.layer) if args.bundle.layer is not None else None
        self.register_outputs({"bucket": self._bucket.bucket})

    def _stored(self, kind: str, archive: Archive) -> Stored:
        made = oss.BucketObject(
            f"{self._prefix}-{kind}",
            bucket=self._bucket.bucket.apply(str),
            key=object_key(kind, archive),
            source=f"{_ROOT}/{archive.path}",
            opts=self._after,
        )
        return Stored(bucket=made.bucket, key=made.key, checksum=archive.crc64)


def object_key(kind: str, archive: Archive) -> str:
    """Return the name of an archive in the bucket."""
    return f"{kind}-{archive.sha256[:_HASH_DIGITS]}.zip"


def _expire(days: int) -> oss.BucketLifecycleRuleArgs:
    return oss.BucketLifecycleRuleArgs(
        id="expire-old-versions",
        enabled=True,
        prefix="",
        noncurrent_version_expirations=[oss.BucketLifecycleRuleNoncurrentVersionExpirationArgs(days=days)],
        abort_multipart_uploads=[oss.BucketLifecycleRuleAbortMultipartUploadArgs(days=1)],
    )
