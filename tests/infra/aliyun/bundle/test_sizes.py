from __future__ import annotations

import pytest

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.errors import BundleTooLarge
from infra.aliyun.bundle.sizes import DISK_BYTES, ZIPPED_BYTES, check, sizes_of


def archive(size: int, unpacked: int) -> Archive:
    return Archive(path="a.zip", sha256="", crc64="", bytes=size, unpacked_bytes=unpacked, files=1)


def test_the_layer_has_a_limit_of_its_own_and_counts_on_the_disk() -> None:
    sizes = sizes_of(archive(1, 10), archive(2, 20))

    assert [(size.bytes, size.limit_bytes) for size in sizes] == [
        (1, ZIPPED_BYTES),
        (2, ZIPPED_BYTES),
        (30, DISK_BYTES),
    ]
    assert sizes[2].share == 30 / DISK_BYTES


def test_what_fits_is_accepted() -> None:
    check(sizes_of(archive(ZIPPED_BYTES, DISK_BYTES), None))


@pytest.mark.parametrize(
    ("code", "layer", "said"),
    [
        pytest.param(archive(ZIPPED_BYTES + 1, 1), None, "code package, zipped", id="code"),
        pytest.param(archive(1, 1), archive(ZIPPED_BYTES + 1, 1), "layer, zipped", id="layer"),
        pytest.param(archive(1, DISK_BYTES), archive(1, 1), "on the instance's disk", id="together on the disk"),
    ],
)
def test_what_does_not_fit_is_refused(code: Archive, layer: Archive | None, said: str) -> None:
    with pytest.raises(BundleTooLarge, match=said):
        check(sizes_of(code, layer))
