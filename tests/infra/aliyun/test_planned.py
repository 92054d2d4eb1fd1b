"""The bundle of plans."""

from __future__ import annotations

from infra.aliyun.bundle.build import BundleOptions
from infra.aliyun.planned import planned_bundle


def test_it_has_a_layer_when_the_real_one_would() -> None:
    assert planned_bundle(BundleOptions()).layer is None
    assert planned_bundle(BundleOptions(dependencies="layer")).layer is not None
