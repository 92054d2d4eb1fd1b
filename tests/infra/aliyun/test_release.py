"""A release is named by everything that the function's behaviour follows from."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.bundle.archive import Archive
from infra.aliyun.bundle.build import Bundle
from infra.aliyun.planned import planned_bundle
from infra.aliyun.program import bundle_options, check
from infra.aliyun.release import release_of
from tests.support.stacks import aliyun_values


def release(secrets: dict[str, str] | None = None, bundle: Bundle | None = None, **others: Any) -> str:
    stack = check(aliyun_values(secrets, **others))
    return release_of(stack, bundle or planned_bundle(bundle_options(stack.options)))


def test_the_same_is_the_same_release() -> None:
    assert release() == release()
    assert len(release()) == 12


@pytest.mark.parametrize(
    "others",
    [
        {"function": {"memoryMb": 3072}},
        {"function": {"timeoutS": 500}},
        {"LOG_LEVEL": "DEBUG"},
        {"secrets": {"adminToken": "cm_another-token-of-the-first-user-0123456789-"}},
        {"secrets": {"DATABASE_URL": "postgresql://memory:other@db.example.org/memory"}},
    ],
)
def test_another_function_is_another_release(others: dict[str, Any]) -> None:
    assert release(**others) != release()


def test_other_code_is_another_release() -> None:
    code = Archive(path="code.zip", sha256="1" * 64, crc64="1", bytes=1, unpacked_bytes=1, files=1)

    assert release(bundle=Bundle(code=code, layer=None)) != release()


@pytest.mark.parametrize(
    "others",
    [
        {"release": {"serving": "0123456789ab", "canary": 10}},
        {"provisioned": {"instances": 2}},
        {"alarms": {"contactGroups": ["operators"]}},
        {"logs": {"retentionDays": 7}},
        {"secrets": {"accessKeyId": "made-up", "accessKeySecret": "made-up"}},
    ],
)
def test_what_leaves_an_instance_as_it_is_makes_no_release(others: dict[str, Any]) -> None:
    assert release(**others) == release()
