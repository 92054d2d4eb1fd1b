"""Layers: their addresses, regions, and the Python that official ones bring."""

from __future__ import annotations

import pytest

from infra.aliyun.layers import MCP_RUNTIME, PYTHON_3_12, address, in_region, python_of, region_of


@pytest.mark.parametrize("layer", [MCP_RUNTIME, PYTHON_3_12, "acs:fc:cn-beijing:123456:layers/own_1/versions/12"])
def test_an_address_is_accepted(layer: str) -> None:
    assert address(layer) == layer


@pytest.mark.parametrize("text", ["", "Python312", "acs:fc:cn-beijing:official:layers/Python312", f"{PYTHON_3_12}/x"])
def test_what_is_no_address_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="takes acs:fc:"):
        address(text)


def test_the_stacks_region_is_put_in() -> None:
    assert in_region(PYTHON_3_12, "cn-beijing") == "acs:fc:cn-beijing:official:layers/Python312/versions/1"
    assert region_of(PYTHON_3_12) is None
    assert region_of(in_region(PYTHON_3_12, "cn-beijing")) == "cn-beijing"


def test_an_official_layer_says_which_python_it_brings() -> None:
    assert python_of(PYTHON_3_12) == "3.12"
    assert python_of(MCP_RUNTIME) is None
    assert python_of("acs:fc:cn-beijing:123456:layers/Python312/versions/1") is None
