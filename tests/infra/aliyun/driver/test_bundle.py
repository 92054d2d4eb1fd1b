"""`bundle`: what is built for the stack, and its sizes against the limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle, BundleOptions
from infra.aliyun.bundle.errors import BundleTooLarge
from infra.aliyun.driver import bundle
from tests.support.aliyun_stack import Drive, Stack

MB = 1_000_000


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[BundleOptions]:
    """What was built for; the real build is tested where it is, in tests/infra/aliyun/bundle."""
    asked: list[BundleOptions] = []

    def build(root: Path, options: BundleOptions, progress: Any) -> Bundle:
        asked.append(options)
        progress("installing the dependencies")
        archive = Archive(
            path="build/aliyun/code.zip",
            sha256="ab" * 32,
            crc64="1",
            bytes=50 * MB,
            unpacked_bytes=150 * MB,
            files=12,
        )
        return Bundle(archive, archive if options.dependencies == "layer" else None)

    monkeypatch.setattr(bundle, "build", build)
    return asked


def test_sizes_are_shown_against_the_limits(stack: Stack, drive: Drive, built: list[BundleOptions]) -> None:
    ran = drive("bundle")

    assert ran.status == 0
    assert "code package, zipped 50.0 MB 500.0 MB 10.0%" in ran.said
    assert "build/aliyun/code.zip 12 files" in ran.said
    assert "installing the dependencies" in ran.err


def test_it_is_built_as_the_stack_says_unless_it_is_told_otherwise(
    stack: Stack, drive: Drive, built: list[BundleOptions]
) -> None:
    written = yaml.safe_load(stack.file.read_text(encoding="utf-8"))
    written["config"] |= {
        "claude-memory:function": {"python": "3.13"},
        "claude-memory:code": {"dependencies": "layer"},
    }
    stack.file.write_text(yaml.safe_dump(written), encoding="utf-8")

    assert drive("bundle", "--json").json["layer"]["files"] == 12
    drive("bundle", "--python", "3.11", "--dependencies", "bundled")
    assert built == [BundleOptions("3.13", "layer"), BundleOptions("3.11", "bundled")]


def test_one_that_is_too_large_is_one_line(stack: Stack, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*arguments: Any) -> Bundle:
        raise BundleTooLarge("code package, zipped", 501 * MB, 500 * MB)

    monkeypatch.setattr(bundle, "build", build)
    ran = drive("bundle")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "Function Compute takes 500.0 MB" in ran.err
